import Chat
import FoundationEssentials

extension Setting<CacheLifetimes> {
    /// A number of seconds, and exceptions to it: `3600,conversation=600,structured=60,model:NAME=0`.
    static func lifetimes(_ name: String, _ fallback: String, _ range: ClosedRange<Double>, _ help: String) -> Self {
        Setting(name, fallback, help, write: write) { text throws(SettingFault) in
            func seconds(_ word: String) throws(SettingFault) -> Double {
                guard let seconds = Double(word), range.contains(seconds) else {
                    throw SettingFault("must be a number from \(range.lowerBound) to \(range.upperBound), is “\(word)”")
                }
                return seconds
            }
            let items = text.split(separator: ",", omittingEmptySubsequences: false)
                .map { $0.filter { !$0.isWhitespace } }
            guard !items[0].contains("=") else {
                throw SettingFault("begins with a number that holds without an exception; is “\(text)”")
            }
            var lifetimes = CacheLifetimes(try seconds(items[0]))
            for item in items.dropFirst() {
                // A model's name may have a = of its own.
                guard let sign = item.lastIndex(of: "=") else {
                    throw SettingFault("takes exceptions such as conversation=600; not “\(item)”")
                }
                let (kind, number) = (item[..<sign], try seconds(String(item[item.index(after: sign)...])))
                let isNew: Bool
                switch kind {
                case "conversation": (isNew, lifetimes.conversation) = (lifetimes.conversation == nil, number)
                case "structured": (isNew, lifetimes.structured) = (lifetimes.structured == nil, number)
                case _ where kind.hasPrefix("model:") && kind != "model:":
                    isNew = lifetimes.models.updateValue(number, forKey: String(kind.dropFirst(6))) == nil
                default: throw SettingFault("knows conversation, structured and model:NAME; not “\(kind)”")
                }
                guard isNew else { throw SettingFault("names something twice: “\(kind)”") }
            }
            return lifetimes
        }
    }

    private static func write(_ lifetimes: CacheLifetimes) -> String {
        var items = [decimal(lifetimes.usual)]
        if let seconds = lifetimes.conversation { items.append("conversation=" + decimal(seconds)) }
        if let seconds = lifetimes.structured { items.append("structured=" + decimal(seconds)) }
        for (name, seconds) in lifetimes.models.sorted(by: { $0.key < $1.key }) {
            items.append("model:\(name)=" + decimal(seconds))
        }
        return items.joined(separator: ",")
    }
}
