internal import CCurl
internal import EventLoop
internal import Threads

/// libcurl itself, which a process loads once it needs it.
@LoopActor enum Library {
    private static var loading: Task<String?, Never>?

    /// Loads and starts libcurl on a thread of its own. Once that is done it returns at once.
    ///
    /// - Throws: ``CurlError`` of kind `.unreachable`. The next call tries again: what is missing may be installed by then.
    static func load() async throws(CurlError) {
        let task = loading ?? Task { await fault() }
        loading = task
        guard let fault = await task.value else { return }
        loading = nil
        throw CurlError(.unreachable, "libcurl cannot be loaded: \(fault)")
    }

    private nonisolated static func fault() async -> String? {
        await withCheckedContinuation { continuation in
            do {
                try BlockingThread.detach { continuation.resume(returning: ccurl_load().map { String(cString: $0) }) }
            } catch {
                continuation.resume(returning: "\(error)")
            }
        }
    }
}
