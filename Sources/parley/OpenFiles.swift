import Glibc

/// The system's limit on open files: each question that waits for a model holds two, nginx's connection and the
/// provider's.
enum OpenFiles {
    /// Raises this process's limit to what it may have.
    ///
    /// - Returns: the limit that then holds.
    static func raiseLimit() -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }

    /// What a worker needs with that many questions at once, some more for the database, the log and threads.
    static func needed(forInFlight questions: Int) -> Int { 2 * questions + 256 }
}
