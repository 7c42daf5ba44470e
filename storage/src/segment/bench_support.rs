//! What benchmarks and fuzzers need of segments: encode a batch, decode it, filter it. Not part of the crate's interface.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use bytes::Bytes;

use crate::catalog::types::ColumnType;
use crate::encoding::dictionary::Dictionary;
use crate::error::{Error, Result};
use crate::id::ColumnId;
use crate::predicate::Predicate;
use crate::segment::{
    ColumnFooter, EncodedBlock, SegmentColumn, SegmentFooter, Selection, verify_segment, write_segment,
};

/// An encoded segment in memory.
#[derive(Debug)]
pub struct BenchSegment {
    bytes: Bytes,
    footer: SegmentFooter,
}

/// Encodes a batch; columns get the ids 1, 2, ….
pub fn encode(types: &[ColumnType], rows: &RecordBatch) -> Result<BenchSegment> {
    let columns: Vec<SegmentColumn> = (1..)
        .zip(types)
        .map(|(id, column_type)| SegmentColumn { id: ColumnId(id), column_type: *column_type, encode: None })
        .collect();
    let segment = write_segment(&columns, rows)?;
    let start = usize::try_from(segment.footer_offset).unwrap_or(usize::MAX);
    let footer = SegmentFooter::parse(&segment.bytes[start..], segment.footer_checksum)?;
    Ok(BenchSegment { bytes: segment.bytes, footer })
}

/// Opens bytes as a segment the way `stoa check` does, whatever they are; for fuzzing.
pub fn verify(bytes: &[u8], footer_offset: u64, footer_checksum: u64) -> Result<usize> {
    Ok(verify_segment(&Bytes::copy_from_slice(bytes), footer_offset, footer_checksum)?.rows())
}

impl BenchSegment {
    /// Size of the object.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has no bytes, which never happens.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes of a column, and the encoding of its first block.
    pub fn column_size(&self, column: usize) -> Result<(u64, &'static str)> {
        let footer = self.column(column)?;
        Ok((footer.summary.bytes, footer.blocks.first().map_or("", |block| block.encoding())))
    }

    /// Verifies and decodes everything, a batch of all columns at a time as a scan does; answers rows.
    pub fn scan(&self) -> Result<usize> {
        let columns = self.footer.columns();
        let dictionaries: Vec<_> = columns.iter().map(|footer| self.dictionary(footer)).collect::<Result<_>>()?;
        let mut rows = 0;
        for block in 0..self.footer.blocks() {
            let batch: Vec<ArrayRef> = columns
                .iter()
                .zip(&dictionaries)
                .map(|(footer, dictionary)| self.open(footer, block, dictionary.as_ref())?.decode())
                .collect::<Result<_>>()?;
            rows += std::hint::black_box(batch).first().map_or(0, |array| array.len());
        }
        Ok(rows)
    }

    /// Verifies and decodes a column block by block; answers rows.
    pub fn scan_column(&self, column: usize) -> Result<usize> {
        let footer = self.column(column)?;
        let dictionary = self.dictionary(footer)?;
        let mut rows = 0;
        for block in 0..self.footer.blocks() {
            rows += std::hint::black_box(self.open(footer, block, dictionary.as_ref())?.decode()?).len();
        }
        Ok(rows)
    }

    /// Rows that a predicate on one column lets pass, and the rows of another column decoded for those.
    pub fn filter(&self, column: usize, predicate: &Predicate, other: Option<usize>) -> Result<(usize, Vec<ArrayRef>)> {
        let footer = self.column(column)?;
        let dictionary = self.dictionary(footer)?;
        let other = other.map(|other| self.column(other)).transpose()?;
        let other_dictionary = other.map(|other| self.dictionary(other)).transpose()?.flatten();
        let (mut passed, mut arrays) = (0, Vec::new());
        for block in 0..self.footer.blocks() {
            let encoded = self.open(footer, block, dictionary.as_ref())?;
            let mut selection = Selection::all(encoded.rows());
            encoded.filter(predicate, &mut selection)?;
            passed += selection.count();
            if let Some(other) = other {
                arrays.push(self.open(other, block, other_dictionary.as_ref())?.decode_selected(&selection)?);
            }
        }
        Ok((passed, arrays))
    }

    fn column(&self, column: usize) -> Result<&ColumnFooter> {
        self.footer.columns().get(column).ok_or_else(|| Error::not_found(format!("there is no column {column}")))
    }

    fn dictionary(&self, footer: &ColumnFooter) -> Result<Option<Arc<Dictionary>>> {
        footer.dictionary.as_ref().map(|found| footer.open_dictionary(self.slice(found.range()))).transpose()
    }

    fn open(&self, footer: &ColumnFooter, block: usize, dictionary: Option<&Arc<Dictionary>>) -> Result<EncodedBlock> {
        footer.open_block(block, self.footer.block_rows(block), self.slice(footer.blocks[block].range()), dictionary)
    }

    fn slice(&self, range: Range<u64>) -> Bytes {
        let place = |at| usize::try_from(at).unwrap_or(usize::MAX);
        self.bytes.slice(place(range.start)..place(range.end))
    }
}
