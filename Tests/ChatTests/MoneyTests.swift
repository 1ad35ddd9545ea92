import Testing

@testable import Chat

@Suite(.timeLimit(.minutes(1))) struct MoneyTests {
    @Test(
        arguments: [
            ("0", 0), ("0.000", 0), ("1", 1_000_000_000_000), ("0.15", 150_000_000_000), ("20.50", 20_500_000_000_000),
            ("0.000000000001", 1), ("1e-12", 1), ("1.95e-4", 195_000_000), ("2.5E+2", 250_000_000_000_000),
            ("9223372.036854775", 9_223_372_036_854_775_000), ("007", 7_000_000_000_000),
            ("1e3", 1_000_000_000_000_000),
            ("0.1000000000000000000000000000000", 100_000_000_000),
        ] as [(String, Int64)])
    func readsDecimalsExactly(_ text: String, _ picodollars: Int64) {
        #expect(Money(dollars: text)?.picodollars == picodollars)
    }

    @Test(arguments: [
        "", ".", "1.", ".5", "-1", "+1", "1,5", "1 ", " 1", "1e", "1e1.5", "e5", "1e5e5", "0x1", "1.2.3", "NaN", "inf",
        "0.0000000000001", "9223373", "1e13", "1e99999", "99999999999999999999", "１", "1_000",
    ])
    func refusesWhatIsNoAmount(_ text: String) {
        #expect(Money(dollars: text) == nil)
    }

    @Test(
        arguments: [
            (0.0, 0), (0.1, 100_000_000_000), (0.00014, 140_000_000), (1.4e-5, 14_000_000), (0.95, 950_000_000_000),
            (1e-13, 1), (.leastNonzeroMagnitude, 1), (1.0000000000001, 1_000_000_000_001), (0.3, 300_000_000_000),
            (1e300, .max),
        ] as [(Double, Int64)])
    func takesAChargeAsItWasWrittenRoundedUp(_ dollars: Double, _ picodollars: Int64) {
        #expect(Money(charged: dollars)?.picodollars == picodollars)
    }

    @Test(arguments: [-1, -0.0000001, Double.nan, .infinity])
    func refusesAChargeThatIsNone(_ dollars: Double) {
        #expect(Money(charged: dollars) == nil)
    }

    @Test(arguments: [
        ("0", "0"), ("20", "20"), ("0.50", "0.5"), ("0.000195", "0.000195"), ("1e-12", "0.000000000001"),
        ("1234.5", "1234.5"), ("100", "100"),
    ])
    func writesDollarsWithoutNeedlessZeros(_ text: String, _ written: String) throws {
        #expect(try #require(Money(dollars: text)).dollars == written)
    }

    @Test func neverWraps() {
        let one = Money(picodollars: 1)
        #expect(Money.maximum + one == .maximum)
        #expect(Money(picodollars: .max / 2) * 3 == .maximum)
        #expect(one * 1_000_000_000 == Money(picodollars: 1_000_000_000))
        #expect(one + one == Money(picodollars: 2))
    }
}
