import Glibc

/// nginx's own test of a configuration.
enum NginxTest {
    static func run(_ path: String?) -> Finding {
        let path = path ?? "/etc/nginx/nginx.conf"
        guard let resolved = realpath(path, nil) else {
            return .wrong("nginx", "\(path): \(String(cString: strerror(errno)))", mend: "name it: --nginx FILE")
        }
        defer { free(resolved) }
        // The shell finds nginx and joins its two outputs; the path reaches it as a variable, never as code.
        setenv("PARLEY_NGINX", resolved, 1)
        let command = #"PATH=$PATH:/usr/sbin nginx -e stderr -p "${PARLEY_NGINX%/*}" -c "$PARLEY_NGINX" -t 2>&1"#
        guard let pipe = popen(command, "r") else {
            return .wrong("nginx", "no shell can be started", mend: "look at the limits of processes and memory")
        }
        var words: [UInt8] = []
        while case let byte = fgetc(pipe), byte != EOF { words.append(UInt8(byte)) }
        let isWell = pclose(pipe) == 0
        return isWell
            ? .well("nginx", path)
            : .wrong(
                "nginx", String(decoding: words, as: UTF8.self),
                mend: "correct \(path) or render it anew; if nginx is missing: apt-get install nginx")
    }
}
