//! The one place that prints: figures on standard output, a line each, for people or for machines.

use std::time::Duration;

use serde_json::{Value, json};

/// How figures are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// A name and a value per line.
    Text,
    /// A JSON object per line.
    Json,
}

impl Report {
    /// Prints the title of a scenario, with the machine that it runs on and what else that does.
    pub(crate) fn title(self, text: &str) {
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        let load = load_average();
        let line = match self {
            Self::Text => format!("\n{text} [{cpus} processors, load {load} before]"),
            Self::Json => {
                json!({ "scenario": text, "processors": cpus, "load_before": load }).to_string()
            }
        };
        print(&line);
    }

    /// Prints a figure that is a text.
    pub(crate) fn figure(self, name: &str, value: &str) {
        self.line(name, value, || json!({ "value": value }));
    }

    /// Prints how many.
    pub(crate) fn count(self, name: &str, count: u64) {
        self.line(name, &count.to_string(), || json!({ "count": count }));
    }

    /// Prints a share in percent.
    pub(crate) fn share(self, name: &str, share: f64) {
        let percent = share * 100.0;
        let text = format!("{percent:.1} %");
        self.line(name, &text, || json!({ "percent": percent }));
    }

    /// Prints how long something took.
    pub(crate) fn took(self, name: &str, took: Duration) {
        self.line(name, &millis(took), || json!({ "ms": in_millis(took) }));
    }

    /// Prints how long something took: best, median and maximum of several times. On a machine that
    /// does other work as well the best says most about the code.
    pub(crate) fn times(self, name: &str, times: &[Duration]) {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let [best, .., max] = sorted[..] else {
            return;
        };
        let median = sorted[sorted.len() / 2];
        let [b, m, x] = [best, median, max].map(millis);
        self.line(name, &format!("best {b}, median {m}, max {x}"), || {
            let [best, median, max] = [best, median, max].map(in_millis);
            json!({ "best_ms": best, "median_ms": median, "max_ms": max })
        });
    }

    /// Prints how many of something were done in a time, and how many that is per second.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate is read by people, who need no more digits than a double has"
    )]
    pub(crate) fn rate(self, name: &str, count: u64, took: Duration) {
        let rate = count as f64 / took.as_secs_f64().max(1e-9);
        let text = format!("{rate:.0}/s ({count} in {})", millis(took));
        self.line(
            name,
            &text,
            || json!({ "per_second": rate, "count": count, "ms": in_millis(took) }),
        );
    }

    /// Prints how many processors were busy on average.
    pub(crate) fn processors(self, name: &str, used: Duration, took: Duration) {
        let busy = used.as_secs_f64() / took.as_secs_f64().max(1e-9);
        self.line(
            name,
            &format!("{busy:.2}"),
            || json!({ "processors": busy }),
        );
    }

    /// Prints the percentiles of how long many things took.
    pub(crate) fn percentiles(self, name: &str, times: &mut [Duration]) {
        times.sort_unstable();
        let Some(last) = times.len().checked_sub(1) else {
            return;
        };
        let found = [500, 900, 990, 1_000].map(|per_mille| times[last * per_mille / 1_000]);
        let [p50, p90, p99, max] = found.map(millis);
        let text = format!("p50 {p50}, p90 {p90}, p99 {p99}, max {max}");
        self.line(name, &text, || {
            let [p50, p90, p99, max] = found.map(in_millis);
            json!({ "p50_ms": p50, "p90_ms": p90, "p99_ms": p99, "max_ms": max })
        });
    }

    /// Prints how large many things were: mean and percentiles.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a mean is read by people, who need no more digits than a double has"
    )]
    pub(crate) fn sizes(self, name: &str, sizes: &mut [u64]) {
        sizes.sort_unstable();
        let Some(last) = sizes.len().checked_sub(1) else {
            return;
        };
        let mean = sizes.iter().sum::<u64>() as f64 / sizes.len() as f64;
        let [p50, p99, max] = [500, 990, 1_000].map(|per_mille| sizes[last * per_mille / 1_000]);
        let count = sizes.len();
        let text = format!("mean {mean:.1}, p50 {p50}, p99 {p99}, max {max} (of {count})");
        self.line(
            name,
            &text,
            || json!({ "mean": mean, "p50": p50, "p99": p99, "max": max, "count": count }),
        );
    }

    fn line(self, name: &str, text: &str, json: impl FnOnce() -> Value) {
        match self {
            Self::Text => print(&format!("  {name:<52} {text}")),
            Self::Json => {
                let mut line = json();
                line["figure"] = name.into();
                print(&line.to_string());
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the figures are this program's output")]
fn print(line: &str) {
    println!("{line}");
}

/// A duration in milliseconds, as text.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.2} ms", in_millis(duration))
}

fn in_millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Processes that wanted to run during the last minute, which says how far to trust the figures.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// Says on standard error what is being done.
#[expect(clippy::print_stderr, reason = "talk goes to standard error")]
pub(crate) fn say(sentence: &str) {
    eprintln!("insula-loadtest: {sentence}");
}

/// Says what went wrong, with all its causes, on standard error.
pub(crate) fn failure(error: &dyn std::error::Error) {
    let mut sentence = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        sentence = format!("{sentence}: {cause}");
        source = cause.source();
    }
    say(&sentence);
}
