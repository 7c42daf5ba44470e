//! What a statement gives back.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use bytes::Bytes;
use datafusion::common::ScalarValue;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::SqlError;
use crate::statement::{Parsed, StatementKind};
use crate::types::SqlType;

/// The rows of a result, as they come. Ends with 57014 within a second after a cancel or a timeout.
pub type RowStream = Pin<Box<dyn Stream<Item = Result<RecordBatch, SqlError>> + Send>>;

/// The bytes of COPY … TO STDOUT, whole rows a chunk.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, SqlError>> + Send>>;

/// The value of a parameter; null is a typed null.
pub type Parameter = ScalarValue;

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultColumn {
    /// Name.
    pub name: String,
    /// Type.
    pub sql_type: SqlType,
    /// Object id of the table and number of the column, where the column is one of a table.
    pub table: Option<(u32, i16)>,
    /// Whether nulls may occur.
    pub nullable: bool,
}

/// What a statement gives back.
pub enum Outcome {
    /// Rows.
    Rows(Rows),
    /// Done; the tag says what.
    Command {
        /// Command tag of the Postgres protocol, e.g. `INSERT 0 5`.
        tag: String,
    },
    /// The client shall send data.
    CopyIn(CopyIn),
    /// The client gets data.
    CopyOut(CopyOut),
    /// The statement was empty.
    Empty,
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rows(rows) => f.debug_tuple("Rows").field(&rows.columns).finish(),
            Self::Command { tag } => f.debug_struct("Command").field("tag", tag).finish(),
            Self::CopyIn(copy) => f.debug_struct("CopyIn").field("columns", &copy.columns).finish(),
            Self::CopyOut(copy) => f.debug_struct("CopyOut").field("columns", &copy.columns).finish(),
            Self::Empty => f.write_str("Empty"),
        }
    }
}

impl Outcome {
    /// A command's outcome.
    pub(crate) fn command(tag: impl Into<String>) -> Self {
        Self::Command { tag: tag.into() }
    }
}

/// Rows with their description.
pub struct Rows {
    /// The columns; batches have exactly these, in this order.
    pub columns: Arc<[ResultColumn]>,
    /// The rows.
    pub stream: RowStream,
    /// Command tag; for `SELECT` and `FETCH` the number of rows is appended by the protocol.
    pub tag: &'static str,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("columns", &self.columns).field("tag", &self.tag).finish_non_exhaustive()
    }
}

impl Rows {
    /// Rows that exist already.
    pub(crate) fn ready(columns: Vec<ResultColumn>, batch: RecordBatch, tag: &'static str) -> Self {
        Self { columns: columns.into(), stream: futures::stream::iter([Ok(batch)]).boxed(), tag }
    }

    /// Whether the protocol appends the number of rows to the tag.
    pub fn tag_has_count(&self) -> bool {
        matches!(self.tag, "SELECT" | "FETCH")
    }
}

/// A finished outcome with all of its rows, for tests and tools.
#[derive(Debug, Clone)]
pub struct Collected {
    /// The columns; empty for commands.
    pub columns: Arc<[ResultColumn]>,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Command tag with the number of rows, e.g. `SELECT 3`.
    pub tag: String,
}

impl Collected {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// COPY … FROM STDIN: send chunks through `sender`, then [`CopyIn::finish`].
#[derive(Debug)]
pub struct CopyIn {
    /// Number of columns that a line holds.
    pub columns: usize,
    /// Whether the format is binary (it never is: binary is refused when planned).
    pub binary: bool,
    /// Takes the data. Sending waits when the load is slower than the client (back-pressure), and fails when the load has
    /// ended early; [`CopyIn::finish`] then says why.
    pub sender: mpsc::Sender<Result<Bytes, SqlError>>,
    pub(crate) load: JoinHandle<Result<Outcome, SqlError>>,
}

impl CopyIn {
    /// Ends the data and waits for the load; the command tag.
    pub async fn finish(self) -> Result<String, SqlError> {
        let Self { columns: _, binary: _, sender, load } = self;
        drop(sender);
        match load.await {
            Ok(Ok(Outcome::Command { tag })) => Ok(tag),
            Ok(Ok(other)) => Err(SqlError::internal(format!("COPY ended with {other:?}"))),
            Ok(Err(error)) => Err(error),
            Err(died) => Err(SqlError::internal(format!("the load died: {died}"))),
        }
    }

    /// The client gave up (CopyFail): nothing is loaded. Gives the statement's error.
    pub async fn fail(self, reason: &str) -> SqlError {
        let error = SqlError::new(crate::error::SqlState::QueryCanceled, format!("COPY from stdin failed: {reason}"));
        // Where the load has ended already, its own error is the answer.
        let sent = self.sender.send(Err(error.clone())).await;
        match self.finish().await {
            Err(other) if sent.is_err() => other,
            Ok(_) | Err(_) => error,
        }
    }
}

/// COPY … TO STDOUT.
pub struct CopyOut {
    /// Number of columns.
    pub columns: usize,
    /// Whether the format is binary (it never is: binary is refused when planned).
    pub binary: bool,
    /// The data.
    pub stream: ByteStream,
    pub(crate) rows: Arc<AtomicU64>,
}

impl CopyOut {
    /// A handle that gives the command tag once the stream has ended.
    pub fn tag(&self) -> impl FnOnce() -> String + Send + 'static {
        let rows = Arc::clone(&self.rows);
        move || format!("COPY {}", rows.load(Ordering::SeqCst))
    }
}

impl std::fmt::Debug for CopyOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyOut").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// A statement that is planned and described, to be run with parameters.
#[derive(Debug)]
pub struct Prepared {
    /// Types of the parameters, `$1` first.
    pub parameters: Vec<SqlType>,
    /// The columns of the result; `None` when it gives no rows.
    pub columns: Option<Arc<[ResultColumn]>>,
    pub(crate) parsed: Parsed,
}

impl Prepared {
    /// Which statement it is.
    pub fn kind(&self) -> StatementKind {
        self.parsed.kind()
    }

    /// Its text.
    pub fn sql(&self) -> &str {
        self.parsed.sql()
    }
}

/// State of a session's transaction, as ReadyForQuery reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// No transaction block.
    Idle,
    /// In a transaction block.
    Open,
    /// In a transaction block that has failed.
    Failed,
}
