//! The stream of one partition.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use tokio::task::JoinHandle;

use super::batch::Gather;
use super::block::{complete, decode_block, filter_block};
use super::load::{Loaded, load};
use super::plan::{Item, Source};
use super::{Progress, Shared};
use crate::error::{Error, Result};

/// The rows of one partition, a batch at a time. Dropping it stops all work done for it. After an error it ends.
pub struct ScanStream {
    schema: SchemaRef,
    batches: BoxStream<'static, Result<RecordBatch>>,
}

impl fmt::Debug for ScanStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanStream").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl ScanStream {
    pub(super) fn new(shared: Arc<Shared>, source: Source, progress: Arc<Progress>) -> Self {
        let schema = Arc::clone(&shared.schema);
        let gather = Gather::new(Arc::clone(&schema), shared.batch_rows);
        let partition =
            Partition { shared, source, progress, taken: 0, ahead: None, current: None, gather, ended: false };
        let batches = stream::try_unfold(partition, |mut partition| async move {
            Ok(partition.next().await?.map(|batch| (batch, partition)))
        });
        Self { schema, batches: batches.boxed() }
    }

    /// The fields of the batches.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Stream for ScanStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_next_unpin(context)
    }
}

/// One partition at work.
struct Partition {
    shared: Arc<Shared>,
    source: Source,
    progress: Arc<Progress>,
    /// Items taken of a list of its own.
    taken: usize,
    /// The next item, being loaded.
    ahead: Option<Loading>,
    current: Option<Loaded>,
    gather: Gather,
    ended: bool,
}

/// An item that is being loaded in a task of its own; the task ends with it.
struct Loading(JoinHandle<Result<Loaded>>);

impl Drop for Loading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Partition {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.progress.remaining.load(Ordering::Relaxed) == 0 {
                return Ok(None);
            }
            if let Some(batch) = self.gather.pop() {
                return Ok(self.within_limit(batch));
            }
            if self.ended {
                return Ok(None);
            }
            if !self.step().await? {
                self.gather.join()?;
                self.ended = true;
            }
        }
    }

    /// Does one block. Answers false at the end.
    async fn step(&mut self) -> Result<bool> {
        if self.current.as_ref().is_none_or(|current| current.blocks.is_empty()) {
            self.current = self.next_item().await?;
        }
        let Some(current) = &mut self.current else { return Ok(false) };
        let Some(task) = current.blocks.pop_front() else { return Ok(true) };
        match filter_block(&self.shared, current, task)? {
            // Many blocks may pass without a row: others on this thread get their turn between two.
            None => tokio::task::yield_now().await,
            Some(filtered) => {
                complete(&self.shared, current, &filtered).await?;
                self.gather.push(decode_block(&self.shared, current, filtered)?)?;
            }
        }
        Ok(true)
    }

    /// The next item, loaded; the one after it begins to load.
    async fn next_item(&mut self) -> Result<Option<Loaded>> {
        let loading = match self.ahead.take() {
            Some(loading) => Some(loading),
            None => self.start_next(),
        };
        let Some(mut loading) = loading else { return Ok(None) };
        // With a limit the item may be the last one needed.
        if self.progress.remaining.load(Ordering::Relaxed) == usize::MAX {
            self.ahead = self.start_next();
        }
        let loaded = (&mut loading.0).await;
        loaded.map_err(|error| Error::internal("a read broke off").with_source(error))?.map(Some)
    }

    fn start_next(&mut self) -> Option<Loading> {
        let item = self.take_item()?;
        Some(Loading(tokio::spawn(load(Arc::clone(&self.shared), item))))
    }

    fn take_item(&mut self) -> Option<Item> {
        let place = if self.source.shared {
            self.progress.next.fetch_add(1, Ordering::Relaxed)
        } else {
            self.taken += 1;
            self.taken - 1
        };
        self.source.items.get(place).cloned()
    }

    /// As much of a batch as the limit lets out.
    fn within_limit(&mut self, batch: RecordBatch) -> Option<RecordBatch> {
        let rows = batch.num_rows();
        let left = |remaining: usize| (remaining != usize::MAX).then(|| remaining.saturating_sub(rows));
        let before = self.progress.remaining.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        let allowed = before.map_or(rows, |remaining| remaining.min(rows));
        self.shared.metrics.add_rows_returned(allowed as u64);
        (allowed > 0).then(|| batch.slice(0, allowed))
    }
}
