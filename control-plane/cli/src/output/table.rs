//! Tables for people: a header, columns as wide as they must be, no lines.

use std::fmt;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table as Inner};

use super::printable;

/// A table under construction.
pub(crate) struct Table(Inner);

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        let mut table = Inner::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(
            header
                .iter()
                .map(|name| name.to_uppercase())
                .collect::<Vec<_>>(),
        );
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Self(table)
    }

    pub(crate) fn row(&mut self, cells: &[String]) {
        self.0.add_row(cells.iter().map(|cell| printable(cell)));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self
            .0
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_tail() {
        let mut table = Table::new(&["id", "state"]);
        table.row(&["hello-1".into(), "done".into()]);
        table.row(&["x".into(), String::new()]);
        assert_eq!(table.to_string(), "ID       STATE\nhello-1  done\nx");
    }

    #[test]
    fn a_table_without_rows_is_its_header() {
        assert_eq!(Table::new(&["id", "state"]).to_string(), "ID  STATE");
    }
}
