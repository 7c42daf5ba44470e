//! Where the rows of a table are: immutable parts (segments on the store, chunks inside the log) and what is deleted of them.

use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::catalog::value::Value;
use crate::error::{Error, Result};
use crate::id::{ColumnId, PartId};

/// An immutable run of rows of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Unique for ever.
    pub id: PartId,
    /// Rows, deleted ones included. At most [`crate::limit::PART_ROWS_MAX`].
    pub rows: u32,
    /// The DISTKEY slice that all rows belong to; `None` where the table is not distributed by key, or for chunks.
    pub slice: Option<u16>,
    /// Whether the rows are in the order of the table's sort key.
    pub sorted: bool,
    /// Zone statistics a column; columns added later than the part are absent (all rows hold the default).
    pub columns: Vec<ColumnSummary>,
    /// Where the rows are.
    pub body: PartBody,
    /// Deleted rows, as disjoint sets in commit order.
    pub deletes: Vec<Arc<DeleteSet>>,
}

impl Part {
    /// Number of rows deleted so far.
    pub fn deleted_rows(&self) -> u64 {
        self.deletes.iter().map(|set| set.rows).sum()
    }

    /// Objects on the store that the part consists of: its segment and its large deletion bitmaps.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let segment = match &self.body {
            PartBody::Segment { path, .. } => Some(path.as_str()),
            PartBody::Inline(_) => None,
        };
        let bitmaps = self.deletes.iter().filter_map(|set| match &set.body {
            DeleteBody::Object { path, .. } => Some(path.as_str()),
            DeleteBody::Inline(_) => None,
        });
        segment.into_iter().chain(bitmaps)
    }

    /// Number of rows still visible.
    pub fn visible_rows(&self) -> u64 {
        u64::from(self.rows).saturating_sub(self.deleted_rows())
    }
}

/// Where the rows of a part are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PartBody {
    /// A segment object on the store.
    Segment {
        /// Path below the root, e.g. `data/16390/3-….seg`.
        path: String,
        /// Size of the object in bytes.
        bytes: u64,
        /// Offset of the footer in the object.
        footer_offset: u64,
        /// XXH3-64 of the footer's bytes (the footer in turn holds a checksum a block).
        footer_checksum: u64,
    },
    /// Rows carried by the log entry itself (small inserts), until a flush makes them a segment.
    Inline(Arc<InlineChunk>),
}

/// A small batch of rows inside the log.
#[derive(Debug, Serialize, Deserialize)]
pub struct InlineChunk {
    /// The rows as an Arrow IPC stream, LZ4 compressed. Field names are column ids.
    #[serde(with = "serde_bytes_vec")]
    pub ipc: Vec<u8>,
    /// The decoded rows, filled on first use.
    #[serde(skip)]
    pub decoded: OnceLock<RecordBatch>,
}

impl PartialEq for InlineChunk {
    fn eq(&self, other: &Self) -> bool {
        self.ipc == other.ipc
    }
}

/// A set of deleted rows of one part. Sets of one part never overlap.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteSet {
    /// Number of rows in the set.
    pub rows: u64,
    /// Where the bitmap is.
    pub body: DeleteBody,
    /// The bitmap, present in a running process (recovery loads it before the snapshot is served).
    #[serde(skip)]
    pub bitmap: OnceLock<Arc<RoaringBitmap>>,
}

impl PartialEq for DeleteSet {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows && self.body == other.body
    }
}

impl DeleteSet {
    /// Fills in the bitmap from its stored bytes, which are checked.
    pub(crate) fn load(&self, bytes: &[u8], place: &str) -> Result<()> {
        let damaged = || Error::corrupt(format!("the deletion bitmap {place} is damaged"));
        if let DeleteBody::Object { bytes: length, checksum, .. } = &self.body
            && (bytes.len() as u64 != *length || xxh3_64(bytes) != *checksum)
        {
            return Err(damaged());
        }
        let bitmap = RoaringBitmap::deserialize_from(bytes).map_err(|error| damaged().with_source(error))?;
        if bitmap.len() != self.rows {
            return Err(damaged());
        }
        // Another task may have filled it in with the same rows.
        let _same_rows = self.bitmap.set(Arc::new(bitmap));
        Ok(())
    }
}

/// Where the bitmap of a [`DeleteSet`] is, in the portable Roaring format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum DeleteBody {
    /// Inside the log entry, for bitmaps of up to [`crate::limit::DELETE_INLINE_BYTES_MAX`].
    Inline(#[serde(with = "serde_bytes_vec")] Vec<u8>),
    /// An object of its own.
    Object {
        /// Path below the root, e.g. `data/16390/3-….dv`.
        path: String,
        /// Size in bytes.
        bytes: u64,
        /// XXH3-64 of the bytes.
        checksum: u64,
    },
}

/// Zone statistics of one column over one part (or one block of it).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnSummary {
    /// The column.
    pub column: ColumnId,
    /// Number of nulls.
    pub nulls: u64,
    /// A lower bound of the non-null values: exact, or for long strings a truncated prefix. `None`: no value, or not known.
    pub min: Option<Value>,
    /// An upper bound of the non-null values (a truncated prefix is rounded up). `None`: no value, or not known.
    pub max: Option<Value>,
    /// Whether `min` and `max` are attained values, not bounds.
    pub exact: bool,
    /// Estimate of the number of distinct values.
    pub distinct: u64,
    /// Bytes of this column in the part, encoded.
    pub bytes: u64,
}

/// Byte strings as MessagePack `bin` rather than arrays of integers.
mod serde_bytes_vec {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct BytesVisitor;
        impl Visitor<'_> for BytesVisitor {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a byte string")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}
