extension Rule {
    /// What the detector knows, in the order in which it looks: each rule with its reason and with examples, which are
    /// tests. ``Rule/init(_:_:_:certainty:_:_:finds:passes:)`` says what stands where.
    ///
    /// People write `and then?`, `their*`, `/etc/hosts?` and `sleep(5)`, and paste lines of their programs. So no rule
    /// takes a word, a file or a function for an attack by itself: it asks for the place where a text breaks out of
    /// what it was put into, and for what follows there. Those that ask for less are only likely, and tried last.
    static let all: [Rule] =
        scripts + templates + directoryFilters + documentStores + commands + paths + conditions + statements
        + promptInjection + likely
}
