/// The times by which the supervisor works, and which no setting changes: each is longer than the one before it.
enum Rhythm {
    /// Between two looks at the workers, two signs of life of the supervisor, and two of a worker.
    static let look = Duration.seconds(1)
    /// A look that comes later than this shows that the supervisor itself stood still.
    static let standstill = Duration.seconds(3)
    /// A supervisor without a sign of life for longer is stopped.
    static let longestSilence = Duration.seconds(5)
    /// That the test of a program before a reload may take.
    static let configTest = Duration.seconds(10)
}
