import Curl

/// The headers that nginx adds to every reply, and to the pages.
struct HeaderCheck {
    let service: DeployedService
    private static let year = 31_536_000

    func run(_ report: (Finding) -> Void) async {
        do throws(CurlError) {
            let reply = try await service.get("/health/live")
            let page = try await service.get("/")
            report(Self.strictTransport(reply.header("Strict-Transport-Security")))
            report(
                [reply, page].allSatisfy { $0.header("X-Content-Type-Options")?.lowercased() == "nosniff" }
                    ? .well("nosniff", "on replies and pages")
                    : .wrong("nosniff", "X-Content-Type-Options is missing", mend: Self.include))
            report(Self.contentSecurity(page))
            report(Self.disclosure([reply, page]))
        } catch {
            report(.wrong("headers", error.detail, mend: "look into nginx's log"))
        }
    }

    private static let include = "include snippets/parley-headers.conf in each location that adds headers of its own"

    private static func strictTransport(_ value: String?) -> Finding {
        let parts = (value ?? "").lowercased().split { " ;".contains($0) }
        let age = parts.first { $0.hasPrefix("max-age=") }.flatMap { Int($0.dropFirst("max-age=".count)) }
        guard let age, age > 0 else { return .wrong("hsts", "Strict-Transport-Security is missing", mend: include) }
        return age >= year
            ? .well("hsts", "\(age / 86_400) days")
            : .warning("hsts", "\(age) s", mend: "a year or more, once https works everywhere: max-age=\(year)")
    }

    private static func contentSecurity(_ page: DeployedService.Reply) -> Finding {
        guard page.status == 200 else {
            return .warning(
                "pages", "/ answers \(page.summary)", mend: "render them (deploy/render-docs), if there are to be pages"
            )
        }
        let policy = page.header("Content-Security-Policy") ?? ""
        return policy.contains("default-src") && !policy.contains("unsafe-")
            ? .well("csp", "on pages")
            : .wrong("csp", policy.isEmpty ? "pages have no Content-Security-Policy" : policy, mend: include)
    }

    /// Names of software are no secret; versions spare an attacker a search.
    static func disclosure(_ replies: [DeployedService.Reply]) -> Finding {
        let told = replies.flatMap { reply -> [String] in
            let names = ["Server", "X-Powered-By"].compactMap { reply.header($0) }
            let proxies = ["Via"].compactMap { reply.header($0) }
            return names.filter { $0.contains(where: \.isNumber) } + proxies.filter { hasVersion($0) }
        }
        return told.isEmpty
            ? .well("version", "no header tells it")
            : .wrong(
                "version", "a header tells \(told[0])", mend: "server_tokens off; and the same of what is before nginx")
    }
}

extension HeaderCheck {
    /// Whether a Via tells a version of software: `Name/1.2`, or a comment with a number. Each element begins with the
    /// protocol's version and a host or a pseudonym, which may have numbers (RFC 9110 7.6.3).
    private static func hasVersion(_ via: String) -> Bool {
        via.split(separator: ",").contains { element in
            let words = element.split(separator: " ").dropFirst().joined(separator: " ")
            return words.drop(while: { !"/(".contains($0) }).contains(where: \.isNumber)
        }
    }
}

/// What nginx refuses of one address.
struct LimitCheck {
    let service: DeployedService
    private static let bytes = 256 << 10
    private static let requests = 300
    private static let time = Duration.seconds(30)

    /// A path that takes no body: only the limit can refuse it for its size.
    func body(_ report: (Finding) -> Void) async {
        let answer: String
        do throws(CurlError) {
            let reply = try await service.post("/health", [UInt8](repeating: 0x20, count: Self.bytes))
            if reply.status == 413 {
                return report(.well("body limit", "\(Self.bytes >> 10) KiB are refused with 413"))
            }
            answer = reply.summary
        } catch { answer = "no answer: \(error.detail)" }
        report(
            .wrong(
                "body limit", "\(Self.bytes >> 10) KiB got \(answer)",
                mend: "client_max_body_size 128k; as nginx/parley.conf.in has it"))
    }

    /// Reads without a token until it is told to wait, one request after the other.
    func rate(_ report: (Finding) -> Void) async {
        let start = ContinuousClock.now
        var sent = 0
        while sent < Self.requests, start.duration(to: .now) < Self.time {
            sent += 1
            let reply: DeployedService.Reply
            do throws(CurlError) { reply = try await service.get("/auth/session") } catch {
                return report(
                    .wrong("rate limit", "request \(sent): \(error.detail)", mend: "look into nginx's log"))
            }
            guard reply.status == 429 else { continue }
            return report(
                reply.header("Retry-After").flatMap(Int.init) != nil
                    ? .well("rate limit", "429 with Retry-After, at request \(sent)")
                    : .wrong("rate limit", "429 without Retry-After", mend: "include snippets/parley-errors.conf"))
        }
        report(
            .warning(
                "rate limit", "none in \(sent) requests within \(start.duration(to: .now).components.seconds) s",
                mend: "CHAT_RATE_LIMITING_ENABLED and CHAT_READ_RATE, and render nginx's site anew"))
    }
}
