//! Tokens, and what they stand for: a session with its prepared statements and tickets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use parking_lot::Mutex;
use stoa_query::{Prepared, Session};
use tonic::Status;

use crate::server::Permit;

/// Prepared statements and tickets that one session may hold.
const HANDLES_MAX: usize = 10_000;
/// Bytes of randomness in a token or handle.
const TOKEN_BYTES: usize = 32;

/// A statement that a client can come back to.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    pub(super) prepared: Arc<Prepared>,
    /// What was announced to the client.
    pub(super) schema: SchemaRef,
    /// The parameters that were bound last: one run for each row.
    pub(super) parameters: Vec<RecordBatch>,
    /// Whether it has been run already, having no result to fetch.
    pub(super) done: bool,
}

/// What a token stands for.
#[derive(Debug)]
pub(super) struct FlightSession {
    pub(super) session: Arc<Session>,
    /// Prepared statements by handle, which live until they are closed.
    prepared: Mutex<HashMap<Bytes, Handle>>,
    /// Statements by ticket, which are run once.
    tickets: Mutex<HashMap<Bytes, Handle>>,
    /// The open transaction.
    pub(super) transaction: Mutex<Option<Bytes>>,
    last_used: Mutex<Instant>,
    _permit: Permit,
}

/// 256 random bits, as text that fits into a header.
pub(super) fn random_text() -> String {
    let bytes: [u8; TOKEN_BYTES] = rand::random();
    URL_SAFE_NO_PAD.encode(bytes)
}

impl FlightSession {
    /// A session with nothing in it.
    pub(super) fn new(session: Arc<Session>, permit: Permit) -> Self {
        Self {
            session,
            prepared: Mutex::default(),
            tickets: Mutex::default(),
            transaction: Mutex::new(None),
            last_used: Mutex::new(Instant::now()),
            _permit: permit,
        }
    }

    /// Keeps a prepared statement; its handle.
    pub(super) fn keep_prepared(&self, handle: Handle) -> Result<Bytes, Status> {
        keep(&self.prepared, handle)
    }

    /// The prepared statement of a handle.
    pub(super) fn prepared(&self, key: &Bytes) -> Result<Handle, Status> {
        self.prepared.lock().get(key).cloned().ok_or_else(|| Status::not_found("prepared statement does not exist"))
    }

    /// Gives a prepared statement its parameters.
    pub(super) fn bind(&self, key: &Bytes, parameters: Vec<RecordBatch>) -> Result<(), Status> {
        match self.prepared.lock().get_mut(key) {
            Some(handle) => {
                handle.parameters = parameters;
                Ok(())
            }
            None => Err(Status::not_found("prepared statement does not exist")),
        }
    }

    /// Forgets a prepared statement; one that does not exist is no error.
    pub(super) fn close_prepared(&self, key: &Bytes) {
        self.prepared.lock().remove(key);
    }

    /// Keeps a statement to be run once; its ticket.
    pub(super) fn keep_ticket(&self, handle: Handle) -> Result<Bytes, Status> {
        keep(&self.tickets, handle)
    }

    /// The statement of a ticket, which is used up.
    pub(super) fn take_ticket(&self, key: &Bytes) -> Result<Handle, Status> {
        self.tickets.lock().remove(key).ok_or_else(|| Status::not_found("the ticket does not exist or has been used"))
    }

    fn touch(&self) {
        *self.last_used.lock() = Instant::now();
    }

    fn is_older(&self, lifetime: Duration) -> bool {
        self.last_used.lock().elapsed() > lifetime
    }
}

fn keep(map: &Mutex<HashMap<Bytes, Handle>>, handle: Handle) -> Result<Bytes, Status> {
    let mut map = map.lock();
    if map.len() >= HANDLES_MAX {
        return Err(Status::resource_exhausted("too many statements are open in this session"));
    }
    let key = Bytes::from(random_text());
    map.insert(key.clone(), handle);
    Ok(key)
}

/// All tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    sessions: Mutex<HashMap<String, Arc<FlightSession>>>,
    lifetime: Duration,
}

impl Tokens {
    /// No tokens yet; each will live that long after its last use.
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { sessions: Mutex::default(), lifetime }
    }

    /// A new token for a session.
    pub(super) fn issue(&self, session: FlightSession) -> String {
        let token = random_text();
        self.sessions.lock().insert(token.clone(), Arc::new(session));
        token
    }

    /// The session of a token that has not expired.
    pub(super) fn session(&self, token: &str) -> Option<Arc<FlightSession>> {
        let session = self.sessions.lock().get(token).cloned()?;
        if session.is_older(self.lifetime) && Arc::strong_count(&session) <= 2 {
            return None;
        }
        session.touch();
        Some(session)
    }

    /// Takes a session away from its token.
    pub(super) fn revoke(&self, session: &Arc<FlightSession>) {
        self.sessions.lock().retain(|_, other| !Arc::ptr_eq(other, session));
    }

    /// Takes the sessions away that have expired, or all of them. One whose result is being streamed is in use.
    pub(super) fn expire(&self, all: bool) -> Vec<Arc<FlightSession>> {
        let mut expired = Vec::new();
        self.sessions.lock().retain(|_, session| {
            let idle = Arc::strong_count(session) == 1 && session.is_older(self.lifetime);
            if all || idle {
                expired.push(Arc::clone(session));
            }
            !(all || idle)
        });
        expired
    }
}
