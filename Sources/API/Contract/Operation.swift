import FastCGI

/// What the contract's document says of a route, beside what follows from the route itself: its path and method, who
/// may use it, and what may be wrong with any request.
struct Operation: Sendable {
    /// A topic of the document.
    enum Tag: String, CaseIterable, Sendable {
        case sessions = "Sessions"
        case chat = "Chat"
        case conversations = "Conversations"
        case streams = "Streams"
        case openAI = "OpenAI"
        case keys = "Keys"
        case health = "Health"
    }

    struct Parameter: Sendable {
        enum Place: String, Sendable { case path, query, header }

        let name: String
        let place: Place
        let description: String
        let schema: Schema
        var example: OrderedJSON?
    }

    /// One way in which a body may be written.
    struct Content: Sendable {
        var type = "application/json"
        let schema: Schema
        /// By a short title.
        var examples: KeyValuePairs<String, OrderedJSON> = [:]
    }

    struct Reply: Sendable {
        var status = 200
        let description: String
        let contents: [Content]
        /// Beside ``Header/requestID``.
        var headers: [Header] = []

        init(_ description: String, status: Int = 200, headers: [Header] = [], _ contents: Content...) {
            self.description = description
            self.status = status
            self.headers = headers
            self.contents = contents
        }
    }

    /// The name of the operation in programs that are made from the document.
    let id: String
    let tag: Tag
    let summary: String
    let description: String
    var parameters: [Parameter] = []
    /// Nil when it takes none.
    var body: Content?
    let replies: [Reply]
    /// What else may go wrong, and when; an empty text for what the status says anyway. See ``ErrorStatus/all(of:_:)``.
    var errors: KeyValuePairs<ErrorStatus, String> = [:]
}
