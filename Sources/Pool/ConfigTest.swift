import Glibc
import Threads

/// The test before a reload: the program at its path is run with the settings of now, must end with 0, and must have given
/// the answer that shows that it is the same kind of program. Most programs end with 0 whatever they are told.
enum ConfigTest {
    /// - Parameters:
    ///   - stop: gets the signal that asked to stop meanwhile; the test then counts as failed.
    ///   - onWait: called once a second at least.
    static func run(
        _ relaunch: PoolConfiguration.Relaunch, _ signals: SignalQueue, stop: inout Int32?, onWait: () -> Void
    ) throws(PoolEvent.ReloadFailure) {
        let supervisor = pthread_self()
        let output: Pipe
        do throws(PoolError) { output = try Pipe(for: "test") } catch { throw .system(error) }
        defer { output.close() }
        let pid: pid_t
        let waiter: BlockingThread
        do throws(PoolError) {
            pid = try spawn(
                relaunch.executable, relaunch.testArguments, relaunch.environment, [(output.writing, STDOUT_FILENO)])
            waiter = try Worker.wait(for: pid, telling: supervisor)
        } catch { throw .system(error) }
        let deadline = ContinuousClock.now + Rhythm.configTest
        var status: Int32 = 0
        while waitpid(pid, &status, WNOHANG) != pid {
            onWait()
            let signal = signals.next(before: min(deadline, .now + Rhythm.look), among: [SIGCHLD, SIGTERM, SIGINT])
            if signal == SIGTERM || signal == SIGINT { stop = signal }
            if stop != nil || ContinuousClock.now >= deadline {
                kill(pid, SIGKILL)
                waiter.join()
                waitpid(pid, nil, 0)
                throw .silent(seconds: Rhythm.configTest / .seconds(1))
            }
        }
        waiter.join()
        let ending = PoolEvent.Ending(status: status)
        guard ending == .exited(code: 0) else { throw .refused(ending) }
        guard written(into: output) == Array("\(relaunch.testAnswer)\n".utf8) else { throw .unanswered }
    }

    /// What waits in the pipe; a program that writes more than a pipe holds does not end in time.
    private static func written(into pipe: Pipe) -> [UInt8] {
        _ = fcntl(pipe.reading, F_SETFL, O_NONBLOCK)
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(pipe.reading, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }
}
