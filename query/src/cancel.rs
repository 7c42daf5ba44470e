//! One statement's way to be stopped: by the client, by its timeout, or by the end of its session.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::error::{SqlError, SqlState};

/// Why a statement was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The client asked for it.
    User = 1,
    /// `statement_timeout` passed.
    Timeout = 2,
    /// The session or the server ends.
    Shutdown = 3,
}

/// A token with a reason. Clones share both.
#[derive(Debug, Clone)]
pub(crate) struct Cancel {
    token: CancellationToken,
    reason: Arc<AtomicU8>,
}

impl Cancel {
    /// A token that has not fired. It fires with [`Reason::Shutdown`] when `parent` does.
    pub(crate) fn child_of(parent: &CancellationToken) -> Self {
        Self { token: parent.child_token(), reason: Arc::new(AtomicU8::new(Reason::Shutdown as u8)) }
    }

    /// Stops the statement; the first reason stays.
    pub(crate) fn fire(&self, reason: Reason) {
        if !self.token.is_cancelled() {
            self.reason.store(reason as u8, Ordering::SeqCst);
            self.token.cancel();
        }
    }

    /// Fires with [`Reason::Timeout`] after `limit` on the clock of that runtime, unless the returned guard is dropped before.
    pub(crate) fn fire_after(&self, limit: Duration, clock: &Handle) -> DropGuard {
        let stop = CancellationToken::new();
        let (cancel, stopped) = (self.clone(), stop.clone());
        clock.spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = tokio::time::sleep(limit) => cancel.fire(Reason::Timeout),
            }
        });
        stop.drop_guard()
    }

    /// Whether it has fired.
    pub(crate) fn is_fired(&self) -> bool {
        self.token.is_cancelled()
    }

    /// The plain token, for layers that know no reasons.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Waits until it fires.
    pub(crate) async fn fired(&self) {
        self.token.cancelled().await;
    }

    /// `Err` once it has fired.
    pub(crate) fn check(&self) -> Result<(), SqlError> {
        if self.is_fired() { Err(self.error()) } else { Ok(()) }
    }

    /// The error that the client sees.
    pub(crate) fn error(&self) -> SqlError {
        match self.reason.load(Ordering::SeqCst) {
            1 => SqlError::cancelled(),
            2 => SqlError::timed_out(),
            _ => SqlError::new(SqlState::AdminShutdown, "terminating connection due to administrator command").fatal(),
        }
    }

    /// Runs a future until it ends or this fires. The future is dropped when it fires.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = Result<T, SqlError>>) -> Result<T, SqlError> {
        tokio::select! {
            biased;
            () = self.fired() => Err(self.error()),
            result = work => result,
        }
    }
}
