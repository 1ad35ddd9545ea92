import Testing

@testable import FastCGI

@Suite(.timeLimit(.minutes(1))) struct PeerTests {
    private let peer = Peer(descriptor: -1, token: 1)
    private let gate = Gate()

    private func waitingTask() -> Task<Void, Never> { Task { [gate] in await gate.wait() } }

    @Test func cancelsATaskThatComesAfterTheHangUp() async {
        peer.hangUp()
        let task = waitingTask()
        peer.onHangUp(cancel: task)
        #expect(task.isCancelled)
        gate.open()
        await task.value
    }

    @Test func cancelsNothingOnceForgotten() async {
        let task = waitingTask()
        peer.onHangUp(cancel: task)
        #expect(peer.forget() == false)
        peer.hangUp()
        peer.onHangUp(cancel: task)
        #expect(!task.isCancelled)
        gate.open()
        await task.value
    }

    @Test func touchesTheDescriptorOnlyUntilItIsForgotten() {
        var calls: [String] = []
        #expect(peer.watch { calls.append("watch") })
        #expect(!peer.watch { calls.append("watch again") })
        peer.unlessForgotten { calls.append("known") }
        #expect(peer.forget())
        peer.unlessForgotten { calls.append("forgotten") }
        #expect(!peer.watch { calls.append("watch forgotten") })
        #expect(calls == ["watch", "known"])
    }
}
