//! The one place that prints: figures on standard output, a line each.

use std::time::Duration;

/// Prints the title of a scenario.
#[expect(clippy::print_stdout, reason = "the figures are this program's output")]
pub(crate) fn title(text: &str) {
    println!("\n{text}");
}

/// Prints one figure under its name.
#[expect(clippy::print_stdout, reason = "the figures are this program's output")]
pub(crate) fn figure(name: &str, value: &str) {
    println!("  {name:<52} {value}");
}

/// Prints how long something took: best, median and maximum of several times. On a machine that does
/// other work as well the best says most about the code.
pub(crate) fn times(name: &str, times: &[Duration]) {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    if let [best, .., max] = sorted[..] {
        let median = sorted[sorted.len() / 2];
        let [best, median, max] = [best, median, max].map(millis);
        figure(name, &format!("best {best}, median {median}, max {max}"));
    }
}

/// A duration in milliseconds.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}

/// Prints how many of something were done in a time, and how many that is per second.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate is read by people, who need no more digits than a double has"
)]
pub(crate) fn rate(name: &str, count: u64, took: Duration) {
    let per_second = count as f64 / took.as_secs_f64().max(1e-9);
    let text = format!("{per_second:.0}/s ({count} in {})", millis(took));
    figure(name, &text);
}

/// Prints the percentiles of how long many things took.
pub(crate) fn percentiles(name: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let Some(last) = times.len().checked_sub(1) else {
        return;
    };
    let [p50, p90, p99, max] =
        [500, 900, 990, 1_000].map(|per_mille| millis(times[last * per_mille / 1_000]));
    figure(name, &format!("p50 {p50}, p90 {p90}, p99 {p99}, max {max}"));
}

/// Says what went wrong, with all its causes, on standard error.
#[expect(clippy::print_stderr, reason = "talk goes to standard error")]
pub(crate) fn failure(error: &dyn std::error::Error) {
    let mut sentence = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        sentence = format!("{sentence}: {cause}");
        source = cause.source();
    }
    eprintln!("insula-loadtest: {sentence}");
}
