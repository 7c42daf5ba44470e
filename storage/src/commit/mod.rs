//! The commit log: the one place where order is decided and effects become durable.
//!
//! # Protocol
//! - One leader per epoch writes `log/{epoch}/{slot}`, contiguously, with put-if-absent only and one append in flight.
//!   Each entry is a group commit and holds the SHA-256 of the entry before it.
//! - Take-over: replay from the newest checkpoint, then create a *seal* at the first free slot. Whoever's seal stands owns
//!   the next epoch. An earlier leader's next append hits the seal and is refused: no clock, lock or lease is involved.
//!   After the seal the checkpoints are listed again: a newer one than the replay began with means that the free slot may
//!   have been one that was truncated, and the attempt starts over.
//! - An append ends as written, as refused by another's entry (fenced), as certainly not written (no space), or as
//!   unknown. Only the last steps the leader down: nothing is reported as failed, nothing is deleted, and the next epoch
//!   (of this process or another) finds out by replaying.
//! - Checkpoints hold the whole snapshot; the log before them is deleted, seals never are.
//! - Objects are deleted only after an entry that names them ([`crate::Change::Collect`]) is durable.
//!
//! Readers take a snapshot from an `ArcSwap` and never wait. A held `Arc<Snapshot>` is a pin: garbage collection
//! spares what it refers to.

#[cfg(test)]
mod bug;
mod checkpoint;
mod format;
mod log;
mod recover;
mod registry;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

pub use log::TransactionStatus;
pub(crate) use log::{CommitLog, CommitRequest, LogOptions};
pub(crate) use recover::Tip;
#[cfg(test)]
pub(crate) use recover::recover;
#[cfg(test)]
pub(crate) use recover::tip_of_hint;
pub(crate) use registry::{OpenTransaction, Registry};
pub(crate) use verify::verify;
