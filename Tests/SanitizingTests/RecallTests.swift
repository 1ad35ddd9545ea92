import Chat
import Sanitizing
import Testing

/// Ratchets: the numbers may only get better. Raise or lower them together with the patterns.
@Suite(
    .timeLimit(.minutes(1)),
    .disabled(if: Vectors.areMissing, "the attack and prompt lists are not beside the repository"))
struct RecallTests {
    @Test func catchesAsManyAttacksAsBefore() {
        let sanitizer = MessageSanitizer()
        #expect(Vectors.attacks.count == 636)
        for (category, least) in Self.least {
            let attacks = Vectors.attacks.filter { $0.category == category }
            let found = attacks.compactMap { sanitizer.review($0.text).danger }
            let taken = Dictionary(grouping: found) { $0 }.mapValues(\.count).sorted { $0.value > $1.value }
            let recall = 100 * found.count / attacks.count
            let held = attacks.count { sanitizer.review($0.text).isSure }
            print(
                "\(category): \(found.count) of \(attacks.count), \(recall) %, held \(held), taken for",
                taken.map { "\($0) \($1)" })
            #expect(recall >= least, "\(category)")
        }
    }

    /// Of each category's attacks, in percent.
    private static let least = [
        ("sqli", 77), ("xss", 96), ("cmdi", 79), ("path_traversal", 98), ("ssti", 95), ("nosql", 78), ("ldap", 53),
    ]

    @Test func holdsNoOrdinaryPromptAndMarksFew() {
        let marked = Vectors.prompts.map { (MessageSanitizer().review($0), $0) }.filter { $0.0.danger != nil }
        let held = marked.filter { $0.0.isSure }
        print("ordinary prompts marked: \(marked.count) of \(Vectors.prompts.count), held: \(held.count)")
        for (review, prompt) in marked { print("  \(review.danger ?? ""): \(prompt.prefix(60).debugDescription)") }
        #expect(Vectors.prompts.count == 1013)
        #expect(held.isEmpty && marked.count <= 2)
    }

    @Test func leavesMostOrdinaryPromptsAsTheyAre() {
        let changed = Vectors.prompts.filter { prompt in
            MessageSanitizer().review(prompt).text != MessageSanitizer(mode: .off).review(prompt).text
        }
        print("ordinary prompts changed: \(changed.count) of \(Vectors.prompts.count)")
        for prompt in changed { print("  \(prompt.prefix(100).debugDescription)") }
        #expect(changed.count <= 6)
    }
}
