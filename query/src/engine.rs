//! What all sessions share: the warehouse, the memory of queries, who is connected, what ran.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Weak};

use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use parking_lot::RwLock;
use stoa_ingest::FileAccess;
use stoa_storage::Warehouse;
use tokio::runtime::{Handle, Runtime};
use tokio_util::sync::CancellationToken;

use crate::error::{SqlError, SqlState};
use crate::scram;
use crate::session::Session;
use crate::system::History;

/// Stack of a thread that runs statements.
const WORKER_STACK_BYTES: usize = 16 << 20;
/// Consumers that an out-of-memory error names.
const MEMORY_CONSUMERS_NAMED: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(4);

/// How an engine is set up.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Password of the user `admin` when the warehouse is new; `None`: it cannot log in until it gets one.
    pub admin_password: Option<String>,
    /// Memory that all queries may use together.
    pub memory_bytes: usize,
    /// Threads that one query may use.
    pub threads: usize,
    /// Folders below which COPY may read local files. Empty: none.
    pub copy_directories: Vec<PathBuf>,
    /// Folders that COPY never reads, even below an allowed one: the warehouse's own root belongs here.
    pub hidden_directories: Vec<PathBuf>,
    /// `s3://bucket/prefix` that COPY never reads: the warehouse's own root belongs here.
    pub hidden_prefixes: Vec<String>,
    /// Folder for what does not fit in memory; `None` is the system's temporary folder.
    pub spill_directory: Option<PathBuf>,
    /// Greatest number of sessions.
    pub sessions_max: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            admin_password: None,
            memory_bytes: 4 << 30,
            threads: std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get),
            copy_directories: Vec::new(),
            hidden_directories: Vec::new(),
            hidden_prefixes: Vec::new(),
            spill_directory: None,
            sessions_max: 500,
        }
    }
}

/// Which door a session came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Postgres wire protocol.
    Postgres,
    /// Arrow Flight SQL.
    FlightSql,
    /// In process.
    Internal,
}

/// A request for a session. The caller has authenticated the user.
#[derive(Debug, Clone)]
pub struct ConnectRequest {
    /// User.
    pub user: String,
    /// Database.
    pub database: String,
    /// Where from, e.g. `127.0.0.1:51234`.
    pub client_address: String,
    /// Name of the client program.
    pub application_name: String,
    /// Settings from the startup message; unknown names are ignored, as drivers send some of their own.
    pub settings: Vec<(String, String)>,
    /// Which door.
    pub protocol: Protocol,
}

/// What all sessions share.
pub struct Engine {
    warehouse: Arc<Warehouse>,
    options: EngineOptions,
    runtime: Arc<RuntimeEnv>,
    sessions: RwLock<BTreeMap<i32, Weak<Session>>>,
    next_process_id: AtomicI32,
    history: Arc<History>,
    stopping: CancellationToken,
    started_at_micros: i64,
    workers: Workers,
    /// Where clocks run: the runtime that opened the engine, which no query keeps busy.
    control: Handle,
}

/// The threads that run statements. They are apart from those that serve connections, so that a query that keeps all of
/// them busy delays neither a cancel nor a timeout.
struct Workers(Option<Runtime>);

impl Workers {
    fn start(threads: usize) -> Result<Self, SqlError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("stoa-query")
            // Expressions are evaluated by recursion over their depth, which the parser bounds: this fits the deepest.
            .thread_stack_size(WORKER_STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|error| {
                SqlError::new(SqlState::InsufficientResources, format!("no threads for queries: {error}"))
            })?;
        Ok(Self(Some(runtime)))
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // The engine may be dropped where blocking is not allowed.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine over a warehouse. Where the warehouse is new, it gets the database `dev`, the schema `public` and the
    /// superuser `admin`.
    pub async fn open(warehouse: Arc<Warehouse>, options: EngineOptions) -> Result<Arc<Self>, SqlError> {
        crate::command::bootstrap::run(&warehouse, options.admin_password.as_deref()).await?;
        let runtime = runtime(&options)?;
        let workers = Workers::start(options.threads)?;
        Ok(Arc::new(Self {
            warehouse,
            options,
            runtime,
            sessions: RwLock::default(),
            next_process_id: AtomicI32::new(1),
            history: Arc::default(),
            stopping: CancellationToken::new(),
            started_at_micros: now_micros(),
            workers,
            control: Handle::current(),
        }))
    }

    /// The SCRAM verifier of a user who may log in.
    pub fn verifier(&self, user: &str) -> Option<String> {
        let snapshot = self.warehouse.snapshot();
        let role = snapshot.role_named(user)?;
        if role.login { role.verifier.clone() } else { None }
    }

    /// Whether `password` is the user's, for protocols that hand the password over (inside TLS).
    pub fn verify_password(&self, user: &str, password: &str) -> bool {
        self.verifier(user).is_some_and(|verifier| scram::verify(password, &verifier))
    }

    /// Opens a session for a user whom the caller has authenticated.
    pub fn connect(self: &Arc<Self>, request: ConnectRequest) -> Result<Arc<Session>, SqlError> {
        if self.stopping.is_cancelled() {
            return Err(SqlError::new(SqlState::CannotConnectNow, "the database system is shutting down").fatal());
        }
        let mut sessions = self.sessions.write();
        sessions.retain(|_, session| session.strong_count() > 0);
        if sessions.len() >= self.options.sessions_max {
            return Err(SqlError::new(SqlState::TooManyConnections, "sorry, too many clients already").fatal());
        }
        let process_id = self.next_process_id.fetch_add(1, Ordering::Relaxed).max(1);
        let session = Session::open(Arc::clone(self), process_id, request)?;
        sessions.insert(process_id, Arc::downgrade(&session));
        Ok(session)
    }

    /// Stops the running statement of a session, if the secret is right (CancelRequest of the protocol).
    pub fn cancel(&self, process_id: i32, secret: i32) -> bool {
        match self.session(process_id) {
            Some(session) if session.secret() == secret => {
                session.cancel();
                true
            }
            Some(_) | None => false,
        }
    }

    /// Stops the running statement of a session (`pg_cancel_backend`, after a check of rights).
    pub(crate) fn cancel_backend(&self, process_id: i32) -> bool {
        self.session(process_id).map(|session| session.cancel()).is_some()
    }

    /// Ends a session (`pg_terminate_backend`, after a check of rights).
    pub(crate) fn terminate_backend(&self, process_id: i32) -> bool {
        self.session(process_id).map(|session| session.terminate()).is_some()
    }

    /// The session of that number.
    pub(crate) fn session(&self, process_id: i32) -> Option<Arc<Session>> {
        self.sessions.read().get(&process_id)?.upgrade()
    }

    /// What is remembered of sessions, statements and rejected rows.
    pub(crate) fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// The warehouse.
    pub fn warehouse(&self) -> &Arc<Warehouse> {
        &self.warehouse
    }

    /// Which files COPY may read.
    pub(crate) fn file_access(&self) -> FileAccess {
        FileAccess {
            folders: self.options.copy_directories.clone(),
            hidden_folders: self.options.hidden_directories.clone(),
            hidden_prefixes: self.options.hidden_prefixes.clone(),
            ..FileAccess::default()
        }
    }

    /// How the engine was set up.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// When the process began to serve, microseconds since 1970.
    pub fn started_at_micros(&self) -> i64 {
        self.started_at_micros
    }

    /// Cancels what runs, refuses new sessions and brings the warehouse to rest.
    pub async fn shutdown(&self) -> Result<(), SqlError> {
        self.stopping.cancel();
        let sessions: Vec<_> = self.sessions.read().values().filter_map(Weak::upgrade).collect();
        for session in sessions {
            session.close().await;
        }
        Ok(self.warehouse.shutdown().await?)
    }

    /// Memory pool, spill files and caches of the query engine.
    pub(crate) fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.runtime
    }

    /// The threads that run statements.
    pub(crate) fn workers(&self) -> Result<&Handle, SqlError> {
        self.workers.0.as_ref().map(Runtime::handle).ok_or_else(|| SqlError::internal("the engine has stopped"))
    }

    /// Where clocks run.
    pub(crate) fn control(&self) -> &Handle {
        &self.control
    }

    /// Fires when the engine stops.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Removes a closed session.
    pub(crate) fn forget(&self, process_id: i32) {
        self.sessions.write().remove(&process_id);
    }
}

fn runtime(options: &EngineOptions) -> Result<Arc<RuntimeEnv>, SqlError> {
    let pool = TrackConsumersPool::new(FairSpillPool::new(options.memory_bytes), MEMORY_CONSUMERS_NAMED);
    let mut builder = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool));
    if let Some(folder) = &options.spill_directory {
        builder = builder.with_temp_file_path(folder);
    }
    Ok(builder.build_arc()?)
}

/// The wall clock, microseconds since 1970.
pub(crate) fn now_micros() -> i64 {
    chrono::Utc::now().timestamp_micros()
}
