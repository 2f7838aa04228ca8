//! Text from other people, made safe to stand in a page.

/// Escapes what has a meaning in HTML, in text as in attributes, and shows what is invisible:
/// characters that break a line or turn its direction around would make it look like another.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() || turns(c) => escaped.extend(c.escape_default()),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The formatting characters of the bidirectional algorithm (Unicode Standard Annex 9), and the
/// separators of lines and paragraphs.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_place() {
        assert_eq!(
            escape("</title><script>a('b')&\"</script>"),
            "&lt;/title&gt;&lt;script&gt;a(&#39;b&#39;)&amp;&quot;&lt;/script&gt;"
        );
        assert_eq!(
            escape("a\u{0}\n\u{202e}b größer"),
            "a\\u{0}\\n\\u{202e}b größer"
        );
    }
}
