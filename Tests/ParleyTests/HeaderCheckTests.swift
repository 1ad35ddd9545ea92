import Testing

@testable import parley

/// What headers tell of the software behind them.
@Suite(.timeLimit(.minutes(1))) struct HeaderCheckTests {
    private func disclosure(_ headers: [String: String]) -> Finding {
        HeaderCheck.disclosure([
            DeployedService.Reply(status: 200, header: { headers[$0] }, json: nil, certificateEnd: nil)
        ])
    }

    @Test(arguments: [
        "1.1 proxy.example", "HTTP/1.1 proxy1.example:8080", "2 edge-01", "1.0 fred, 1.1 abc12.example (CDN)",
    ])
    func theProtocolAndTheHostOfAProxyAreNoVersion(_ via: String) {
        #expect(disclosure(["Via": via, "Server": "nginx"]).isWell)
    }

    @Test(arguments: ["1.1 proxy.example (squid/5.7)", "1.0 fred, 1.1 proxy.example (Apache 2.4)", "1.1 squid/5.7"])
    func aProxysOwnVersionIs(_ via: String) {
        let finding = disclosure(["Via": via])
        #expect(!finding.isWell && finding.detail.contains(via), "\(finding)")
    }

    @Test func aServersVersionIs() {
        #expect(!disclosure(["Server": "nginx/1.22.1"]).isWell)
        #expect(disclosure([:]).isWell)
    }
}
