//! The proof, at every start, that the store keeps its one promise that everything rests on.
//!
//! Some S3 look-alikes and gateways ignore `If-None-Match`; on such a store two servers would each believe to own the log.

use std::sync::Arc;

use bytes::Bytes;

use super::Store;
use super::backend::{Backend, FaultKind};
use crate::clock::Random;
use crate::error::{Error, Result};

/// Puts an object twice with different bytes below the retry layer; the second put must be refused.
pub(super) async fn probe(backend: &Arc<dyn Backend>, store: &Store, random: &Random) -> Result<()> {
    let path = format!("probe/{}", random.uuid().simple());
    store
        .put_if_absent(&path, Bytes::from_static(b"first"))
        .await
        .map_err(|error| Error::unavailable("the root cannot be written").with_source(error))?;
    let second = backend.put_new(&path, Bytes::from_static(b"second")).await;
    let kept = store.get(&path).await?;
    // A left-over probe object is harmless; failing the start for it would not be.
    let _left_over_is_harmless = store.delete(&path).await;
    match second {
        Err(fault) if fault.kind == FaultKind::Exists && kept.as_ref() == b"first" => Ok(()),
        Err(fault) if fault.kind != FaultKind::Exists => {
            Err(Error::unavailable("the root did not answer the start-up probe clearly").with_source(fault.source))
        }
        _ => Err(Error::invalid(
            "the root does not refuse to overwrite an object by a conditional put (If-None-Match), so two servers could \
             both own the log; use a store that supports conditional writes",
        )),
    }
}
