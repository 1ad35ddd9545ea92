/// What an attack of one kind looks like.
struct Rule: Sendable {
    enum Category: String, Sendable, CaseIterable {
        case sql, command, ldap, path, xss, template, nosql
        case promptInjection = "prompt_injection"
    }

    enum Scope: Sendable {
        /// In a message that is neither prose nor a program.
        case bare
        /// In a message that is no prose.
        case code
        /// In any message, but not in its Markdown code.
        case everywhere
    }

    enum Certainty: Sendable {
        /// Ordinary text does not have it.
        case sure
        /// Ordinary text has it at times: a reason to mark a message, not to hold it.
        case likely
    }

    let name: String
    let category: Category
    let certainty: Certainty
    let scope: Scope
    /// Without one of these in each group the rule is not tried: words, marks, or pairs that begin with a
    /// mark. ``Features/Need`` has the notation.
    let needs: Features.Need
    /// Over the decoded text: small letters, a blank for each run of blanks. Every repetition has a bound or is
    /// possessive.
    let expression: String
    /// Messages that it must find, and ordinary ones beside them that no rule may find, or none that is sure when this
    /// one is.
    let finds: [String]
    let passes: [String]

    /// Its name, its category, where it holds, how sure it is, what the text must have at all, and the expression.
    init(
        _ name: String, _ category: Category, _ scope: Scope, certainty: Certainty = .sure, _ needs: String,
        _ expression: String, finds: [String], passes: [String] = []
    ) {
        (self.name, self.category, self.certainty, self.scope) = (name, category, certainty, scope)
        self.needs = Features.Need(needs)
        (self.expression, self.finds, self.passes) = (expression, finds, passes)
    }
}
