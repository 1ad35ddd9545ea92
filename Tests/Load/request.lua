-- What wrk sends in each case of the bench and of the soak, and the lines that they read.
--
-- Environment:
--   BENCH_CASE       health      GET /health
--                    live        GET /health/live
--                    unknown     GET of a path that does not exist
--                    history     GET /chat/history, 50 exchanges
--                    cached      POST /chat, one question of those that `keep_questions` asked, by chance
--                    cached-v1   POST /v1/chat/completions, always the same question
--                    uncached    POST /chat, a new question
--                    mixed       health, cached and uncached in turn
--   BENCH_TOKENS     a bearer token a line; the first one asks, except for cached: question N is that of token N
--   BENCH_QUESTIONS  how many questions `keep_questions` asked
--   BENCH_BODY       what cached-v1 posts
--   BENCH_RUN        makes questions new
--   BENCH_STATUS     of every right reply; 200
-- Of the mixed case, the first replies that are not a 200 are shown on standard error.

local case = os.getenv("BENCH_CASE")
local run = os.getenv("BENCH_RUN")
local status_expected = tonumber(os.getenv("BENCH_STATUS") or 200)
local questions = tonumber(os.getenv("BENCH_QUESTIONS") or 1)
local threads = 0
local heads = {}

function setup(thread)
    threads = threads + 1
    thread:set("number", threads)
end

local function get(path, fields)
    return "GET " .. path .. " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: parley-bench/1\r\n" .. (fields or "") .. "\r\n"
end

-- The heads, up to the length of the body, are made once: what wrk does takes processor time from what it measures.
local function read_tokens()
    local path = case == "cached-v1" and "/v1/chat/completions" or "/chat"
    for token in io.lines(os.getenv("BENCH_TOKENS")) do
        heads[#heads + 1] = "POST " .. path .. " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: parley-bench/1\r\n" ..
            "Content-Type: application/json\r\nAuthorization: Bearer " .. token .. "\r\nContent-Length: "
    end
end

local function post(head, body)
    return head .. #body .. "\r\n\r\n" .. body
end

local function question(head, text)
    return post(head, '{"message":"' .. text .. '"}')
end

local function cached()
    local chosen = questions == 1 and 0 or math.random(0, questions - 1)
    return question(heads[chosen % #heads + 1], "kept question " .. chosen)
end

local count = 0
local function uncached()
    count = count + 1
    return question(heads[1], "question " .. count .. " of thread " .. number .. " in run " .. run)
end

local function show_refused()
    local shown = 0
    response = function(status, headers, body)
        if status == 200 or shown == 5 then return end
        shown = shown + 1
        io.stderr:write(os.date("!%H:%M:%S "), status, " ", body, "\n")
    end
end

function init()
    math.randomseed(number)
    local paths = { health = "/health", live = "/health/live", unknown = "/no/such/path" }
    if paths[case] then
        local fixed = get(paths[case])
        request = function() return fixed end
        return
    end
    read_tokens()
    if case == "history" then
        local fixed = get("/chat/history", heads[1]:match("Authorization: [^\r]*\r\n"))
        request = function() return fixed end
    elseif case == "cached" then
        request = cached
    elseif case == "cached-v1" then
        local fixed = post(heads[1], os.getenv("BENCH_BODY"))
        request = function() return fixed end
    elseif case == "uncached" then
        request = uncached
    else
        local turn, kinds = 0, { cached, uncached, function() return get("/health") end }
        request = function()
            turn = turn % 3 + 1
            return kinds[turn]()
        end
        show_refused()
    end
end

function done(summary, latency)
    local e = summary.errors
    local wrong = status_expected < 400 and e.status or summary.requests - e.status
    print(string.format("result %.1f %.3f %.3f %d %d", summary.requests / (summary.duration / 1e6),
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, e.connect + e.read + e.write + wrong + e.timeout,
        summary.requests))
    print(string.format("total %d connect %d read %d write %d status %d timeout %d", summary.requests, e.connect,
        e.read, e.write, e.status, e.timeout))
end
