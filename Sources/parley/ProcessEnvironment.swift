import FoundationEssentials
import Glibc

/// What this process was started with.
enum ProcessEnvironment {
    static var all: [String: String] { ProcessInfo.processInfo.environment }

    /// Processors that this process may use.
    static var cores: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

    /// This machine's name; empty where it has none.
    static var hostName: String { ProcessInfo.processInfo.hostName }

    /// What this process has in memory, as the kernel counts it (statm of proc(5)); 0 where that cannot be read.
    static var residentBytes: Int {
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var text = [UInt8](repeating: 0, count: 128)
        let count = read(descriptor, &text, text.count)
        guard count > 0 else { return 0 }
        let fields = text.prefix(count).split(separator: UInt8(ascii: " "))
        guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else { return 0 }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    /// This very program: by the name that it was started with, where that is a path, so that a link which leads to
    /// another version tomorrow leads there for a reload too. Else where it lies, also when it has been replaced since.
    static var executable: String {
        let name = CommandLine.arguments[0]
        guard name.contains("/"), isThisProgram(name) else { return resolvedExecutable }
        return name.hasPrefix("/") ? name : FileManager.default.currentDirectoryPath + "/" + name
    }

    /// Puts the program's name into lists of processes, which call one that was started as /proc/self/exe `exe`
    /// (/proc/PID/comm of proc(5)).
    static func takeName(_ name: String) {
        let descriptor = open("/proc/self/comm", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = write(descriptor, name, name.utf8.count)
        close(descriptor)
    }

    /// Has the threads that this one starts from now on scheduled as batch work (SCHED_BATCH of sched(7)): a thread that is
    /// woken no longer interrupts the one that wakes it, so that the loop gathers more for the store, and the store more for
    /// the loop.
    static func preferBatches() {
        var parameters = sched_param()
        // glibc shows the name under _GNU_SOURCE only.
        let batch: Int32 = 3
        sched_setscheduler(0, batch, &parameters)
    }

    private static func isThisProgram(_ path: String) -> Bool {
        var (one, other) = (stat(), stat())
        return stat(path, &one) == 0 && stat("/proc/self/exe", &other) == 0 && one.st_ino == other.st_ino
            && one.st_dev == other.st_dev
    }

    private static var resolvedExecutable: String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count)
        guard length > 0 else { return CommandLine.arguments[0] }
        let path = String(decoding: buffer.prefix(length), as: UTF8.self)
        let replaced = " (deleted)"
        return path.hasSuffix(replaced) ? String(path.dropLast(replaced.count)) : path
    }
}
