//! Rows in the order of a SORTKEY: ascending, nulls last, ties in the order of arrival.

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_row::{RowConverter, SortField};
use arrow_schema::SortOptions;
use arrow_select::take::take_record_batch;

use crate::catalog::table::Table;
use crate::error::Result;
use crate::limit::PART_ROWS_MAX;

const _: () = assert!(PART_ROWS_MAX <= u32::MAX as usize, "rows of a part are numbered by 32 bits");

/// Places of the sort key's columns among the live columns.
pub(crate) fn sort_columns(table: &Table) -> Vec<usize> {
    let place = |id| table.columns.iter().position(|column| column.id == id);
    table.sort_key.columns.iter().filter_map(|id| place(*id)).collect()
}

/// The rows in order. `columns` are places in the batch, most significant first; without any the batch stays as it is.
pub(crate) fn sort_batch(rows: RecordBatch, columns: &[usize]) -> Result<RecordBatch> {
    if columns.is_empty() || rows.num_rows() < 2 {
        return Ok(rows);
    }
    let keys: Vec<ArrayRef> = columns.iter().map(|column| ArrayRef::clone(rows.column(*column))).collect();
    let options = SortOptions { descending: false, nulls_first: false };
    let fields = keys.iter().map(|key| SortField::new_with_options(key.data_type().clone(), options)).collect();
    // The row format turns a comparison of several typed columns into one of bytes.
    let keys = RowConverter::new(fields)?.convert_columns(&keys)?;
    let numbered = || (0u32..).zip(keys.iter());
    if keys.iter().zip(keys.iter().skip(1)).all(|(row, next)| row <= next) {
        return Ok(rows);
    }
    let mut order: Vec<_> = numbered().map(|(row, key)| (key, row)).collect();
    order.sort_unstable();
    let order = UInt32Array::from_iter_values(order.into_iter().map(|(_, row)| row));
    Ok(take_record_batch(&rows, &order)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;
    use arrow_array::{Int32Array, StringViewArray};

    use super::*;

    #[test]
    fn nulls_come_last_and_ties_stay() {
        let first: ArrayRef = Arc::new(Int32Array::from(vec![Some(2), None, Some(1), Some(2), Some(1)]));
        let second: ArrayRef = Arc::new(StringViewArray::from(vec![Some("b"), Some("a"), None, Some("a"), Some("z")]));
        let arrival: ArrayRef = Arc::new(Int32Array::from_iter_values(0..5));
        let rows = RecordBatch::try_from_iter([("a", first), ("b", second), ("n", arrival)]).unwrap();
        let order = |columns: &[usize]| -> Vec<i32> {
            let sorted = sort_batch(rows.clone(), columns).unwrap();
            sorted.column(2).as_primitive::<Int32Type>().values().to_vec()
        };
        assert_eq!(order(&[0]), [2, 4, 0, 3, 1]);
        assert_eq!(order(&[0, 1]), [4, 2, 3, 0, 1]);
        assert_eq!(order(&[]), [0, 1, 2, 3, 4]);
    }
}
