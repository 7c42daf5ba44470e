//! What a warehouse does by itself: flush inline rows, write checkpoints, collect garbage.
//!
//! A job that fails is tried again at its next turn; only a fenced process stops. Errors are logged here, because nobody
//! waits for them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::{Error, Kind};
use crate::table::flush::{self, Urgency};
use crate::warehouse::Warehouse;

/// How often is looked whether a flush or a checkpoint is due.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two collections.
const COLLECT_TICKS: u32 = 600;

/// The running jobs.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    running: Mutex<Option<(watch::Sender<bool>, JoinHandle<()>)>>,
}

impl Jobs {
    /// Starts them. They hold the warehouse weakly: dropping it ends them.
    pub(crate) fn start(&self, warehouse: &Arc<Warehouse>) {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(run(Arc::downgrade(warehouse), stopped));
        *self.running.lock() = Some((stop, task));
    }

    /// Stops them after what they are at.
    pub(crate) async fn stop(&self) {
        let running = self.running.lock().take();
        let Some((stop, task)) = running else { return };
        // The receiver is gone only when the task has ended already.
        stop.send(true).ok();
        if let Err(error) = task.await {
            tracing::error!(%error, "the background jobs ended unexpectedly");
        }
    }
}

async fn run(warehouse: Weak<Warehouse>, mut stopped: watch::Receiver<bool>) {
    let mut tick: u32 = 0;
    loop {
        // The sender disappears with the warehouse: that is a stop, too.
        if tokio::time::timeout(TICK, stopped.changed()).await.is_ok() {
            return;
        }
        let Some(warehouse) = warehouse.upgrade() else { return };
        tick = tick.wrapping_add(1);
        if warehouse.is_fenced() {
            tracing::warn!("another process has taken the warehouse over; background jobs stop");
            return;
        }
        let flushed = flush::flush(&warehouse, None, Urgency::Due).await;
        log_failure("flush", flushed.err());
        if warehouse.log().checkpoint_due() {
            let written = warehouse.log().checkpoint().await;
            log_failure("checkpoint", written.err());
        }
        if tick.is_multiple_of(COLLECT_TICKS) {
            let collected = warehouse.collect_garbage().await;
            log_failure("garbage collection", collected.err());
        }
    }
}

fn log_failure(job: &'static str, error: Option<Error>) {
    match error {
        None => {}
        Some(error) if error.kind() == Kind::Conflict => {
            tracing::debug!(%error, job, "a background job lost to a writer")
        }
        Some(error) => tracing::warn!(%error, job, "a background job failed and will be tried again"),
    }
}
