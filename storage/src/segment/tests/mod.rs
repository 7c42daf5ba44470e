//! Tests of segments as a whole.

use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Decimal64Array, Int64Array, RecordBatch, StringViewArray};

use super::*;
use crate::catalog::types::ColumnType;
use crate::catalog::value::Value;
use crate::id::ColumnId;
use crate::predicate::{Comparison, Predicate};

#[test]
fn a_segment_gives_back_its_rows() {
    let rows = 150_000;
    let ids: ArrayRef = Arc::new(Int64Array::from_iter((0..rows).map(|row| (row % 7 != 0).then_some(row * 3))));
    let dates: ArrayRef = Arc::new(Date32Array::from_iter_values((0..rows).map(|row| (row % 2500) as i32)));
    let prices: ArrayRef = Arc::new(
        Decimal64Array::from_iter_values((0..rows).map(|row| row * 37 % 9999)).with_precision_and_scale(15, 2).unwrap(),
    );
    let names: ArrayRef = Arc::new(StringViewArray::from_iter(
        (0..rows).map(|row| (row % 11 != 0).then(|| format!("a name of some length {}", row % 1000))),
    ));
    let batch = RecordBatch::try_from_iter([("a", ids), ("b", dates), ("c", prices), ("d", names)]).unwrap();
    let types = [
        ColumnType::Int64,
        ColumnType::Date,
        ColumnType::Decimal { precision: 15, scale: 2 },
        ColumnType::Varchar { length: None },
    ];
    let columns: Vec<SegmentColumn> = (1..)
        .zip(types)
        .map(|(id, column_type)| SegmentColumn { id: ColumnId(id), column_type, encode: None })
        .collect();
    let segment = write_segment(&columns, &batch).unwrap();
    let footer = verify_segment(&segment.bytes, segment.footer_offset, segment.footer_checksum).unwrap();
    for (column, array) in columns.iter().zip(batch.columns()) {
        let footer_column = footer.column(column.id).unwrap();
        let dictionary = footer_column.dictionary.as_ref().map(|dictionary| {
            let range = dictionary.range();
            footer_column
                .open_dictionary(segment.bytes.slice(range.start as usize..range.end as usize))
                .unwrap()
        });
        for block in 0..footer.blocks() {
            let range = footer_column.blocks[block].range();
            let bytes = segment.bytes.slice(range.start as usize..range.end as usize);
            let opened = footer_column.open_block(block, footer.block_rows(block), bytes, dictionary.as_ref()).unwrap();
            let expected = array.slice(footer.block_start(block), footer.block_rows(block));
            assert_eq!(opened.decode().unwrap().as_ref(), expected.as_ref());
            let selection = Selection::indices(opened.rows(), (0..opened.rows()).filter(|row| row % 13 == 5));
            let indices = arrow_array::UInt32Array::from_iter_values(selection.iter().map(|row| row as u32));
            let taken = arrow_select::take::take(&expected, &indices, None).unwrap();
            assert_eq!(opened.decode_selected(&selection).unwrap().as_ref(), taken.as_ref());
        }
    }
    let footer_column = footer.column(ColumnId(1)).unwrap();
    let range = footer_column.blocks[0].range();
    let bytes = segment.bytes.slice(range.start as usize..range.end as usize);
    let opened = footer_column.open_block(0, footer.block_rows(0), bytes, None).unwrap();
    let mut selection = Selection::all(opened.rows());
    let predicate = Predicate::Compare { column: ColumnId(1), op: Comparison::Less, value: Value::Int(300) };
    opened.filter(&predicate, &mut selection).unwrap();
    assert_eq!(selection.iter().collect::<Vec<_>>(), (0..100).filter(|row| row % 7 != 0).collect::<Vec<_>>());
}
