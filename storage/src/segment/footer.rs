//! The footer: where every block is, what it holds, and its checksum.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::catalog::part::ColumnSummary;
use crate::catalog::types::ColumnType;
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::id::ColumnId;
use crate::limit::{BLOCK_ROWS, COLUMNS_MAX, PART_ROWS_MAX};
use crate::segment::{BLOCK_LENGTH_MAX, MAGIC, TAIL_BYTES, checksum};

/// The parsed and validated footer of a segment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SegmentFooter {
    body: FooterBody,
    /// First row of each block.
    starts: Vec<usize>,
}

/// What is stored of a footer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FooterBody {
    pub(super) rows: u32,
    pub(super) block_rows: Vec<u32>,
    pub(super) columns: Vec<ColumnFooter>,
}

/// One column of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ColumnFooter {
    /// The column.
    pub(crate) id: ColumnId,
    /// Its type when the segment was written.
    pub(crate) column_type: ColumnType,
    /// Statistics over the segment.
    pub(crate) summary: ColumnSummary,
    /// The dictionary into which the codes of every block point; `None`: the column is not dictionary-coded.
    pub(crate) dictionary: Option<DictionaryFooter>,
    /// The blocks in row order.
    pub(crate) blocks: Vec<BlockFooter>,
}

/// Where the dictionary of a column is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DictionaryFooter {
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) entries: u32,
    pub(super) checksum: u64,
}

/// Where a block is and what it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BlockFooter {
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) encoding: u8,
    pub(super) checksum: u64,
    /// Statistics over the block; `bytes` is its length.
    pub(crate) summary: ColumnSummary,
}

impl DictionaryFooter {
    /// Bytes of the object that hold it.
    pub(crate) fn range(&self) -> Range<u64> {
        self.offset..self.offset + u64::from(self.length)
    }

    /// Number of entries.
    pub(crate) fn entries(&self) -> usize {
        self.entries as usize
    }
}

impl BlockFooter {
    /// Bytes of the object that hold it.
    pub(crate) fn range(&self) -> Range<u64> {
        self.offset..self.offset + u64::from(self.length)
    }

    /// Its encoding's name, for system tables.
    pub(crate) fn encoding(&self) -> &'static str {
        Encoding::from_byte(self.encoding).map_or("unknown", Encoding::name)
    }
}

impl SegmentFooter {
    /// Parses the end of a segment, from the footer's offset on, and checks it against the checksum in the catalog.
    pub(crate) fn parse(bytes: &[u8], expected_checksum: u64) -> Result<Self> {
        let Some((footer, tail)) = bytes.len().checked_sub(TAIL_BYTES).map(|end| bytes.split_at(end)) else {
            return Err(Error::corrupt("a segment's footer is cut off"));
        };
        let mut expected_tail = Vec::with_capacity(TAIL_BYTES);
        write_tail(&mut expected_tail, footer.len(), expected_checksum);
        if tail != expected_tail || checksum(footer) != expected_checksum {
            return Err(Error::corrupt("a segment's footer does not have the checksum that the catalog has of it"));
        }
        let body: FooterBody = rmp_serde::from_slice(footer)
            .map_err(|error| Error::corrupt("a segment's footer is not well formed").with_source(error))?;
        body.check()?;
        let starts = body
            .block_rows
            .iter()
            .scan(0, |start, rows| {
                let first = *start;
                *start += *rows as usize;
                Some(first)
            })
            .collect();
        Ok(Self { body, starts })
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.body.rows as usize
    }

    /// Number of blocks of each column.
    pub(crate) fn blocks(&self) -> usize {
        self.starts.len()
    }

    /// Rows of a block; 0 past the last.
    pub(crate) fn block_rows(&self, block: usize) -> usize {
        self.body.block_rows.get(block).map_or(0, |rows| *rows as usize)
    }

    /// The first row of a block within the segment; the number of rows past the last.
    pub(crate) fn block_start(&self, block: usize) -> usize {
        self.starts.get(block).copied().unwrap_or_else(|| self.rows())
    }

    /// A column; `None` where the segment is older than the column.
    pub(crate) fn column(&self, id: ColumnId) -> Option<&ColumnFooter> {
        self.body.columns.iter().find(|column| column.id == id)
    }

    /// All columns.
    pub(crate) fn columns(&self) -> &[ColumnFooter] {
        &self.body.columns
    }

    /// Bytes that a cache should count for this footer.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.body.columns.len() * (size_of::<ColumnFooter>() + self.blocks() * (size_of::<BlockFooter>() + 48))
    }
}

/// Appends what follows the footer.
pub(super) fn write_tail(out: &mut Vec<u8>, footer_length: usize, footer_checksum: u64) {
    // Footers are far below 4 GiB: the numbers of columns and blocks are limited.
    out.extend_from_slice(&u32::try_from(footer_length).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&footer_checksum.to_le_bytes());
    out.extend_from_slice(MAGIC);
}

impl FooterBody {
    /// Everything that reading relies on later.
    fn check(&self) -> Result<()> {
        let corrupt = |what: String| Err(Error::corrupt(format!("a segment's footer {what}")));
        if self.rows as usize > PART_ROWS_MAX || self.columns.len() > COLUMNS_MAX {
            return corrupt(format!("claims {} rows and {} columns", self.rows, self.columns.len()));
        }
        if self.block_rows.iter().any(|rows| *rows == 0 || *rows as usize > BLOCK_ROWS) {
            return corrupt("has a block outside the limit of rows".to_owned());
        }
        if self.block_rows.iter().map(|rows| u64::from(*rows)).sum::<u64>() != u64::from(self.rows) {
            return corrupt("has blocks that do not add up to its rows".to_owned());
        }
        for column in &self.columns {
            if column.blocks.len() != self.block_rows.len() {
                return corrupt(format!("has {} blocks of column {}", column.blocks.len(), column.id));
            }
            let blocks = column.blocks.iter().map(|block| (block.offset, block.length));
            let dictionary = column.dictionary.iter().map(|dictionary| (dictionary.offset, dictionary.length));
            for (offset, length) in blocks.chain(dictionary) {
                if length as usize > BLOCK_LENGTH_MAX || offset.checked_add(u64::from(length)).is_none() {
                    return corrupt(format!("claims {length} bytes at {offset} for column {}", column.id));
                }
            }
            if column.dictionary.as_ref().is_some_and(|dictionary| dictionary.entries() > BLOCK_ROWS) {
                return corrupt(format!("has too large a dictionary of column {}", column.id));
            }
        }
        Ok(())
    }
}
