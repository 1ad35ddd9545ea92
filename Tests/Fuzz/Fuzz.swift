import Glibc

// Hands what libFuzzer makes up to one target, which FUZZ_TARGET names. libFuzzer has the program's main. A target may
// refuse what it gets in whatever way it has; it must not trap, hang, grow without limit, or break a promise that it
// checks itself.

private let targets: [String: @Sendable ([UInt8]) -> Void] = [
    "records": fuzzRecords, "json": fuzzJSON, "events": fuzzEvents, "gemini": fuzzGemini, "openai": fuzzOpenAI,
    "markup": fuzzMarkup, "strict": fuzzStrict, "danger": fuzzDanger, "token": fuzzToken,
    "completion": fuzzCompletion, "chat": fuzzChat,
]

private let target: @Sendable ([UInt8]) -> Void = {
    guard let name = getenv("FUZZ_TARGET"), let target = targets[String(cString: name)] else {
        fatalError("FUZZ_TARGET is none of \(targets.keys.sorted())")
    }
    return target
}()

@_cdecl("LLVMFuzzerTestOneInput") public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    target(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
