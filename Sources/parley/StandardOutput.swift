import CLinux
import Glibc
import Synchronization

/// Where commands print. A command whose words are lost has not done what was asked: it says so, and ends with 74,
/// whatever it would have ended with.
enum StandardOutput {
    /// EX_IOERR of sysexits.h.
    private static let code: Int32 = 74

    /// Has the process look at its end whether all that it printed was written. Call it before anything is opened.
    static func watch() {
        // Else the next file that is opened, the database say, would be what is printed into.
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY)
        }
        atexit {
            guard let fault = StandardOutput.fault() else { return }
            StandardOutput.tell("standard output cannot be written: \(fault)")
            _exit(StandardOutput.code)
        }
    }

    /// - Returns: why something that was printed so far is lost; nil when all of it is written.
    static func fault() -> String? {
        let code: Int32 = first.withLock { first in
            let now = clinux_flush_output()
            if first == 0 { first = now }
            return first
        }
        return code == 0 ? nil : String(cString: strerror(code))
    }

    /// Says an error on standard error.
    static func tell(_ words: String) {
        let text = Array("Error: \(words)\n".utf8)
        _ = write(STDERR_FILENO, text, text.count)
    }

    /// The first errno: the next look knows only that there was one.
    private static let first = Mutex<Int32>(0)
}
