internal import CLinux
public import Chat
internal import EventLoop

/// Follows the answers of other workers.
public struct RelayClient: AnswerRelay {
    private let name: RelayName
    private let worker: Int

    /// - Parameter worker: this one's own number.
    public init(_ name: RelayName, worker: Int) {
        self.name = name
        self.worker = worker
    }

    @LoopActor public func follow(
        _ answer: RelayedAnswer, from offset: Int, by deadline: ContinuousClock.Instant?, _ onAnswer: AnswerHandler
    ) async throws -> RelayEnd? {
        guard let socket = connected(to: answer.id) else { return .unknown }
        defer { socket.close() }
        var place = offset
        var isBegun = false
        var bytes: ArraySlice<UInt8> = []
        do {
            try await socket.send(RelayRequest(answer, from: offset).bytes, by: .now + .seconds(5))
            while true {
                let more = try await socket.receive(by: deadline)
                if more.isEmpty { return isBegun ? .lost : .unknown }
                bytes += more
                var deltas: [AnswerDelta] = []
                while let frame = try RelayFrame.next(&bytes) {
                    isBegun = true
                    switch frame {
                    case .place(let place): try await onAnswer(.asked(place), nil)
                    case .admitted: try await onAnswer(.admitted, nil)
                    case .delta(let delta): deltas.append(delta)
                    case .end(let end):
                        if !deltas.isEmpty { try await onAnswer(.deltas(deltas, from: place), nil) }
                        return end
                    }
                }
                if !deltas.isEmpty { try await onAnswer(.deltas(deltas, from: place), nil) }
                place += deltas.reduce(0) { if case .text(let text) = $1 { $0 + text.utf8.count } else { $0 } }
            }
        } catch RelaySocket.Failure.late {
            return nil
        } catch is RelaySocket.Failure {
            return isBegun ? .lost : .unknown
        } catch is RelayFrame.Malformed {
            return isBegun ? .lost : .unknown
        }
    }

    @LoopActor public func stop(_ id: ExchangeID, of owner: StreamOwner) async -> Bool {
        guard let socket = connected(to: id) else { return false }
        defer { socket.close() }
        let deadline = ContinuousClock.now + .seconds(5)
        do {
            try await socket.send(RelayRequest(stopping: id, of: owner).bytes, by: deadline)
            var bytes: ArraySlice<UInt8> = []
            while true {
                let more = try await socket.receive(by: deadline)
                if more.isEmpty { return false }
                bytes += more
                if case .end(let end)? = try RelayFrame.next(&bytes) { return end == .over }
            }
        } catch {
            return false
        }
    }

    /// - Returns: nil when the worker that made the id is this one, or cannot be asked.
    @LoopActor private func connected(to id: ExchangeID) -> RelaySocket? {
        guard id.worker != worker else { return nil }
        let descriptor = clinux_abstract_socket(name.socket(of: id.worker), 0)
        guard descriptor >= 0 else { return nil }
        let socket = RelaySocket(descriptor)
        guard clinux_is_own_peer(descriptor) != 0 else {
            socket.close()
            return nil
        }
        return socket
    }
}
