import Chat
import Sanitizing
import Testing

/// Ratchets: the numbers may only get better. Raise or lower them together with the patterns.
@Suite(
    .timeLimit(.minutes(1)),
    .disabled(if: Vectors.areMissing, "the attack and prompt lists are not beside the repository"))
struct RecallTests {
    @Test func catchesAsManyAttacksAsBefore() {
        let missed = Vectors.attacks.filter { MessageSanitizer().review($0).danger == nil }
        print("attacks caught: \(Vectors.attacks.count - missed.count) of \(Vectors.attacks.count)")
        #expect(Vectors.attacks.count == 636)
        #expect(Vectors.attacks.count - missed.count >= 217)
    }

    @Test func holdsNoMoreOrdinaryPromptsThanBefore() {
        let held = Vectors.prompts.compactMap { prompt in
            MessageSanitizer().review(prompt).danger.map { ($0, prompt) }
        }
        print("ordinary prompts held: \(held.count) of \(Vectors.prompts.count)")
        for (danger, prompt) in held { print("  \(danger): \(prompt.prefix(60).debugDescription)") }
        #expect(Vectors.prompts.count == 1013)
        #expect(held.count <= 10)
    }

    @Test func leavesMostOrdinaryPromptsAsTheyAre() {
        let changed = Vectors.prompts.filter { prompt in
            MessageSanitizer().review(prompt).text != MessageSanitizer(mode: .off).review(prompt).text
        }
        print("ordinary prompts changed: \(changed.count) of \(Vectors.prompts.count)")
        for prompt in changed { print("  \(prompt.prefix(100).debugDescription)") }
        #expect(changed.count <= 100)
    }
}
