-- What wrk sends in each case of the bench, and the one line that the bench reads.
--
-- Environment: BENCH_CASE (null, health, cached or uncached), BENCH_TOKEN, BENCH_RUN (makes questions new).

local case = os.getenv("BENCH_CASE")
local run = os.getenv("BENCH_RUN")
local threads = 0

function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end

local function question(text)
    return wrk.format("POST", "/chat", nil, '{"message":"' .. text .. '"}')
end

function init()
    wrk.headers["User-Agent"] = "parley-bench/1"
    if case == "cached" or case == "uncached" then
        wrk.headers["Content-Type"] = "application/json"
        wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
    end
    local count = 0
    local fixed = case == "cached" and question("the same question") or wrk.format("GET", "/health")
    if case == "uncached" then
        request = function()
            count = count + 1
            return question("question " .. count .. " of thread " .. number .. " in run " .. run)
        end
    else
        request = function() return fixed end
    end
end

function done(summary, latency)
    local e = summary.errors
    print(string.format("result %.1f %.3f %.3f %d", summary.requests / (summary.duration / 1e6),
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        e.connect + e.read + e.write + e.status + e.timeout))
end
