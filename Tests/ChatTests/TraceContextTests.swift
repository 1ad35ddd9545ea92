import Testing

@testable import Chat

@Suite(.timeLimit(.minutes(1))) struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"

    @Test(arguments: [
        ("00-\(trace)-\(span)-01", true), ("00-\(trace)-\(span)-00", false),
        // Flags that this version does not have.
        ("00-\(trace)-\(span)-ff", true), ("00-\(trace)-\(span)-02", false),
        // A later version, alone and with more behind it.
        ("cc-\(trace)-\(span)-01", true), ("01-\(trace)-\(span)-01-what-is-to-come", true),
    ])
    func readsTraceparent(_ header: String, isSampled: Bool) {
        let parent = TraceParent(header)
        #expect(parent?.trace.text == Self.trace)
        #expect(parent?.span.text == Self.span)
        #expect(parent?.isSampled == isSampled)
    }

    @Test(arguments: [
        "", "00", "00-\(trace)-\(span)", "00-\(trace)-\(span)-1", "00-\(trace)-\(span)-0x", "00-\(trace)-\(span)-01-",
        "00-\(trace)-\(span)-01-more", "ff-\(trace)-\(span)-01", "0-\(trace)-\(span)-01", "01-\(trace)-\(span)-01more",
        "00-\(trace.uppercased())-\(span)-01", "00-\(trace)-\(span.uppercased())-01", "0A-\(trace)-\(span)-01",
        "00-00000000000000000000000000000000-\(span)-01", "00-\(trace)-0000000000000000-01",
        "00-\(trace)0-\(span)-01", "00-\(trace.dropLast())-\(span)-01", "00-\(trace)-\(span.dropLast())-01",
        " 00-\(trace)-\(span)-01", "00-\(trace)-\(span)-01, 00-\(trace)-\(span)-01", "00_\(trace)_\(span)_01",
    ])
    func ignoresABadTraceparent(_ header: String) {
        #expect(TraceParent(header) == nil)
        let context = TracePolicy(share: 1, heedsCallers: true).context(traceparent: header, id: nil)
        #expect(context.parent == nil && context.trace.text != Self.trace)
    }

    @Test func nginxNamesTheTraceWhereNobodyElseDoes() {
        let policy = TracePolicy(share: 1)
        let own = policy.context(traceparent: nil, id: Self.trace)
        #expect(own.trace.text == Self.trace && own.parent == nil && own.isSampled)
        let called = policy.context(
            traceparent: "00-\(Self.trace)-\(Self.span)-00", id: String(repeating: "a", count: 32))
        #expect(called.trace.text == Self.trace && called.parent?.text == Self.span && called.span != called.parent)
        for id in [nil, "", "short", String(repeating: "0", count: 32)] {
            #expect(policy.context(traceparent: nil, id: id).trace.text.utf8.count == 32)
        }
    }

    @Test func aCallerDecidesOnlyWhereItMay() {
        for flag in [false, true] {
            let header = "00-\(Self.trace)-\(Self.span)-0\(flag ? 1 : 0)"
            let context = { TracePolicy(share: $0, heedsCallers: $1).context(traceparent: header, id: nil) }
            for share in [0.0, 1.0] {
                #expect(context(share, true).isSampled == flag)
                #expect(context(share, false).isSampled == (share == 1))
            }
        }
    }

    @Test func aShareGoesByTheTraceOfOurs() {
        let (low, high) = ("00ffffffffffffffff00000000000000", "0000000000000001ffffffffffffffff")
        let policy = TracePolicy(share: 0.001)
        #expect(!policy.context(traceparent: nil, id: low).isSampled)
        #expect(policy.context(traceparent: nil, id: high).isSampled)
        let sampled = (0..<10_000).count { _ in
            TracePolicy(share: 0.25).context(traceparent: nil, id: nil).isSampled
        }
        #expect((2_200...2_800).contains(sampled))
    }

    /// Whoever chooses the id of a trace must not choose whether it is followed, or its lines left out of the log.
    @Test func aShareDoesNotGoByTheTraceOfACaller() {
        let header = "00-0000000000000001ffffffffffffffff-\(Self.span)-01"
        let contexts = (0..<10_000).map { _ in TracePolicy(share: 0.25).context(traceparent: header, id: nil) }
        #expect((2_200...2_800).contains(contexts.count(where: \.isSampled)))
        #expect((2_200...2_800).contains(contexts.count { $0.isAmong(share: 0.25) }))
    }

    @Test func aPartIsOfTheSameTraceAndDecision() {
        let context = TracePolicy(share: 1).context(traceparent: nil, id: Self.trace)
        let part = context.child()
        #expect(part.trace == context.trace && part.parent == context.span && part.span != context.span)
        #expect(part.traceparent == "00-\(Self.trace)-\(part.span.text)-01")
        #expect(TraceParent(part.traceparent)?.span == part.span)
        #expect(TracePolicy.off.context(traceparent: nil, id: Self.trace).traceparent.hasSuffix("-00"))
    }
}
