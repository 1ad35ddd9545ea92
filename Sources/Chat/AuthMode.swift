/// How people prove who they are before they have a session. API keys prove themselves in every mode.
public enum AuthMode: String, Sendable, CaseIterable {
    /// Whoever types an address has a session: nothing is proved.
    case open
    /// Whoever reads the mail of an address has a session of its user.
    case code
    /// An identity provider says who it is.
    case external
}
