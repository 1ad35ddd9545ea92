/// An amount in pico-dollars, so that the price of a single token is a whole number: micro-dollars a million tokens,
/// times tokens, are pico-dollars. There is no floating point in it, and no rounding.
///
/// A sum or a product beyond ``maximum`` (9.2 million dollars) is ``maximum``: no budget covers it, and no counter wraps.
public struct Money: Sendable, Hashable, Comparable {
    public static let zero = Money(picodollars: 0)
    public static let maximum = Money(picodollars: .max)

    /// Digits after the point of a dollar.
    static let decimals = 12

    public let picodollars: Int64

    public init(picodollars: Int64) { self.picodollars = picodollars }

    /// - Parameter dollars: a decimal such as `0.000195` or `1.95e-4`, with at most 12 digits after the point.
    /// - Returns: nil for anything else, and for an amount that is negative or beyond ``maximum``.
    public init?(dollars text: String) {
        guard let amount = DecimalNumber(text)?.scaled(by: Self.decimals) else { return nil }
        picodollars = amount
    }

    /// The price of a token.
    ///
    /// - Parameter text: dollars a million tokens: a decimal with at most 6 digits after the point, up to a million.
    /// - Returns: nil for anything else.
    public init?(dollarsPerMillionTokens text: String) {
        guard let price = DecimalNumber(text)?.scaled(by: 6), price <= 1_000_000_000_000 else { return nil }
        picodollars = price
    }

    /// What somebody else charges, who may count finer than we do: rounded up.
    ///
    /// - Returns: nil for no number, and for a negative one.
    public init?(charged dollars: Double) {
        // The shortest decimal that reads back as the same number is the one that was sent.
        guard dollars.isFinite, dollars >= 0, let number = DecimalNumber(dollars.description) else { return nil }
        picodollars = number.scaledUp(by: Self.decimals)
    }

    public static func < (one: Money, other: Money) -> Bool { one.picodollars < other.picodollars }

    public static func + (one: Money, other: Money) -> Money {
        let (sum, isTooMuch) = one.picodollars.addingReportingOverflow(other.picodollars)
        return isTooMuch ? maximum : Money(picodollars: sum)
    }

    static func * (one: Money, count: Int) -> Money {
        let (product, isTooMuch) = one.picodollars.multipliedReportingOverflow(by: Int64(count))
        return isTooMuch ? maximum : Money(picodollars: product)
    }

    /// Dollars, exactly, without needless zeros: `0.000195`. Valid as a JSON number.
    public var dollars: String {
        let digits = String(picodollars.magnitude)
        let padded = String(repeating: "0", count: max(0, Self.decimals + 1 - digits.utf8.count)) + digits
        var fraction = padded.suffix(Self.decimals)
        while fraction.last == "0" { fraction.removeLast() }
        return (picodollars < 0 ? "-" : "") + padded.dropLast(Self.decimals) + (fraction.isEmpty ? "" : "." + fraction)
    }
}

extension Money: CustomStringConvertible {
    /// For people: `$0.000195`.
    public var description: String { "$\(dollars)" }
}

/// A decimal that is not negative, as JSON writes numbers, held exactly.
struct DecimalNumber {
    /// Without zeros at its end.
    private let digits: Int64
    private let exponent: Int

    /// - Returns: nil for what is no such number, and for one of more than 18 digits.
    init?(_ text: String) {
        let parts = text.utf8.split(omittingEmptySubsequences: false) {
            $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E")
        }
        let mantissa = parts[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count <= 2, mantissa.count <= 2, mantissa.allSatisfy({ !$0.isEmpty && $0.allSatisfy(Self.isDigit) })
        else { return nil }
        var exponent = 0
        if parts.count == 2 {
            guard let written = Int(Substring(parts[1])), (-9_999...9_999).contains(written) else { return nil }
            exponent = written
        }
        if mantissa.count == 2 { exponent -= mantissa[1].count }
        var all = Array(mantissa.joined().drop { $0 == UInt8(ascii: "0") })
        while all.last == UInt8(ascii: "0") {
            all.removeLast()
            exponent += 1
        }
        guard all.count <= 18 else { return nil }
        digits = all.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        self.exponent = exponent
    }

    /// - Returns: the number times 10 to the power of `places`; nil when that is no whole number, or too large.
    func scaled(by places: Int) -> Int64? {
        guard digits != 0 else { return 0 }
        return exponent + places >= 0 ? multiplied(exponent + places) : nil
    }

    /// The same, rounded up to the next whole number; the largest for what is too large.
    func scaledUp(by places: Int) -> Int64 {
        guard digits != 0 else { return 0 }
        guard exponent + places < 0 else { return multiplied(exponent + places) ?? .max }
        var rest = digits
        // The last digit is none of the zeros, so that something is cut off, and rounded up.
        for _ in 0..<min(-(exponent + places), 19) { rest /= 10 }
        return rest + 1
    }

    private func multiplied(_ power: Int) -> Int64? {
        guard power <= 18 else { return nil }
        var product = digits
        for _ in 0..<power {
            let (next, isTooMuch) = product.multipliedReportingOverflow(by: 10)
            guard !isTooMuch else { return nil }
            product = next
        }
        return product
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
