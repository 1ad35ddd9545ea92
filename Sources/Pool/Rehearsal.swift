import Glibc
import Threads

/// The test before a reload: the program at its path is run with the settings of now, and must end with 0.
enum Rehearsal {
    /// Seconds that it may take.
    static let patience = 10.0

    /// - Parameter stop: gets the signal that asked to stop meanwhile; the test then counts as failed.
    static func run(
        _ executable: String, _ relaunch: PoolConfiguration.Relaunch, _ signals: SignalQueue, stop: inout Int32?
    ) throws(PoolEvent.ReloadFailure) {
        let supervisor = pthread_self()
        let pid: pid_t
        let waiter: BlockingThread
        do throws(PoolError) {
            pid = try spawn(executable, relaunch.testArguments, relaunch.environment)
            waiter = try Worker.wait(for: pid, telling: supervisor)
        } catch { throw .system(error) }
        let deadline = ContinuousClock.now + .seconds(patience)
        var status: Int32 = 0
        while waitpid(pid, &status, WNOHANG) != pid {
            let signal = signals.next(before: deadline, among: [SIGCHLD, SIGTERM, SIGINT])
            if signal == SIGTERM || signal == SIGINT { stop = signal }
            if stop != nil || ContinuousClock.now >= deadline {
                kill(pid, SIGKILL)
                waiter.join()
                waitpid(pid, nil, 0)
                throw .silent(seconds: patience)
            }
        }
        waiter.join()
        let ending = PoolEvent.Ending(status: status)
        guard ending == .exited(code: 0) else { throw .refused(ending) }
    }
}
