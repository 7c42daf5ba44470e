//! The end of a statement: wherever it comes — an answer, an error, the end of a stream, a client that goes away — it is
//! written into the history, the timeout is stopped, and a failure fails the transaction.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use futures::{Stream, StreamExt};
use stoa_storage::Transaction;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::{DropGuard, WaitForCancellationFutureOwned};

use super::Session;
use crate::cancel::Cancel;
use crate::engine::now_micros;
use crate::error::{SqlError, SqlState};
use crate::system::StatementStatus;

/// Batches that a plan may be ahead of its reader.
const BATCHES_AHEAD: usize = 2;

/// A running statement. Dropping it is its end.
pub(super) struct Ticket {
    pub(super) session: Weak<Session>,
    pub(super) query_id: i64,
    pub(super) cancel: Cancel,
    pub(super) timeout: Option<DropGuard>,
    /// Rows so far.
    pub(super) rows: Arc<AtomicU64>,
    /// The failure mark of the explicit transaction that the statement runs in.
    pub(super) failed: Option<Arc<AtomicBool>>,
    pub(super) error: Option<SqlError>,
    /// The transaction of a statement that stands alone: it keeps the objects that the stream reads.
    pub(super) transaction: Option<Transaction>,
}

impl Ticket {
    /// Notes the error that the statement ends with.
    pub(super) fn fail(&mut self, error: &SqlError) {
        if let Some(failed) = &self.failed {
            failed.store(true, Ordering::SeqCst);
        }
        self.error = Some(error.clone());
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.timeout.take();
        drop(self.transaction.take());
        let Some(session) = self.session.upgrade() else { return };
        let rows = self.rows.load(Ordering::Relaxed);
        let error = self.error.take();
        session.engine.history().finish_statement(self.query_id, |statement| {
            statement.ended_micros = now_micros();
            statement.rows = rows;
            statement.status = match &error {
                None => StatementStatus::Success,
                Some(error) if error.state == SqlState::QueryCanceled => StatementStatus::Canceled,
                Some(_) => StatementStatus::Failed,
            };
            statement.error = error.map(|error| error.message);
        });
        session.finish_running(&self.cancel);
    }
}

/// A stream that ends when its statement is cancelled, and ends its statement when it does.
pub(super) struct Guarded<S> {
    inner: Option<Pin<Box<S>>>,
    ticket: Option<Ticket>,
    fired: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S> Guarded<S> {
    pub(super) fn new(inner: S, ticket: Ticket) -> Self {
        let fired = Box::pin(ticket.cancel.token().clone().cancelled_owned());
        Self { inner: Some(Box::pin(inner)), ticket: Some(ticket), fired }
    }

    fn fail(&mut self, error: &SqlError) {
        // The plan and its tasks stop before the client hears of it.
        self.inner = None;
        if let Some(mut ticket) = self.ticket.take() {
            ticket.fail(error);
        }
    }
}

impl<S, T> Stream for Guarded<S>
where
    S: Stream<Item = Result<T, SqlError>>,
    T: Counted,
{
    type Item = Result<T, SqlError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ticket.is_none() {
            return Poll::Ready(None);
        }
        if self.fired.as_mut().poll(cx).is_ready() {
            let Some(ticket) = &self.ticket else { return Poll::Ready(None) };
            let error = ticket.cancel.error();
            self.fail(&error);
            return Poll::Ready(Some(Err(error)));
        }
        let Some(rows) = self.ticket.as_ref().map(|ticket| Arc::clone(&ticket.rows)) else { return Poll::Ready(None) };
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| inner.as_mut().poll_next(cx)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Some(Ok(item)))) => {
                rows.fetch_add(item.rows(), Ordering::Relaxed);
                Poll::Ready(Some(Ok(item)))
            }
            Ok(Poll::Ready(Some(Err(error)))) => {
                self.fail(&error);
                Poll::Ready(Some(Err(error)))
            }
            Ok(Poll::Ready(None)) => {
                self.inner = None;
                self.ticket = None;
                Poll::Ready(None)
            }
            Err(panic) => {
                let error = super::stack::panicked(panic.as_ref());
                self.fail(&error);
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}

/// Reads a stream in a task of its own, so that whoever waits for rows hears of a cancel at once, whatever the plan is in
/// the middle of. The task ends with the reader.
pub(super) fn pumped<S, T>(mut stream: S) -> impl Stream<Item = Result<T, SqlError>> + Send
where
    S: Stream<Item = Result<T, SqlError>> + Send + Unpin + 'static,
    T: Send + 'static,
{
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Some(item) = stream.next().await {
            if sender.send(item).await.is_err() {
                break;
            }
        }
    });
    futures::stream::unfold((receiver, tasks), |(mut receiver, mut tasks)| async move {
        if let Some(item) = receiver.recv().await {
            return Some((item, (receiver, tasks)));
        }
        // The channel is closed: the stream has ended, or its task has died.
        match tasks.join_next().await {
            Some(Err(died)) if died.is_panic() => {
                Some((Err(super::stack::panicked(died.into_panic().as_ref())), (receiver, tasks)))
            }
            Some(Ok(()) | Err(_)) | None => None,
        }
    })
}

/// What is counted for the history.
pub(super) trait Counted {
    /// Rows in the item.
    fn rows(&self) -> u64;
}

impl Counted for arrow::array::RecordBatch {
    fn rows(&self) -> u64 {
        u64::try_from(self.num_rows()).unwrap_or(u64::MAX)
    }
}

impl Counted for bytes::Bytes {
    fn rows(&self) -> u64 {
        // COPY counts its rows itself.
        0
    }
}
