//! Segments: the file format of rows.
//!
//! A segment is one immutable object with up to [`PART_ROWS_MAX`](crate::limit::PART_ROWS_MAX) rows of one table, column by
//! column. Rows are cut into blocks of up to [`BLOCK_ROWS`](crate::limit::BLOCK_ROWS), the same cut in every column, so that
//! block *n* of all columns holds the same rows. Blocks are full but for the last, unless a block's strings exceeded
//! [`BLOCK_BYTES_MAX`]: [`SegmentFooter::block_start`] and [`SegmentFooter::block_rows`] tell.
//!
//! ```text
//! ┌────────────────────────────────────────────────────────────────┐
//! │ magic "STOASEG1": name and version of the format, 8 bytes      │
//! ├────────────────────────────────────────────────────────────────┤
//! │ column 1   [dictionary] block 0 │ block 1 │ …                  │   bytes of `encoding::block`
//! │ column 2   [dictionary] block 0 │ block 1 │ …                  │
//! │ …                                                              │
//! ├──────────────────────────────────────────── footer offset ─────┤
//! │ footer (MessagePack)                                           │
//! │   rows; rows of each block                                     │
//! │   per column: id, type, summary,                               │
//! │     dictionary: offset, length, entries, checksum              │
//! │     per block: offset, length, encoding, checksum, summary     │
//! ├────────────────────────────────────────────────────────────────┤
//! │ footer length u32 │ footer checksum u64 │ magic again 8 bytes  │   20 bytes
//! └────────────────────────────────────────────────────────────────┘
//! ```
//!
//! - A summary is the zone map: least and greatest value (long strings cut, the upper bound rounded up), nulls, estimate of
//!   distinct values.
//! - Checksums are XXH3-64. The catalog holds the footer's, the footer those of everything else; so a reader that starts at
//!   the catalog detects every damaged byte that it reads.
//! - Integers are little-endian. A change of the layout takes a new magic; readers keep reading the older ones.

pub mod bench_support;
pub(crate) mod footer;
pub(crate) mod reader;
pub(crate) mod selection;
pub(crate) mod writer;
pub(crate) mod zone;

pub(crate) use crate::encoding::dictionary::Dictionary;
pub(crate) use footer::{ColumnFooter, SegmentFooter};
pub(crate) use reader::{EncodedBlock, verify_segment};
pub(crate) use selection::Selection;
pub(crate) use writer::{EncodedSegment, SegmentColumn, write_segment};

/// Name and version of the format: the first and the last 8 bytes of a segment.
pub(crate) const MAGIC: &[u8; 8] = b"STOASEG1";
/// Bytes behind the footer: its length, its checksum, the magic.
pub(crate) const TAIL_BYTES: usize = 20;
/// Text of one block at most. A single string longer than this is refused.
pub(crate) const BLOCK_BYTES_MAX: usize = 64 << 20;
/// Length of an encoded block at most; the bound that readers hold offsets and lengths against.
pub(crate) const BLOCK_LENGTH_MAX: usize = BLOCK_BYTES_MAX + (8 << 20);

/// The checksum of blocks and footers.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

#[cfg(test)]
mod tests;
