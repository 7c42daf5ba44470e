//! The rows that a load refused so far, over all workers.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::{Error, Kind, Result};
use crate::load::progress::CopyProgress;
use crate::reject::{REJECTED_ROWS_KEPT, RejectedRow};

/// Collects refused rows up to MAXERROR.
#[derive(Debug)]
pub(crate) struct Rejects {
    rows: Mutex<Vec<RejectedRow>>,
    /// The load fails with this many.
    limit: u64,
    progress: Arc<CopyProgress>,
}

impl Rejects {
    pub(crate) fn new(max_errors: u64, progress: Arc<CopyProgress>) -> Self {
        Self { rows: Mutex::new(Vec::new()), limit: max_errors.max(1), progress }
    }

    /// Notes a row; an error once there are too many.
    pub(crate) fn add(&self, row: RejectedRow) -> Result<()> {
        let count = self.progress.add_rejected();
        {
            let mut rows = self.rows.lock();
            if rows.len() < REJECTED_ROWS_KEPT {
                rows.push(row);
            }
        }
        if count >= self.limit { Err(Error::new(Kind::Rejected, "too many rows were refused")) } else { Ok(()) }
    }

    /// The rows in the order of files and lines.
    pub(crate) fn take(&self) -> Vec<RejectedRow> {
        let mut rows = std::mem::take(&mut *self.rows.lock());
        rows.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        rows
    }

    /// The error of a load that was given up, in the words of the first refused row.
    pub(crate) fn failure(rows: Vec<RejectedRow>, postgres: bool) -> Error {
        let Some(first) = rows.first() else {
            return Error::internal("a load failed without a refused row");
        };
        let message = if postgres {
            first.message.clone()
        } else {
            let column = first.column.as_ref().map_or_else(String::new, |column| format!(", column \"{column}\""));
            format!("load failed: {} (file \"{}\", line {}{column})", first.reason, first.file, first.line)
        };
        Error::new(Kind::Rejected, message).with_rejected(rows)
    }
}
