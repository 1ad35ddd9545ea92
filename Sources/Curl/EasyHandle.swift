internal import CCurl
internal import EventLoop

/// A libcurl easy handle with everything that has to live as long as it does.
@LoopActor struct EasyHandle {
    let easy: UnsafeMutableRawPointer
    let state: TransferState
    private let headers: UnsafeMutablePointer<curl_slist>?
    private let errorText: UnsafeMutablePointer<CChar>

    /// - Throws: ``CurlError`` of kind `.invalidRequest` when libcurl refuses an option.
    init(
        _ request: HTTPRequest, for state: TransferState, _ configuration: CurlClient.Configuration, _ share: Share
    ) throws(CurlError) {
        guard let easy = ccurl_easy_init() else { throw CurlError(.invalidRequest, "libcurl has no memory") }
        self.easy = easy
        self.state = state
        headers = Self.list(request.headers)
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        let code = prepare(request, configuration, share)
        guard code == CURLE_OK else {
            close()
            throw CurlError(.invalidRequest, String(cString: ccurl_easy_strerror(code)))
        }
    }

    /// Call it once, after the handle has left its multi handle.
    func close() {
        ccurl_easy_cleanup(easy)
        ccurl_slist_free_all(headers)
        errorText.deallocate()
    }

    static func state(of easy: UnsafeMutableRawPointer) -> TransferState? {
        var context: UnsafeMutableRawPointer?
        guard ccurl_get_pointer(easy, CURLINFO_PRIVATE, &context) == CURLE_OK, let context else { return nil }
        return Unmanaged<TransferState>.fromOpaque(context).takeUnretainedValue()
    }

    var certificateEnd: String? { ccurl_certificate_end(easy).map { String(cString: $0) } }

    /// What libcurl's last word on a transfer means.
    func result(_ code: CURLcode) -> Result<Void, CurlError> {
        let text = String(cString: errorText.pointee == 0 ? ccurl_easy_strerror(code) : UnsafePointer(errorText))
        switch code {
        case CURLE_OK:
            return .success(())
        case CURLE_OPERATION_TIMEDOUT:
            return .failure(CurlError(.timedOut, text))
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING:
            // The URL's scheme was checked before: this is an answer in HTTP/0.9 or in no HTTP at all.
            return .failure(CurlError(.malformed, text))
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE:
            return .failure(CurlError(.unreachable, text, isUntrusted: true))
        default:
            return .failure(CurlError(.unreachable, text))
        }
    }

    private func prepare(
        _ request: HTTPRequest, _ configuration: CurlClient.Configuration, _ share: Share
    ) -> CURLcode {
        // The driver holds `self`, and so the state, until the handle has left the multi handle.
        let context = Unmanaged.passUnretained(state).toOpaque()
        let seconds = configuration.connectTimeout.components
        let milliseconds = Int(seconds.seconds * 1000 + seconds.attoseconds / 1_000_000_000_000_000)
        var codes = [
            ccurl_set_pointer(easy, CURLOPT_SHARE, share.handle),
            ccurl_set_string(easy, CURLOPT_URL, request.url.text),
            ccurl_set_string(easy, CURLOPT_PROTOCOLS_STR, "http,https"),
            ccurl_set_string(easy, CURLOPT_USERAGENT, configuration.userAgent),
            ccurl_set_pointer(easy, CURLOPT_HTTPHEADER, headers),
            ccurl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS)),
            prepare(configuration.tls),
            ccurl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0),
            ccurl_set_long(easy, CURLOPT_CERTINFO, configuration.wantsCertificate ? 1 : 0),
            // Signals are process-wide, and this is one thread of many.
            ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1),
            // Dropping a transfer must not wait for a name server that is silent (curl issue 8515).
            ccurl_set_long(easy, CURLOPT_QUICK_EXIT, 1),
            ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, max(milliseconds, 1)),
            // A new connection is made at once rather than waiting whether another one turns out to be HTTP/2.
            ccurl_set_long(easy, CURLOPT_PIPEWAIT, 0),
            ccurl_set_long(easy, CURLOPT_TCP_NODELAY, 1),
            ccurl_set_long(easy, CURLOPT_TCP_KEEPALIVE, 1),
            ccurl_set_long(easy, CURLOPT_TCP_KEEPIDLE, 30),
            ccurl_set_long(easy, CURLOPT_TCP_KEEPINTVL, 10),
            ccurl_set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1),
            // Each transfer holds these while it waits, and what then comes is short: libcurl's 16 and 64 KiB are for
            // files. The second is for TLS only, and the least that libcurl takes.
            ccurl_set_long(easy, CURLOPT_BUFFERSIZE, 2048),
            ccurl_set_long(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16384),
            ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText),
            ccurl_set_pointer(easy, CURLOPT_PRIVATE, context),
            ccurl_set_pointer(easy, CURLOPT_HEADERDATA, context),
            ccurl_set_receiver(easy, CURLOPT_HEADERFUNCTION, Self.receiveHeader),
            ccurl_set_pointer(easy, CURLOPT_WRITEDATA, context),
            ccurl_set_receiver(easy, CURLOPT_WRITEFUNCTION, Self.receiveBody),
        ]
        switch request.method {
        case .get:
            codes.append(ccurl_set_long(easy, CURLOPT_HTTPGET, 1))
        case .delete:
            codes.append(ccurl_set_string(easy, CURLOPT_CUSTOMREQUEST, request.method.rawValue))
        case .post:
            codes.append(ccurl_set_long(easy, CURLOPT_POST, 1))
            codes.append(ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)))
            // Never a null pointer, for which libcurl would read standard input: hence one byte more than is sent.
            (request.body + [0]).withUnsafeBytes { bytes in
                let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
                codes.append(ccurl_set_string(easy, CURLOPT_COPYPOSTFIELDS, start))
            }
        }
        return codes.first { $0 != CURLE_OK } ?? CURLE_OK
    }

    private static func list(_ headers: [(name: String, value: String)]) -> UnsafeMutablePointer<curl_slist>? {
        // An empty Expect: libcurl would wait a second for a 100 before it sends a large body.
        headers.reduce(ccurl_slist_append(nil, "Expect:")) { list, header in
            // "Name:" alone would remove the header; a semicolon sends it empty.
            let line = header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
            return ccurl_slist_append(list, line) ?? list
        }
    }

    private static let receiveHeader: ccurl_receiver = { bytes, size, count, context in
        guard let context else { return 0 }
        // Read on this very thread, before the call returns.
        nonisolated(unsafe) let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
        let state = Unmanaged<TransferState>.fromOpaque(context).takeUnretainedValue()
        return LoopActor.assumeIsolated { state.receive(headerLine: line) == .taken ? line.count : 0 }
    }

    private static let receiveBody: ccurl_receiver = { bytes, size, count, context in
        guard let context else { return 0 }
        // As above.
        nonisolated(unsafe) let body = UnsafeRawBufferPointer(start: bytes, count: size * count)
        let state = Unmanaged<TransferState>.fromOpaque(context).takeUnretainedValue()
        return LoopActor.assumeIsolated {
            switch state.receive(body: body) {
            case .taken: body.count
            case .pause: Int(CURL_WRITEFUNC_PAUSE)
            case .stop: 0
            }
        }
    }
}
