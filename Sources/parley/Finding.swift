import StrictJSON

/// One line of `parley check`.
struct Finding: CustomStringConvertible, Sendable {
    enum Verdict: String, Sendable {
        case well = "ok"
        /// It may be meant so.
        case warning
        case wrong = "failed"
    }

    let verdict: Verdict
    let what: String
    let detail: String
    /// What to do about it; empty where nothing is to be done.
    let mend: String

    static func well(_ what: String, _ detail: String) -> Finding {
        Finding(verdict: .well, what: what, detail: detail, mend: "")
    }

    static func warning(_ what: String, _ detail: String, mend: String) -> Finding {
        Finding(verdict: .warning, what: what, detail: detail, mend: mend)
    }

    static func wrong(_ what: String, _ detail: String, mend: String) -> Finding {
        Finding(verdict: .wrong, what: what, detail: detail, mend: mend)
    }

    /// A warning is well.
    var isWell: Bool { verdict != .wrong }

    var description: String {
        let word =
            switch verdict {
            case .well: "ok   "
            case .warning: "WARN "
            case .wrong: "WRONG"
            }
        // Some of it is what a deployment answered.
        return LogOutput.printable("\(word) \(what): \(detail)")
            + (mend.isEmpty ? "" : "\n      to mend it: \(LogOutput.printable(mend))")
    }
}

/// What a check found, told line by line or in one object at its end.
struct Findings {
    private let isJSON: Bool
    private var all: [Finding] = []

    init(isJSON: Bool) { self.isJSON = isJSON }

    var areWell: Bool { all.allSatisfy(\.isWell) }

    mutating func add(_ finding: Finding) {
        all.append(finding)
        if !isJSON { print(finding) }
    }

    mutating func add(_ findings: [Finding]) {
        for finding in findings { add(finding) }
    }

    /// Call it once, when all is found.
    func finish() {
        guard isJSON else { return }
        let text = JSONWriter.object { json in
            json.member("ok", areWell)
            json.array("checks") { list in
                for finding in all {
                    list.object { json in
                        json.member("name", finding.what)
                        json.member("result", finding.verdict.rawValue)
                        json.member("detail", finding.detail)
                        if !finding.mend.isEmpty { json.member("mend", finding.mend) }
                    }
                }
            }
        }
        print(String(decoding: text, as: UTF8.self))
    }
}
