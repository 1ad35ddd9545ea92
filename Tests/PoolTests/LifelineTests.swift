import Glibc
import Testing

@testable import Pool

@Suite(.timeLimit(.minutes(1))) struct LifelineTests {
    @Test func tellsOfTheLossOfTheWriter() async throws {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        let reading = ends[0]
        let writing = ends[1]
        // A byte is no loss.
        #expect(write(writing, "x", 1) == 1)
        let (losses, lost) = AsyncStream.makeStream(of: Void.self)
        #expect(Lifeline.watch(reading) { lost.finish() })
        close(writing)
        for await _ in losses {}
        close(reading)
    }

    @Test func isNotThereWithoutASupervisor() {
        #expect(getenv(Handover.lifeline.variable) == nil)
        #expect(!Lifeline.watch {})
    }

    @Test func endsWorkersWhoseSupervisorWasKilled() async throws {
        let folder = PoolRun.makeFolder()
        let fifo = folder + "/alive"
        #expect(mkfifo(fifo, 0o600) == 0)
        setenv("POOL_TESTS_FOLDER", folder, 1)
        // Each worker writes a byte into the fifo and holds it open, so that its end is an end of file here.
        async let bytes = untilEndOfFile(fifo)
        await #expect(processExitsWith: .signal(SIGKILL)) {
            let folder = String(cString: getenv("POOL_TESTS_FOLDER"))
            let run = PoolRun(
                "exec 5>$FOLDER/alive; printf x >&5; printf x >$FOLDER/ready; exec cat <&3", workers: 2, folder: folder)
            await run.ready()
            await run.ready()
            kill(getpid(), SIGKILL)
        }
        #expect(await bytes == 2)
        for name in ["alive", "ready", "socket", "socket-board"] { unlink(folder + "/" + name) }
        rmdir(folder)
    }

    private func untilEndOfFile(_ path: String) async -> Int {
        await withCheckedContinuation { continuation in
            PoolRun.detach {
                let file = open(path, O_RDONLY | O_NONBLOCK)
                var interest = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
                var count = 0
                var byte: UInt8 = 0
                while poll(&interest, 1, 20_000) > 0, read(file, &byte, 1) > 0 { count += 1 }
                close(file)
                continuation.resume(returning: count)
            }
        }
    }
}
