import Testing

@testable import Sanitizing

/// The examples beside the rules are promises.
@Suite(.timeLimit(.minutes(1))) struct RuleTests {
    @Test func eachRuleFindsItsExamples() {
        for rule in Rule.all {
            let detector = Detector([rule])
            #expect(!rule.finds.isEmpty, "\(rule.name)")
            for text in rule.finds {
                #expect(detector.rule(for: text) != nil, "\(rule.name): \(text)")
                #expect(Detector.standard.rule(for: text)?.certainty == rule.certainty, "\(rule.name): \(text)")
            }
        }
    }

    /// A neighbour of what is surely an attack may be likely to be one.
    @Test func noRuleFindsAnOrdinaryNeighbour() {
        for rule in Rule.all {
            for text in rule.passes {
                let found = Detector.standard.rule(for: text)
                let isOrdinary = found == nil || rule.certainty == .sure && found?.certainty == .likely
                #expect(isOrdinary, "\(found?.name ?? ""): \(text)")
            }
        }
    }

    @Test func everyCategoryHasRulesAndNamesAreUnique() {
        #expect(Set(Rule.all.map(\.category)) == Set(Rule.Category.allCases))
        #expect(Set(Rule.all.map(\.name)).count == Rule.all.count)
    }

    /// What makes a search look ahead again and again, and what it looks for but never finds.
    private static let units = [
        "'", "' or ", "1 or 1 ", "union ", "(select ", ";a", "| ", "`a", "$(", "${", "{{", "{{a", "{%", "<%", "<a",
        "<a x=",
        " on", "javascript", "../", ".?%5c", "/etc", "%25", "&#", "\\u0027", "/*", "/**/", "*)(", "(|(", "$", "ignore ",
        "ignore all ", "no restrictions ", "show your ", "```\n", "``", "a ", "\n", "你好", "Ａ", "\"a\" ", "0x", "a=b&",
        "%2e", "%%32", "..", "./", "/a", "\\", "$a", "{a,", "{{1", "a/", "aGVs", "select ", "'(select ", "<script",
        "c'a't",
        "(", ")(", "x'y", ";x=", "--x\n", "#\n",
    ]

    @Test func takesTimeInProportionToTheLength() {
        for unit in Self.units {
            let text = String(repeating: unit, count: 131_072 / unit.utf8.count)
            // Ten times what it takes without optimisation; quadratic work would take minutes.
            #expect(
                processorTime { _ = Detector.standard.category(of: text) } < .seconds(2), "\(unit.debugDescription)")
        }
    }

    @Test func findsWhatStandsAtEitherEndOfALongMessage() {
        let padding = String(repeating: "x", count: 100_000)
        #expect(Detector.standard.category(of: padding + "' or 1=1 --") == "sql")
        #expect(Detector.standard.category(of: "' or 1=1 --" + padding) == "sql")
    }
}
