import FoundationEssentials
import Glibc

/// What this process was started with.
enum ProcessEnvironment {
    static var all: [String: String] { ProcessInfo.processInfo.environment }

    /// Processors that this process may use.
    static var cores: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

    /// This very program, also when it was found by PATH or has been replaced since.
    static var executable: String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count)
        guard length > 0 else { return CommandLine.arguments[0] }
        let path = String(decoding: buffer.prefix(length), as: UTF8.self)
        let replaced = " (deleted)"
        return path.hasSuffix(replaced) ? String(path.dropLast(replaced.count)) : path
    }
}
