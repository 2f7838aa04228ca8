//! One transaction per commit, behind the fence (rules R1, R2).

use std::io;
use std::time::Duration;

use insula_types::{Epoch, PartitionId};
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::{Instant, timeout_at};

use super::Store;
use super::write::{execute, insert, upsert};
use crate::error::failed_to;
use crate::rows::{Batch, Changes, Statement, Table, agent, framework, mark, request, role, task};
use crate::{CellRecords, CommitError, CommitNo, Error, InputMark};

/// Longest that a transaction may take from its beginning to the answer to its COMMIT. The server ends
/// one whose client says nothing for a second, and the largest batch takes a few; beyond this the
/// connection is dead, and whoever holds it keeps others from committing.
const COMMIT_WITHIN: Duration = Duration::from_secs(30);

impl Store {
    /// A connection on which anything went wrong, or too much time went by, is closed with its session:
    /// only one whose transaction has ended well is used again.
    pub(crate) async fn commit(
        &self,
        partition: PartitionId,
        epoch: Epoch,
        commit_no: CommitNo,
        cells: &[CellRecords],
        marks: &[InputMark],
    ) -> Result<CommitNo, CommitError> {
        let place = Place {
            partition,
            epoch,
            commit_no,
        };
        let changes = Changes::of(cells);
        let marks = mark::batch(partition, marks);
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT begin_commit({})",
            place.arguments()
        );
        let failed = |error| place.failed(error);
        let mut session = self.sessions.begin(&begin).await.map_err(failed)?;
        let connection = &mut session.connection;
        let deadline = Instant::now() + COMMIT_WITHIN;
        let written = async {
            write(connection, &changes).await?;
            insert(connection, &mark::TABLE, mark::OR_RAISE, &marks).await
        };
        within(deadline, "write a commit", written)
            .await
            .map_err(failed)?;
        // In one message: where the fence fails the server does not come to the rest.
        let end = format!("SELECT move_head({}); COMMIT", place.arguments());
        let ended = async {
            let ended = sqlx::raw_sql(AssertSqlSafe(end)).execute(&mut session.connection);
            ended.await.map_err(failed_to("commit"))
        };
        within(deadline, "commit", ended)
            .await
            .map_err(|error| place.unknown(error))?;
        session.keep();
        Ok(commit_no.next())
    }
}

/// What a step of a commit says, or that it said nothing in time.
async fn within<T>(
    deadline: Instant,
    doing: &'static str,
    step: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match timeout_at(deadline, step).await {
        Ok(said) => said,
        Err(_) => {
            let silent = io::Error::new(io::ErrorKind::TimedOut, "the database does not answer");
            Err(failed_to(doing)(sqlx::Error::Io(silent)))
        }
    }
}

/// Where the commit goes.
#[derive(Clone, Copy)]
struct Place {
    partition: PartitionId,
    epoch: Epoch,
    commit_no: CommitNo,
}

impl Place {
    /// For the functions of the fence. A number that no head can hold becomes one that no head has.
    fn arguments(self) -> String {
        let signed = |number| i64::try_from(number).unwrap_or(-1);
        format!(
            "{}, {}, {}",
            self.partition.0,
            signed(self.epoch.0),
            signed(self.commit_no.0)
        )
    }

    /// An error before COMMIT was sent.
    fn failed(self, error: Error) -> CommitError {
        if error.is_fence() {
            return CommitError::Fenced {
                partition: self.partition,
                epoch: self.epoch,
                commit_no: self.commit_no,
            };
        }
        CommitError::Failed {
            commit_no: self.commit_no,
            source: error,
        }
    }

    /// An error after COMMIT was sent: only a refusal by the server says that it did not happen.
    fn unknown(self, error: Error) -> CommitError {
        if error.is_refusal() {
            return self.failed(error);
        }
        CommitError::OutcomeUnknown {
            commit_no: self.commit_no,
            source: error,
        }
    }
}

/// Table by table, a statement for all cells of each.
async fn write(connection: &mut PgConnection, changes: &Changes<'_>) -> Result<(), Error> {
    update_all(connection, UPDATE_CELL, &changes.cells()).await?;
    upsert(connection, &role::TABLE, &changes.roles()).await?;
    upsert(connection, &agent::TABLE, &changes.agents()).await?;
    update_all(connection, CONFIRM, &changes.confirmed()).await?;
    upsert(connection, &framework::TABLE, &changes.frameworks()).await?;
    upsert(
        connection,
        &task::TABLE,
        &changes.tasks(|row| !row.archived),
    )
    .await?;
    archive(connection, &changes.tasks(|row| row.archived)).await?;
    upsert(connection, &task::PAYLOAD, &changes.payloads()).await?;
    upsert(connection, &request::TABLE, &changes.requests()).await?;
    execute(connection, DELETE_REQUEST, &changes.done()).await?;
    Ok(())
}

const UPDATE_CELL: Statement = Statement {
    head: "UPDATE cell SET seed = given.seed, time_us = given.time_us,
                           format_version = given.format_version FROM",
    tail: "WHERE cell.cell = given.cell",
};

const CONFIRM: Statement = Statement {
    head: "UPDATE agent SET confirmed = given.confirmed FROM",
    tail: "WHERE agent.cell = given.cell AND agent.agent = given.agent",
};

const DELETE_REQUEST: Statement = Statement {
    head: "DELETE FROM request USING",
    tail: "WHERE request.cell = given.cell AND request.tenant = given.tenant
             AND request.task = given.task",
};

/// Updates rows that must be there.
async fn update_all(
    connection: &mut PgConnection,
    statement: Statement<'_>,
    batch: &Batch<'_>,
) -> Result<(), Error> {
    let changed = execute(connection, statement, batch).await?;
    batch.all_found(changed)
}

/// Takes tasks out of the live ones, if they are there, and into history.
async fn archive(connection: &mut PgConnection, batch: &Batch<'_>) -> Result<(), Error> {
    if batch.is_empty() {
        return Ok(());
    }
    let history = Table {
        name: "task_history",
        ..task::TABLE
    };
    let tail = format!(
        "), gone AS (
             DELETE FROM task USING given
             WHERE task.cell = given.cell
               AND task.launch_epoch = given.launch_epoch
               AND task.launch_number = given.launch_number
         ) {} SELECT * FROM given {}",
        history.insert(),
        history.or_update()
    );
    let statement = Statement {
        head: "WITH given AS (SELECT * FROM",
        tail: &tail,
    };
    execute(connection, statement, batch).await?;
    Ok(())
}
