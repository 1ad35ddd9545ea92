internal import Chat
internal import SharedMemory

/// What is now, beside what was counted: read when the page is made.
public struct Gauge: Sendable {
    let name: String
    let help: String
    let label: String?
    let values: [(label: String, value: Double)]

    /// - Parameter label: the name of the label that tells the values apart.
    public init(_ name: String, _ help: String, label: String, _ values: [(label: String, value: Double)]) {
        (self.name, self.help, self.label, self.values) = (name, help, label, values)
    }

    public init(_ name: String, _ help: String, _ value: Double) {
        (self.name, self.help, label, values) = (name, help, nil, [("", value)])
    }
}

extension Metrics {
    /// Prometheus's text format, version 0.0.4.
    public func page(version: String, gauges: [Gauge] = []) -> [UInt8] {
        var text = PrometheusText()
        addRequests(to: &text)
        addCalls(to: &text)
        text.family("parley_worker_restarts_total", "Workers that had to be replaced, reloads apart.", .counter)
        for reason in WorkerRestart.allCases {
            text.sample([("reason", reason.rawValue)], words[Layout.restart(reason)])
        }
        text.family("parley_build_info", "The program that made this page.", .gauge)
        text.sample([("version", version)], UInt64(1))
        for gauge in gauges {
            text.family(gauge.name, gauge.help, .gauge)
            for (label, value) in gauge.values { text.sample(gauge.label.map { [($0, label)] } ?? [], value) }
        }
        return Array(text.text.utf8)
    }

    /// Codes that are told from the first request on, at zero: Prometheus sees no rise in a series that begins with it.
    private static let failures = [0, 500, 503]

    private func addRequests(to text: inout PrometheusText) {
        let routes = Layout.routes.names(in: words)
        text.family("parley_http_requests_total", "Requests that were answered.", .counter)
        for (place, route) in routes {
            for (method, name) in Layout.methods.enumerated() {
                let counts = Layout.codes.indices.map { words[Layout.requests(place, method, $0)] }
                let isUsed = counts.contains { $0 > 0 }
                for (count, status) in zip(counts, Layout.codes) {
                    guard count > 0 || isUsed && Self.failures.contains(status) else { continue }
                    text.sample(
                        [("route", route), ("method", name), ("code", status == 0 ? "000" : "\(status)")], count)
                }
            }
        }
        text.family(
            "parley_http_request_duration_seconds", "From the whole request to the end of its reply.", .histogram)
        for (place, route) in routes where Layout.durations[place].count(in: words) > 0 {
            text.histogram([("route", route)], Layout.durations[place], words)
        }
        text.family("parley_stage_duration_seconds", "Time in each stage of a request that was in it.", .histogram)
        for (stage, histogram) in zip(Layout.stages, Layout.stageTimes) {
            text.histogram([("stage", "\(stage)")], histogram, words)
        }
        text.family(
            "parley_cache_requests_total", "Questions, by what the cache had to do with their answers.", .counter)
        for outcome in Layout.cacheOutcomes {
            text.sample([("outcome", outcome.rawValue)], words[Layout.cacheOutcome(outcome)])
        }
        text.family("parley_saved_usd_total", "What answers from the cache would have cost, in dollars.", .counter)
        text.sample([], dollars(words[Layout.saved]))
    }

    private func addCalls(to text: inout PrometheusText) {
        let calls = Layout.calls.names(in: words).compactMap { place, name -> (place: Int, call: Call)? in
            let parts = name.split(separator: "\u{0}", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            let call = Call(provider: String(parts[0]), model: String(parts[1]))
            return call == .other && isUnused(place) ? nil : (place, call)
        }
        text.family(
            "parley_model_attempts_total", "Calls of providers, tries again too, by what became of them.", .counter)
        let providers = calls.map(\.call.provider)
        for (index, provider) in providers.enumerated() where !providers[..<index].contains(provider) {
            for outcome in ModelAttempt.Outcome.allCases {
                let count = calls.filter { $0.call.provider == provider }.reduce(0) {
                    $0 + Layout.callTimes($1.place, outcome).count(in: words)
                }
                text.sample([("provider", provider), ("outcome", outcome.rawValue)], count)
            }
        }
        text.family("parley_tokens_total", "Tokens as providers bill them, thoughts too.", .counter)
        for (place, call) in calls {
            for type in Layout.TokenType.allCases {
                text.sample(
                    call.labels + [("type", type.rawValue)], Layout.tokens(place, type).sum(in: words))
            }
        }
        text.family(
            "parley_cost_usd_total", "What calls of providers cost as far as it is known, in dollars.", .counter)
        for (place, call) in calls { text.sample(call.labels, dollars(words[Layout.cost(place)])) }

        text.family(
            PrometheusText.name(GenAINames.operationDuration, unit: "seconds"), "Duration of calls of providers.",
            .histogram)
        for (place, call) in calls {
            for outcome in ModelAttempt.Outcome.allCases {
                let histogram = Layout.callTimes(place, outcome)
                guard histogram.count(in: words) > 0 else { continue }
                let error = outcome == .answered ? [] : [(PrometheusText.name(GenAINames.errorType), outcome.rawValue)]
                text.histogram(call.genAILabels + error, histogram, words)
            }
        }
        text.family(PrometheusText.name(GenAINames.tokenUsage), "Tokens of a call of a provider.", .histogram)
        for (place, call) in calls {
            for type in Layout.TokenType.allCases where Layout.tokens(place, type).count(in: words) > 0 {
                text.histogram(
                    call.genAILabels + [(PrometheusText.name(GenAINames.tokenType), type.rawValue)],
                    Layout.tokens(place, type), words)
            }
        }
    }

    private func isUnused(_ place: Int) -> Bool {
        ModelAttempt.Outcome.allCases.allSatisfy { Layout.callTimes(place, $0).count(in: words) == 0 }
    }

    private func dollars(_ picodollars: UInt64) -> Double { Double(picodollars) / 1e12 }
}

extension Call {
    fileprivate var labels: [(String, String)] { [("provider", provider), ("model", model)] }

    fileprivate var genAILabels: [(String, String)] {
        [
            (PrometheusText.name(GenAINames.operationName), GenAINames.chat),
            (PrometheusText.name(GenAINames.providerName), GenAINames.provider(provider)),
            (PrometheusText.name(GenAINames.requestModel), model),
        ]
    }
}
