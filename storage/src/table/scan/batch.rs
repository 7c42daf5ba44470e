//! Batches of the size asked for, out of whatever is left of blocks.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;

use super::block::dictionary_values;
use crate::error::Result;

/// Cuts large batches, which costs nothing, and joins small ones.
#[derive(Debug)]
pub(super) struct Gather {
    schema: SchemaRef,
    batch_rows: usize,
    small: Vec<RecordBatch>,
    small_rows: usize,
    ready: VecDeque<RecordBatch>,
}

impl Gather {
    pub(super) fn new(schema: SchemaRef, batch_rows: usize) -> Self {
        Self { schema, batch_rows, small: Vec::new(), small_rows: 0, ready: VecDeque::new() }
    }

    /// Takes a batch of at least one row. Order is kept.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        let joinable = self.small.last().is_none_or(|last| same_dictionaries(last, &batch));
        if !joinable || self.small_rows + rows > self.batch_rows {
            self.join()?;
        }
        // What is half a batch is not worth copying.
        if self.small.is_empty() && rows > self.batch_rows / 2 {
            let pieces = rows.div_ceil(self.batch_rows);
            let step = rows.div_ceil(pieces);
            let cuts = (0..rows).step_by(step).map(|start| batch.slice(start, step.min(rows - start)));
            self.ready.extend(cuts);
            return Ok(());
        }
        self.small_rows += rows;
        self.small.push(batch);
        if self.small_rows == self.batch_rows { self.join() } else { Ok(()) }
    }

    /// Makes a batch of what is left.
    pub(super) fn join(&mut self) -> Result<()> {
        let small = std::mem::take(&mut self.small);
        let rows = std::mem::take(&mut self.small_rows);
        match small.as_slice() {
            [] => {}
            [one] => self.ready.push_back(one.clone()),
            _ if self.schema.fields().is_empty() => {
                let options = RecordBatchOptions::new().with_row_count(Some(rows));
                self.ready.push_back(RecordBatch::try_new_with_options(
                    Arc::clone(&self.schema),
                    Vec::new(),
                    &options,
                )?);
            }
            several => self.ready.push_back(concat_batches(&self.schema, several)?),
        }
        Ok(())
    }

    /// The next batch that is complete.
    pub(super) fn pop(&mut self) -> Option<RecordBatch> {
        self.ready.pop_front()
    }
}

/// Whether two batches can be joined without merging dictionaries.
fn same_dictionaries(a: &RecordBatch, b: &RecordBatch) -> bool {
    a.columns().iter().zip(b.columns()).all(|(a, b)| match (dictionary_values(a), dictionary_values(b)) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => true,
    })
}
