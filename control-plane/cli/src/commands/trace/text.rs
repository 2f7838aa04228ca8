//! The picture as lines of text.

use super::length::{label, ticks};
use super::picture::{Note, Paint, Picture, Row, Sign, Start};
use super::scale::Axis;
use super::signs::{ASCII, Signs, UNICODE};
use crate::output::{Terminal, printable};

/// Narrower than this, a picture is wider than its terminal instead of unreadable.
const COLUMNS_MIN: usize = 70;
/// Wider than this, names and bars are too far apart to be read as one line.
const COLUMNS_MAX: usize = 180;
/// Longest name or place that has a column; a longer one is cut.
const CELL_MAX: usize = 22;
/// Shortest label with its tick and the gap behind it.
const LABEL_MIN: usize = 6;
/// Between columns.
const GAP: usize = 2;

/// How wide each column is.
struct Columns {
    name: usize,
    place: usize,
    bar: usize,
    at: usize,
    took: usize,
}

/// Draws; each line ends with a line break but the last.
pub(super) fn draw(picture: &Picture, terminal: &Terminal) -> String {
    let signs = if terminal.is_unicode {
        &UNICODE
    } else {
        &ASCII
    };
    let brush = Brush {
        signs,
        is_coloured: terminal.is_coloured,
    };
    let columns = Columns::of(picture, &brush, terminal.columns);
    let mut text = String::new();
    brush.heading(picture, &mut text);
    for start in &picture.starts {
        text.push('\n');
        brush.start(start, picture.axis, &columns, &mut text);
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

impl Columns {
    fn of(picture: &Picture, brush: &Brush, width: usize) -> Self {
        let widest = |cell: &dyn Fn(&Row) -> String, least: usize| {
            let cells = picture.rows().map(|row| brush.cell(&cell(row)).len());
            cells.max().unwrap_or_default().max(least)
        };
        let name = widest(&|row| row.name.clone(), 4);
        let place = widest(&|row| row.place.clone(), 5);
        let times = |time: &dyn Fn(&Row) -> String, least: usize| {
            let times = picture
                .rows()
                .map(|row| brush.safe(&time(row)).chars().count());
            times.max().unwrap_or_default().max(least)
        };
        let at = times(&|row| row.at(picture.axis), 2);
        let took = times(&Row::took, 4);
        let others = name + place + at + took + 4 * GAP;
        let width = width.clamp(COLUMNS_MIN, COLUMNS_MAX);
        Self {
            name,
            place,
            bar: width.saturating_sub(others).max(10),
            at,
            took,
        }
    }
}

/// Puts text down, in the characters and colours that the terminal has.
struct Brush {
    signs: &'static Signs,
    is_coloured: bool,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";

impl Brush {
    fn heading(&self, picture: &Picture, text: &mut String) {
        let state = self.safe(&picture.state);
        let state = if picture.is_failed {
            self.coloured(RED, &state)
        } else {
            state
        };
        let task = self.coloured(BOLD, &self.safe(&picture.task));
        text.push_str(&format!("{task}  {state}\n"));
        text.push_str(&self.coloured(DIM, &self.safe(&picture.facts)));
        text.push('\n');
        if picture.earlier {
            let sentence = "There are earlier starts; --attempt N shows one.";
            text.push_str(&self.coloured(DIM, sentence));
            text.push('\n');
        }
    }

    fn start(&self, start: &Start, axis: Axis, columns: &Columns, text: &mut String) {
        if !start.title.is_empty() {
            text.push_str(&self.coloured(BOLD, &self.safe(&start.title)));
            text.push('\n');
        }
        for fact in &start.facts {
            text.push_str(&self.coloured(DIM, &self.safe(fact)));
            text.push('\n');
        }
        let (name, place, at, took) = (columns.name, columns.place, columns.at, columns.took);
        let ruler = self.ruler(axis, columns.bar);
        let header = format!(
            "{:name$}  {:place$}  {ruler}  {:>at$}  {:>took$}",
            "STEP", "WHERE", "AT", "TOOK"
        );
        text.push_str(&self.coloured(DIM, &header));
        text.push('\n');
        let mut was_step = false;
        for row in &start.rows {
            if was_step && row.paint == Paint::Span {
                text.push_str(&self.coloured(DIM, &format!("{:name$}  KIND", "SPAN")));
                text.push('\n');
            }
            was_step = row.paint != Paint::Span;
            self.row(row, axis, columns, text);
        }
        for note in &start.notes {
            self.note(note, text);
        }
    }

    fn row(&self, row: &Row, axis: Axis, columns: &Columns, text: &mut String) {
        let (name, place, at, took) = (columns.name, columns.place, columns.at, columns.took);
        let (from, until) = (self.safe(&row.at(axis)), self.safe(&row.took()));
        let bar = self.bar(row, axis, columns.bar);
        let place_text = self.coloured(DIM, &format!("{:place$}", self.cell(&row.place)));
        let times = self.coloured(DIM, &format!("{from:>at$}"));
        text.push_str(&format!(
            "{:name$}  {place_text}  {bar}  {times}  {until:>took$}\n",
            self.cell(&row.name)
        ));
    }

    /// A bar of half cells: each cell of the column is two units of the axis.
    fn bar(&self, row: &Row, axis: Axis, cells: usize) -> String {
        let units = u32::try_from(cells * 2).unwrap_or(u32::MAX);
        let (first, behind) = axis.stretch(row.from, row.until, units);
        let strokes = if row.paint == Paint::Span {
            &self.signs.thin
        } else {
            &self.signs.thick
        };
        let is_on = |unit: u32| (first..behind).contains(&unit);
        let (first_cell, last_cell) = (first / 2, (behind - 1) / 2);
        let mut drawn = String::new();
        for cell in first_cell..=last_cell {
            let end = if row.is_failed {
                Some(self.signs.failed)
            } else {
                row.is_open.then_some(self.signs.open)
            };
            let stroke = match (is_on(cell * 2), is_on(cell * 2 + 1)) {
                (true, false) => strokes.left,
                (false, true) => strokes.right,
                _ => strokes.both,
            };
            drawn.push_str(end.filter(|_| cell == last_cell).unwrap_or(stroke));
        }
        let before = " ".repeat(usize::try_from(first_cell).unwrap_or(cells));
        let drawn_cells = drawn.chars().count() + before.len();
        let after = " ".repeat(cells.saturating_sub(drawn_cells));
        format!("{before}{}{after}", self.coloured(colour(row), &drawn))
    }

    /// The labels of the ticks, each from where its tick is: as many as have room.
    fn ruler(&self, axis: Axis, cells: usize) -> String {
        let most = cells / LABEL_MIN;
        let fitting = (1..=most)
            .rev()
            .find_map(|most| self.labels(axis, cells, most));
        fitting.unwrap_or_else(|| " ".repeat(cells))
    }

    /// The labels of at most so many ticks; nothing if two of them would touch. The last is left out
    /// if it does not fit, since the column ends there.
    fn labels(&self, axis: Axis, cells: usize, most: usize) -> Option<String> {
        let units = u32::try_from(cells).ok()?;
        let mut labels = String::new();
        let mut used = 0;
        for tick in ticks(axis.extent(), u64::try_from(most).ok()?) {
            let place = axis.place(axis.from.saturating_add(tick), units);
            let gap = usize::try_from(place).ok()?.checked_sub(used)?;
            let label = self.safe(&format!("{}{}", self.signs.tick, label(tick)));
            let behind = used + gap + label.chars().count();
            if behind > cells {
                break;
            }
            labels.push_str(&" ".repeat(gap));
            labels.push_str(&label);
            used = behind;
            if used < cells {
                labels.push(' ');
                used += 1;
            }
        }
        labels.push_str(&" ".repeat(cells - used));
        Some(labels)
    }

    fn note(&self, note: &Note, text: &mut String) {
        let (sign, colour) = match note.sign {
            Sign::Failed => (self.signs.failed, RED),
            Sign::Open => (self.signs.open, BOLD),
            Sign::Plain => (self.signs.plain, DIM),
        };
        let sign = self.coloured(colour, sign);
        text.push_str(&format!("{sign} {}\n", self.safe(&note.text)));
    }

    /// What is in a column: one width per character, so plain ASCII, and not too long.
    fn cell(&self, text: &str) -> String {
        let plain = ascii(&printable(text));
        if plain.len() <= CELL_MAX {
            return plain;
        }
        format!("{}..", &plain[..CELL_MAX - 2])
    }

    /// On one line, and only with characters that the terminal has.
    fn safe(&self, text: &str) -> String {
        let printable = printable(text);
        if self.signs.is_ascii {
            return ascii(&printable);
        }
        printable.into_owned()
    }

    fn coloured(&self, colour: &str, text: &str) -> String {
        if !self.is_coloured || text.is_empty() {
            return text.to_owned();
        }
        format!("\u{1b}[{colour}m{text}\u{1b}[0m")
    }
}

fn colour(row: &Row) -> &'static str {
    match row.paint {
        _ if row.is_failed => RED,
        Paint::ControlPlane => "34",
        Paint::Agent => "32",
        Paint::Framework => "35",
        Paint::Span => "36",
    }
}

/// What has no ASCII is written as an escape; units are spelt as engineers do without a µ.
fn ascii(text: &str) -> String {
    let spelt = text.replace('µ', "u");
    if spelt.is_ascii() {
        return spelt;
    }
    let escaped = spelt.chars().map(|c| {
        if c.is_ascii() {
            c.to_string()
        } else {
            c.escape_unicode().to_string()
        }
    });
    escaped.collect()
}
