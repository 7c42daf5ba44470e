//! Reading blocks: checksums first, then parsing, then decoding and filtering.

use std::sync::Arc;

use arrow_array::ArrayRef;
use bytes::Bytes;

use crate::encoding::block::{Block, Class};
use crate::encoding::dictionary::Dictionary;
use crate::encoding::matcher::Matcher;
use crate::error::{Error, Result};
use crate::id::ColumnId;
use crate::predicate::Predicate;
use crate::segment::footer::{ColumnFooter, SegmentFooter};
use crate::segment::selection::Selection;
use crate::segment::{MAGIC, TAIL_BYTES, checksum};

/// One block of one column: verified and parsed, decoded on demand.
#[derive(Debug, Clone)]
pub(crate) struct EncodedBlock {
    column: ColumnId,
    class: Class,
    rows: usize,
    /// Bytes encoded.
    length: usize,
    block: Block,
}

impl ColumnFooter {
    /// Verifies and decodes the dictionary; `bytes` are those of [`super::footer::DictionaryFooter::range`].
    pub(crate) fn open_dictionary(&self, bytes: Bytes) -> Result<Arc<Dictionary>> {
        let Some(footer) = &self.dictionary else {
            return Err(Error::internal(format!("column {} has no dictionary", self.id)));
        };
        verify(&bytes, footer.length, footer.checksum, self.id)?;
        Ok(Arc::new(Dictionary::new(Block::read(self.column_type, footer.entries(), bytes, None)?)?))
    }

    /// Verifies and parses block `index` of `rows` rows ([`SegmentFooter::block_rows`]); `bytes` are those of
    /// [`super::BlockFooter::range`], `dictionary` is the column's, where it has one.
    pub(crate) fn open_block(
        &self,
        index: usize,
        rows: usize,
        bytes: Bytes,
        dictionary: Option<&Arc<Dictionary>>,
    ) -> Result<EncodedBlock> {
        let Some(footer) = self.blocks.get(index) else {
            return Err(Error::internal(format!("column {} has no block {index}", self.id)));
        };
        verify(&bytes, footer.length, footer.checksum, self.id)?;
        let block = Block::read(self.column_type, rows, bytes, dictionary)?;
        Ok(EncodedBlock {
            column: self.id,
            class: Class::of(self.column_type),
            rows,
            length: footer.length as usize,
            block,
        })
    }
}

fn verify(bytes: &[u8], length: u32, expected: u64, column: ColumnId) -> Result<()> {
    if bytes.len() != length as usize || checksum(bytes) != expected {
        return Err(Error::corrupt(format!("a block of column {column} does not have its checksum")));
    }
    Ok(())
}

impl EncodedBlock {
    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes that a cache should count for it, the encoded ones included. An upper bound: what is stored uncompressed is
    /// shared with the encoded bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.length + self.block.memory_bytes()
    }

    /// All rows, in the Arrow type of the column.
    pub(crate) fn decode(&self) -> Result<ArrayRef> {
        self.block.decode()
    }

    /// The selected rows, in order.
    pub(crate) fn decode_selected(&self, rows: &Selection) -> Result<ArrayRef> {
        self.check(rows)?;
        self.block.decode_selected(rows)
    }

    /// The selected rows as `Dictionary(Int32, …)` over the segment's dictionary; `None` where the block has no codes.
    pub(crate) fn decode_dictionary(&self, rows: &Selection) -> Result<Option<ArrayRef>> {
        self.check(rows)?;
        self.block.decode_dictionary(rows)
    }

    /// Keeps the selected rows for which the predicate, which speaks of this column only, is TRUE. Exact.
    pub(crate) fn filter(&self, predicate: &Predicate, selection: &mut Selection) -> Result<()> {
        self.check(selection)?;
        let matcher = Matcher::compile(predicate, self.column, self.class.value_class())?;
        self.block.filter(&matcher, selection)
    }
}

impl EncodedBlock {
    fn check(&self, selection: &Selection) -> Result<()> {
        if selection.rows() != self.rows {
            return Err(Error::internal(format!(
                "a selection of {} rows for a block of {}",
                selection.rows(),
                self.rows
            )));
        }
        Ok(())
    }
}

/// Verifies a whole segment object: magic, footer, and every checksum; then decodes every block.
pub(crate) fn verify_segment(bytes: &Bytes, footer_offset: u64, footer_checksum: u64) -> Result<SegmentFooter> {
    let offset = usize::try_from(footer_offset).unwrap_or(usize::MAX);
    if bytes.get(..MAGIC.len()) != Some(MAGIC.as_slice()) || offset > bytes.len().saturating_sub(TAIL_BYTES) {
        return Err(Error::corrupt("an object is not a segment of a known version"));
    }
    let footer = SegmentFooter::parse(&bytes[offset..], footer_checksum)?;
    let slice = |range: std::ops::Range<u64>| {
        let start = usize::try_from(range.start).unwrap_or(usize::MAX);
        let end = usize::try_from(range.end).unwrap_or(usize::MAX);
        if end > offset {
            return Err(Error::corrupt("a segment's footer points behind itself"));
        }
        Ok(bytes.slice(start..end))
    };
    for column in footer.columns() {
        let dictionary = match &column.dictionary {
            Some(dictionary) => Some(column.open_dictionary(slice(dictionary.range())?)?),
            None => None,
        };
        for (index, block) in column.blocks.iter().enumerate() {
            let bytes = slice(block.range())?;
            column.open_block(index, footer.block_rows(index), bytes, dictionary.as_ref())?.decode()?;
        }
    }
    Ok(footer)
}
