extension Request {
    /// What names this request in replies and logs: the caller's own `X-Request-ID` when it is 8 to 64 of
    /// `[A-Za-z0-9._-]`, else a fresh one of 32 hexadecimal digits. Two calls may give two fresh ones.
    public func identifier() -> String {
        if let own = header("X_REQUEST_ID"), (8...64).contains(own.utf8.count), own.utf8.allSatisfy(isIdentifierByte) {
            return own
        }
        return String(unsafeUninitializedCapacity: 32) { digits in
            var rest: UInt64 = 0
            for place in 0..<32 {
                if place % 16 == 0 { rest = .random(in: .min ... .max) }
                let digit = UInt8(rest & 0xF)
                digits[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
                rest >>= 4
            }
            return 32
        }
    }
}

private func isIdentifierByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
    default: false
    }
}
