/// More settings of what is written down.
extension Catalog {
    static let logFormat = Setting<LogOutput.Format>.choice(
        "CHAT_LOG_FORMAT", nil,
        "json; text; or ecs, JSON under the names of the Elastic Common Schema. By default text on a terminal, else json."
    )
    static let logShare = Setting.number(
        "CHAT_LOG_SHARE", "1", 0...1,
        "Share of the requests below 400 that get a line, from 0 for none to 1 for all; others always do.")
    static let auditLog = Setting.text(
        "CHAT_AUDIT_LOG", nil,
        "File for the audit log, opened anew on SIGUSR1; by default there is none.")
}
