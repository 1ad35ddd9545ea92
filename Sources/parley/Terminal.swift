import Glibc
import Synchronization

/// A terminal as a page that is drawn again and again, on a screen of its own: what stood there before is back at the end.
///
/// Keys come one by one and are not shown. Ctrl-C, Ctrl-\\, SIGTERM and SIGHUP end it in order; Ctrl-Z does nothing.
struct Terminal: ~Copyable {
    enum Event { case tick, resized, end }

    private let before: termios
    private let hasKeys: Bool

    /// - Returns: nil when standard output is no terminal.
    init?() {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        var mode = termios()
        hasKeys = tcgetattr(STDIN_FILENO, &mode) == 0
        before = mode
        Ending.watch()
        signal(SIGWINCH) { _ in resized.store(true, ordering: .releasing) }
        if hasKeys {
            mode.c_lflag &= ~tcflag_t(ICANON | ECHO)
            // _POSIX_VDISABLE: no key suspends it.
            withUnsafeMutableBytes(of: &mode.c_cc) { $0[Int(VSUSP)] = 0 }
            tcsetattr(STDIN_FILENO, TCSANOW, &mode)
        }
        Self.write("\u{1B}[?1049h\u{1B}[?25l")
    }

    deinit {
        Self.write("\u{1B}[?25h\u{1B}[?1049l")
        guard hasKeys else { return }
        var mode = before
        tcsetattr(STDIN_FILENO, TCSANOW, &mode)
    }

    /// Draws as much of the page as the terminal has room for.
    func draw(_ page: String) {
        var size = winsize()
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 0 && size.ws_col > 0
        let (rows, columns) = isKnown ? (Int(size.ws_row), Int(size.ws_col)) : (24, 80)
        let lines = page.split(separator: "\n", omittingEmptySubsequences: false).prefix(rows)
        // Each line's rest is cleared, then what is below: nothing flickers.
        let drawn = lines.map { $0.prefix(columns) + "\u{1B}[K" }.joined(separator: "\r\n")
        Self.write("\u{1B}[H" + drawn + "\u{1B}[J")
    }

    /// Waits for a key, a signal or the end of `time`.
    func wait(_ time: Duration) -> Event {
        let limit = ContinuousClock.now + time
        while true {
            if Ending.hasCome { return .end }
            if resized.exchange(false, ordering: .acquiring) { return .resized }
            let left = max(0, (limit - .now) / .milliseconds(1))
            var keys = pollfd(fd: hasKeys ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0)
            // A signal that comes just before is seen a moment later.
            let ready = poll(&keys, 1, Int32(min(left, 200)))
            if ready > 0 {
                var key: UInt8 = 0
                if read(STDIN_FILENO, &key, 1) != 1 || key == UInt8(ascii: "q") { return .end }
            } else if ready == 0, limit <= .now {
                return .tick
            }
        }
    }

    private static func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { return }
        }
    }
}

/// Whether this process has been told to end.
enum Ending {
    static func watch() {
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            signal(number) { _ in ended.store(true, ordering: .releasing) }
        }
    }

    static var hasCome: Bool { ended.load(ordering: .acquiring) }
}

/// Global, as signal handlers are.
private let ended = Atomic(false)
private let resized = Atomic(false)
