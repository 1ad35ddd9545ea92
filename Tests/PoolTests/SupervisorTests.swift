import Foundation
import Glibc
import Testing

@testable import Pool

@Suite(.timeLimit(.minutes(1))) struct SupervisorTests {
    @Test func runsWorkersUntilAskedToStop() async throws {
        let run = PoolRun(workers: 3)
        defer { run.removeFolder() }
        let path = run.path
        #expect(await run.next { $0 } == .listening(path: path))
        let pids = [await run.nextReady(), await run.nextReady(), await run.nextReady()]
        #expect(Set(pids).count == 3)
        run.signal(SIGTERM)
        #expect(await run.next { $0 } == .draining(signal: SIGTERM))
        for _ in 0..<3 { #expect(await run.nextEnding() == .signalled(SIGTERM)) }
        #expect(await run.next { $0 } == .stopped)
        #expect(try await run.result()?.get() == 0)
        #expect(access(path, F_OK) != 0)
        for pid in pids { #expect(kill(try #require(pid), 0) != 0) }
    }

    @Test func hearsASignalThatAnotherThreadGets() async {
        await #expect(processExitsWith: .success) {
            let run = PoolRun()
            let pid = try #require(await run.nextStart())
            kill(getpid(), SIGTERM)
            #expect(await run.nextEnding() == .signalled(SIGTERM))
            #expect(try await run.result()?.get() == 0)
            #expect(kill(pid, 0) != 0)
            run.removeFolder()
        }
    }

    @Test func replacesAKilledWorkerAtOnce() async throws {
        let run = PoolRun()
        defer { run.removeFolder() }
        let first = try #require(await run.nextStart())
        kill(first, SIGKILL)
        #expect(await run.nextEnding() == .signalled(SIGKILL))
        #expect(try #require(await run.nextDelay()) <= 0.1)
        let second = try #require(await run.nextStart())
        #expect(second != first)
        run.signal(SIGINT)
        #expect(try await run.result()?.get() == 0)
    }

    @Test func waitsLongerForAWorkerThatKeepsFailing() async throws {
        let run = PoolRun("exit 7")
        defer { run.removeFolder() }
        #expect(await run.nextEnding() == .exited(code: 7))
        // Nobody else serves.
        #expect(await run.nextDelay() == 0)
        #expect(await run.nextDelay() == 0.1)
        #expect(await run.nextDelay() == 0.2)
        run.signal(SIGTERM)
        #expect(try await run.result()?.get() == 0)
    }

    @Test func killsAWorkerThatOutlivesTheDeadline() async throws {
        let run = PoolRun(PoolRun.stubborn, drainDeadline: 0.2)
        defer { run.removeFolder() }
        let pid = try #require(await run.nextStart())
        await run.ready()
        run.signal(SIGTERM)
        #expect(await run.next { if case .killed(_, let killed) = $0 { killed } else { nil } } == pid)
        #expect(await run.nextEnding() == .signalled(SIGKILL))
        #expect(try await run.result()?.get() == 0)
    }

    @Test func killsAtOnceWhenAskedTwice() async throws {
        let run = PoolRun(PoolRun.stubborn, drainDeadline: 3_600)
        defer { run.removeFolder() }
        #expect(await run.nextStart() != nil)
        await run.ready()
        run.signal(SIGTERM)
        #expect(await run.next { if case .draining = $0 { true } else { nil } } == true)
        run.signal(SIGTERM)
        #expect(await run.nextEnding() == .signalled(SIGKILL))
        #expect(try await run.result()?.get() == 0)
    }

    @Test func replacesAWorkerThatNeverServes() async throws {
        let run = PoolRun("exec cat <&3") { $0.startDeadline = 0.1 }
        defer { run.removeFolder() }
        let pid = try #require(await run.nextStart())
        #expect(await run.next { if case .stuck(_, let pid, _) = $0 { pid } else { nil } } == pid)
        #expect(await run.nextEnding() == .signalled(SIGKILL))
        #expect(await run.nextStart() != nil)
        run.signal(SIGTERM)
        #expect(try await run.result()?.get() == 0)
    }

    @Test(arguments: [
        // A sign of life in its row of the board, and then nothing more: see ScoreboardRow.Field.
        "printf '\\001' | dd of=/dev/fd/5 bs=1 seek=$(((POOL_ROW + 2) * 512 + 40)) conv=notrunc 2>/dev/null; exec cat <&3",
        "kill -STOP $$",
    ])
    func replacesAWorkerThatIsSilentBeforeItServes(script: String) async throws {
        // One that has stopped itself hears no SIGTERM: the next one has, by the end, and is as stuck.
        let run = PoolRun(script, drainDeadline: 3_600) { $0.stallTimeout = 0.5 }
        defer { run.removeFolder() }
        let pid = try #require(await run.nextStart())
        #expect(await run.next { if case .stuck(_, let pid, _) = $0 { pid } else { nil } } == pid)
        #expect(await run.nextEnding() == .signalled(SIGKILL))
        run.signal(SIGTERM)
        #expect(try await run.result()?.get() == 0)
    }

    @Test func doesNotWaitUntilTheDeadlineForAWorkerThatIsStuck() async throws {
        let run = PoolRun(drainDeadline: 3_600) { $0.stallTimeout = 1.5 }
        defer { run.removeFolder() }
        let pid = try #require(await run.nextReady())
        kill(pid, SIGSTOP)
        // Of two signals that are pending at once the SIGTERM would be served first.
        while try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8).contains(") T ") == false {
            sched_yield()
        }
        run.signal(SIGTERM)
        #expect(await run.next { if case .draining = $0 { true } else { nil } } == true)
        #expect(await run.next { if case .stuck(_, let pid, _) = $0 { pid } else { nil } } == pid)
        #expect(await run.nextEnding() == .signalled(SIGKILL))
        #expect(try await run.result()?.get() == 0)
    }

    @Test func replacesAWorkerThatIsSilent() async throws {
        let run = PoolRun { $0.stallTimeout = 1.5 }
        defer { run.removeFolder() }
        let pid = try #require(await run.nextReady())
        #expect(await run.next { if case .stuck(_, let pid, _) = $0 { pid } else { nil } } == pid)
        #expect(await run.nextEnding() == .signalled(SIGKILL))
        #expect(await run.nextDelay() == 0, "it had settled")
        run.signal(SIGTERM)
        #expect(try await run.result()?.get() == 0)
    }

    @Test func saysSoWhenWorkersKeepDying() async throws {
        let run = PoolRun("exit 7", workers: 2) { $0.backoff = Backoff(first: 0.001, longest: 0.001) }
        defer { run.removeFolder() }
        #expect(await run.next { if case .crashLoop(let deaths, _) = $0 { deaths } else { nil } } == 10)
        let status = try #require(try run.status)
        #expect(status.isInCrashLoop && status.earlyDeaths >= 10)
        run.signal(SIGTERM)
        #expect(try await run.result()?.get() == 0)
    }

    @Test func triesOneAtOnceWhenNobodyIsLeftInACrashLoop() async throws {
        let run = PoolRun(
            "if mkdir $FOLDER/first || test -e $FOLDER/mended; then \(PoolRun.obedient); else exit 7; fi", workers: 2
        ) { $0.backoff = Backoff(first: 0.001, longest: 0.001, settled: 0) }
        defer { run.removeFolder(with: "first", "mended") }
        var first: pid_t?
        var isCrashLoop = false
        _ = await run.next { event in
            if case .workerReady(_, let pid, _) = event { first = pid }
            if case .crashLoop = event { isCrashLoop = true }
            return first != nil && isCrashLoop ? true : nil
        }
        close(open(run.folder + "/mended", O_CREAT | O_WRONLY, 0o600))
        let lost = ContinuousClock.now
        kill(try #require(first), SIGKILL)
        #expect(await run.nextReady() != nil)
        #expect(.now - lost < .seconds(1.5))
        run.signal(SIGTERM)
        #expect(try await run.result()?.get() == 0)
    }

    /// Somebody else sends it SIGTERM, it says in its row that it serves no longer, and takes its time.
    @Test func replacesAWorkerThatFinishesWhatItHas() async throws {
        let run = PoolRun(
            """
            trap 'printf "\\002" | dd of=/dev/fd/5 bs=1 seek=$(((POOL_ROW + 2) * 512 + 24)) conv=notrunc 2>/dev/null
                trap "" TERM; exec cat <&3' TERM
            echo $$ >&4; cat <&3 & wait
            """, drainDeadline: 0.2)
        defer { run.removeFolder() }
        let first = try #require(await run.nextReady())
        kill(first, SIGTERM)
        #expect(await run.nextStart() != first)
        #expect(await run.next { if case .killed(_, let pid) = $0 { pid } else { nil } } == first)
        run.signal(SIGTERM)
        #expect(try await run.result()?.get() == 0)
    }

    @Test func isNeverLongWithoutAWorkerWhileWorkersAreKilled() async throws {
        let run = PoolRun()
        defer { run.removeFolder() }
        var lost: ContinuousClock.Instant?
        for _ in 0..<9 {
            let pid = try #require(await run.nextReady())
            if let lost { #expect(.now - lost < .seconds(1.5)) }
            lost = .now
            kill(pid, SIGKILL)
        }
        #expect(try run.status?.isInCrashLoop == false)
        run.signal(SIGTERM)
        #expect(try await run.result()?.get() == 0)
    }

    @Test func showsItsWorkersOnTheScoreboard() async throws {
        let run = PoolRun(workers: 2)
        defer { run.removeFolder() }
        let pids = [await run.nextReady(), await run.nextReady()]
        let status = try #require(try run.status)
        #expect(status.supervisor == getpid() && status.wanted == 2 && status.reloads == 0)
        #expect(Set(status.workers.map(\.pid)) == Set(pids.compactMap(\.self)))
        #expect(status.workers.map(\.slot) == [0, 1])
        #expect(status.workers.allSatisfy { $0.state == .serving && $0.silence == nil })
        run.signal(SIGTERM)
        #expect(try await run.result()?.get() == 0)
        #expect(try run.status == nil)
    }

    @Test func keepsRunningOnHangup() async throws {
        let run = PoolRun()
        defer { run.removeFolder() }
        let pid = try #require(await run.nextStart())
        run.signal(SIGHUP)
        #expect(kill(pid, 0) == 0)
        run.signal(SIGTERM)
        #expect(await run.nextEnding() == .signalled(SIGTERM))
        #expect(try await run.result()?.get() == 0)
    }

    @Test(arguments: [
        ("the socket as descriptor 0", "test -S /dev/stdin"),
        ("the lifeline as descriptor 3", "test -p /dev/fd/3 && test \"$POOL_LIFELINE_FD\" = 3"),
        ("the readiness pipe as descriptor 4", "test -p /dev/fd/4 && test \"$POOL_READY_FD\" = 4"),
        (
            "the scoreboard as descriptor 5",
            "test -s /dev/fd/5 && test \"$POOL_BOARD_FD\" = 5 && test \"$POOL_ROW\" = 0"
        ),
        ("exactly its environment", "test -S \"$FOLDER/socket\" && test -z \"$HOME\""),
        ("no blocked signal", "grep -q '^SigBlk:[^0-9a-f]*0*$' /proc/self/status"),
        // But for 32 and 33, which belong to the C library.
        ("no ignored signal", "grep -q '^SigIgn:.*[08]0000000$' /proc/self/status"),
        ("a process group of its own", "test \"$(cut -d' ' -f5 /proc/$$/stat)\" = $$"),
    ])
    func givesAWorker(what: String, condition: String) async throws {
        let run = PoolRun("if \(condition); then exit 0; else exit 1; fi")
        defer { run.removeFolder() }
        #expect(await run.nextEnding() == .exited(code: 0))
        run.signal(SIGTERM)
        #expect(try await run.result()?.get() == 0)
    }

    @Test func failsWhenTheProgramCannotBeStarted() async throws {
        let run = PoolRun(executable: "/nonexistent/program")
        defer { run.removeFolder() }
        let result = try #require(await run.result())
        #expect(throws: PoolError.system(call: "spawn", subject: "/nonexistent/program", errno: ENOENT)) {
            try result.get()
        }
        #expect(access(run.path, F_OK) != 0)
    }

    @Test func leavesAnotherSocketAtItsPathAlone() async throws {
        let run = PoolRun()
        defer { run.removeFolder() }
        #expect(await run.nextStart() != nil)
        unlink(run.path)
        let other = try ListeningSocket(path: run.path, mode: 0o600, backlog: 1)
        run.signal(SIGTERM)
        #expect(try await run.result()?.get() == 0)
        #expect(access(run.path, F_OK) == 0)
        other.remove()
        #expect(access(run.path, F_OK) != 0)
    }
}
