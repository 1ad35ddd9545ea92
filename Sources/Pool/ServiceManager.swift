import Glibc

/// systemd's side of a service, as sd_notify(3) describes the protocol: datagrams to the socket that NOTIFY_SOCKET
/// names. Without that variable nothing is sent.
struct ServiceManager {
    private let address: sockaddr_un
    private let length: socklen_t
    private let descriptor: Int32

    init?(environment: (String) -> String?) {
        // A path, or a name without a file that begins with @.
        guard let name = environment("NOTIFY_SOCKET"), let first = name.utf8.first, "/@".utf8.contains(first),
            name.utf8.count <= ListeningSocket.longestPath
        else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            path.copyBytes(from: name.utf8)
            if first == UInt8(ascii: "@") { path[0] = 0 }
        }
        self.address = address
        length = socklen_t(MemoryLayout<sa_family_t>.size + name.utf8.count)
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
    }

    func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }
    func stopping() { send("STOPPING=1\nSTATUS=finishing what is under way") }
    func isAlive() { send("WATCHDOG=1") }

    func reloading() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        send("RELOADING=1\nMONOTONIC_USEC=\(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000)\nSTATUS=reloading")
    }

    /// Never waits: a service manager that does not listen must not hold up the pool.
    private func send(_ text: String) {
        var address = address
        let bytes = Array(text.utf8)
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(
                    descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), $0,
                    length)
            }
        }
    }
}
