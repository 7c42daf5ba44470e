//! One connection: its user, settings, transaction and prepared statements. Knows no protocol.
//!
//! Statements of a session run one at a time. What only the running statement touches is in [`State`], behind an async
//! lock; what must be readable at any time (status, notices, the running statement's cancel token) is in [`Shared`].

pub(crate) mod block;
pub(crate) mod facts;
mod run;
pub(crate) mod setting;
pub(crate) mod stack;
mod stream;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use futures::TryStreamExt;
use parking_lot::Mutex;
use stoa_storage::{DatabaseId, Privilege, RoleId, Snapshot, TemporarySpace};
use tokio_util::sync::CancellationToken;

use crate::access;
use crate::cancel::{Cancel, Reason};
use crate::engine::{ConnectRequest, Engine, Protocol, now_micros};
use crate::error::{Notice, NoticeSeverity, SqlError, SqlState};
use crate::outcome::{Collected, Outcome, Parameter, Prepared, TransactionStatus};
use crate::settings::Settings;
use crate::statement::{Parsed, parse};
use crate::system::SessionFact;
use crate::types::SqlType;
use block::{Mode, State};
pub(crate) use facts::SessionFacts;
use setting::SettingState;

/// Notices kept for a client that does not fetch them.
const NOTICES_MAX: usize = 1_000;

/// A session.
pub struct Session {
    me: Weak<Session>,
    engine: Arc<Engine>,
    process_id: i32,
    secret: i32,
    user: String,
    session_role: RoleId,
    database: String,
    database_id: DatabaseId,
    client_address: String,
    closing: CancellationToken,
    state: tokio::sync::Mutex<State>,
    shared: Mutex<Shared>,
}

/// What is read from outside of the running statement.
struct Shared {
    settings: SettingState,
    /// `current_user`, which SET ROLE changes.
    role: RoleId,
    /// A pipeline or multi-statement string is one transaction.
    implicit: bool,
    /// The open transaction, as far as [`Session::status`] needs it.
    block: Option<(Mode, Arc<AtomicBool>)>,
    running: Option<Cancel>,
    notices: Vec<Notice>,
    closed: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("process_id", &self.process_id)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Opens a session for an authenticated user.
    pub(crate) fn open(engine: Arc<Engine>, process_id: i32, request: ConnectRequest) -> Result<Arc<Self>, SqlError> {
        let ConnectRequest { user, database, client_address, application_name, settings: wanted, protocol } = request;
        let snapshot = engine.warehouse().snapshot();
        let role = snapshot.role_named(&user).filter(|role| role.login).cloned().ok_or_else(|| {
            SqlError::new(SqlState::InvalidPassword, format!("password authentication failed for user \"{user}\""))
                .fatal()
        })?;
        let stored = snapshot.database_named(&database).cloned();
        let stored = stored.ok_or_else(|| SqlError::undefined_database(&database).fatal())?;
        check_connect(&snapshot, &engine, &role, &stored)?;
        let mut settings = initial_settings(&snapshot, &role, stored.id);
        settings.force("application_name", &application_name);
        for (name, value) in &wanted {
            // Drivers send options of their own in the startup message; those that are not settings are ignored.
            if crate::settings::declared(name).is_some() || name.contains('.') {
                settings.set(name, value).map_err(SqlError::fatal)?;
            }
        }
        engine.history().open_session(session_fact(process_id, &user, &database, &client_address, &settings, protocol));
        let temporary = TemporarySpace::new(stored.id, role.id, format!("pg_temp_{process_id}"));
        let shared = Shared {
            settings: SettingState::new(settings),
            role: role.id,
            implicit: false,
            block: None,
            running: None,
            notices: Vec::new(),
            closed: false,
        };
        let state = State { temporary, last_query_id: -1, last_copy: (0, -1), ..State::default() };
        Ok(Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            closing: engine.stopping().child_token(),
            engine,
            process_id,
            secret: rand::random(),
            user,
            session_role: role.id,
            database: stored.name.clone(),
            database_id: stored.id,
            client_address,
            state: tokio::sync::Mutex::new(state),
            shared: Mutex::new(shared),
        }))
    }

    /// The session's number, for cancel requests and `pg_backend_pid()`.
    pub fn process_id(&self) -> i32 {
        self.process_id
    }

    /// The secret that a cancel request must give.
    pub fn secret(&self) -> i32 {
        self.secret
    }

    /// The user who logged in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The engine that this is a session of.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Splits and parses a text. A text without any statement gives one that [`Parsed::is_empty`].
    pub fn parse(&self, sql: &str) -> Result<Vec<Parsed>, SqlError> {
        stack::grown(|| parse::parse(sql))
    }

    /// Runs a statement without parameters.
    pub async fn execute(&self, parsed: &Parsed) -> Result<Outcome, SqlError> {
        Box::pin(self.run_statement(parsed.clone(), Vec::new(), Vec::new())).await
    }

    /// Plans a statement, to tell its parameters and columns. `declared`: types that the client fixed, `$1` first.
    pub async fn prepare(&self, parsed: &Parsed, declared: &[Option<SqlType>]) -> Result<Arc<Prepared>, SqlError> {
        Box::pin(self.describe(parsed.clone(), declared.to_vec())).await.map(Arc::new)
    }

    /// Runs a prepared statement. It is planned anew, so that it sees the catalog as it is now; where the result would
    /// have other columns than were described, 0A000 tells the client to prepare it again.
    pub async fn run(&self, prepared: &Prepared, parameters: Vec<Parameter>) -> Result<Outcome, SqlError> {
        if parameters.len() != prepared.parameters.len() {
            return Err(SqlError::new(
                SqlState::ProtocolViolation,
                format!(
                    "bind message supplies {} parameters, but prepared statement requires {}",
                    parameters.len(),
                    prepared.parameters.len()
                ),
            ));
        }
        let declared = prepared.parameters.iter().cloned().map(Some).collect();
        let outcome = Box::pin(self.run_statement(prepared.parsed.clone(), declared, parameters)).await?;
        if let (Outcome::Rows(rows), Some(columns)) = (&outcome, &prepared.columns)
            && !same_types(&rows.columns, columns)
        {
            return Err(SqlError::new(SqlState::FeatureNotSupported, "cached plan must not change result type"));
        }
        Ok(outcome)
    }

    /// The statements up to [`Session::end_implicit`] are one transaction (a multi-statement string, or a pipeline up to
    /// Sync), unless they control transactions themselves.
    pub fn begin_implicit(&self) {
        self.shared.lock().implicit = true;
    }

    /// Ends what [`Session::begin_implicit`] began: commits, or rolls back.
    pub async fn end_implicit(&self, success: bool) -> Result<(), SqlError> {
        self.shared.lock().implicit = false;
        let mut state = self.state.lock().await;
        if state.block.as_ref().is_some_and(|block| block.mode == Mode::Implicit) {
            let failed = state.block.as_ref().is_some_and(block::Block::has_failed);
            return Box::pin(self.end_block(&mut state, success && !failed)).await;
        }
        Ok(())
    }

    /// State of the transaction.
    pub fn status(&self) -> TransactionStatus {
        match &self.shared.lock().block {
            Some((Mode::Explicit, failed)) if failed.load(Ordering::SeqCst) => TransactionStatus::Failed,
            Some((Mode::Explicit, _)) => TransactionStatus::Open,
            Some((Mode::Auto | Mode::Implicit, _)) | None => TransactionStatus::Idle,
        }
    }

    /// Stops the running statement.
    pub fn cancel(&self) {
        if let Some(running) = &self.shared.lock().running {
            running.fire(Reason::User);
        }
    }

    /// Ends the session from outside: the running statement stops, and no other starts.
    pub fn terminate(&self) {
        self.closing.cancel();
    }

    /// Fires when the session is ended from outside ([`Session::terminate`]) or by the engine's shutdown.
    pub async fn terminated(&self) {
        self.closing.cancelled().await;
    }

    /// Messages since the last call.
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.shared.lock().notices)
    }

    /// Reported settings that changed since the last call.
    pub fn take_parameter_changes(&self) -> Vec<(String, String)> {
        self.shared.lock().settings.take_unreported()
    }

    /// All reported settings, for the start of a session.
    pub fn parameter_status(&self) -> Vec<(String, String)> {
        let mut shared = self.shared.lock();
        shared.settings.take_unreported();
        let current = shared.settings.current();
        let reported = crate::settings::SETTINGS.iter().filter(|setting| setting.reported);
        reported.filter_map(|setting| Some((setting.name.to_owned(), current.get(setting.name)?.to_owned()))).collect()
    }

    /// Value of a setting.
    pub fn setting(&self, name: &str) -> Option<String> {
        self.shared.lock().settings.current().get(name).map(str::to_owned)
    }

    /// Ends the session: stops what runs, rolls back, drops temporary tables.
    pub async fn close(&self) {
        self.closing.cancel();
        let mut state = self.state.lock().await;
        if state.block.is_some()
            && let Err(error) = Box::pin(self.end_block(&mut state, false)).await
        {
            tracing::warn!(process_id = self.process_id, %error, "the transaction of a closing session did not roll back");
        }
        *state = State::default();
        drop(state);
        let was_closed = std::mem::replace(&mut self.shared.lock().closed, true);
        if !was_closed {
            self.engine.forget(self.process_id);
            self.engine.history().close_session(self.process_id, now_micros());
        }
    }

    /// Runs a text as one implicit transaction and collects all rows. For tests and tools.
    pub async fn query(&self, sql: &str) -> Result<Vec<Collected>, SqlError> {
        let statements = self.parse(sql)?;
        if statements.len() > 1 {
            self.begin_implicit();
        }
        let result = Box::pin(self.query_each(&statements)).await;
        let ended = self.end_implicit(result.is_ok()).await;
        let collected = result?;
        ended?;
        Ok(collected)
    }

    async fn query_each(&self, statements: &[Parsed]) -> Result<Vec<Collected>, SqlError> {
        let mut collected = Vec::with_capacity(statements.len());
        for statement in statements {
            let outcome = self.execute(statement).await?;
            collected.push(collect(outcome).await?);
        }
        Ok(collected)
    }

    /// Adds a message for the client, unless `client_min_messages` holds it back.
    pub(crate) fn notice(&self, notice: Notice) {
        let mut shared = self.shared.lock();
        let least = match shared.settings.current().get("client_min_messages") {
            Some("warning") => NoticeSeverity::Warning,
            Some("error") => NoticeSeverity::Info,
            Some(_) | None => NoticeSeverity::Notice,
        };
        if notice.severity >= least && shared.notices.len() < NOTICES_MAX {
            shared.notices.push(notice);
        }
    }

    /// The settings, to be changed.
    pub(crate) fn with_settings<T>(&self, change: impl FnOnce(&mut SettingState) -> T) -> T {
        change(&mut self.shared.lock().settings)
    }

    /// The role of the user who logged in.
    pub(crate) fn session_role(&self) -> RoleId {
        self.session_role
    }

    /// SET ROLE.
    pub(crate) fn set_role(&self, role: RoleId, superuser: bool) {
        let mut shared = self.shared.lock();
        shared.role = role;
        shared.settings.force("is_superuser", if superuser { "on" } else { "off" });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A session that was not closed (its connection died) leaves nothing behind.
        if !self.shared.lock().closed {
            self.engine.forget(self.process_id);
            self.engine.history().close_session(self.process_id, now_micros());
        }
    }
}

fn check_connect(
    snapshot: &Snapshot,
    engine: &Engine,
    role: &stoa_storage::Role,
    database: &stoa_storage::Database,
) -> Result<(), SqlError> {
    if !access::holds(snapshot, role.id, database.owner, &database.acl, Privilege::Connect) {
        return Err(SqlError::denied("database", &database.name)
            .with_detail("User does not have CONNECT privilege.")
            .fatal());
    }
    let open = engine.history().sessions().iter().filter(|session| session.user == role.name).count();
    match role.connection_limit {
        Some(limit) if open >= usize::try_from(limit).unwrap_or(usize::MAX) => {
            Err(SqlError::new(SqlState::TooManyConnections, format!("too many connections for role \"{}\"", role.name))
                .fatal())
        }
        Some(_) | None => Ok(()),
    }
}

/// Declared defaults, then what ALTER DATABASE and ALTER USER stored.
fn initial_settings(snapshot: &Snapshot, role: &stoa_storage::Role, database: DatabaseId) -> Settings {
    use stoa_storage::SettingScope;
    let mut settings = Settings::default();
    for wanted in [SettingScope::System, SettingScope::Database(database), SettingScope::Role(role.id)] {
        for ((scope, name), value) in &snapshot.settings {
            if *scope == wanted
                && let Err(error) = settings.set(name, value)
            {
                tracing::warn!(setting = name, %error, "a stored setting is no longer valid");
            }
        }
    }
    settings.force("is_superuser", if role.superuser { "on" } else { "off" });
    settings.force("session_authorization", &role.name);
    settings
}

fn session_fact(
    process_id: i32,
    user: &str,
    database: &str,
    client_address: &str,
    settings: &Settings,
    protocol: Protocol,
) -> SessionFact {
    SessionFact {
        process_id,
        user: user.to_owned(),
        database: database.to_owned(),
        application_name: settings.get("application_name").unwrap_or_default().to_owned(),
        client_address: client_address.to_owned(),
        protocol: match protocol {
            Protocol::Postgres => "postgres",
            Protocol::FlightSql => "flight_sql",
            Protocol::Internal => "internal",
        },
        started_micros: now_micros(),
        state_changed_micros: now_micros(),
        state: "idle",
        ..SessionFact::default()
    }
}

fn same_types(now: &[crate::outcome::ResultColumn], then: &[crate::outcome::ResultColumn]) -> bool {
    now.len() == then.len()
        && now.iter().zip(then).all(|(now, then)| now.name == then.name && now.sql_type == then.sql_type)
}

/// Reads an outcome to its end.
async fn collect(outcome: Outcome) -> Result<Collected, SqlError> {
    let none = || Arc::from(Vec::new());
    match outcome {
        Outcome::Rows(rows) => {
            let counted = rows.tag_has_count();
            let batches: Vec<_> = rows.stream.try_collect().await?;
            let mut collected = Collected { columns: rows.columns, batches, tag: rows.tag.to_owned() };
            if counted {
                collected.tag = format!("{} {}", rows.tag, collected.rows());
            }
            Ok(collected)
        }
        Outcome::Command { tag } => Ok(Collected { columns: none(), batches: vec![], tag }),
        Outcome::Empty => Ok(Collected { columns: none(), batches: vec![], tag: String::new() }),
        Outcome::CopyIn(copy) => Err(copy.fail("this door takes no data").await),
        Outcome::CopyOut(copy) => {
            let tag = copy.tag();
            let _chunks: Vec<_> = copy.stream.try_collect().await?;
            Ok(Collected { columns: none(), batches: vec![], tag: tag() })
        }
    }
}
