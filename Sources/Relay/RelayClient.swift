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
        guard answer.id.worker != worker else { return .unknown }
        let descriptor = clinux_abstract_socket(name.socket(of: answer.id.worker), 0)
        guard descriptor >= 0 else { return .unknown }
        let socket = RelaySocket(descriptor)
        defer { socket.close() }
        guard clinux_is_own_peer(descriptor) != 0 else { return .unknown }
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
}
