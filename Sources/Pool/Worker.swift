import Glibc
import Threads

/// One running worker process.
///
/// A thread of its own waits for its end and then sends SIGCHLD to the supervisor's thread. The kernel's own SIGCHLD is
/// for the whole process: with a thread anywhere that does not block it, it is thrown away.
struct Worker {
    let pid: pid_t
    let started = ContinuousClock.now
    private let waiter: BlockingThread

    /// Starts `executable` with `socket` as descriptor 0 and `lifeline` as descriptor 3, standard output and error
    /// inherited, no signal blocked, none ignored or handled, in a process group of its own: a terminal's Ctrl-C
    /// reaches the supervisor alone, which then drains.
    ///
    /// - Parameter supervisor: the thread that waits for SIGCHLD, which must have it blocked.
    init(_ configuration: PoolConfiguration, socket: Int32, lifeline: Int32, supervisor: pthread_t) throws(PoolError) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, socket, 0)
        posix_spawn_file_actions_adddup2(&actions, lifeline, Lifeline.workerDescriptor)

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

        var environment = configuration.environment
        environment[Lifeline.variable] = "\(Lifeline.workerDescriptor)"
        var pid: pid_t = 0
        let result = withCStrings([configuration.executable] + configuration.arguments) { arguments in
            withCStrings(environment.map { "\($0)=\($1)" }) { environment in
                posix_spawn(&pid, configuration.executable, &actions, &attributes, arguments, environment)
            }
        }
        guard result == 0 else { throw .system(call: "spawn", subject: configuration.executable, errno: result) }
        self.pid = pid

        do {
            waiter = try BlockingThread { [pid] in
                var info = siginfo_t()
                // WNOWAIT: the process stays a zombie, and its number its own, until `reap`.
                while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
                pthread_kill(supervisor, SIGCHLD)
            }
        } catch {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            throw .system(call: "pthread_create", subject: configuration.executable, errno: error.errno)
        }
    }

    /// - Returns: nil while the process runs. Once it has returned an ending, the worker is used up.
    func reap() -> PoolEvent.Ending? {
        var status: Int32 = 0
        guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
        waiter.join()
        return PoolEvent.Ending(status: status)
    }
}

private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
}
