//! Zone statistics against the rows that they describe.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, StringViewArray};
use proptest::prelude::*;

use super::Opened;
use super::make::{TYPES, column, value_at};
use crate::catalog::types::ColumnType;
use crate::catalog::value::Value;
use crate::limit::ZONE_BYTES_MAX;

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn bounds_hold_and_are_attained_when_exact(
        (column_type, array) in prop::sample::select(TYPES.to_vec())
            .prop_filter("intervals have no bounds", |column_type| *column_type != ColumnType::Interval)
            .prop_flat_map(|column_type| (Just(column_type), column(column_type)))
    ) {
        let opened = Opened::write(column_type, None, &array);
        let summary = &opened.column().summary;
        prop_assert_eq!(summary.nulls, array.null_count() as u64);
        let values: Vec<Value> = (0..array.len()).filter_map(|row| value_at(&array, row)).collect();
        match (&summary.min, &summary.max) {
            (Some(min), Some(max)) => {
                prop_assert!(values.iter().all(|value| value.compare(min).unwrap().is_ge()));
                prop_assert!(values.iter().all(|value| value.compare(max).unwrap().is_le()));
                if summary.exact {
                    prop_assert!(values.iter().any(|value| value.compare(min).unwrap().is_eq()));
                    prop_assert!(values.iter().any(|value| value.compare(max).unwrap().is_eq()));
                }
            }
            (None, None) => prop_assert!(values.is_empty()),
            other => prop_assert!(false, "{:?}", other),
        }
        prop_assert!(summary.distinct <= values.len() as u64);
        // As text: NaN bounds are not equal to themselves.
        prop_assert_eq!(format!("{:?}", &opened.segment.summaries[0]), format!("{summary:?}"));
    }
}

#[test]
fn long_strings_are_cut_to_bounds() {
    let long = |c: char| c.to_string().repeat(50);
    let array: ArrayRef = Arc::new(StringViewArray::from(vec![long('b'), long('m'), "é".repeat(40)]));
    let opened = Opened::write(ColumnType::Varchar { length: None }, None, &array);
    let summary = &opened.column().summary;
    let (Some(Value::Bytes(min)), Some(Value::Bytes(max))) = (&summary.min, &summary.max) else { panic!("no bounds") };
    assert!(!summary.exact && min.len() <= ZONE_BYTES_MAX && max.len() <= ZONE_BYTES_MAX);
    assert!(min.as_slice() <= long('b').as_bytes() && max.as_slice() > "é".repeat(40).as_bytes());
}

#[test]
fn distinct_values_are_estimated_within_a_few_percent() {
    for distinct in [1i64, 25, 1000, 50_000, 200_000] {
        let array: ArrayRef = Arc::new(Int64Array::from_iter_values((0..200_000).map(|row| row % distinct * 7)));
        let opened = Opened::write(ColumnType::Int64, None, &array);
        let estimate = opened.column().summary.distinct as f64;
        let error = (estimate - distinct as f64).abs() / distinct as f64;
        assert!(error < 0.06, "{distinct} distinct values were estimated as {estimate}");
    }
}
