/// Where it is told what became of the requests: the line in the log first, whatever counts and traces beside it.
public protocol Telemetry: Sendable {
    /// Called once for each request, after its reply, on the event loop: it must not block.
    func record(_ report: RequestReport)
}

/// Tells several, in order.
public struct SeveralTelemetries: Telemetry {
    private let all: [any Telemetry]

    public init(_ all: [any Telemetry]) { self.all = all }

    public func record(_ report: RequestReport) {
        for telemetry in all { telemetry.record(report) }
    }
}

/// One request, told when its reply has gone out.
public struct RequestReport: Sendable {
    public let id: String
    public let method: String
    /// The contract's own path, such as `/history/{user_id}`, or `unknown`: no part of it comes from the caller.
    public let route: String
    /// 499 for a caller who went away, which no reply has; zero when there was no reply at all.
    public let status: Int
    /// Why the request was refused or failed, for the operator.
    public let cause: String?
    public let trace: RequestTrace

    public init(id: String, method: String, route: String, status: Int, cause: String?, trace: RequestTrace) {
        self.id = id
        self.method = method
        self.route = route
        self.status = status
        self.cause = cause
        self.trace = trace
    }
}

/// A stretch of time on a request's way.
public struct Span: Sendable, Equatable {
    /// All the spans that a request can have.
    public enum Name: Int, Sendable, CaseIterable {
        /// The whole of it, which the others are parts of.
        case request
        case session, sanitize, cache, place, model, record

        public var parent: Name? { self == .request ? nil : .request }
    }

    public let name: Name
    public let start: ContinuousClock.Instant
    /// Of what was done in several goes the end as if they had followed one another, so that the length is true.
    public let end: ContinuousClock.Instant

    public var milliseconds: Double { (end - start).milliseconds }
}

/// All that is counted of a request.
public enum Counter: Int, Sendable, CaseIterable {
    /// Of the reply's body.
    case bytesSent
    /// What the request cost; an answer that was there already cost none.
    case promptTokens, completionTokens, totalTokens
}

extension Duration {
    /// Whole and broken milliseconds.
    public var milliseconds: Double {
        Double(components.seconds) * 1_000 + Double(components.attoseconds) / 1e15
    }
}
