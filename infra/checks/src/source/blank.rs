//! Replaces comments and literals by spaces.

/// `text` with comments, string and character literals replaced by spaces, so that what remains is
/// code. Lines keep their numbers.
pub fn code_of(text: &str) -> String {
    let mut blanker = Blanker {
        rest: text,
        code: String::with_capacity(text.len()),
    };
    while !blanker.rest.is_empty() {
        blanker.step();
    }
    blanker.code
}

struct Blanker<'a> {
    rest: &'a str,
    code: String,
}

impl Blanker<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.blank(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.blank(block_comment_length(rest));
        } else if let Some(length) = raw_string_length(rest).filter(|_| !self.in_word()) {
            self.blank(length);
        } else if rest.starts_with('"') {
            self.blank(quoted_length(rest, '"'));
        } else if let Some(length) = character_length(rest) {
            self.blank(length);
        } else {
            self.keep();
        }
    }

    /// Whether the last character belongs to a word, as the `r` of `for` does before a quote.
    fn in_word(&self) -> bool {
        self.code
            .ends_with(|c: char| c == '_' || c.is_alphanumeric())
    }

    fn keep(&mut self) {
        let mut characters = self.rest.chars();
        self.code.extend(characters.next());
        self.rest = characters.as_str();
    }

    fn blank(&mut self, length: usize) {
        let (gone, rest) = self.rest.split_at(length);
        self.code
            .extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.rest = rest;
    }
}

/// Block comments nest in Rust.
fn block_comment_length(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of `r"…"`, `r#"…"#`, `br"…"` and so on at the start of `text`.
fn raw_string_length(text: &str) -> Option<usize> {
    let after = text
        .strip_prefix("br")
        .or_else(|| text.strip_prefix("cr"))
        .or_else(|| text.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(
        body.find(&end)
            .map_or(text.len(), |at| start + at + end.len()),
    )
}

/// The length of a literal that starts and ends with `quote` and escapes with a backslash.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// The length of a character literal; `None` for a lifetime, which has no closing quote.
fn character_length(text: &str) -> Option<usize> {
    let mut characters = text.strip_prefix('\'')?.chars();
    let first = characters.next()?;
    if first == '\\' {
        return Some(quoted_length(text, '\''));
    }
    (characters.next()? == '\'').then(|| 2 + first.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::code_of;

    fn blanked(text: &str) -> String {
        code_of(text)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn comments_go_and_lines_stay() {
        assert_eq!(code_of("a // unsafe\nb"), "a          \nb");
        assert_eq!(blanked("a /* x /* unsafe */ y */ b"), "a b");
        assert_eq!(code_of("/* 1\n2 */c").lines().count(), 2);
    }

    #[test]
    fn literals_go() {
        assert_eq!(blanked(r#"f("unsafe \" unsafe", 'u', b"u")"#), "f( , , b )");
        assert_eq!(blanked("f(r#\"a \" unsafe\"#, br\"x\")"), "f( , )");
        assert_eq!(blanked("f('\\'', '\"', \"x\")"), "f( , , )");
    }

    #[test]
    fn lifetimes_and_words_that_end_in_r_stay() {
        assert_eq!(blanked("fn f<'a>(x: &'a str)"), "fn f<'a>(x: &'a str)");
        assert_eq!(blanked("for\"x\" y"), "for y");
        assert_eq!(blanked("r#type"), "r#type");
    }

    #[test]
    fn an_unfinished_literal_ends_with_the_file() {
        assert_eq!(blanked("a \"b"), "a");
        assert_eq!(blanked("a /* b"), "a");
        assert_eq!(blanked("a r#\"b"), "a");
    }
}
