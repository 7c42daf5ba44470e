//! Tests of segments and encodings as a whole: every column type under every ENCODE name, against plain oracles.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "test data is made by cutting numbers")]

mod choice;
mod corrupt;
mod make;
mod property;
mod selection;
mod zones;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use bytes::Bytes;

use super::*;
use crate::catalog::types::ColumnType;
use crate::id::ColumnId;

/// The one column of test segments.
pub(super) const COLUMN: ColumnId = ColumnId(7);

/// A segment of one column, with its blocks opened.
pub(super) struct Opened {
    pub(super) segment: EncodedSegment,
    pub(super) footer: SegmentFooter,
    pub(super) dictionary: Option<Arc<Dictionary>>,
}

impl Opened {
    pub(super) fn write(column_type: ColumnType, encode: Option<&str>, array: &ArrayRef) -> Self {
        let batch = RecordBatch::try_from_iter_with_nullable([("c", Arc::clone(array), true)]).unwrap();
        let column = SegmentColumn { id: COLUMN, column_type, encode: encode.map(str::to_owned) };
        let segment = write_segment(&[column], &batch).unwrap();
        let footer = verify_segment(&segment.bytes, segment.footer_offset, segment.footer_checksum).unwrap();
        let column = footer.column(COLUMN).unwrap();
        let dictionary = column
            .dictionary
            .as_ref()
            .map(|dictionary| column.open_dictionary(slice(&segment.bytes, dictionary.range())).unwrap());
        Self { segment, footer, dictionary }
    }

    pub(super) fn column(&self) -> &ColumnFooter {
        self.footer.column(COLUMN).unwrap()
    }

    pub(super) fn block(&self, index: usize) -> EncodedBlock {
        let bytes = slice(&self.segment.bytes, self.column().blocks[index].range());
        self.column().open_block(index, self.footer.block_rows(index), bytes, self.dictionary.as_ref()).unwrap()
    }
}

pub(super) fn slice(bytes: &Bytes, range: std::ops::Range<u64>) -> Bytes {
    bytes.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap())
}

/// The ENCODE names that Redshift knows, and none.
pub(super) const ENCODES: [Option<&str>; 14] = [
    None,
    Some("auto"),
    Some("raw"),
    Some("az64"),
    Some("bytedict"),
    Some("delta"),
    Some("delta32k"),
    Some("lzo"),
    Some("mostly8"),
    Some("mostly32"),
    Some("runlength"),
    Some("text255"),
    Some("text32k"),
    Some("ZSTD"),
];
