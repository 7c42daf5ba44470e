//! Ids of new parts: unique for ever, and rising within a process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::catalog::snapshot::Snapshot;
use crate::clock::{Clock, Random};
use crate::id::PartId;

/// Makes the ids.
#[derive(Debug)]
pub(crate) struct PartIds {
    clock: Arc<dyn Clock>,
    random: Arc<Random>,
    last: AtomicU64,
}

impl PartIds {
    /// Ids will be greater than those of all parts in `snapshot`, however wrong the clock is.
    pub(crate) fn new(clock: Arc<dyn Clock>, random: Arc<Random>, snapshot: &Snapshot) -> Self {
        let newest = snapshot.tables.values().filter_map(|table| table.parts.get_max()).map(|(id, _)| high(*id)).max();
        Self { clock, random, last: AtomicU64::new(newest.unwrap_or(0)) }
    }

    /// A new part's id. Its first half is the time in microseconds, moved on where two would be equal: parts of a table
    /// are kept in the order of their ids, so rows come out of a plain scan in the order of insertion, and the row
    /// addresses that a transaction holds stay right while it appends.
    pub(crate) fn next(&self) -> PartId {
        let now = u64::try_from(self.clock.now_micros()).unwrap_or(0);
        let next = |last: u64| last.saturating_add(1).max(now);
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        let first_half = last.map_or(now, next);
        let (_, random_half) = self.random.uuid().as_u64_pair();
        PartId(Uuid::from_u64_pair(first_half, random_half))
    }
}

fn high(id: PartId) -> u64 {
    id.0.as_u64_pair().0
}
