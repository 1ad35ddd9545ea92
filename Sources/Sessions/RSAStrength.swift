/// What an RSA key must have to be worth something.
enum RSAStrength {
    /// RFC 7518 §3.3 wants 2,048 at least; each doubling makes a check four times as slow.
    private static let bits = 2_048...8_192
    /// NIST SP 800-56B §6.4.1.1; and RFC 8017's signatures are forged with 1 by whoever can count.
    private static let exponents: ClosedRange<UInt64> = 3...0xFFFF_FFFF

    /// - Throws: ``TokenFault``.
    static func check(modulus: [UInt8], exponent: [UInt8]) throws(TokenFault) {
        let modulus = modulus.drop { $0 == 0 }
        let size = modulus.first.map { modulus.count * 8 - $0.leadingZeroBitCount } ?? 0
        guard bits.contains(size) else { throw TokenFault("an RSA key of \(size) bits") }
        let small = exponent.drop { $0 == 0 }
        guard small.count <= 4 else { throw TokenFault("an RSA exponent that is too large") }
        let value = small.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard exponents.contains(value), value % 2 == 1, modulus.last.map({ $0 % 2 == 1 }) == true else {
            throw TokenFault("no RSA key")
        }
        guard !isFromBrokenChips(modulus) else { throw TokenFault("an RSA key that can be factored (ROCA)") }
    }

    /// Infineon's chips made primes of a form that can be found (Nemec and others, “The Return of Coppersmith's
    /// Attack”, CCS 2017, §3.2): their moduli are powers of 65537 modulo each small prime, which one in 2^27 others is.
    private static func isFromBrokenChips(_ modulus: ArraySlice<UInt8>) -> Bool {
        let primes = (3...167).filter { number in !(2..<number).contains { number % $0 == 0 } }
        return primes.allSatisfy { prime in
            let rest = modulus.reduce(0) { ($0 << 8 | Int($1)) % prime }
            var power = 1
            for _ in 0..<prime {
                if power == rest { return true }
                power = power * 65_537 % prime
            }
            return false
        }
    }
}
