/// A connection that waits for its first byte, as the epoll set carries it.
struct Silent {
    let descriptor: Int32
    let read: Watch.Read

    init(descriptor: Int32, read: Watch.Read) {
        self.descriptor = descriptor
        self.read = read
    }

    init(_ packed: UInt64) {
        descriptor = Int32(truncatingIfNeeded: packed)
        read = Watch.Read(duplicate: Int32(truncatingIfNeeded: packed >> 32))
    }

    var packed: UInt64 { UInt64(UInt32(bitPattern: read.duplicate)) << 32 | UInt64(UInt32(bitPattern: descriptor)) }
}
