//! What the server remembers in memory about sessions, statements and rejected rows: the facts behind
//! `pg_stat_activity`, `sys_query_history`, `stl_load_errors` and their kin.
//!
//! Rings of a fixed length: a busy server forgets the oldest facts, it never grows without bound.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

/// Finished statements that are remembered.
pub(crate) const STATEMENTS_MAX: usize = 10_000;
/// Rejected rows that are remembered.
pub(crate) const LOAD_ERRORS_MAX: usize = 10_000;
/// Session starts, ends and refusals that are remembered.
pub(crate) const CONNECTIONS_MAX: usize = 10_000;
/// Bytes of a statement's text that are remembered.
pub(crate) const STATEMENT_TEXT_MAX: usize = 16_384;

/// A session that is open.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionFact {
    /// The number that clients know the session by (`pg_backend_pid()`).
    pub process_id: i32,
    /// Name of the user who logged in.
    pub user: String,
    /// Name of the database.
    pub database: String,
    /// `application_name`.
    pub application_name: String,
    /// Address of the client, `host:port` or empty.
    pub client_address: String,
    /// `postgres`, `flight_sql` or `internal`.
    pub protocol: &'static str,
    /// When it was opened, microseconds since 1970.
    pub started_micros: i64,
    /// Start of the open transaction, microseconds since 1970.
    pub transaction_started_micros: Option<i64>,
    /// Start of the running or of the last statement, microseconds since 1970.
    pub statement_started_micros: Option<i64>,
    /// When `state` was entered, microseconds since 1970.
    pub state_changed_micros: i64,
    /// `active`, `idle`, `idle in transaction` or `idle in transaction (aborted)`.
    pub state: &'static str,
    /// Text of the running or of the last statement.
    pub query: String,
    /// Id of the running or of the last statement; 0 before the first.
    pub query_id: i64,
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatementStatus {
    /// Still at work.
    Running,
    /// Ended well.
    Success,
    /// Ended with an error.
    Failed,
    /// Stopped by its user, an administrator or a time-out.
    Canceled,
}

impl StatementStatus {
    /// The word of `sys_query_history`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

/// A statement that runs or ran.
#[derive(Debug, Clone)]
pub(crate) struct StatementFact {
    /// Unique while the server runs, increasing.
    pub query_id: i64,
    /// The session.
    pub process_id: i32,
    /// Name of the user.
    pub user: String,
    /// Name of the database.
    pub database: String,
    /// Kind of statement, such as `SELECT`.
    pub kind: &'static str,
    /// The text, cut after [`STATEMENT_TEXT_MAX`] bytes.
    pub text: String,
    /// `query_group`, the label of the session.
    pub label: String,
    /// How it ended.
    pub status: StatementStatus,
    /// When it started, microseconds since 1970.
    pub started_micros: i64,
    /// When it ended, microseconds since 1970; 0 while it runs.
    pub ended_micros: i64,
    /// Rows given to the client or written.
    pub rows: u64,
    /// The message of the error.
    pub error: Option<String>,
}

/// A row that COPY refused.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoadErrorFact {
    /// The statement.
    pub query_id: i64,
    /// The session.
    pub process_id: i32,
    /// Name of the user.
    pub user: String,
    /// Id of the table.
    pub table: u32,
    /// Name of the table.
    pub table_name: String,
    /// When, microseconds since 1970.
    pub at_micros: i64,
    /// The file.
    pub file: String,
    /// Line in the file, from 1.
    pub line: u64,
    /// Column of the table; empty when the whole line is wrong.
    pub column: String,
    /// SQL type of the column.
    pub column_type: String,
    /// Position in the line, in bytes from 0.
    pub position: u64,
    /// The line as it was read.
    pub raw_line: String,
    /// The field as it was read.
    pub raw_field: String,
    /// Redshift's number of the reason.
    pub code: i32,
    /// The reason.
    pub reason: String,
}

/// A session's start or end.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionFact {
    /// `initiating session` or `disconnecting session`.
    pub event: &'static str,
    /// When, microseconds since 1970.
    pub at_micros: i64,
    /// The session; 0 when there is none.
    pub process_id: i32,
    /// Name of the user.
    pub user: String,
    /// Name of the database.
    pub database: String,
    /// Address of the client.
    pub client_address: String,
    /// `application_name`.
    pub application_name: String,
    /// How long the session lasted, microseconds; 0 at its start.
    pub duration_micros: i64,
}

#[derive(Debug, Default)]
struct Facts {
    next_query_id: i64,
    sessions: BTreeMap<i32, SessionFact>,
    running: BTreeMap<i64, Arc<StatementFact>>,
    statements: VecDeque<Arc<StatementFact>>,
    load_errors: VecDeque<Arc<LoadErrorFact>>,
    connections: VecDeque<Arc<ConnectionFact>>,
}

/// The memory of one server. All methods are short and never wait for anything but one another.
#[derive(Debug, Default)]
pub(crate) struct History {
    facts: Mutex<Facts>,
}

impl History {
    /// A session has begun.
    pub(crate) fn open_session(&self, session: SessionFact) {
        let fact = ConnectionFact {
            event: "initiating session",
            at_micros: session.started_micros,
            process_id: session.process_id,
            user: session.user.clone(),
            database: session.database.clone(),
            client_address: session.client_address.clone(),
            application_name: session.application_name.clone(),
            duration_micros: 0,
        };
        let mut facts = self.facts.lock();
        push(&mut facts.connections, fact, CONNECTIONS_MAX);
        facts.sessions.insert(session.process_id, session);
    }

    /// Changes the facts of an open session.
    pub(crate) fn change_session(&self, process_id: i32, change: impl FnOnce(&mut SessionFact)) {
        if let Some(session) = self.facts.lock().sessions.get_mut(&process_id) {
            change(session);
        }
    }

    /// A session has ended.
    pub(crate) fn close_session(&self, process_id: i32, at_micros: i64) {
        let mut facts = self.facts.lock();
        if let Some(session) = facts.sessions.remove(&process_id) {
            let fact = ConnectionFact {
                event: "disconnecting session",
                at_micros,
                process_id,
                duration_micros: at_micros.saturating_sub(session.started_micros),
                user: session.user,
                database: session.database,
                client_address: session.client_address,
                application_name: session.application_name,
            };
            push(&mut facts.connections, fact, CONNECTIONS_MAX);
        }
    }

    /// A statement has begun; gives it an id, which is also written into `statement`.
    pub(crate) fn start_statement(&self, mut statement: StatementFact) -> i64 {
        truncate(&mut statement.text);
        let mut facts = self.facts.lock();
        facts.next_query_id += 1;
        statement.query_id = facts.next_query_id;
        let id = statement.query_id;
        facts.running.insert(id, Arc::new(statement));
        id
    }

    /// A statement has ended.
    pub(crate) fn finish_statement(&self, query_id: i64, finish: impl FnOnce(&mut StatementFact)) {
        let mut facts = self.facts.lock();
        if let Some(mut statement) = facts.running.remove(&query_id) {
            finish(Arc::make_mut(&mut statement));
            push_shared(&mut facts.statements, statement, STATEMENTS_MAX);
        }
    }

    /// COPY has refused rows.
    pub(crate) fn log_load_errors(&self, errors: impl IntoIterator<Item = LoadErrorFact>) {
        let mut facts = self.facts.lock();
        for error in errors {
            push(&mut facts.load_errors, error, LOAD_ERRORS_MAX);
        }
    }

    /// Open sessions, by process id.
    pub(crate) fn sessions(&self) -> Vec<SessionFact> {
        self.facts.lock().sessions.values().cloned().collect()
    }

    /// Statements, oldest first, the running ones last.
    pub(crate) fn statements(&self) -> Vec<Arc<StatementFact>> {
        let facts = self.facts.lock();
        facts.statements.iter().chain(facts.running.values()).cloned().collect()
    }

    /// Refused rows, oldest first.
    pub(crate) fn load_errors(&self) -> Vec<Arc<LoadErrorFact>> {
        self.facts.lock().load_errors.iter().cloned().collect()
    }

    /// Starts and ends of sessions, oldest first.
    pub(crate) fn connections(&self) -> Vec<Arc<ConnectionFact>> {
        self.facts.lock().connections.iter().cloned().collect()
    }
}

fn push<T>(ring: &mut VecDeque<Arc<T>>, fact: T, length_max: usize) {
    push_shared(ring, Arc::new(fact), length_max);
}

fn push_shared<T>(ring: &mut VecDeque<Arc<T>>, fact: Arc<T>, length_max: usize) {
    if ring.len() >= length_max {
        ring.pop_front();
    }
    ring.push_back(fact);
}

fn truncate(text: &mut String) {
    if text.len() > STATEMENT_TEXT_MAX {
        let mut end = STATEMENT_TEXT_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
}
