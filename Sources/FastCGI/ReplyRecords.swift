/// A reply as FastCGI records (FastCGI 1.0, sections 5.3 and 5.5), so that it leaves in one send.
struct ReplyRecords {
    /// The most that one record carries; a multiple of eight, as the specification recommends.
    private static let largest = 65_528

    private(set) var bytes: [UInt8] = []
    private let id: UInt16

    init(request id: UInt16) { self.id = id }

    mutating func append(_ parts: [UInt8]...) {
        bytes.reserveCapacity(parts.reduce(bytes.count + 48) { $0 + $1.count + 8 * ($1.count / Self.largest + 1) })
        let total = parts.reduce(0) { $0 + $1.count }
        var (left, room) = (total, 0)
        for part in parts {
            var rest = part[...]
            while !rest.isEmpty {
                if room == 0 {
                    room = min(left, Self.largest)
                    header(type: 6, length: room)
                }
                let piece = rest.prefix(room)
                bytes.append(contentsOf: piece)
                rest = rest.dropFirst(piece.count)
                room -= piece.count
                left -= piece.count
            }
        }
    }

    /// Ends the standard output and the request: status 0, request complete.
    ///
    /// - Parameter saysGoodbye: asks a peer that keeps connections not to send another request on this one. FastCGI has no
    ///   word for that, and a connection that is closed while the peer begins its next request loses that request. nginx
    ///   closes a connection on which anything follows the end of a request (ngx_http_fastcgi_input_filter,
    ///   ngx_http_upstream_keepalive_close_handler): so a second END_REQUEST follows the first, in the same send.
    mutating func end(saysGoodbye: Bool) {
        header(type: 6, length: 0)
        for _ in 0..<(saysGoodbye ? 2 : 1) {
            header(type: 3, length: 8)
            bytes.append(contentsOf: repeatElement(0, count: 8))
        }
    }

    private mutating func header(type: UInt8, length: Int) {
        bytes.append(1)
        bytes.append(type)
        bytes.append(UInt8(id >> 8))
        bytes.append(UInt8(id & 0xFF))
        bytes.append(UInt8(length >> 8))
        bytes.append(UInt8(length & 0xFF))
        bytes.append(0)
        bytes.append(0)
    }
}
