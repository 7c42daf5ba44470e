//! Writing a segment.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use bytes::Bytes;

use crate::catalog::part::ColumnSummary;
use crate::catalog::types::ColumnType;
use crate::encoding::block::{Class, ColumnPlan, write_block, write_codes};
use crate::encoding::dictionary::{self, Coded};
use crate::encoding::hint::Hint;
use crate::error::{Error, Result};
use crate::id::ColumnId;
use crate::limit::{BLOCK_ROWS, COLUMNS_MAX, PART_ROWS_MAX};
use crate::segment::footer::{BlockFooter, ColumnFooter, DictionaryFooter, FooterBody, write_tail};
use crate::segment::zone::Statistics;
use crate::segment::{BLOCK_BYTES_MAX, MAGIC, checksum};

/// Entries of a dictionary of numbers at most: it has to stay in the nearest cache.
const NUMBERS_MAX: usize = 4096;

/// A column to write.
#[derive(Debug, Clone)]
pub(crate) struct SegmentColumn {
    /// Its id.
    pub(crate) id: ColumnId,
    /// Its type; the array must be of [`ColumnType::arrow`].
    pub(crate) column_type: ColumnType,
    /// Redshift's ENCODE as written, `None` for AUTO.
    pub(crate) encode: Option<String>,
}

/// A written segment and what the catalog has to know of it.
#[derive(Debug, Clone)]
pub(crate) struct EncodedSegment {
    /// The whole object.
    pub(crate) bytes: Bytes,
    /// Where the footer starts.
    pub(crate) footer_offset: u64,
    /// XXH3-64 of the footer.
    pub(crate) footer_checksum: u64,
    /// Statistics a column, in the order of the columns.
    pub(crate) summaries: Vec<ColumnSummary>,
}

/// Encodes up to [`PART_ROWS_MAX`] rows, which the caller has sorted, as a segment.
pub(crate) fn write_segment(columns: &[SegmentColumn], rows: &RecordBatch) -> Result<EncodedSegment> {
    check_input(columns, rows)?;
    let ranges = cut_blocks(rows)?;
    let mut out = MAGIC.to_vec();
    let mut footers = Vec::with_capacity(columns.len());
    for (column, array) in columns.iter().zip(rows.columns()) {
        footers.push(write_column(column, array, &ranges, &mut out)?);
    }
    let summaries = footers.iter().map(|footer| footer.summary.clone()).collect();
    let body = FooterBody {
        rows: count32(rows.num_rows())?,
        block_rows: ranges.iter().map(|range| count32(range.len())).collect::<Result<_>>()?,
        columns: footers,
    };
    let footer =
        rmp_serde::to_vec(&body).map_err(|error| Error::internal("a footer is not stored").with_source(error))?;
    let footer_checksum = checksum(&footer);
    let footer_offset = out.len() as u64;
    out.extend_from_slice(&footer);
    write_tail(&mut out, footer.len(), footer_checksum);
    Ok(EncodedSegment { bytes: Bytes::from(out), footer_offset, footer_checksum, summaries })
}

fn check_input(columns: &[SegmentColumn], rows: &RecordBatch) -> Result<()> {
    if rows.num_rows() > PART_ROWS_MAX || columns.len() > COLUMNS_MAX {
        return Err(Error::limit(format!("a segment of {} rows and {} columns", rows.num_rows(), columns.len())));
    }
    if columns.len() != rows.num_columns() {
        return Err(Error::internal(format!("{} columns were given for {}", rows.num_columns(), columns.len())));
    }
    for (column, array) in columns.iter().zip(rows.columns()) {
        if *array.data_type() != column.column_type.arrow() {
            let (is, should) = (array.data_type(), column.column_type.arrow());
            return Err(Error::internal(format!("column {} is a {is} and should be a {should}", column.id)));
        }
    }
    Ok(())
}

/// The rows of each block: [`BLOCK_ROWS`], fewer where a column's text would exceed [`BLOCK_BYTES_MAX`].
fn cut_blocks(rows: &RecordBatch) -> Result<Vec<Range<usize>>> {
    let large: Vec<&ArrayRef> =
        rows.columns().iter().filter(|array| text_bytes(array, 0..array.len()) > BLOCK_BYTES_MAX).collect();
    let mut ranges = Vec::with_capacity(rows.num_rows().div_ceil(BLOCK_ROWS));
    let mut start = 0;
    while start < rows.num_rows() {
        let mut end = (start + BLOCK_ROWS).min(rows.num_rows());
        for array in &large {
            while text_bytes(array, start..end) > BLOCK_BYTES_MAX {
                if end - start == 1 {
                    return Err(Error::limit(format!("a string is longer than {BLOCK_BYTES_MAX} bytes")));
                }
                end = start + (end - start) / 2;
            }
        }
        ranges.push(start..end);
        start = end;
    }
    Ok(ranges)
}

/// Bytes of text in rows of a column; 0 for other classes.
fn text_bytes(array: &ArrayRef, rows: Range<usize>) -> usize {
    let views = match (array.as_string_view_opt(), array.as_binary_view_opt()) {
        (Some(strings), _) => strings.views(),
        (_, Some(bytes)) => bytes.views(),
        _ => return 0,
    };
    views[rows].iter().map(|view| (view & u128::from(u32::MAX)) as usize).sum()
}

fn write_column(
    column: &SegmentColumn,
    array: &ArrayRef,
    ranges: &[Range<usize>],
    out: &mut Vec<u8>,
) -> Result<ColumnFooter> {
    let hint = Hint::from_redshift(column.encode.as_deref())?;
    let zones: Vec<Statistics> = ranges
        .iter()
        .map(|range| Statistics::of(column.column_type, &array.slice(range.start, range.len())))
        .collect::<Result<_>>()?;
    let mut statistics = Statistics::new(column.column_type);
    zones.iter().for_each(|zone| statistics.merge(zone));

    let column_start = out.len();
    let coded = match entries_worthwhile(column.column_type, hint, &statistics) {
        Some(most) => dictionary::encode(Class::of(column.column_type), array, most)?,
        None => None,
    };
    let dictionary = match &coded {
        Some(coded) => Some(write_dictionary(column.column_type, coded, out)?),
        None => None,
    };
    let plan = match &coded {
        Some(_) => ColumnPlan::default(),
        None => ColumnPlan::choose(column.column_type, array, hint)?,
    };
    let mut blocks = Vec::with_capacity(ranges.len());
    for (range, zone) in ranges.iter().zip(zones) {
        let rows = array.slice(range.start, range.len());
        let offset = out.len();
        let encoding = match &coded {
            Some(coded) => write_codes(&coded.codes[range.clone()], rows.nulls(), out)?,
            None => write_block(column.column_type, &rows, &plan, out)?,
        };
        blocks.push(BlockFooter {
            offset: offset as u64,
            length: count32(out.len() - offset)?,
            encoding: encoding as u8,
            checksum: checksum(&out[offset..]),
            summary: zone.summary(column.id, out.len() - offset),
        });
    }
    let summary = statistics.summary(column.id, out.len() - column_start);
    Ok(ColumnFooter { id: column.id, column_type: column.column_type, summary, dictionary, blocks })
}

fn write_dictionary(column_type: ColumnType, coded: &Coded, out: &mut Vec<u8>) -> Result<DictionaryFooter> {
    let offset = out.len();
    let plan = ColumnPlan::choose(column_type, &coded.values, Hint::Auto)?;
    write_block(column_type, &coded.values, &plan, out)?;
    Ok(DictionaryFooter {
        offset: offset as u64,
        length: count32(out.len() - offset)?,
        entries: count32(coded.values.len())?,
        checksum: checksum(&out[offset..]),
    })
}

/// How many entries a dictionary may have to be worth a try, by the estimate of distinct values; `None`: not at all.
fn entries_worthwhile(column_type: ColumnType, hint: Hint, statistics: &Statistics) -> Option<usize> {
    let (values, distinct) = (statistics.values(), statistics.distinct());
    let most = match (Class::of(column_type), hint) {
        (_, Hint::Dictionary) => dictionary::ENTRIES_MAX,
        (_, Hint::Plain | Hint::Lz4 | Hint::Zstd | Hint::Frame | Hint::Delta | Hint::RunLength) => return None,
        (Class::Text, Hint::Auto) => dictionary::ENTRIES_MAX.min(values / 3),
        (Class::Float32 | Class::Float64, Hint::Auto) => NUMBERS_MAX.min(values / 4),
        // Packing beats codes unless few values lie far apart.
        (Class::Int16 | Class::Int32 | Class::Int64, Hint::Auto) => {
            let width = statistics.width_bits()?;
            let codes = usize::BITS - distinct.leading_zeros();
            if width < codes as usize + 8 {
                return None;
            }
            NUMBERS_MAX.min(values / 16)
        }
        (Class::Bool | Class::Wide | Class::Interval, Hint::Auto) => return None,
    };
    // The estimate may be a few percent off either way.
    (values > 0 && distinct <= most + most / 16).then_some(most + most / 8)
}

pub(super) fn count32(count: usize) -> Result<u32> {
    u32::try_from(count).map_err(|error| Error::limit(format!("a segment counts {count}")).with_source(error))
}
