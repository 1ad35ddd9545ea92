public import FoundationEssentials

/// What a request's `Cache-Control` asks for (RFC 9111, 5.2.1).
public enum CacheControl: Sendable, Hashable {
    case none
    /// A new answer, which others may then be given: neither one from the cache nor one that is being made.
    case noCache
    /// A new answer, which is the caller's alone.
    case noStore
}

/// How long answers stay good, in seconds; zero switches the cache off.
public struct CacheLifetimes: Sendable, Equatable {
    public let usual: TimeInterval
    /// Of answers with turns before their question.
    public var conversation: TimeInterval?
    /// Of answers in JSON.
    public var structured: TimeInterval?
    /// Of the model that is asked first, by its name: which one will answer nobody knows when the cache is looked at.
    public var models: [String: TimeInterval] = [:]

    public init(_ usual: TimeInterval) { self.usual = usual }

    public var longest: TimeInterval {
        ([usual, conversation ?? 0, structured ?? 0] + models.values).max() ?? usual
    }

    /// - Parameter model: what is asked first when the request names none.
    /// - Returns: the shortest of the exceptions that hold for the request; without one, the usual lifetime.
    func lifetime(of request: ModelRequest, else model: String?) -> TimeInterval {
        var exceptions: [TimeInterval] = []
        if let conversation, request.hasTurns { exceptions.append(conversation) }
        if let structured, request.sampling.format != nil { exceptions.append(structured) }
        if let model = request.model ?? request.models?.first ?? model, let lifetime = models[model] {
            exceptions.append(lifetime)
        }
        return exceptions.min() ?? usual
    }
}

extension ModelRequest {
    /// Whether anything but instructions comes before the last message.
    fileprivate var hasTurns: Bool { messages.dropLast().contains { $0.role != .system } }
}

/// What one question may have of the cache.
struct CacheUse: Sendable {
    let key: CacheKey
    /// Seconds that its answer stays good; zero switches the cache off for it.
    let lifetime: TimeInterval
    let control: CacheControl

    init(_ key: CacheKey, lifetime: TimeInterval, _ control: CacheControl = .none) {
        self.key = key
        self.lifetime = lifetime
        self.control = control
    }

    /// Whether another's answer will do: an old one, or one that is being made.
    var takes: Bool { lifetime > 0 && control == .none }
    /// Whether its answer may be given to others.
    var gives: Bool { lifetime > 0 && control != .noStore }
}
