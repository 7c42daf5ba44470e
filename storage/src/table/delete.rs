//! Deleting: row addresses become one bitmap a part, inline where small.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow_array::UInt64Array;
use bytes::Bytes;
use roaring::RoaringBitmap;
use xxhash_rust::xxh3::xxh3_64;

use crate::catalog::part::{DeleteBody, DeleteSet, Part};
use crate::catalog::table::Table;
use crate::commit::OpenTransaction;
use crate::error::{Error, Result};
use crate::id::{PartId, TableId};
use crate::limit::DELETE_INLINE_BYTES_MAX;
use crate::object::Store;
use crate::table::write::Output;

/// Rows to delete of one part.
#[derive(Debug)]
pub(crate) struct Deletion {
    /// The part.
    pub(crate) part: PartId,
    /// The rows, none of them deleted before.
    pub(crate) rows: RoaringBitmap,
}

/// The address of a row: the part's place in the table's order of parts, then the row in the part.
pub(crate) fn address(ordinal: u32, row: u32) -> u64 {
    u64::from(ordinal) << 32 | u64::from(row)
}

/// Addresses by part. Rows that the table shows as deleted already are left out.
pub(crate) fn group(table: &Table, addresses: &UInt64Array) -> Result<Vec<Deletion>> {
    let mut by_ordinal: BTreeMap<u32, RoaringBitmap> = BTreeMap::new();
    for address in addresses.iter().flatten() {
        let (ordinal, row) = split_address(address);
        by_ordinal.entry(ordinal).or_default().insert(row);
    }
    let wrong = || Error::internal(format!("a row address is not one of table \"{}\"", table.name));
    let mut parts = (0u32..).zip(table.parts.values());
    let mut deletions = Vec::with_capacity(by_ordinal.len());
    for (ordinal, mut rows) in by_ordinal {
        let (_, part) = parts.find(|(place, _)| *place == ordinal).ok_or_else(wrong)?;
        if rows.max().is_some_and(|row| row >= part.rows) {
            return Err(wrong());
        }
        for set in &part.deletes {
            rows -= &*loaded(set)?;
        }
        if !rows.is_empty() {
            rows.optimize();
            deletions.push(Deletion { part: part.id, rows });
        }
    }
    Ok(deletions)
}

#[expect(clippy::cast_possible_truncation, reason = "an address is two 32-bit numbers side by side")]
fn split_address(address: u64) -> (u32, u32) {
    ((address >> 32) as u32, address as u32)
}

impl Deletion {
    /// The set as a change carries it; a large bitmap is on the store when this returns.
    pub(crate) async fn store(
        &self,
        output: &Arc<Output>,
        table: TableId,
        transaction: &OpenTransaction,
    ) -> Result<DeleteSet> {
        let mut bytes = Vec::with_capacity(self.rows.serialized_size());
        self.rows
            .serialize_into(&mut bytes)
            .map_err(|error| Error::internal("cannot serialise a deletion bitmap").with_source(error))?;
        let bitmap = OnceLock::from(Arc::new(self.rows.clone()));
        let rows = self.rows.len();
        if bytes.len() <= DELETE_INLINE_BYTES_MAX {
            return Ok(DeleteSet { rows, body: DeleteBody::Inline(bytes), bitmap });
        }
        let path = output.log.new_path(transaction, table, "dv");
        let body = DeleteBody::Object { path: path.clone(), bytes: bytes.len() as u64, checksum: xxh3_64(&bytes) };
        output.store.put_unique(&path, Bytes::from(bytes)).await?;
        Ok(DeleteSet { rows, body, bitmap })
    }
}

/// The bitmap of a set that rides in the log or was loaded before.
pub(crate) fn loaded(set: &DeleteSet) -> Result<Arc<RoaringBitmap>> {
    if let Some(bitmap) = set.bitmap.get() {
        return Ok(Arc::clone(bitmap));
    }
    match &set.body {
        DeleteBody::Inline(bytes) => {
            let bitmap = parse(bytes, set.rows)?;
            Ok(Arc::clone(set.bitmap.get_or_init(|| Arc::new(bitmap))))
        }
        DeleteBody::Object { path, .. } => Err(Error::internal(format!("deletion bitmap \"{path}\" was not loaded"))),
    }
}

/// The bitmap of a set, read from the store where need be.
pub(crate) async fn load(set: &DeleteSet, store: &Store) -> Result<Arc<RoaringBitmap>> {
    if let (None, DeleteBody::Object { path, checksum, .. }) = (set.bitmap.get(), &set.body) {
        let bytes = store.get(path).await?;
        if xxh3_64(&bytes) != *checksum {
            return Err(Error::corrupt(format!("deletion bitmap \"{path}\" does not match its checksum")));
        }
        let bitmap = parse(&bytes, set.rows)?;
        return Ok(Arc::clone(set.bitmap.get_or_init(|| Arc::new(bitmap))));
    }
    loaded(set)
}

fn parse(bytes: &[u8], rows: u64) -> Result<RoaringBitmap> {
    let bitmap = RoaringBitmap::deserialize_from(bytes)
        .map_err(|error| Error::corrupt("a deletion bitmap is damaged").with_source(error))?;
    if bitmap.len() != rows {
        return Err(Error::corrupt("a deletion bitmap holds another number of rows than its catalog entry says"));
    }
    Ok(bitmap)
}

/// All rows deleted of a part; `None` where there are none.
pub(crate) async fn deleted_rows(part: &Part, store: &Store) -> Result<Option<Arc<RoaringBitmap>>> {
    match part.deletes.as_slice() {
        [] => Ok(None),
        [only] => load(only, store).await.map(Some),
        sets => {
            let mut union = RoaringBitmap::new();
            for set in sets {
                union |= &*load(set, store).await?;
            }
            Ok(Some(Arc::new(union)))
        }
    }
}
