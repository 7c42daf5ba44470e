//! Which encoding is chosen for which data, the limits of blocks, and the refusals of the writer.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Date32Array, Int64Array, RecordBatch, StringViewArray};

use super::{COLUMN, Opened};
use crate::catalog::types::ColumnType;
use crate::error::Kind;
use crate::limit::BLOCK_ROWS;
use crate::segment::{BLOCK_BYTES_MAX, SegmentColumn, Selection, write_segment};

fn chosen(column_type: ColumnType, encode: Option<&str>, array: &ArrayRef) -> (&'static str, u64) {
    let opened = Opened::write(column_type, encode, array);
    (opened.column().blocks[0].encoding(), opened.column().summary.bytes)
}

fn ints(value: impl Fn(i64) -> i64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values((0..20_000).map(value)))
}

fn texts(value: impl Fn(i64) -> String) -> ArrayRef {
    Arc::new(StringViewArray::from_iter_values((0..20_000).map(value)))
}

/// A number that looks random.
fn mixed(row: i64) -> i64 {
    (row.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()) >> 20).wrapping_mul(0x2545_F491_4F6C_DD1D)
}

#[test]
fn data_chooses_its_encoding() {
    let int = ColumnType::Int64;
    let text = ColumnType::Varchar { length: None };
    assert_eq!(chosen(int, None, &ints(|_| 42)).0, "constant");
    assert_eq!(chosen(int, None, &ints(|row| mixed(row / 12))).0, "runlength");
    assert_eq!(chosen(int, None, &ints(|row| row * 1000 + row % 7)).0, "delta");
    assert_eq!(chosen(int, None, &ints(|row| mixed(row) & 0xFFF)).0, "frame");
    assert_eq!(chosen(int, None, &ints(|row| [3, 1 << 40, -(1 << 50), 99][(mixed(row) & 3) as usize])).0, "dictionary");
    assert_eq!(chosen(int, None, &ints(mixed)).0, "plain");
    assert_eq!(chosen(text, None, &texts(|row| format!("value {}", mixed(row) & 63))).0, "dictionary");
    let words = ["carefully", "ironic", "deposits", "sleep", "furiously", "final", "requests", "blithely"];
    let sentence = |row: i64| {
        (0..5).map(|n| words[(mixed(row * 5 + n) & 7) as usize]).collect::<Vec<_>>().join(" ") + &row.to_string()
    };
    assert_eq!(chosen(text, None, &texts(sentence)).0, "fsst");
}

#[test]
fn redshift_names_are_honoured() {
    let array = ints(|row| row % 100);
    let int = ColumnType::Int64;
    for (encode, encoding) in [
        ("raw", "plain"),
        ("az64", "frame"),
        ("mostly16", "frame"),
        ("delta", "delta"),
        ("delta32k", "delta"),
        ("runlength", "runlength"),
        ("bytedict", "dictionary"),
        ("lzo", "plain"),
        ("zstd", "plain"),
    ] {
        assert_eq!(chosen(int, Some(encode), &array).0, encoding, "{encode}");
    }
    let raw = chosen(int, Some("raw"), &array).1;
    assert!(chosen(int, Some("zstd"), &array).1 * 5 < raw && chosen(int, Some("lzo"), &array).1 * 5 < raw);
}

#[test]
fn a_common_step_is_divided_out() {
    let whole_units = chosen(ColumnType::Int64, None, &ints(|row| (mixed(row) & 31) * 100)).1;
    let units = chosen(ColumnType::Int64, None, &ints(|row| mixed(row) & 31)).1;
    assert_eq!(whole_units, units);
}

#[test]
fn blocks_are_full_but_for_the_last() {
    let rows = i32::try_from(BLOCK_ROWS).unwrap() * 2 + 5;
    let array: ArrayRef = Arc::new(Date32Array::from_iter_values(0..rows));
    let opened = Opened::write(ColumnType::Date, None, &array);
    let rows: Vec<usize> = (0..opened.footer.blocks()).map(|block| opened.footer.block_rows(block)).collect();
    assert_eq!(rows, [BLOCK_ROWS, BLOCK_ROWS, 5]);
    assert_eq!((opened.footer.block_start(2), opened.footer.rows()), (2 * BLOCK_ROWS, array.len()));
    assert_eq!(opened.block(2).decode().unwrap().as_ref(), array.slice(2 * BLOCK_ROWS, 5).as_ref());
}

#[test]
fn long_strings_cut_blocks_short() {
    let long = "x".repeat(BLOCK_BYTES_MAX / 10);
    let array: ArrayRef = Arc::new(StringViewArray::from_iter_values((0..25).map(|row| format!("{row}{long}"))));
    let opened = Opened::write(ColumnType::Varchar { length: None }, Some("lzo"), &array);
    assert!(opened.footer.blocks() >= 3);
    for block in 0..opened.footer.blocks() {
        let expected = array.slice(opened.footer.block_start(block), opened.footer.block_rows(block));
        assert_eq!(opened.block(block).decode().unwrap().as_ref(), expected.as_ref());
    }
}

#[test]
fn few_selected_strings_do_not_hold_the_block() {
    let array = texts(|row| format!("a string that is too long to be inlined {row}"));
    let opened = Opened::write(ColumnType::Varchar { length: None }, None, &array);
    let few = opened.block(0).decode_selected(&Selection::indices(20_000, [3, 9000])).unwrap();
    assert!(few.get_array_memory_size() < 1000, "{} bytes", few.get_array_memory_size());
}

#[test]
fn what_cannot_be_written_is_refused() {
    let batch = RecordBatch::try_from_iter([("c", ints(|row| row))]).unwrap();
    let column = |column_type, encode: &str| SegmentColumn { id: COLUMN, column_type, encode: Some(encode.to_owned()) };
    let error = write_segment(&[column(ColumnType::Int64, "lz77")], &batch).unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Invalid, "there is no column encoding \"lz77\""));
    assert_eq!(write_segment(&[column(ColumnType::Int32, "raw")], &batch).unwrap_err().kind(), Kind::Internal);
    assert_eq!(write_segment(&[], &batch).unwrap_err().kind(), Kind::Internal);
}

#[test]
fn an_empty_segment_is_a_segment() {
    let array: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
    let opened = Opened::write(ColumnType::Int64, None, &array);
    assert_eq!((opened.footer.rows(), opened.footer.blocks()), (0, 0));
}
