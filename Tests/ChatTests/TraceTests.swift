import Testing

@testable import Chat

@Suite(.timeLimit(.minutes(1))) struct TraceTests {
    @Test func everySpanAndCounterHasItsPlace() {
        let start = ContinuousClock.now
        var trace = RequestTrace(start: start)
        for name in Span.Name.allCases { #expect(trace.span(name) == nil) }
        for (number, name) in Span.Name.allCases.enumerated() { trace.add(.milliseconds(number), to: name) }
        for (number, name) in Span.Name.allCases.enumerated() {
            let span = trace.span(name)
            #expect(span?.name == name && span?.milliseconds == Double(number))
        }
        for counter in Chat.Counter.allCases { trace.add(counter.rawValue + 1, to: counter) }
        for counter in Chat.Counter.allCases { #expect(trace[counter] == counter.rawValue + 1) }
    }

    @Test func aStageIsPartOfTheRequest() {
        var trace = RequestTrace()
        trace.time(.sanitize) {}
        trace.finish()
        guard let stage = trace.span(.sanitize), let whole = trace.span(.request) else {
            Issue.record("a span is missing")
            return
        }
        #expect(whole.start <= stage.start && stage.start <= stage.end && stage.end <= whole.end)
        #expect(stage.name.parent == .request && whole.name.parent == nil)
    }

    @Test func aStageInSeveralGoesIsOneSpanOfTheirTimesTogether() {
        var trace = RequestTrace(start: .now - .seconds(10))
        trace.add(.seconds(2), to: .session)
        let start = trace.span(.session)?.start
        trace.add(.seconds(3), to: .session)
        #expect(trace.span(.session)?.start == start)
        #expect(trace.span(.session).map { ($0.end - $0.start) } == .seconds(5))
    }

    @Test func onlyAnAnswerThatWasMadeForItCostsTokens() {
        let usage = TokenUsage(prompt: 3, completion: 2)
        for (origin, total) in [
            (Answer.Origin.model(name: "m", provider: "p"), 5), (.cache(name: "m", provider: "p"), 0), (.blocked, 0),
        ] {
            var trace = RequestTrace()
            trace.note(Answer(text: "a", origin: origin, usage: usage))
            #expect(trace[.totalTokens] == total && trace[.promptTokens] + trace[.completionTokens] == total)
        }
    }
}
