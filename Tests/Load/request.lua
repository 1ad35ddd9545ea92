-- What wrk sends in each case of the bench and of the soak, and the lines that they read.
--
-- Environment: BENCH_CASE (null, health, cached, uncached, or mixed: these three in turn), BENCH_TOKEN, BENCH_RUN (makes
-- questions new). Of the mixed case, the first replies that are not a 200 are shown on standard error.

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
    if case == "cached" or case == "uncached" or case == "mixed" then
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
    elseif case == "mixed" then
        local health, cached = fixed, question("the same question")
        request = function()
            count = count + 1
            if count % 3 == 0 then return health end
            if count % 3 == 1 then return cached end
            return question("question " .. count .. " of thread " .. number .. " in run " .. run)
        end
        local shown = 0
        response = function(status, headers, body)
            if status == 200 or shown == 5 then return end
            shown = shown + 1
            io.stderr:write(os.date("!%H:%M:%S "), status, " ", body, "\n")
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
    print(string.format("total %d connect %d read %d write %d status %d timeout %d", summary.requests, e.connect,
        e.read, e.write, e.status, e.timeout))
end
