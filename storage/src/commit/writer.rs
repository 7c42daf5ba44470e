//! The one task that writes the log: takes queued commits, checks them in order, appends them as one entry.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::checkpoint;
use super::format::{EntryHeader, encode_entry, entry_path, transactions_bytes_max};
use super::log::Shared;
use super::recover::Tip;
use super::registry::OpenTransaction;
use crate::catalog::apply::check_and_apply;
use crate::catalog::change::Change;
use crate::catalog::snapshot::Snapshot;
use crate::error::{Error, Kind, Result};
use crate::id::{TxnId, Version};
use crate::limit::GROUP_TRANSACTIONS_MAX;
use crate::planted::planted;

/// Pause between two tries to become the leader again.
const RESUME_PAUSE: Duration = Duration::from_secs(1);

/// A commit that waits for its turn. It holds the transaction open: its objects must survive until it is decided.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) transaction: Arc<OpenTransaction>,
    pub(super) changes: Vec<Change>,
    /// The transaction as it will stand in the entry.
    pub(super) encoded: Vec<u8>,
    pub(super) reply: oneshot::Sender<Result<Version>>,
}

impl Pending {
    fn txn(&self) -> TxnId {
        self.transaction.txn()
    }

    fn answer(self, outcome: Result<Version>) {
        // The caller may have been cancelled; the outcome stands nevertheless and can be asked for.
        let _caller_gone = self.reply.send(outcome);
    }
}

/// Whether this process may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leadership {
    /// It owns the epoch.
    Leading,
    /// The outcome of an append is not known: nothing more may be written in this epoch. May take over again.
    SteppedDown,
    /// Another process owns a later epoch. For good.
    Fenced,
}

/// The state of the task.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    tip: Tip,
    receiver: mpsc::Receiver<Pending>,
    /// Received, but too large for the entry that was being filled.
    deferred: VecDeque<Pending>,
    next_resume: Option<Instant>,
}

/// The transactions of one entry.
struct Group {
    snapshot: Snapshot,
    members: Vec<Pending>,
    bytes: usize,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, tip: Tip, receiver: mpsc::Receiver<Pending>) -> Self {
        Self { shared, tip, receiver, deferred: VecDeque::new(), next_resume: None }
    }

    /// Runs until the log is shut down and its queue is empty.
    pub(super) async fn run(mut self) {
        loop {
            let Some(first) = self.next().await else { return };
            self.lead().await;
            match self.shared.leadership() {
                Leadership::Leading => self.commit_group(first).await,
                other => first.answer(Err(refusal(other))),
            }
        }
    }

    /// The next commit; while stepped down, also tries to lead again so that unknown outcomes get known.
    async fn next(&mut self) -> Option<Pending> {
        if let Some(deferred) = self.deferred.pop_front() {
            return Some(deferred);
        }
        let received = self.receive().await;
        #[cfg(test)]
        let received = match received {
            Some(pending) if planted!(SplitEntry) => {
                let (first, second) = super::bug::split(pending, &self.shared.registry);
                self.deferred.extend(second);
                Some(first)
            }
            other => other,
        };
        received
    }

    async fn receive(&mut self) -> Option<Pending> {
        while self.shared.leadership() == Leadership::SteppedDown {
            match timeout(RESUME_PAUSE, self.receiver.recv()).await {
                Ok(received) => return received,
                Err(_elapsed) => self.lead().await,
            }
        }
        self.receiver.recv().await
    }

    /// Tries to become the leader again after having stepped down.
    async fn lead(&mut self) {
        let waiting = self.next_resume.is_some_and(|at| Instant::now() < at);
        if self.shared.leadership() != Leadership::SteppedDown || waiting {
            return;
        }
        match self.take_over_again().await {
            Ok(tip) => {
                tracing::info!(epoch = tip.position.epoch, "leading again");
                self.tip = tip;
                self.shared.publish(&self.tip);
                self.shared.set_leadership(Leadership::Leading);
                self.next_resume = None;
            }
            Err(error) if error.kind() == Kind::Fenced => self.shared.set_leadership(Leadership::Fenced),
            Err(error) => {
                tracing::warn!(%error, "cannot lead again yet");
                self.next_resume = Some(Instant::now() + RESUME_PAUSE);
            }
        }
    }

    /// The log may show an entry that the disk has not kept (its fsync failed). A checkpoint is written anew and so says
    /// the same again in an object of its own, before anything is built on that entry.
    async fn take_over_again(&self) -> Result<Tip> {
        let tip = self.shared.successor().take_over(Some(self.tip.position.epoch)).await?;
        checkpoint::write(&self.shared, &tip).await?;
        Ok(tip)
    }

    /// Checks queued commits in order until the entry is full or the queue is empty.
    fn gather(&mut self, first: Pending) -> Group {
        let mut snapshot = (*self.tip.snapshot).clone();
        snapshot.version = Version(self.tip.position.version.0 + 1);
        snapshot.committed_at_micros = self.shared.clock.now_micros();
        let mut group = Group { snapshot, members: Vec::new(), bytes: 0 };
        let mut next = Some(first);
        while let Some(pending) = next {
            if group.bytes + pending.encoded.len() > transactions_bytes_max() {
                self.deferred.push_front(pending);
                break;
            }
            self.admit(&mut group, pending);
            if group.members.len() >= GROUP_TRANSACTIONS_MAX {
                break;
            }
            next = self.deferred.pop_front().or_else(|| self.receiver.try_recv().ok());
        }
        group
    }

    /// Lets one commit into the group, or answers it.
    fn admit(&self, group: &mut Group, pending: Pending) {
        if let Some(version) = self.tip.committed(pending.txn()) {
            return pending.answer(Ok(version));
        }
        if group.members.iter().any(|member| member.txn() == pending.txn()) {
            return pending.answer(Err(Error::internal("a transaction was committed twice at once")));
        }
        // Objects of an earlier epoch that nothing refers to may be collected at any time.
        if pending.transaction.epoch() != self.tip.position.epoch {
            return pending.answer(Err(Error::conflict("the transaction began before the last take-over of the log")));
        }
        match check_and_apply(&group.snapshot, pending.transaction.base().version, &pending.changes) {
            Ok(after) => {
                group.snapshot = after;
                group.bytes += pending.encoded.len();
                group.members.push(pending);
            }
            Err(error) => pending.answer(Err(error)),
        }
    }

    fn entry_header(&self, group: &Group) -> Result<EntryHeader> {
        let transactions = u32::try_from(group.members.len())
            .map_err(|error| Error::internal("too many transactions in one entry").with_source(error))?;
        Ok(EntryHeader {
            epoch: self.tip.position.epoch,
            slot: self.tip.position.slot + 1,
            version: group.snapshot.version,
            nonce: self.shared.random.uuid(),
            writer: self.shared.writer,
            committed_at_micros: group.snapshot.committed_at_micros,
            previous: self.tip.position.hash,
            seal: false,
            transactions,
        })
    }

    async fn commit_group(&mut self, first: Pending) {
        let mut group = self.gather(first);
        if group.members.is_empty() {
            return;
        }
        let encoded: Vec<Vec<u8>> =
            group.members.iter_mut().map(|member| std::mem::take(&mut member.encoded)).collect();
        let bytes = match self.entry_header(&group).and_then(|header| encode_entry(&header, &encoded)) {
            Ok(bytes) => bytes,
            Err(error) => return answer_all(group.members, &error),
        };
        let path = entry_path(self.tip.position.epoch, self.tip.position.slot + 1);
        if planted!(AcknowledgeEarly) {
            let copy = bytes.clone();
            self.committed(group, &bytes);
            let _ignored = self.shared.store.put_if_absent(&path, copy).await;
            return;
        }
        let appended = if planted!(PlainPut) {
            self.shared.store.put_hint(&path, bytes.clone()).await
        } else {
            self.shared.store.put_if_absent(&path, bytes.clone()).await
        };
        match appended {
            Ok(()) => self.committed(group, &bytes),
            #[cfg(test)]
            Err(error) if planted!(IgnoreFence) && error.kind() == Kind::Exists => {
                self.tip.position.slot += 1;
                self.deferred.extend(group.members.into_iter().zip(encoded).map(super::bug::with_encoding));
            }
            Err(error) => {
                #[cfg(test)]
                super::bug::delete_on_unknown(&self.shared.store, &group.members, &error).await;
                self.not_committed(group, error);
            }
        }
    }

    fn committed(&mut self, group: Group, bytes: &[u8]) {
        let version = group.snapshot.version;
        let txns: Vec<TxnId> = group.members.iter().map(Pending::txn).collect();
        self.tip.advance(Arc::new(group.snapshot), txns.into_iter(), bytes);
        self.shared.note_append(bytes.len());
        // Visible first, acknowledged second: whoever hears of a commit also sees it.
        self.shared.publish(&self.tip);
        for member in group.members {
            member.answer(Ok(version));
        }
    }

    fn not_committed(&mut self, group: Group, error: Error) {
        match error.kind() {
            Kind::Exists => {
                tracing::warn!(
                    epoch = self.tip.position.epoch,
                    "another process has taken over; this one writes no more"
                );
                self.shared.set_leadership(Leadership::Fenced);
                answer_all(group.members, &refusal(Leadership::Fenced));
            }
            Kind::OutcomeUnknown => {
                tracing::error!(%error, "the outcome of a commit is not known; stepping down");
                self.shared.set_leadership(Leadership::SteppedDown);
                self.next_resume = Some(Instant::now() + RESUME_PAUSE);
                answer_all(group.members, &error);
            }
            // Certainly not written (no space, no permission): the slot is still free, the epoch goes on.
            _ => answer_all(group.members, &error),
        }
    }
}

/// Why nothing is written.
fn refusal(leadership: Leadership) -> Error {
    match leadership {
        Leadership::Fenced => Error::fenced("another process has taken over the warehouse; this one can only read"),
        Leadership::Leading | Leadership::SteppedDown => {
            Error::unavailable("the log cannot be written at the moment; the transaction was not committed")
        }
    }
}

/// The same answer to all.
fn answer_all(members: Vec<Pending>, error: &Error) {
    for member in members {
        member.answer(Err(error.duplicate()));
    }
}
