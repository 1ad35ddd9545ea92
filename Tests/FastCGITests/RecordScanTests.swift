import Testing

@testable import FastCGI

@Suite(.timeLimit(.minutes(1))) struct RecordScanTests {
    typealias Client = FastCGIClient

    private static let whole =
        Client.opening(Client.get("/")) + Client.input([1, 2, 3], size: 2, padding: 5)

    private func progress(_ bytes: [UInt8]) -> RecordScan.Progress {
        var scan = RecordScan()
        return bytes.withUnsafeBytes { scan.scan($0) }
    }

    @Test func knowsAWholeRequestAndNothingShorter() {
        #expect(progress(Self.whole) == .whole)
        for count in 0..<Self.whole.count {
            #expect(progress(Array(Self.whole.prefix(count))) == .incomplete, "\(count) bytes")
        }
    }

    @Test func goesOnWhereItWas() {
        var scan = RecordScan()
        for count in 1..<Self.whole.count {
            #expect(Self.whole.prefix(count).withUnsafeBytes { scan.scan($0) } == .incomplete)
        }
        #expect(Self.whole.withUnsafeBytes { scan.scan($0) } == .whole)
    }

    private static let refused: [(String, [UInt8])] = {
        let begin = Client.begin()
        let management = Client.record(.getValues, [], id: 0)
        let second = Client.record(.begin, [UInt8](repeating: 0, count: 8), id: 2)
        var cases: [(String, [UInt8])] = []
        cases.append(("a management record, which libfcgi would answer", management))
        cases.append(("a management record within a request", begin + management))
        cases.append(("another version", [2] + Array(begin.dropFirst())))
        cases.append(("parameters before the beginning", Client.record(.params, [])))
        cases.append(("a body before the parameters' end", begin + Client.record(.stdin, [])))
        cases.append(("an abort", begin + Client.record(.abort, [])))
        cases.append(("a second beginning", begin + begin))
        cases.append(("a beginning of another request", begin + second))
        cases.append(("parameters of another request", begin + Client.record(.params, [], id: 7)))
        cases.append(("a beginning of another length", Client.record(.begin, [0, 1])))
        cases.append(("another request after the end", whole + begin))
        let (start, end) = (Client.record(.params, [1, 0xFF, 0xFF]), Client.record(.params, [0xFF, 0xFF, 0x41]))
        cases.append(("a value of 2 GiB, whose length is in two records", begin + start + end))
        return cases
    }()

    @Test(arguments: refused)
    func refuses(what: String, bytes: [UInt8]) {
        #expect(progress(bytes) == .refused(.malformed))
    }
}
