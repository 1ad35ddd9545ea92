import Chat
import FastCGI
import StrictJSON

extension Request {
    /// The body as a JSON object.
    ///
    /// - Throws: ``ChatError``: 400 not JSON or cut short, 413, 415, 422 not an object.
    func jsonObject() throws(ChatError) -> JSON {
        try checkContentType()
        let bytes: [UInt8]
        switch body {
        case .complete(let complete): bytes = complete
        case .truncated(let expected, let received):
            throw ChatError(.badRequest, "The body has \(received) bytes, but Content-Length says \(expected)")
        case .tooLarge(let limit):
            throw ChatError(.tooLarge, "The body must have at most \(limit) bytes")
        case .invalidLength:
            throw ChatError(.badRequest, "Content-Length must be a decimal number")
        }
        let json: JSON
        do {
            json = try JSON(parsing: bytes)
        } catch {
            throw ChatError(.badRequest, "The body is not JSON: \(error.message)", details: [error.message])
        }
        guard json.object != nil else { throw .invalid("body", "must be a JSON object") }
        return json
    }

    private func checkContentType() throws(ChatError) {
        guard ["identity", nil].contains(header("CONTENT_ENCODING")?.lowercased()) else {
            throw ChatError(.unsupportedMediaType, "Send the body as it is, without a Content-Encoding")
        }
        if header("CONTENT_TYPE") == "application/json" { return }
        let parts = (header("CONTENT_TYPE") ?? "").lowercased().split(separator: ";").map { part in
            String(part.filter { !$0.isWhitespace && $0 != "\"" })
        }
        let charset = parts.dropFirst().first { $0.hasPrefix("charset=") }
        guard parts.first == "application/json", charset == nil || charset == "charset=utf-8" else {
            throw ChatError(.unsupportedMediaType, "Send the body as Content-Type: application/json, in UTF-8")
        }
    }

    /// The token of `Authorization: Bearer …` (RFC 6750 §2.1; the scheme's case does not count).
    var bearerToken: String? {
        guard let value = header("AUTHORIZATION") else { return nil }
        let space = UInt8(ascii: " ")
        var text = value
        return text.withUTF8 { bytes in
            let words = bytes.split(separator: space)
            guard words.count == 2, words[0].count == 6, zip(words[0], "bearer".utf8).allSatisfy({ $0 | 0x20 == $1 })
            else { return nil }
            return String(decoding: words[1], as: UTF8.self)
        }
    }

    /// The last value of a name in the query string, decoded as a form's (`+` is a space); an empty value counts as none.
    ///
    /// - Throws: 400 when that value cannot be decoded.
    func query(_ name: String) throws(ChatError) -> String? {
        if query.isEmpty { return nil }
        for pair in query.split(separator: "&").reversed() {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[1].isEmpty,
                PercentEncoding.decode(parts[0], plusIsSpace: true) == name
            else { continue }
            guard let value = PercentEncoding.decode(parts[1], plusIsSpace: true) else {
                throw ChatError(
                    .badRequest, "\(name) in the query is not percent-encoded UTF-8",
                    details: ["\(name): is not percent-encoded UTF-8"])
            }
            return value
        }
        return nil
    }
}

extension JSON {
    /// Nil when it is null, too.
    func member(_ name: String) -> JSON? {
        guard let value = self[name], !value.isNull else { return nil }
        return value
    }

    /// A member that must be a string where it is there; null counts as absent.
    func text(_ name: String) throws(ChatError) -> String? {
        guard let value = member(name) else { return nil }
        guard let text = value.string else { throw .invalid(name, "must be a string") }
        return text
    }

    func flag(_ name: String) throws(ChatError) -> Bool? {
        guard let value = member(name) else { return nil }
        guard let flag = value.bool else { throw .invalid(name, "must be true or false") }
        return flag
    }
}
