internal import Glibc

/// Runs the body in a thread of 512 KiB stack, as small as a worker's threads are, and waits for it.
public func onSmallStack(_ body: @escaping @Sendable () -> Void) {
    final class Job {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let status = withUnsafeTemporaryAllocation(of: pthread_attr_t.self, capacity: 1) { attributes in
        pthread_attr_init(attributes.baseAddress!)
        defer { pthread_attr_destroy(attributes.baseAddress!) }
        pthread_attr_setstacksize(attributes.baseAddress!, 512 * 1024)
        return pthread_create(
            &thread, attributes.baseAddress,
            { job in
                job.map { Unmanaged<Job>.fromOpaque($0).takeRetainedValue().body() }
                return nil
            }, Unmanaged.passRetained(Job(body)).toOpaque())
    }
    precondition(status == 0, "pthread_create failed with \(status)")
    pthread_join(thread, nil)
}
