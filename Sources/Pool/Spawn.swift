import Glibc

/// Starts a program with no signal blocked, ignored or handled, in a process group of its own.
///
/// - Parameters:
///   - name: what it is told that it is called; nil for `executable`.
///   - environment: its whole environment.
///   - places: descriptors of this process, and the numbers that they get there.
/// - Returns: its process id.
func spawn(
    _ executable: String, name: String? = nil, _ arguments: [String], _ environment: [String: String],
    _ places: [(descriptor: Int32, number: Int32)] = []
) throws(PoolError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, number) in places { posix_spawn_file_actions_adddup2(&actions, descriptor, number) }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
        &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var pid: pid_t = 0
    let result = withCStrings([name ?? executable] + arguments) { arguments in
        withCStrings(environment.map { "\($0)=\($1)" }) { environment in
            posix_spawn(&pid, executable, &actions, &attributes, arguments, environment)
        }
    }
    guard result == 0 else { throw .system(call: "spawn", subject: executable, errno: result) }
    return pid
}

func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
}
