/// What a writer spells with `\u` in a string, beside what JSON must.
public enum JSONEscapes: Sendable {
    /// `<`, `>`, `&`, U+2028 and U+2029 too, so that a page may have the text in a `<script>`, and a client that takes it
    /// for HTML finds no tag in it.
    case forPages
    /// Nothing: what is written is read by programs only.
    case plain
}
