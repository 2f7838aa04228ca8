//! Counts the words of its standard input, and how often each of the most frequent ones occurs.
//!
//! ```text
//! word-count [N]        N most frequent words, 10 by default
//! ```

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::num::NonZeroU8;
use std::process::ExitCode;

use insula_sdk::Failure;

/// As most tools of the command line have it: 2 means that the call was wrong.
const USAGE: NonZeroU8 = NonZeroU8::new(2).expect("2 is not zero");

fn main() -> ExitCode {
    insula_sdk::run(word_count)
}

fn word_count() -> Result<(), Failure> {
    let shown = match std::env::args().nth(1) {
        None => 10,
        Some(text) => text.parse().map_err(|_| {
            Failure::new(USAGE, format!("`{text}` is not a number of words to show"))
        })?,
    };
    report(&count(io::stdin().lock())?, shown, &mut io::stdout().lock())?;
    Ok(())
}

/// How often each word occurs. A word is a run of letters and digits; case does not matter.
fn count(input: impl BufRead) -> io::Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for line in input.lines() {
        let line = line?;
        let words = line
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty());
        for word in words {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    Ok(counts)
}

fn report(counts: &BTreeMap<String, u64>, shown: usize, out: &mut impl Write) -> io::Result<()> {
    let mut words: Vec<(&String, &u64)> = counts.iter().collect();
    words.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    writeln!(
        out,
        "{} words, {} different",
        counts.values().sum::<u64>(),
        counts.len()
    )?;
    for (word, times) in words.into_iter().take(shown) {
        writeln!(out, "{times:>8} {word}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_words_come_first_and_ties_in_order() {
        let counts = count("One fish, two fish:\nred fish; blue fish. ONE two".as_bytes()).unwrap();
        let mut out = Vec::new();
        report(&counts, 3, &mut out).unwrap();
        let expected = "10 words, 5 different\n       4 fish\n       2 one\n       2 two\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn an_empty_input_has_no_words() {
        assert!(count("".as_bytes()).unwrap().is_empty());
    }
}
