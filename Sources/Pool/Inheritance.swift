import FoundationEssentials
import Glibc

/// What a supervisor hands to itself when it executes itself anew for a reload: its descriptors, and the workers, which
/// stay its children.
struct Inheritance: Codable {
    /// Names the environment variable that carries it.
    static let variable = "POOL_INHERITANCE"

    struct Worker: Codable {
        let pid: pid_t
        let slot: Int
        let generation: Int
        let row: Int?
        /// Seconds ago, by the clock that goes on over an exec.
        let age: Double
        let servedFor: Double
        /// Seconds until it is killed; nil for one that serves.
        let patience: Double?
    }

    let socket: Int32
    let isSocketOurs: Bool
    /// Nil for a socket that is not ours, and from a program that did not tell.
    let socketIdentity: ListeningSocket.Identity?
    let lifeline: [Int32]
    let readiness: [Int32]
    let board: Int32
    let generation: Int
    let workers: [Worker]

    private var descriptors: [Int32] { [socket, board] + lifeline + readiness }

    /// What this process inherited from itself; nil for a first start.
    ///
    /// - Throws: when what is there cannot be read: a program of another version then cannot take over.
    static func take() throws(PoolError) -> Inheritance? {
        guard let text = getenv(variable) else { return nil }
        let bytes = Data(String(cString: text).utf8)
        unsetenv(variable)
        do {
            let inheritance = try JSONDecoder().decode(Inheritance.self, from: bytes)
            for descriptor in inheritance.descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
            return inheritance
        } catch {
            throw .system(call: "decode", subject: variable, errno: EINVAL)
        }
    }

    /// Replaces this process. Returning means that it could not be.
    func execute(_ relaunch: PoolConfiguration.Relaunch) -> PoolError {
        let executable = relaunch.executable
        guard let text = try? JSONEncoder().encode(self) else {
            return .system(call: "encode", subject: Self.variable, errno: EINVAL)
        }
        var environment = relaunch.environment
        environment[Self.variable] = String(decoding: text, as: UTF8.self)
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, 0) }
        withCStrings([executable] + relaunch.arguments) { arguments in
            withCStrings(environment.map { "\($0)=\($1)" }) { environment in
                _ = execve(executable, arguments, environment)
            }
        }
        let code = errno
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return .system(call: "exec", subject: executable, errno: code)
    }
}
