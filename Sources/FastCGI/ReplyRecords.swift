/// A reply as FastCGI records (FastCGI 1.0, sections 5.3 and 5.5), so that it leaves in one send.
struct ReplyRecords {
    /// The most that one record carries; a multiple of eight, as the specification recommends.
    private static let largest = 65_528

    private(set) var bytes: [UInt8] = []
    private let id: UInt16

    init(request id: UInt16) { self.id = id }

    /// Adds the head and a piece of the body, as one stretch of the standard output.
    mutating func append(_ head: [UInt8], _ body: [UInt8]) {
        var left = head.count + body.count
        bytes.reserveCapacity(bytes.count + left + 8 * (left / Self.largest + 1) + 40)
        var room = 0
        for part in [head, body] {
            var start = 0
            while start < part.count {
                if room == 0 {
                    room = min(left, Self.largest)
                    header(type: 6, length: room)
                }
                let end = min(start + room, part.count)
                part.withUnsafeBufferPointer {
                    bytes.append(contentsOf: UnsafeBufferPointer(rebasing: $0[start..<end]))
                }
                room -= end - start
                left -= end - start
                start = end
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
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 8) { header in
            header[0] = 1
            header[1] = type
            header[2] = UInt8(id >> 8)
            header[3] = UInt8(id & 0xFF)
            header[4] = UInt8(length >> 8)
            header[5] = UInt8(length & 0xFF)
            header[6] = 0
            header[7] = 0
            bytes.append(contentsOf: header)
        }
    }
}
