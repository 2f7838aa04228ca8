//! Pictures of answers as they come, and of answers that mean no good.
#![allow(clippy::unwrap_used)]

use insula_client::api::{
    StepStatus, TaskPhase, Trace, TraceNote, TraceSpan, TraceStart, TraceStep,
};
use insula_types::task::Exit;

use super::picture::Picture;
use super::text::draw;
use super::web::page;
use crate::output::Terminal;

const TERMINAL: Terminal = Terminal {
    columns: 80,
    is_unicode: true,
    is_coloured: false,
};
const BEGIN: u64 = 1_000_000;

fn step(name: &str, place: &str, from: u64, until: Option<u64>) -> TraceStep {
    TraceStep {
        name: name.into(),
        from: BEGIN + from,
        until: until.map(|until| BEGIN + until),
        place: place.into(),
        status: match until {
            Some(_) => StepStatus::Ok,
            None => StepStatus::UnderWay,
        },
        detail: String::new(),
    }
}

fn start(steps: Vec<TraceStep>) -> TraceStart {
    TraceStart {
        launch: Some("1.7".into()),
        attempt: 0,
        agent: Some("agent-1".into()),
        hostname: Some("vm".into()),
        phase: TaskPhase::Done,
        state: "TASK_FINISHED".into(),
        reason: None,
        message: String::new(),
        exit: Some(Exit::Code(0)),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        span_id: "00f067aa0ba902b7".into(),
        caller: None,
        first: None,
        steps,
        notes: Vec::new(),
        spans: Vec::new(),
    }
}

fn ran() -> TraceStart {
    start(vec![
        step("waiting for an offer", "control plane", 0, Some(2_000)),
        step("launch under way", "control plane", 2_000, Some(5_000)),
        step("starting", "agent vm", 5_000, Some(12_000)),
        step("running", "agent vm", 12_000, Some(18_000)),
        step("end under way", "control plane", 18_000, Some(20_000)),
    ])
}

fn waits() -> TraceStart {
    let mut open = step("waiting for an offer", "control plane", 20_000, None);
    open.detail = "no agent fits now: needs 2 cpus, largest free 0".into();
    TraceStart {
        launch: None,
        agent: None,
        hostname: None,
        attempt: 1,
        phase: TaskPhase::Waiting,
        state: "TASK_STAGING".into(),
        exit: None,
        ..start(vec![open])
    }
}

fn trace(starts: Vec<TraceStart>) -> Trace {
    Trace {
        id: "hello-1".into(),
        name: "hello".into(),
        framework: "insula".into(),
        kind: "native".into(),
        resources: "cpus:0.1;mem:64".into(),
        at: BEGIN + 30_000,
        earlier: false,
        starts,
    }
}

fn drawn(trace: &Trace) -> String {
    draw(&Picture::of(trace), &TERMINAL)
}

#[test]
fn a_task_that_ran_is_a_waterfall() {
    let mut ran = ran();
    ran.spans.push(TraceSpan {
        name: "commit".into(),
        kind: "internal".into(),
        span_id: "00f067aa0ba902b8".into(),
        parent: None,
        from: BEGIN + 2_000,
        until: BEGIN + 4_000,
        attributes: Vec::new(),
        error: None,
    });
    let expected = "\
hello-1  finished, exit code 0, 20.0 ms in all
native task, cpus:0.1;mem:64, framework insula, since 1970-01-01 00:00:01.000 UTC

launch 1.7 on vm (agent agent-1)
trace 4bf92f3577b34da6a3ce929d0e0e4736
STEP                  WHERE          ╷0           ╷10 ms              AT    TOOK
waiting for an offer  control plane  ━━╸                               0  2.0 ms
launch under way      control plane    ╺━━━╸                      2.0 ms  3.0 ms
starting              agent vm             ╺━━━━━━━━╸             5.0 ms  7.0 ms
running               agent vm                      ╺━━━━━━━╸    12.0 ms  6.0 ms
end under way         control plane                         ╺━━  18.0 ms  2.0 ms
SPAN                  KIND
commit                internal         ╶──                        2.0 ms  2.0 ms";
    assert_eq!(drawn(&trace(vec![ran])), expected);
}

#[test]
fn a_task_that_is_started_again_is_one_picture() {
    let mut failed = ran();
    failed.state = "TASK_FAILED".into();
    failed.exit = Some(Exit::Code(4));
    failed.steps[3].status = StepStatus::Failed;
    failed.steps[3].detail = "Command exited with status 4".into();
    failed.notes.push(TraceNote {
        at: Some(BEGIN + 1_000),
        text: "retried: 1 retries left".into(),
    });
    let expected = "\
hello-1  waiting, 30.0 ms so far
native task, cpus:0.1;mem:64, framework insula, since 1970-01-01 00:00:01.000 UTC

start 0: failed, exit code 4
launch 1.7 on vm (agent agent-1)
trace 4bf92f3577b34da6a3ce929d0e0e4736
STEP                  WHERE          ╷0      ╷10 ms   ╷20 ms         AT     TOOK
waiting for an offer  control plane  ━╸                               0   2.0 ms
launch under way      control plane   ╺━━                        2.0 ms   3.0 ms
starting              agent vm           ━━━━━━                  5.0 ms   7.0 ms
running               agent vm                 ━━━━✗            12.0 ms   6.0 ms
end under way         control plane                 ━╸          18.0 ms   2.0 ms
✗ running: Command exited with status 4
· at 1.0 ms: retried: 1 retries left

start 1: waiting
trace 4bf92f3577b34da6a3ce929d0e0e4736
STEP                  WHERE          ╷0      ╷10 ms   ╷20 ms         AT     TOOK
waiting for an offer  control plane                  ╺━━━━━━━…  20.0 ms  10.0 ms
… waiting for an offer: no agent fits now: needs 2 cpus, largest free 0";
    assert_eq!(drawn(&trace(vec![failed, waits()])), expected);
}

#[test]
fn without_unicode_there_is_nothing_but_ascii() {
    let mut answer = trace(vec![ran(), waits()]);
    answer.id = "größe".into();
    answer.starts[0].hostname = Some("högar".into());
    answer.starts[0].steps[2].place = "agent högar".into();
    answer.starts[0].steps[3].until = Some(BEGIN + 12_300);
    let terminal = Terminal {
        is_unicode: false,
        ..TERMINAL
    };
    let text = draw(&Picture::of(&answer), &terminal);
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("300 us") && text.contains("====>"), "{text}");
}

#[test]
fn every_line_of_a_table_is_equally_wide_and_fits() {
    for columns in [0, 70, 80, 131, 10_000] {
        let mut answer = trace(vec![ran()]);
        answer.starts[0].steps[3].place = format!("agent {}", "字".repeat(50));
        let picture = Picture::of(&answer);
        let text = draw(
            &picture,
            &Terminal {
                columns,
                ..TERMINAL
            },
        );
        let rows: Vec<&str> = text
            .lines()
            .skip_while(|line| !line.starts_with("STEP"))
            .collect();
        let widths: Vec<usize> = rows.iter().map(|line| line.chars().count()).collect();
        // The narrowest has the widest place and still some room for bars.
        let expected = columns.clamp(73, 180);
        assert!(
            widths.iter().all(|width| *width == expected),
            "{columns}: {widths:?}\n{text}"
        );
    }
}

#[test]
fn colours_change_nothing_else() {
    let answer = trace(vec![ran(), waits()]);
    let terminal = Terminal {
        is_coloured: true,
        ..TERMINAL
    };
    let coloured = draw(&Picture::of(&answer), &terminal);
    let parts: Vec<&str> = coloured.split('\u{1b}').collect();
    assert!(parts.len() > 20);
    let rest = parts[1..]
        .iter()
        .map(|part| part.split_once('m').unwrap().1);
    let plain: String = std::iter::once(parts[0]).chain(rest).collect();
    let trimmed: Vec<&str> = plain.lines().map(str::trim_end).collect();
    assert_eq!(trimmed.join("\n"), drawn(&answer));
}

#[test]
fn a_span_with_a_wrong_clock_does_not_shrink_the_picture() {
    let mut answer = trace(vec![ran()]);
    let span = |from, until| TraceSpan {
        name: "run".into(),
        kind: "internal".into(),
        span_id: "1".into(),
        parent: None,
        from,
        until,
        attributes: Vec::new(),
        error: None,
    };
    answer.starts[0].spans = vec![
        span(0, 1),
        span(u64::MAX, 0),
        span(BEGIN - 500, BEGIN + 1),
        span(BEGIN, BEGIN + 30_001),
    ];
    let picture = Picture::of(&answer);
    assert_eq!(
        (picture.axis.from, picture.axis.until),
        (BEGIN - 500, BEGIN + 20_000)
    );
    let text = drawn(&answer);
    assert!(text.contains("-999.5 ms"), "{text}");
}

/// A task, machine, span and sentences whose names want to be more than names.
fn hostile() -> Trace {
    let evil = "</title></svg><script>alert('x')</script>\u{1b}[2J\n\u{202e}\"onload=";
    let mut start = ran();
    start.hostname = Some(evil.into());
    start.agent = Some(evil.into());
    start.launch = Some(evil.into());
    start.state = evil.into();
    start.trace_id = evil.into();
    start.steps[3].place = format!("agent {evil}");
    start.steps[3].status = StepStatus::Failed;
    start.steps[3].detail = evil.into();
    let note = TraceNote {
        at: None,
        text: evil.into(),
    };
    start.notes.push(note);
    start.spans.push(TraceSpan {
        name: evil.into(),
        kind: evil.into(),
        span_id: evil.into(),
        parent: None,
        from: BEGIN,
        until: BEGIN + 1,
        attributes: vec![(evil.into(), evil.into())],
        error: Some(evil.into()),
    });
    Trace {
        id: evil.into(),
        framework: evil.into(),
        kind: evil.into(),
        resources: evil.into(),
        ..trace(vec![start.clone(), start])
    }
}

#[test]
fn hostile_names_stay_text_in_a_page() {
    let page = page(&Picture::of(&hostile()));
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)"));
    for tag in ["<script", "</svg><", "\u{1b}", "\u{202e}", "\"onload"] {
        assert!(!page.contains(tag), "{tag}");
    }
    let count = |text: &str| page.matches(text).count();
    assert_eq!((count("<title>"), count("</title>")), (13, 13));
    assert_eq!((count("<svg "), count("</svg>")), (2, 2));
    assert_eq!(count("\n<svg "), count("</svg>\n"));
}

#[test]
fn hostile_names_stay_on_their_line_in_a_terminal() {
    let text = drawn(&hostile());
    assert!(!text.contains('\u{1b}'), "{text}");
    // Two lines of heading, and of each start a blank one, its title, two facts, two headers, six
    // rows and two notes, since the span fails in the words of the step.
    assert_eq!(text.lines().count(), 2 + 2 * 14);
}

#[test]
fn a_page_asks_nobody_for_anything() {
    let page = page(&Picture::of(&trace(vec![ran(), waits()])));
    for outside in [
        "http:", "https:", "src=", "href=", "url(", "@import", "<link", "<script",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.contains("bar control-plane open"));
}
