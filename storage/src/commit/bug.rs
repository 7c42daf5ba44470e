//! The bodies of planted bugs that need more than a skipped check.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::format::{LoggedTransaction, encode_transaction};
use super::registry::Registry;
use super::writer::Pending;
use crate::catalog::change::Change;
use crate::error::{Error, Kind};
use crate::id::TxnId;
use crate::object::Store;
use crate::simulate::{Mutant, is_planted};

/// `IgnoreFence`: gives a member its bytes back so that it can be appended beyond the seal.
pub(super) fn with_encoding((mut pending, encoded): (Pending, Vec<u8>)) -> Pending {
    pending.encoded = encoded;
    pending
}

/// `DeleteOnUnknown`: cleans up after a commit that may have succeeded.
pub(super) async fn delete_on_unknown(store: &Store, members: &[Pending], error: &Error) {
    if !is_planted(Mutant::DeleteOnUnknown) || error.kind() != Kind::OutcomeUnknown {
        return;
    }
    for change in members.iter().flat_map(|member| &member.changes) {
        if let Change::Append { parts, .. } = change {
            for path in parts.iter().flat_map(|part| part.paths()) {
                let _ignored = store.delete(path).await;
            }
        }
    }
}

/// `SplitEntry`: makes two commits of one.
pub(super) fn split(mut pending: Pending, registry: &Arc<Registry>) -> (Pending, Option<Pending>) {
    if !(2..9).contains(&pending.changes.len()) {
        return (pending, None);
    }
    let second_changes = pending.changes.split_off(pending.changes.len() / 2);
    let base = Arc::clone(pending.transaction.base());
    let encode = |txn, changes: &Vec<Change>| {
        encode_transaction(&LoggedTransaction { txn, base: base.version, changes: changes.clone() }).unwrap_or_default()
    };
    let half = registry.begin(
        TxnId(uuid::Uuid::from_u128(!pending.transaction.txn().0.as_u128())),
        pending.transaction.epoch(),
        Arc::clone(&base),
    );
    let (reply, _nobody) = oneshot::channel();
    let first =
        Pending { encoded: encode(half.txn(), &pending.changes), transaction: half, changes: pending.changes, reply };
    let second = Pending {
        encoded: encode(pending.transaction.txn(), &second_changes),
        changes: second_changes,
        transaction: pending.transaction,
        reply: pending.reply,
    };
    (first, Some(second))
}
