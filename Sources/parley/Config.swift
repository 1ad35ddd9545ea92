import ArgumentParser

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows every setting, its effective value and where that came from. Secrets are masked.")

    @OptionGroup var options: SettingOptions

    @Option(
        help: ArgumentHelp(
            "Print the effective value of this one setting and nothing else; not for secrets. May be repeated: a line each.",
            valueName: "name"))
    var value: [String] = []

    func run() throws {
        let sources = try options.sources()
        guard value.isEmpty else {
            let lines = try value.map { name in
                guard let setting = Catalog.all.first(where: { $0.name == name }), !setting.isSecret else {
                    throw ValidationError("\(name) is no setting that can be shown")
                }
                let text = try effective(setting, sources)?.text ?? ""
                guard value.count == 1 || !text.contains(where: \.isNewline) else {
                    throw ValidationError("\(name) has several lines: write it in one")
                }
                return text
            }
            return print(lines.joined(separator: "\n"))
        }
        let width = Catalog.all.map(\.name.count).max() ?? 0
        for setting in Catalog.all {
            let found = try effective(setting, sources)
            let text = found.map { setting.isSecret ? "(secret, \($0.text.utf8.count) bytes)" : $0.text } ?? "–"
            print("\(setting.name.padded(to: width))  \(text)  [\(found?.source ?? "not set")]")
            print("\("".padded(to: width))  \(setting.help)")
        }
    }

    private func effective(_ setting: any AnySetting, _ sources: SettingSources) throws -> SettingSources.Found? {
        let found = try sources.effective(setting, cores: ProcessEnvironment.cores)
        return try found.map { SettingSources.Found(text: try setting.canonical($0.text), source: $0.source) }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
