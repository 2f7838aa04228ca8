//! One start as a drawing (SVG). Units are those of its view box, which are pixels where it is shown at
//! its own size.

use super::super::length::{label, ticks};
use super::super::picture::{Paint, Row};
use super::super::scale::Axis;
use super::escape::escape;

const WIDTH: u32 = 1_120;
/// Where the bars are: right of names and places, left of the times.
const BARS: std::ops::Range<u32> = 320..940;
/// Where places begin.
const PLACES: u32 = 180;
/// Where the times end: of the beginning, and of the length.
const TIMES: [u32; 2] = [1_020, 1_110];
/// Above the first row.
const HEADER: u32 = 26;
const ROW: u32 = 24;
/// Between steps and spans, and below the last row.
const GAP: u32 = 10;
/// Lines of text are drawn from their base line.
const BASE: u32 = 16;
/// Longest name or place that has room, in characters.
const CELL_MAX: usize = 20;
/// Most ticks whose labels have room beside one another.
const TICKS_MAX: u64 = 7;

pub(super) fn draw(rows: &[Row], axis: Axis) -> String {
    let mut top = HEADER;
    let mut body = String::new();
    let mut was_step = false;
    for each in rows {
        if was_step && each.paint == Paint::Span {
            top = top.saturating_add(GAP);
        }
        was_step = each.paint != Paint::Span;
        body.push_str(&row(each, axis, top));
        top = top.saturating_add(ROW);
    }
    let height = top.saturating_add(GAP);
    let grid: String = ticks(axis.extent(), TICKS_MAX)
        .into_iter()
        .map(|tick| line(tick, axis, height))
        .collect();
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"waterfall\">\n{grid}{body}</svg>\n"
    )
}

fn across() -> u32 {
    BARS.end - BARS.start
}

fn line(tick: u64, axis: Axis, height: u32) -> String {
    let x = BARS.start + axis.place(axis.from.saturating_add(tick), across());
    let label = label(tick);
    format!(
        "<line class=\"grid\" x1=\"{x}\" x2=\"{x}\" y1=\"20\" y2=\"{height}\"/>\
         <text class=\"dim\" x=\"{x}\" y=\"14\">{label}</text>\n"
    )
}

fn row(row: &Row, axis: Axis, top: u32) -> String {
    let base = top + BASE;
    let [at_end, took_end] = TIMES;
    let hover = escape_lines(&row.name, &row.details);
    let so_far = if row.is_open { "…" } else { "" };
    format!(
        "<g class=\"row\"><title>{hover}</title>\
         <rect class=\"band\" x=\"0\" y=\"{top}\" width=\"{WIDTH}\" height=\"{ROW}\"/>\
         <text x=\"6\" y=\"{base}\">{}</text>\
         <text class=\"dim\" x=\"{PLACES}\" y=\"{base}\">{}</text>\
         {}\
         <text class=\"dim end\" x=\"{at_end}\" y=\"{base}\">{}</text>\
         <text class=\"end\" x=\"{took_end}\" y=\"{base}\">{}{so_far}</text></g>\n",
        escape(&cut(&row.name)),
        escape(&cut(&row.place)),
        bar(row, axis, top),
        row.at(axis),
        row.took(),
    )
}

fn bar(row: &Row, axis: Axis, top: u32) -> String {
    let (first, behind) = axis.stretch(row.from, row.until, across());
    // A sliver is hard to see and harder to point at.
    let width = (behind - first).max(2);
    let x = BARS.start + first.min(across() - 2);
    let (inset, height) = match row.paint {
        Paint::Span => (8, 8),
        _ => (5, 14),
    };
    let y = top + inset;
    let class = match row.paint {
        _ if row.is_failed => "failed",
        Paint::ControlPlane => "control-plane",
        Paint::Agent => "agent",
        Paint::Framework => "framework",
        Paint::Span => "span",
    };
    let open = if row.is_open { " open" } else { "" };
    // Colour alone does not tell everybody.
    let sign = if row.is_failed {
        let (behind, base) = (x + width + 5, top + BASE);
        format!("<text class=\"sign\" x=\"{behind}\" y=\"{base}\">✗</text>")
    } else {
        String::new()
    };
    format!(
        "<rect class=\"bar {class}{open}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"2\"/>{sign}"
    )
}

/// What is shown in the text of a bar that is pointed at; the lines are ours, their content is not.
fn escape_lines(name: &str, details: &[String]) -> String {
    let lines = std::iter::once(name).chain(details.iter().map(String::as_str));
    lines.map(escape).collect::<Vec<_>>().join("\n")
}

fn cut(text: &str) -> String {
    if text.chars().count() <= CELL_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(CELL_MAX - 1).collect();
    format!("{kept}…")
}
