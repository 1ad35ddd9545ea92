internal import CCurl
internal import EventLoop

/// What the transfers of all multi handles have in common: name look-ups and TLS sessions.
///
/// It has no locks, for it is used on the event loop only.
@LoopActor final class Share {
    let handle: UnsafeMutableRawPointer

    /// - Throws: ``CurlError`` of kind `.unreachable` when libcurl has no memory.
    init() throws(CurlError) {
        guard let handle = ccurl_share_init() else { throw CurlError(.unreachable, "libcurl has no memory") }
        ccurl_share(handle, CURL_LOCK_DATA_DNS)
        ccurl_share(handle, CURL_LOCK_DATA_SSL_SESSION)
        self.handle = handle
    }

    isolated deinit {
        ccurl_share_cleanup(handle)
    }
}
