//! Tables, and the statements that follow from them.

/// The columns of a table, in the order in which a row's values are given: `key`, `fixed`, `latest`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// What a row is found by.
    pub(crate) key: &'static [&'static str],
    /// What never changes once the row is there; leaving it alone spares the indexes on it.
    pub(crate) fixed: &'static [&'static str],
    /// What every write sets.
    pub(crate) latest: &'static [&'static str],
}

impl Table {
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static str> {
        let Self {
            key, fixed, latest, ..
        } = *self;
        key.iter().chain(fixed).chain(latest).copied()
    }

    /// `INSERT` up to where the values follow.
    pub(crate) fn insert(&self) -> String {
        let columns: Vec<_> = self.columns().collect();
        format!("INSERT INTO {} ({})", self.name, columns.join(", "))
    }

    /// What follows the values, so that a row that is there already is brought up to date.
    pub(crate) fn or_update(&self) -> String {
        let sets: Vec<_> = self
            .latest
            .iter()
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        format!(
            "ON CONFLICT ({}) DO UPDATE SET {}",
            self.key.join(", "),
            sets.join(", ")
        )
    }

    /// Reads every column of the rows of `from`.
    pub(crate) fn select(&self, from: &str) -> String {
        let columns: Vec<_> = self.columns().collect();
        format!("SELECT {} FROM {from}", columns.join(", "))
    }
}

/// A statement over any number of rows of values, which each database writes in its own way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement<'s> {
    /// What stands before the rows.
    pub(crate) head: &'s str,
    /// What stands after them.
    pub(crate) tail: &'s str,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table {
        name: "t",
        key: &["a", "b"],
        fixed: &["c"],
        latest: &["d", "e"],
    };

    #[test]
    fn statements_name_the_columns_in_the_order_of_the_values() {
        assert_eq!(TABLE.insert(), "INSERT INTO t (a, b, c, d, e)");
        assert_eq!(TABLE.select("u"), "SELECT a, b, c, d, e FROM u");
    }

    #[test]
    fn an_update_leaves_the_key_and_what_is_fixed_alone() {
        assert_eq!(
            TABLE.or_update(),
            "ON CONFLICT (a, b) DO UPDATE SET d = excluded.d, e = excluded.e"
        );
    }
}
