//! The highest inputs applied, by sender, and the heads of partitions.

use insula_types::{Epoch, FORMAT_VERSION, PartitionId};

use super::{AnyRow, Batch, Columns, Query, Table};
use crate::{CommitNo, Error, Head, InputMark};

pub(crate) const TABLE: Table = Table {
    name: "input_mark",
    key: &["partition", "sender"],
    fixed: &[],
    latest: &["seq", "format_version"],
};

/// What follows the values of a write: a mark never falls.
pub(crate) const OR_RAISE: &str = "ON CONFLICT (partition, sender) DO UPDATE SET
    seq = CASE WHEN excluded.seq > input_mark.seq THEN excluded.seq ELSE input_mark.seq END,
    format_version = excluded.format_version";

/// The marks of a commit; of several for one sender the highest counts.
pub(crate) fn batch(partition: PartitionId, marks: &[InputMark]) -> Batch<'_> {
    let mut sorted: Vec<_> = marks.iter().collect();
    sorted.sort_unstable_by(|a, b| (&a.sender, b.seq).cmp(&(&b.sender, a.seq)));
    sorted.dedup_by(|later, first| later.sender == first.sender);
    let mut batch = Batch::of(&TABLE);
    for mark in sorted {
        batch
            .row()
            .number(partition.0.into())
            .text(mark.sender.as_str())
            .number(mark.seq)
            .number(FORMAT_VERSION.into());
    }
    batch
}

pub(crate) fn load(partition: PartitionId) -> Query<'static> {
    Query::new(TABLE.select(TABLE.name))
        .sql(" WHERE partition = ")
        .number(partition.0.into())
        .sql(" ORDER BY sender")
}

pub(crate) fn decode(row: AnyRow<'_>) -> Result<InputMark, Error> {
    let columns = Columns::of(TABLE.name, row)?;
    Ok(InputMark {
        sender: columns.text("sender")?,
        seq: columns.number("seq")?,
    })
}

pub(crate) fn head(partition: PartitionId) -> Query<'static> {
    Query::new("SELECT epoch, commit_no, format_version FROM partition_head WHERE partition = ")
        .number(partition.0.into())
}

pub(crate) fn decode_head(row: AnyRow<'_>) -> Result<Head, Error> {
    let columns = Columns::of("partition_head", row)?;
    Ok(Head {
        epoch: Epoch(columns.number("epoch")?),
        commit_no: CommitNo(columns.number("commit_no")?),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Value;
    use super::*;

    #[test]
    fn the_highest_mark_of_a_sender_counts() {
        let marks = [("b", 1), ("a", 4), ("a", 9), ("a", 2)].map(|(sender, seq)| InputMark {
            sender: sender.to_owned(),
            seq,
        });
        let batch = batch(PartitionId(3), &marks);
        let rows: Vec<_> = batch
            .values()
            .unwrap()
            .chunks(4)
            .map(|row| &row[2])
            .collect();
        assert_eq!(rows, [&Value::Number(Some(9)), &Value::Number(Some(1))]);
    }
}
