internal import Glibc

/// A TCP server on loopback that says exactly the bytes a test wants, and hangs up how the test wants it.
///
/// The script runs on a thread of its own and may block. It refuses nothing: it is no HTTP server.
public final class ScriptedServer: Sendable {
    public let port: UInt16
    private let listener: Listener

    /// Runs one script for the whole server.
    public init(_ script: @escaping @Sendable (Listener) throws -> Void) throws {
        listener = try Listener()
        port = listener.port
        try detach { [listener] in try script(listener) }
    }

    /// Runs the script on a thread of its own for each connection; `number` counts connections from 0.
    public convenience init(
        eachConnection script: @escaping @Sendable (_ connection: Connection, _ number: Int) throws -> Void
    ) throws {
        try self.init { listener in
            var number = 0
            while let connection = listener.accept() {
                try detach { [number] in try script(connection, number) }
                number += 1
            }
        }
    }

    deinit {
        listener.stop()
    }

    public var url: String { "http://127.0.0.1:\(port)" }
}

/// A listening socket on a port that the system chose.
public final class Listener: Sendable {
    private let descriptor: Int32
    public let port: UInt16

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SocketError(call: "socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, size) == 0 && listen(descriptor, 4096) == 0
                    && getsockname(descriptor, address, &size) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        guard code else { throw SocketError(call: "bind") }
    }

    deinit {
        close(descriptor)
    }

    /// Waits for a connection; nil once the server is stopped.
    public func accept() -> Connection? {
        let accepted = Glibc.accept(descriptor, nil, nil)
        return accepted >= 0 ? Connection(accepted) : nil
    }

    /// Wakes whoever accepts.
    func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }
}

public struct SocketError: Error {
    public let call: String
    public let code = errno
}

/// Runs the body on a new thread; what it throws ends the thread and nothing else: the client sees the hang-up.
private func detach(_ body: @escaping @Sendable () throws -> Void) throws {
    final class Box: Sendable {
        let body: @Sendable () throws -> Void
        init(_ body: @escaping @Sendable () throws -> Void) { self.body = body }
    }
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { context in
            if let context { try? Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
            return nil
        }, box.toOpaque())
    guard code == 0 else {
        box.release()
        throw SocketError(call: "pthread_create")
    }
    pthread_detach(thread)
}
