import Glibc

/// The CGI parameters of one request, in one block of bytes: `NAME=value` one after the other.
///
/// A request has some thirty parameters and a responder looks at a handful, so none becomes a `String` until asked for.
struct Parameters: Sendable {
    private var bytes: [UInt8] = []
    private var entries: [Entry] = []

    private struct Entry: Sendable {
        let start: Int32
        let nameEnd: Int32
        let end: Int32
    }

    init(_ pairs: [(String, String)]) {
        entries.reserveCapacity(pairs.count)
        for (name, value) in pairs {
            let start = bytes.count
            bytes.append(contentsOf: name.utf8)
            let nameEnd = bytes.count
            bytes.append(UInt8(ascii: "="))
            bytes.append(contentsOf: value.utf8)
            entries.append(Entry(start: Int32(start), nameEnd: Int32(nameEnd), end: Int32(bytes.count)))
        }
    }

    /// Copies a NULL-terminated array of `NAME=value`, as in `environ`. What has no `=` is left out.
    init(environment: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) {
        // Exactly as much as is needed: thousands of requests may wait.
        var count = 0
        var size = 0
        while let text = environment[count] {
            count += 1
            size += strlen(text)
        }
        entries.reserveCapacity(count)
        bytes = [UInt8](unsafeUninitializedCapacity: size) { bytes, end in
            for index in 0..<count {
                guard let text = environment[index], let equals = strchr(text, Int32(UInt8(ascii: "="))) else {
                    continue
                }
                let length = equals - text + strlen(equals)
                memcpy(bytes.baseAddress! + end, text, length)
                entries.append(
                    Entry(start: Int32(end), nameEnd: Int32(end + (equals - text)), end: Int32(end + length)))
                end += length
            }
        }
    }

    /// The value of the first parameter whose name is `prefix` and `name` together.
    func value(prefix: StaticString = "", _ name: String) -> String? {
        guard let entry = entries[firstIndex(prefix, name, from: 0)...].first else { return nil }
        return String(decoding: bytes[Int(entry.nameEnd) + 1..<Int(entry.end)], as: UTF8.self)
    }

    /// How many parameters have that name.
    func count(prefix: StaticString, _ name: String) -> Int {
        var (count, index) = (0, firstIndex(prefix, name, from: 0))
        while index < entries.count {
            count += 1
            index = firstIndex(prefix, name, from: index + 1)
        }
        return count
    }

    /// - Returns: the number of all when there is none from there on.
    private func firstIndex(_ prefix: StaticString, _ name: String, from index: Int) -> Int {
        var name = name
        return name.withUTF8 { name in
            bytes.withUnsafeBytes { bytes in
                let length = prefix.utf8CodeUnitCount + name.count
                for index in index..<entries.count where Int(entries[index].nameEnd - entries[index].start) == length {
                    let start = bytes.baseAddress! + Int(entries[index].start)
                    guard memcmp(start, prefix.utf8Start, prefix.utf8CodeUnitCount) == 0,
                        name.isEmpty || memcmp(start + prefix.utf8CodeUnitCount, name.baseAddress!, name.count) == 0
                    else { continue }
                    return index
                }
                return entries.count
            }
        }
    }
}
