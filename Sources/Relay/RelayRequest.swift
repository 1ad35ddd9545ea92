internal import Chat

/// What another worker asks for, in 56 bytes: `PRL1`, the kind and 3 zeros, the exchange's id, the offset (both big-endian),
/// and the 32 bytes that prove that it may know.
struct RelayRequest {
    static let size = 56
    private static let mark = Array("PRL1".utf8)

    let answer: RelayedAnswer
    let offset: Int
    /// It is to end, rather than to be followed.
    let isStop: Bool

    init(_ answer: RelayedAnswer, from offset: Int) {
        self.answer = answer
        self.offset = offset
        isStop = false
    }

    init(stopping id: ExchangeID, of owner: StreamOwner) {
        answer = .stream(id, owner)
        offset = 0
        isStop = true
    }

    /// - Returns: nil for what is no request.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.size, bytes.starts(with: Self.mark) else { return nil }
        let id = ExchangeID(number: Int64(bitPattern: number(bytes[8..<16])))
        let proof = Array(bytes[24...])
        switch bytes[4] {
        case 1: answer = .call(id, digest: proof)
        case 2, 3:
            guard let owner = StreamOwner(String(decoding: proof, as: UTF8.self)) else { return nil }
            answer = .stream(id, owner)
        default: return nil
        }
        guard let offset = Int(exactly: number(bytes[16..<24])) else { return nil }
        self.offset = offset
        isStop = bytes[4] == 3
    }

    var bytes: [UInt8] {
        let (kind, proof): (UInt8, [UInt8]) =
            switch answer {
            case .call(_, let digest): (1, digest)
            case .stream(_, let owner): (isStop ? 3 : 2, Array(owner.rawValue.utf8))
            }
        return Self.mark + [kind, 0, 0, 0] + bigEndian(UInt64(bitPattern: answer.id.number))
            + bigEndian(UInt64(offset)) + proof
    }
}

func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
