import Glibc

/// Both ends of a pipe that no started program inherits, with numbers above those that a worker gets.
struct Pipe {
    let reading: Int32
    let writing: Int32

    init(for subject: String) throws(PoolError) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw .system(call: "pipe", subject: subject, errno: errno) }
        defer { for end in ends { Glibc.close(end) } }
        reading = try raised(ends[0], subject)
        writing = try raised(ends[1], subject)
    }

    init(reading: Int32, writing: Int32) {
        self.reading = reading
        self.writing = writing
    }

    func close() {
        Glibc.close(reading)
        Glibc.close(writing)
    }
}

/// A duplicate of `descriptor` that a started program does not inherit, with a number above those that a worker gets.
func raised(_ descriptor: Int32, _ subject: String) throws(PoolError) -> Int32 {
    let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, Handover.firstOwnDescriptor)
    guard duplicate >= 0 else { throw .system(call: "fcntl", subject: subject, errno: errno) }
    return duplicate
}
