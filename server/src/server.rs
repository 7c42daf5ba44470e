//! The process's services: open the warehouse, listen, stop in good order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use stoa_query::{Engine, EngineOptions, SqlError, SqlState};
use stoa_storage::{OpenOptions, Warehouse};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::authenticate::Authenticator;
use crate::config::{Config, ConfigError, Listen};
use crate::tls::Tls;
use crate::{flight, http, pg};

/// Clients that may wait for login at the same time, for each connection that is allowed.
const WAITING_PER_CONNECTION: usize = 4;
/// Clients that may wait for login however few connections are allowed.
const WAITING_MIN: usize = 256;
/// Share of the machine's memory that queries get where nothing else is configured: 3/5.
const MEMORY_SHARE: (usize, usize) = (3, 5);

/// Why the server did not start, as one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The warehouse cannot be opened.
    #[error("the warehouse at \"{root}\" cannot be opened: {reason}")]
    Warehouse {
        /// Where it should be.
        root: String,
        /// The store's own words.
        reason: String,
    },
    /// An address cannot be listened on.
    #[error("{protocol} cannot listen on {address}: {reason}")]
    Address {
        /// Which listener.
        protocol: &'static str,
        /// Its configured address.
        address: String,
        /// The system's words.
        reason: std::io::Error,
    },
}

/// The listeners of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The Postgres wire protocol.
    Postgres,
    /// Arrow Flight SQL.
    Flight,
    /// Health and metrics.
    Http,
}

/// A running server. Dropping it does not stop it; [`Server::shutdown`] does.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    postgres: Option<SocketAddr>,
    flight: Option<SocketAddr>,
    http: Option<SocketAddr>,
    admin_password: Option<String>,
}

/// A place among the connections; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// What all listeners share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) engine: Arc<Engine>,
    pub(crate) authenticator: Authenticator,
    pub(crate) tls: Option<Tls>,
    /// Fires when the server stops taking work.
    pub(crate) stopping: CancellationToken,
    /// Every task that serves a client.
    pub(crate) tasks: TaskTracker,
    pub(crate) started: Instant,
    connections: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    flight_sockets: Arc<Semaphore>,
    sessions_total: AtomicU64,
    refused_total: AtomicU64,
}

impl Shared {
    fn new(config: Config, engine: Arc<Engine>, tls: Option<Tls>) -> Arc<Self> {
        let waiting = config.max_connections.saturating_mul(WAITING_PER_CONNECTION).max(WAITING_MIN);
        Arc::new(Self {
            authenticator: Authenticator::new(Arc::clone(&engine), tls.as_ref()),
            connections: Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS))),
            waiting: Arc::new(Semaphore::new(waiting.min(Semaphore::MAX_PERMITS))),
            flight_sockets: Arc::new(Semaphore::new(waiting.min(Semaphore::MAX_PERMITS))),
            config,
            engine,
            tls,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            started: Instant::now(),
            sessions_total: AtomicU64::new(0),
            refused_total: AtomicU64::new(0),
        })
    }

    /// A place among the connections, or 53300.
    pub(crate) fn admit(&self) -> Result<Permit, SqlError> {
        match Arc::clone(&self.connections).try_acquire_owned() {
            Ok(permit) => Ok(Permit(permit)),
            Err(_) => {
                self.refused_total.fetch_add(1, Ordering::Relaxed);
                Err(SqlError::new(SqlState::TooManyConnections, "sorry, too many clients already").fatal())
            }
        }
    }

    /// A place among those who wait for login; `None` when all are taken.
    pub(crate) fn admit_waiting(&self) -> Option<Permit> {
        Arc::clone(&self.waiting).try_acquire_owned().ok().map(Permit)
    }

    /// A place among the sockets of Flight SQL, which stay open after login; `None` when all are taken.
    pub(crate) fn admit_flight_socket(&self) -> Option<Permit> {
        Arc::clone(&self.flight_sockets).try_acquire_owned().ok().map(Permit)
    }

    /// Counts a session that has been opened.
    pub(crate) fn count_session(&self) {
        self.sessions_total.fetch_add(1, Ordering::Relaxed);
    }

    /// Sessions now, sessions ever, and logins refused for want of a place.
    pub(crate) fn session_counts(&self) -> (usize, u64, u64) {
        let open = self.config.max_connections.saturating_sub(self.connections.available_permits());
        (open, self.sessions_total.load(Ordering::Relaxed), self.refused_total.load(Ordering::Relaxed))
    }
}

impl Server {
    /// Opens the warehouse and starts all listeners. When this returns, clients can connect.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let tls = Tls::load(&config)?;
        if config.root.is_empty() {
            return Err(ConfigError::new("no root is given: set --root or STOA_ROOT to a folder or a bucket").into());
        }
        // Addresses first: a port that is taken should not cost the recovery of a warehouse.
        let postgres = bind("the Postgres protocol", &config.pg).await?;
        let flight = bind("Flight SQL", &config.flight).await?;
        let http = bind("HTTP", &config.http).await?;
        let cannot_open = |reason: &dyn std::fmt::Display| StartError::Warehouse {
            root: config.root.clone(),
            reason: reason.to_string(),
        };
        let warehouse = Warehouse::open(open_options(&config)).await.map_err(|error| cannot_open(&error))?;
        let (options, admin_password) = engine_options(&config, &warehouse);
        let engine = Engine::open(warehouse, options).await.map_err(|error| cannot_open(&error.message))?;
        let shared = Shared::new(config, engine, tls);
        let address =
            |listener: &Option<TcpListener>| listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let server = Self {
            postgres: address(&postgres),
            flight: address(&flight),
            http: address(&http),
            admin_password,
            shared: Arc::clone(&shared),
        };
        if let Some(listener) = postgres {
            shared.tasks.spawn(pg::listen::listen(listener, Arc::clone(&shared)));
        }
        if let Some(listener) = flight {
            flight::listen(listener, Arc::clone(&shared))?;
        }
        if let Some(listener) = http {
            shared.tasks.spawn(http::listen(listener, Arc::clone(&shared)));
        }
        Ok(server)
    }

    /// Where a service listens; `None` when it is switched off.
    pub fn address(&self, service: Service) -> Option<SocketAddr> {
        match service {
            Service::Postgres => self.postgres,
            Service::Flight => self.flight,
            Service::Http => self.http,
        }
    }

    /// The password that was made for `admin` because the warehouse is new and none was configured.
    pub fn new_admin_password(&self) -> Option<&str> {
        self.admin_password.as_deref()
    }

    /// The engine, for use in the same process.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.shared.engine
    }

    /// Stops: takes no more work, lets running statements finish within the grace period, cancels the rest, and brings
    /// the warehouse to rest.
    pub async fn shutdown(self) -> Result<(), SqlError> {
        let shared = self.shared;
        shared.stopping.cancel();
        shared.tasks.close();
        let grace = shared.config.grace_period.0;
        if tokio::time::timeout(grace, shared.tasks.wait()).await.is_err() {
            tracing::warn!("statements still run after the grace period; they are cancelled");
        }
        // Cancels what still runs; its clients get the reason if they read.
        let result = shared.engine.shutdown().await;
        if tokio::time::timeout(grace, shared.tasks.wait()).await.is_err() {
            tracing::warn!("{} connections did not end in time", shared.tasks.len());
        }
        result
    }
}

async fn bind(protocol: &'static str, listen: &Listen) -> Result<Option<TcpListener>, StartError> {
    let Listen::On(address) = listen else {
        return Ok(None);
    };
    match TcpListener::bind(address.as_str()).await {
        Ok(listener) => Ok(Some(listener)),
        Err(reason) => Err(StartError::Address { protocol, address: address.clone(), reason }),
    }
}

/// How the storage layer is opened.
pub(crate) fn open_options(config: &Config) -> OpenOptions {
    let mut options = OpenOptions::new(&config.root);
    if let Some(bytes) = config.cache_memory {
        options.cache_bytes = bytes.0;
    }
    options
}

/// How the engine is set up, and the password that was made for a new warehouse.
fn engine_options(config: &Config, warehouse: &Warehouse) -> (EngineOptions, Option<String>) {
    let mut options = EngineOptions {
        memory_bytes: config.memory_limit.map_or_else(default_memory, |limit| limit.0),
        copy_directories: config.copy_directories.0.clone(),
        spill_directory: config.temp_directory.as_ref().map(Into::into),
        sessions_max: config.max_connections,
        ..EngineOptions::default()
    };
    // COPY must not read the warehouse's own objects, whatever folders it may read.
    if config.root.starts_with("s3://") {
        options.hidden_prefixes = vec![config.root.clone()];
    } else if !config.root.starts_with("memory:") {
        options.hidden_directories = vec![config.root.strip_prefix("file://").unwrap_or(&config.root).into()];
    }
    if let Some(threads) = config.threads {
        options.threads = threads.max(1);
    }
    let is_new = warehouse.snapshot().roles.is_empty();
    let made = (is_new && config.admin_password.is_none()).then(random_password);
    options.admin_password =
        made.clone().or_else(|| config.admin_password.as_ref().map(|secret| secret.reveal().to_owned()));
    (options, made)
}

/// Twenty letters and digits: about 119 bits.
fn random_password() -> String {
    use rand::Rng;
    rand::rng().sample_iter(rand::distr::Alphanumeric).take(20).map(char::from).collect()
}

/// A share of the machine's memory, or of the control group's where that is less.
fn default_memory() -> usize {
    let kibibytes = |text: &str| -> Option<usize> {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let machine =
        std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| kibibytes(&text)).map(|total| total << 10);
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let group = limits.iter().find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<usize>().ok());
    let total = machine.into_iter().chain(group).min().unwrap_or(4 << 30);
    total / MEMORY_SHARE.1 * MEMORY_SHARE.0
}
