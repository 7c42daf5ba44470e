//! The real commit log, store wrappers, checkpoints and garbage collection on a simulated store, all from one seed; in
//! some runs under the whole crate with its transactions, segments and scans.
//!
//! A run is a history of two or three processes that share one [`cloud`]: a store that loses requests and answers, applies
//! requests late or twice, and answers "conflict" or "full" for no reason. Processes crash at any step, hang (and come back
//! as zombies), and take over from one another for no reason. Time is tokio's paused clock and every choice comes from the
//! seed, so that a run can be repeated exactly. An [`oracle`] watches the store and the processes.
//!
//! Invariants (numbers as in the oracle's messages):
//! - I1 acknowledged means present after any crash and take-over. I2 reported as aborted means absent.
//!   I3 unknown means all or nothing.
//! - I4 any two observers of a version see the same content. I5 versions and epochs increase, an epoch has one owner.
//! - I6 what a held snapshot or the latest version refers to exists, with the right checksum.
//! - I7 the bank's sum is constant and every account is there exactly once, over two tables.
//! - I8 ingested offsets are 0..n, each exactly once. I9 a snapshot never changes while it is held.
//! - I10 only objects named by a committed Collect are deleted. I11 recovery is repeatable and equals the log.
//! - I12 taking a snapshot never waits: it is not an async function.

mod actor;
mod cloud;
mod mutant;
mod oracle;
mod rows;
mod run;
#[cfg(test)]
mod tests;
mod warehouse;

use std::cell::Cell;

pub(crate) use mutant::Mutant;

thread_local! {
    /// A run stays on one thread, so this is the bug of the run.
    static PLANTED: Cell<Option<Mutant>> = const { Cell::new(None) };
}

/// Whether a bug is planted in the run of this thread.
pub(crate) fn is_planted(mutant: Mutant) -> bool {
    PLANTED.get() == Some(mutant)
}
