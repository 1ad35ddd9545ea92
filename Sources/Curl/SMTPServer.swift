internal import CCurl
internal import Glibc
internal import Threads

/// A server that takes mail by SMTP (RFC 5321), with TLS from the first byte (smtps) or after STARTTLS (smtp, RFC
/// 3207): what a server says before that is not believed, and without TLS nothing is sent.
///
/// Each mail has a connection of its own, on a thread of its own, unlike HTTP: with the connection libcurl ends the
/// dialogue, and waits for the reply to QUIT, on whatever thread that is (smtp_disconnect of its smtp.c).
///
/// It refuses: certificates that the authorities don't vouch for, and a dialogue in clear with another machine.
public struct SMTPServer: Sendable {
    /// Seconds that a whole dialogue may take, its end included.
    private static let timeout = 30
    /// Seconds that the server may take to reply once; so QUIT too.
    private static let replyTimeout = 10

    private let url: String
    private let login: (user: String, password: String)?
    private let isInClear: Bool
    private let authorities: String?

    /// - Parameters:
    ///   - url: smtps:// or smtp:// and a host. Ports are 465 and 587 by default, and 25 in clear.
    ///   - isInClear: without TLS, with this machine only.
    ///   - authorities: a PEM file of those who may vouch for the server; nil for the system's.
    /// - Throws: ``CurlError`` of kind `.invalidRequest` for any other address, and for another machine in clear.
    public init(
        url text: String, login: (user: String, password: String)? = nil, isInClear: Bool = false,
        authorities: String? = nil
    ) throws(CurlError) {
        let scheme = text.prefix { $0 != ":" }
        let isTLS = scheme == "smtps"
        guard isTLS || scheme == "smtp" else { throw CurlError(.invalidRequest, "URL is not smtp or smtps") }
        // The rules for a host and a port are those of any URL.
        let address = try HTTPURL("https" + text.dropFirst(scheme.count))
        let rest = text.dropFirst(scheme.count + 3 + address.host.count)
        let port = rest.hasPrefix(":") ? rest.dropFirst().prefix { $0.isNumber } : ""
        guard ["", "/"].contains(rest.drop { $0 != "/" }), rest.allSatisfy({ $0.isNumber || ":/".contains($0) }) else {
            throw CurlError(.invalidRequest, "URL has more than a host and a port")
        }
        guard !isInClear || !isTLS && Self.isLoopback(address.host) else {
            throw CurlError(.invalidRequest, "only smtp:// and this machine may do without TLS")
        }
        url = "\(scheme)://\(address.host):\(port.isEmpty ? isTLS ? "465" : isInClear ? "25" : "587" : port)"
        self.login = login
        self.isInClear = isInClear
        self.authorities = authorities
    }

    private static func isLoopback(_ host: String) -> Bool {
        var address = in_addr()
        return host == "localhost" || host == "[::1]"
            || inet_pton(AF_INET, host, &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
    }

    /// Returning means that the server has taken the message on.
    ///
    /// - Parameters:
    ///   - message: RFC 5322, with CR LF at the ends of its lines.
    ///   - recipient: an address without white space, control characters, `<` or `>`.
    public func send(_ message: [UInt8], from sender: String, to recipient: String) async throws(SMTPError) {
        try await perform { easy in
            let upload = Unmanaged.passRetained(Upload(message))
            let recipients = ccurl_slist_append(nil, "<\(recipient)>")
            defer {
                upload.release()
                ccurl_slist_free_all(recipients)
            }
            return Self.outcome(
                easy,
                [
                    ccurl_set_string(easy, CURLOPT_MAIL_FROM, "<\(sender)>"),
                    ccurl_set_pointer(easy, CURLOPT_MAIL_RCPT, recipients),
                    ccurl_set_long(easy, CURLOPT_UPLOAD, 1),
                    ccurl_set_pointer(easy, CURLOPT_READDATA, upload.toOpaque()),
                    ccurl_set_receiver(easy, CURLOPT_READFUNCTION, Upload.give),
                ])
        }
    }

    /// Returning means that a mail could be sent now, as far as that can be told without one.
    public func probe() async throws(SMTPError) {
        try await perform { easy in Self.outcome(easy, [ccurl_set_string(easy, CURLOPT_CUSTOMREQUEST, "NOOP")]) }
    }

    private func perform(_ dialogue: @escaping @Sendable (UnsafeMutableRawPointer) -> SMTPError?)
        async throws(SMTPError)
    {
        do { try await Library.load() } catch { throw SMTPError(detail: error.detail) }
        let failure: SMTPError? = await withCheckedContinuation { continuation in
            do {
                try BlockingThread.detach { continuation.resume(returning: onHandle(dialogue)) }
            } catch {
                continuation.resume(returning: SMTPError(detail: "\(error)"))
            }
        }
        if let failure { throw failure }
    }

    private func onHandle(_ dialogue: (UnsafeMutableRawPointer) -> SMTPError?) -> SMTPError? {
        guard let easy = ccurl_easy_init() else { return SMTPError(detail: "libcurl has no memory") }
        defer { ccurl_easy_cleanup(easy) }
        let code = prepare(easy)
        guard code == CURLE_OK else { return SMTPError(detail: String(cString: ccurl_easy_strerror(code))) }
        return dialogue(easy)
    }

    private func prepare(_ easy: UnsafeMutableRawPointer) -> CURLcode {
        var codes = [
            ccurl_set_string(easy, CURLOPT_URL, url),
            ccurl_set_string(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps"),
            ccurl_set_long(
                easy, CURLOPT_USE_SSL, isInClear ? Int(CURLUSESSL_NONE.rawValue) : Int(CURLUSESSL_ALL.rawValue)),
            ccurl_set_long(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
            ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1),
            ccurl_set_long(easy, CURLOPT_FORBID_REUSE, 1),
            ccurl_set_long(easy, CURLOPT_TIMEOUT_MS, Self.timeout * 1_000),
            ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, Self.replyTimeout * 1_000),
            ccurl_set_long(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, Self.replyTimeout),
            ccurl_set_receiver(easy, CURLOPT_WRITEFUNCTION) { _, size, count, _ in size * count },
        ]
        if let authorities { codes.append(ccurl_set_string(easy, CURLOPT_CAINFO, authorities)) }
        if let login {
            codes.append(ccurl_set_string(easy, CURLOPT_USERNAME, login.user))
            codes.append(ccurl_set_string(easy, CURLOPT_PASSWORD, login.password))
        }
        return codes.first { $0 != CURLE_OK } ?? CURLE_OK
    }

    /// Has the dialogue out.
    private static func outcome(_ easy: UnsafeMutableRawPointer, _ options: [CURLcode]) -> SMTPError? {
        let text = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        text.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        defer { text.deallocate() }
        ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, text)
        defer { ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, nil) }
        let code = options.first { $0 != CURLE_OK } ?? ccurl_easy_perform(easy)
        guard code != CURLE_OK else { return nil }
        var reply = 0
        ccurl_get_long(easy, CURLINFO_RESPONSE_CODE, &reply)
        return SMTPError(
            detail: String(cString: text.pointee == 0 ? ccurl_easy_strerror(code) : UnsafePointer(text)),
            // What it says to a command of the mail; not to a login, which the operator can mend.
            isFinal: (500..<600).contains(reply) && [CURLE_SEND_ERROR, CURLE_WEIRD_SERVER_REPLY].contains(code))
    }
}

/// Why a mail was not taken.
public struct SMTPError: Error, Sendable, Equatable {
    /// For the log: libcurl's words, without addresses.
    public let detail: String
    /// Whether the server will never take this one.
    public let isFinal: Bool

    init(detail: String, isFinal: Bool = false) {
        self.detail = detail
        self.isFinal = isFinal
    }
}

/// What is left to send of a message; one thread's.
private final class Upload {
    private let bytes: [UInt8]
    private var sent = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    static let give: ccurl_receiver = { target, size, count, context in
        guard let target, let context else { return 0 }
        return Unmanaged<Upload>.fromOpaque(context).takeUnretainedValue().give(target, atMost: size * count)
    }

    private func give(_ target: UnsafeMutablePointer<CChar>, atMost most: Int) -> Int {
        let piece = bytes[sent...].prefix(most)
        piece.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { memcpy(target, start, bytes.count) }
        }
        sent += piece.count
        return piece.count
    }
}
