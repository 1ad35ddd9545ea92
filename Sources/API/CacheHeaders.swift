import Chat
import FastCGI

extension Request {
    /// What `Cache-Control` asks for, of what is understood of it (RFC 9111, 5.2.1). `no-store` is the stronger.
    var cacheControl: CacheControl {
        let directives = (header("CACHE_CONTROL") ?? "").lowercased().split(separator: ",").map { directive in
            directive.prefix { $0 != "=" }.filter { !$0.isWhitespace }
        }
        return directives.contains("no-store") ? .noStore : directives.contains("no-cache") ? .noCache : .none
    }
}

extension RequestTrace.CacheOutcome {
    /// For every reply with an answer that a model made, whenever it made it.
    var headers: [(name: String, value: String)] { [("X-Parley-Cache", rawValue)] }
}
