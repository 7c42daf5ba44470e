//! Checkpoints: the whole state in one object, so that recovery is short and the log before it can go.

use bytes::Bytes;

use super::format::{checkpoint_path, encode_checkpoint, entry_path, parse_entry_path};
use super::log::Shared;
use super::recover::{HINT, Tip, list_checkpoints};
use super::writer::Leadership;
use crate::error::{Error, Kind, Result};
use crate::object::Store;
use crate::planted::planted;

/// What a checkpoint did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Checkpointed {
    /// Size of the checkpoint in bytes.
    pub(crate) bytes: u64,
    /// Log entries and checkpoints deleted.
    pub(crate) deleted: u64,
}

/// Writes a checkpoint of the current state; deletes older ones and the log that no kept one needs.
pub(super) async fn checkpoint(shared: &Shared) -> Result<Checkpointed> {
    if shared.leadership() != Leadership::Leading {
        return Err(Error::unavailable("only the owner of the log writes checkpoints"));
    }
    write(shared, &shared.tip()).await
}

/// Writes a checkpoint of a state of this process's epoch.
pub(super) async fn write(shared: &Shared, tip: &Tip) -> Result<Checkpointed> {
    let place = (tip.position.epoch, tip.position.slot);
    let path = checkpoint_path(place.0, place.1);
    let bytes = encode_checkpoint(&tip.to_checkpoint())?;
    let size = bytes.len() as u64;
    if planted!(TruncateEarly) {
        truncate(&shared.store, place, false).await;
    }
    match shared.store.put_if_absent(&path, bytes).await {
        // The state at a place is the same for everyone: a checkpoint that is there already says the same.
        Err(error) if error.kind() != Kind::Exists => {
            return Err(Error::unavailable("cannot write a checkpoint").with_source(error));
        }
        _ => {}
    }
    shared.note_checkpoint();
    // Without the hint the next start needs one more request.
    let _only_a_hint = shared.store.put_hint(HINT, Bytes::from(path)).await;
    let mut deleted = 0;
    let places = list_checkpoints(&shared.store).await?;
    let kept = places.iter().rev().filter(|other| **other <= place).nth(shared.options.checkpoints_kept.max(1) - 1);
    if let Some(oldest) = kept.copied() {
        for (epoch, slot) in places.range(..oldest) {
            deleted += u64::from(shared.store.delete(&checkpoint_path(*epoch, *slot)).await.is_ok());
        }
        deleted += truncate(&shared.store, oldest, planted!(SealsDeleted)).await;
    }
    Ok(Checkpointed { bytes: size, deleted })
}

/// Deletes the log up to and with a place, but never a seal: were a seal gone, the leader that it fenced could write into
/// its slot and believe itself the owner still. What cannot be deleted now is tried again by the next checkpoint.
async fn truncate(store: &Store, (epoch, slot): (u64, u64), seals: bool) -> u64 {
    let Ok(listed) = store.list("log").await else { return 0 };
    let entries: Vec<(u64, u64)> = listed.iter().filter_map(|object| parse_entry_path(&object.path)).collect();
    let mut deleted = 0;
    for (index, place) in entries.iter().enumerate() {
        // Sorted by path, so the last entry of an epoch is followed by one of a later epoch (or by nothing).
        let last_of_epoch = entries.get(index + 1).is_none_or(|next| next.0 != place.0);
        let seal = last_of_epoch && place.0 < epoch && !seals;
        if *place <= (epoch, slot) && !seal {
            deleted += u64::from(store.delete(&entry_path(place.0, place.1)).await.is_ok());
        }
    }
    deleted
}
