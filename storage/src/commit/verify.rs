//! Verification of the log for `stoa check`: every entry and checkpoint that is there, not only those recovery needs.

use futures::{StreamExt, stream};

use super::format::{decode_checkpoint, decode_entry, parse_checkpoint_path, parse_entry_path};
use super::recover::recover;
use crate::catalog::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::object::{Listed, Store};

/// Objects read at a time.
const READ_AHEAD: usize = 16;

/// What verification found.
#[derive(Debug)]
pub(crate) struct Verified {
    /// The newest version, where recovery finds one. Deletion bitmaps that are objects are not loaded.
    pub(crate) newest: Result<std::sync::Arc<Snapshot>>,
    /// Entries and checkpoints read.
    pub(crate) objects: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Those that are damaged.
    pub(crate) damaged: Vec<(String, Error)>,
}

/// Reads and verifies the log. Writes nothing, disturbs no leader.
pub(crate) async fn verify(store: &Store) -> Result<Verified> {
    let mut listed = store.list("ckpt").await?;
    listed.extend(store.list("log").await?);
    let mut found =
        Verified { newest: Err(Error::internal("not recovered")), objects: 0, bytes: 0, damaged: Vec::new() };
    let checks = listed.into_iter().map(|object| verify_object(store.clone(), object));
    let mut checks = stream::iter(checks).buffered(READ_AHEAD);
    while let Some((path, outcome)) = checks.next().await {
        match outcome {
            Ok(bytes) => {
                found.objects += 1;
                found.bytes += bytes;
            }
            // Truncated since it was listed.
            Err(error) if error.kind() == crate::error::Kind::NotFound => {}
            Err(error) => found.damaged.push((path, error)),
        }
    }
    found.newest = recover(store).await.map(|tip| tip.snapshot);
    Ok(found)
}

async fn verify_object(store: Store, object: Listed) -> (String, Result<u64>) {
    let path = object.path;
    let outcome = verify_bytes(&store, &path).await;
    (path, outcome)
}

async fn verify_bytes(store: &Store, path: &str) -> Result<u64> {
    let bytes = store.get(path).await?;
    if parse_checkpoint_path(path).is_some() {
        decode_checkpoint(&bytes, path)?;
    } else if parse_entry_path(path).is_some() {
        decode_entry(&bytes, path)?;
    }
    Ok(bytes.len() as u64)
}
