//! Values of IDENTITY columns: handed out from memory, so that writers do not wait for one another.
//!
//! The log holds only a mark ("everything before was handed out"); a transaction advances it when it commits. Values of
//! transactions that roll back are gaps. After a restart counting goes on from the mark.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::catalog::table::{Column, Identity};
use crate::catalog::types::ColumnType;
use crate::error::{Error, Result};
use crate::id::{ColumnId, TableId};

/// The counters of this process.
#[derive(Debug, Default)]
pub(crate) struct IdentityCounters {
    next: Mutex<HashMap<(TableId, ColumnId), i64>>,
}

/// A run of values that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// The first value.
    pub(crate) first: i64,
    /// The first value not handed out.
    pub(crate) next: i64,
}

impl IdentityCounters {
    /// Hands out `count` values of a column, never before those that `stored` (the newest definition) says are gone.
    pub(crate) fn reserve(&self, table: TableId, column: &Column, stored: &Identity, count: u64) -> Result<Reserved> {
        let mut counters = self.next.lock();
        let next = counters.entry((table, column.id)).or_insert(stored.next);
        let ahead = if stored.step > 0 { stored.next > *next } else { stored.next < *next };
        if ahead {
            *next = stored.next;
        }
        let first = *next;
        let exhausted = || Error::limit(format!("identity column \"{}\" has no values left", column.name));
        let last = match count.checked_sub(1) {
            None => return Ok(Reserved { first, next: first }),
            Some(steps) => advance(first, stored.step, steps).ok_or_else(exhausted)?,
        };
        if !fits(column.column_type, first) || !fits(column.column_type, last) {
            return Err(exhausted());
        }
        *next = last.checked_add(stored.step).ok_or_else(exhausted)?;
        Ok(Reserved { first, next: *next })
    }
}

fn advance(first: i64, step: i64, steps: u64) -> Option<i64> {
    first.checked_add(step.checked_mul(i64::try_from(steps).ok()?)?)
}

fn fits(column_type: ColumnType, value: i64) -> bool {
    match column_type {
        ColumnType::Int16 => i16::try_from(value).is_ok(),
        ColumnType::Int32 => i32::try_from(value).is_ok(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(step: i64) -> (Column, Identity) {
        let identity = Identity { seed: 1, step, next: 1, by_default: false };
        let column = Column {
            id: ColumnId(1),
            name: "id".to_owned(),
            column_type: ColumnType::Int16,
            nullable: false,
            default: None,
            missing: None,
            identity: Some(identity),
            encode: None,
            comment: None,
        };
        (column, identity)
    }

    #[test]
    fn runs_never_overlap_and_end_at_the_type() {
        let counters = IdentityCounters::default();
        let (column, identity) = column(10);
        let first = counters.reserve(TableId(7), &column, &identity, 3).unwrap();
        assert_eq!(first, Reserved { first: 1, next: 31 });
        assert_eq!(counters.reserve(TableId(7), &column, &identity, 1).unwrap().first, 31);
        assert!(counters.reserve(TableId(7), &column, &identity, 1 << 40).is_err());
        assert_eq!(counters.reserve(TableId(7), &column, &identity, 0).unwrap().first, 41);
    }

    #[test]
    fn a_newer_mark_wins() {
        let counters = IdentityCounters::default();
        let (column, mut identity) = column(-1);
        assert_eq!(counters.reserve(TableId(7), &column, &identity, 1).unwrap().first, 1);
        identity.next = -50;
        assert_eq!(counters.reserve(TableId(7), &column, &identity, 1).unwrap().first, -50);
    }
}
