import Chat
import Support
import Testing

@Suite(.timeLimit(.minutes(1))) struct StoredCodeTests {
    @Test func onlyTheSameCodeIsRight() {
        var random = SplitMix(state: 1)
        func hash() -> [UInt8] { (0..<64).map { _ in "0123456789abcdef".utf8.randomElement(using: &random)! } }
        let right = hash()
        let code = StoredCode(address: "a", code: right)
        #expect(code.isRight(right))
        #expect(!code.isRight([]) && !code.isRight(right + [0x30]))
        for place in right.indices {
            var other = right
            other[place] ^= 1
            #expect(!code.isRight(other))
        }
        for _ in 0..<10_000 { #expect(!code.isRight(hash())) }
    }
}
