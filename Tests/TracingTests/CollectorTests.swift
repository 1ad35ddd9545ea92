import Testing

@testable import Tracing

@Suite(.timeLimit(.minutes(1))) struct CollectorTests {
    @Test(arguments: [
        "Authorization: Bearer c2VjcmV0==", "authorization=Bearer%0D%0Ac2VjcmV0", "authorization", "bad name=c2VjcmV0",
    ])
    func headersThatCannotBeAreRefusedWithoutTheirValue(_ headers: String) {
        let fault = #expect(throws: Collector.Fault.self) {
            try Collector(endpoint: "http://127.0.0.1:4318", headers: headers)
        }
        #expect(fault?.reason.contains("c2VjcmV0") == false && fault?.reason.contains("name=value") == true)
    }
}
