//! Where batches go.

use arrow_array::RecordBatch;
use stoa_storage::{Appended, Appender};

use crate::error::Result;
use crate::source::open::Waiter;

/// Takes the batches of one worker, in the order in which it makes them.
pub trait Sink: Send + 'static {
    /// What is left of it at the end.
    type Output: Send + 'static;

    /// Whether rows are kept. Where they are not, no identity values are handed out for them.
    const KEEPS_ROWS: bool = true;

    /// Takes a batch of all columns of the table, in their order. May block the thread.
    fn write(&mut self, batch: RecordBatch) -> Result<()>;

    /// The worker has no more. May block the thread.
    fn finish(self) -> Result<Self::Output>;
}

/// Keeps the batches: for tests, and for loads that are only shown.
impl Sink for Vec<RecordBatch> {
    type Output = Self;

    fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.push(batch);
        Ok(())
    }

    fn finish(self) -> Result<Self> {
        Ok(self)
    }
}

/// NOLOAD: batches are made, so that every row is checked, and dropped.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Sink for Discard {
    type Output = ();

    const KEEPS_ROWS: bool = false;

    fn write(&mut self, _batch: RecordBatch) -> Result<()> {
        Ok(())
    }

    fn finish(self) -> Result<()> {
        Ok(())
    }
}

/// Appends to a table. Encoding is done by the worker's own thread, within the calls.
pub(crate) struct Append {
    pub(crate) appender: Appender,
    pub(crate) waiter: Waiter,
}

impl Sink for Append {
    type Output = Appended;

    fn write(&mut self, batch: RecordBatch) -> Result<()> {
        Ok(self.waiter.wait(self.appender.write(batch))??)
    }

    fn finish(self) -> Result<Appended> {
        Ok(self.waiter.wait(self.appender.finish())??)
    }
}
