internal import Curl
internal import Glibc
internal import StrictJSON

/// Where spans go: an OTLP endpoint over HTTP.
public struct Collector: Sendable {
    /// A setting that breaks a rule. It never holds the setting's value.
    public struct Fault: Error, Sendable {
        public let reason: String
    }

    /// What became of one request.
    enum Outcome: Sendable {
        /// - Parameter rejected: how many of the spans it did not want, and why.
        case taken(rejected: Int, reason: String)
        /// Sending the same again would not help.
        case refused(cause: String)
        /// - Parameter wait: how long it asks to wait.
        case later(after: Duration?, cause: String)
    }

    private let url: HTTPURL
    private let headers: [(name: String, value: String)]
    private let client = CurlClient(
        configuration: .init(connectTimeout: .seconds(3), maximumResponseBytes: 64 << 10))

    /// - Parameters:
    ///   - endpoint: such as `http://127.0.0.1:4318`; `/v1/traces` follows unless it is there.
    ///   - headers: `name=value` between commas, values percent-encoded.
    public init(endpoint: String, headers: String? = nil) throws(Fault) {
        var base = endpoint[...]
        while base.hasSuffix("/") { base.removeLast() }
        do throws(CurlError) {
            url = try HTTPURL(base.hasSuffix("/v1/traces") ? String(base) : base + "/v1/traces")
            guard !url.hasQueryOrFragment else { throw CurlError(.invalidRequest, "URL has a query or a fragment") }
        } catch {
            throw Fault(reason: "is not usable: \(error.detail)")
        }
        self.headers = [("Content-Type", "application/json")] + (try Self.parsed(headers ?? ""))
        do { _ = try HTTPRequest(method: .post, url: url, headers: self.headers) } catch {
            // Never the words of the error, which have the value.
            throw Fault(reason: Self.headerRule)
        }
    }

    private static let headerRule =
        "takes name=value between commas: names of headers, values percent-encoded and without control characters"

    private static func parsed(_ text: String) throws(Fault) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        for item in text.split(separator: ",") {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let value = decoded(trimmed(parts[1])) else {
                throw Fault(reason: headerRule)
            }
            headers.append((String(trimmed(parts[0])), value))
        }
        return headers
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return text
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.count >= 2 else {
                return nil
            }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    func post(_ body: [UInt8], by deadline: ContinuousClock.Instant) async -> Outcome {
        do throws(CurlError) {
            let request = try HTTPRequest(method: .post, url: url, headers: headers, body: body)
            let transfer = try await client.open(request, deadline: deadline)
            guard (200..<300).contains(transfer.status) else { return Self.outcome(of: transfer) }
            var reply: [UInt8] = []
            while let bytes = try await transfer.next() {
                guard .now < deadline else { throw CurlError(.timedOut, "its reply took too long") }
                reply += bytes
            }
            return Self.taken(reply)
        } catch {
            switch error.kind {
            case .unreachable, .timedOut: return .later(after: nil, cause: error.detail)
            default: return .refused(cause: error.detail)
            }
        }
    }

    private static func outcome(of transfer: Transfer) -> Outcome {
        let cause = "status \(transfer.status)"
        guard [429, 502, 503, 504].contains(transfer.status) else { return .refused(cause: cause) }
        let wait = transfer.header("retry-after").flatMap { RetryAfter.parse($0, now: Int(time(nil))) }
        return .later(after: wait, cause: cause)
    }

    private static func taken(_ reply: [UInt8]) -> Outcome {
        guard let partial = (try? JSON(parsing: reply))?["partialSuccess"] else {
            return .taken(rejected: 0, reason: "")
        }
        let rejected = partial["rejectedSpans"]
        let count = rejected?.int.flatMap { Int(exactly: $0) } ?? rejected?.string.flatMap { Int($0) } ?? 0
        return .taken(rejected: max(0, count), reason: partial["errorMessage"]?.string ?? "")
    }
}
