import Chat
import Metrics
import SharedMemory
import Testing

/// What was counted, as Prometheus reads it.
@Suite(.timeLimit(.minutes(1))) struct MetricsTests {
    private let board: Board
    private let metrics: Metrics

    init() throws {
        board = try Board([Metrics.section])
        metrics = Metrics(on: board, routes: ["/chat", "/metrics"])
    }

    private func report(_ route: String = "/chat", _ method: String = "POST", status: Int = 200) -> RequestReport {
        var trace = RequestTrace(start: .now - .milliseconds(3))
        trace.time(.sanitize) {}
        trace.finish()
        return RequestReport(id: "", method: method, route: route, status: status, cause: nil, trace: trace)
    }

    private func attempt(
        _ outcome: ModelAttempt.Outcome, _ provider: String = "gemini", _ model: String = "flash"
    ) throws -> ModelAttempt {
        let message = ChatMessage(role: .user, text: "Hello")
        let start = ContinuousClock.now
        return ModelAttempt(
            provider: provider, model: model,
            request: ModelRequest(messages: [message], temperature: nil, maxTokens: 1), start: start,
            end: start + .milliseconds(15), firstPiece: nil, outcome: outcome,
            usage: outcome == .answered ? TokenUsage(prompt: 5, completion: 64) : nil,
            cost: outcome == .answered ? Money(picodollars: 2_500_000_000) : nil)
    }

    private func lines(_ metrics: Metrics? = nil) -> [Substring] {
        String(decoding: (metrics ?? self.metrics).page(version: "1.2.3"), as: UTF8.self).split(separator: "\n")
    }

    @Test func requestsCountByRouteMethodAndCode() {
        for _ in 0..<3 { metrics.record(report()) }
        metrics.record(report("unknown", "BREW", status: 404))
        metrics.record(report("/somewhere", "GET", status: 0))
        metrics.record(report("/metrics", "GET"))
        let all = lines().filter { $0.hasPrefix("parley_http_requests_total{") }
        #expect(all.contains(#"parley_http_requests_total{route="/chat",method="POST",code="503"} 0"#))
        #expect(all.filter { $0.hasSuffix(" 0") }.count == 8)
        let counts = all.filter { !$0.hasSuffix(" 0") }
        #expect(
            counts == [
                #"parley_http_requests_total{route="unknown",method="GET",code="000"} 1"#,
                #"parley_http_requests_total{route="unknown",method="other",code="404"} 1"#,
                #"parley_http_requests_total{route="/chat",method="POST",code="200"} 3"#,
            ])
    }

    @Test func countsAreWhatTheBucketsSay() {
        for _ in 0..<3 { metrics.record(report()) }
        let lines = lines()
        let buckets = lines.filter { $0.hasPrefix(#"parley_http_request_duration_seconds_bucket{route="/chat""#) }
        #expect(buckets.count == 20 && buckets.last?.hasSuffix(#"le="+Inf"} 3"#) == true)
        #expect(buckets.contains { $0.hasSuffix(#"le="0.0025"} 0"#) })
        #expect(lines.contains(#"parley_http_request_duration_seconds_count{route="/chat"} 3"#))
        #expect(lines.contains(#"parley_stage_duration_seconds_count{stage="sanitize"} 3"#))
        #expect(lines.contains(#"parley_stage_duration_seconds_count{stage="model"} 0"#))
    }

    @Test func callsOfProvidersCount() throws {
        metrics.expect("gpt", of: "openai")
        for _ in 0..<2 { metrics.record(try attempt(.answered)) }
        metrics.record(try attempt(.rateLimited))
        let lines = lines()
        let genAI = #"gen_ai_operation_name="chat",gen_ai_provider_name="gcp.gemini",gen_ai_request_model="flash""#
        for line in [
            #"parley_model_attempts_total{provider="gemini",outcome="answered"} 2"#,
            #"parley_model_attempts_total{provider="gemini",outcome="rate_limited"} 1"#,
            #"parley_model_attempts_total{provider="openai",outcome="answered"} 0"#,
            #"parley_tokens_total{provider="gemini",model="flash",type="input"} 10"#,
            #"parley_tokens_total{provider="gemini",model="flash",type="output"} 128"#,
            #"parley_cost_usd_total{provider="gemini",model="flash"} 0.005"#,
            #"gen_ai_client_operation_duration_seconds_count{\#(genAI)} 2"#,
            #"gen_ai_client_operation_duration_seconds_bucket{\#(genAI),le="0.01"} 0"#,
            #"gen_ai_client_operation_duration_seconds_bucket{\#(genAI),le="81.92"} 2"#,
            #"gen_ai_client_operation_duration_seconds_count{\#(genAI),error_type="rate_limited"} 1"#,
            #"gen_ai_client_token_usage_bucket{\#(genAI),gen_ai_token_type="output",le="16.0"} 0"#,
            #"gen_ai_client_token_usage_bucket{\#(genAI),gen_ai_token_type="output",le="64.0"} 2"#,
            #"parley_build_info{version="1.2.3"} 1"#,
        ] { #expect(lines.contains(Substring(line)), "\(line)") }
        #expect(!lines.contains { $0.contains(#"provider="other""#) })
    }

    @Test func otherProcessesAddToTheSame() throws {
        let other = Metrics(on: board, routes: ["/new", "/chat"])
        other.expect("large", of: "openai")
        metrics.record(report())
        metrics.record(try attempt(.answered))
        other.record(report())
        other.record(report("/new"))
        other.record(try attempt(.answered))
        #expect(lines() == lines(other))
        let lines = lines()
        #expect(lines.contains(#"parley_http_requests_total{route="/chat",method="POST",code="200"} 2"#))
        #expect(lines.contains(#"parley_http_requests_total{route="/new",method="POST",code="200"} 1"#))
        #expect(lines.contains(#"parley_model_attempts_total{provider="gemini",outcome="answered"} 2"#))
    }

    @Test func whatHasNoPlaceIsOther() throws {
        for number in 0..<40 { metrics.record(try attempt(.answered, "openai", "model-\(number)")) }
        metrics.record(try attempt(.answered, "openai", String(repeating: "x", count: 300)))
        let lines = lines()
        #expect(lines.contains(#"parley_model_attempts_total{provider="openai",outcome="answered"} 31"#))
        #expect(lines.contains(#"parley_model_attempts_total{provider="other",outcome="answered"} 10"#))
    }

    @Test func namesAreEscaped() throws {
        metrics.record(try attempt(.answered, "openai", #"a"b\c"#))
        #expect(lines().contains(#"parley_cost_usd_total{provider="openai",model="a\"b\\c"} 0.0025"#))
    }

    @Test func replacedWorkersCountByReason() {
        metrics.countRestart(.killed)
        let counts = lines().filter { $0.hasPrefix("parley_worker_restarts_total{") }
        #expect(counts.count == WorkerRestart.allCases.count)
        #expect(counts.contains(#"parley_worker_restarts_total{reason="killed"} 1"#))
    }
}
