//! Round trips, selected rows and filters of every type under every ENCODE name, against the array that was written.

use arrow_array::{Array, ArrayRef, UInt32Array};
use proptest::prelude::*;

use super::make::{TYPES, column, predicate, truth, value_at};
use super::{ENCODES, Opened};
use crate::catalog::types::ColumnType;
use crate::predicate::Predicate;
use crate::segment::Selection;

#[derive(Debug, Clone)]
struct Case {
    column_type: ColumnType,
    encode: Option<&'static str>,
    array: ArrayRef,
    predicate: Predicate,
    selected: Selection,
}

fn case() -> impl Strategy<Value = Case> {
    (prop::sample::select(TYPES.to_vec()), prop::sample::select(ENCODES.to_vec()))
        .prop_flat_map(|(column_type, encode)| (Just(column_type), Just(encode), column(column_type)))
        .prop_flat_map(|(column_type, encode, array)| {
            let predicate = predicate(&array);
            (Just((column_type, encode)), Just(array.clone()), predicate, selection(array.len()))
        })
        .prop_map(|((column_type, encode), array, predicate, selected)| Case {
            column_type,
            encode,
            array,
            predicate,
            selected,
        })
}

fn selection(rows: usize) -> impl Strategy<Value = Selection> {
    prop_oneof![
        Just(Selection::all(rows)),
        Just(Selection::none(rows)),
        (0..=rows, 0..=rows).prop_map(move |(a, b)| Selection::ranges(rows, std::iter::once(a.min(b)..a.max(b)))),
        prop::collection::vec(0..rows, 0..20).prop_map(move |picked| Selection::indices(rows, picked)),
        (1..9usize).prop_map(move |step| Selection::indices(rows, (0..rows).step_by(step))),
    ]
}

fn take(array: &ArrayRef, selection: &Selection) -> ArrayRef {
    let rows = UInt32Array::from_iter_values(selection.iter().map(|row| row as u32));
    arrow_select::take::take(array, &rows, None).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_read_selected_and_filtered(case in case()) {
        let opened = Opened::write(case.column_type, case.encode, &case.array);
        let block = opened.block(0);
        let decoded = block.decode().unwrap();
        prop_assert!(identical(&decoded, &case.array), "decode of {}", opened.column().blocks[0].encoding());
        let selected = block.decode_selected(&case.selected).unwrap();
        prop_assert!(identical(&selected, &take(&case.array, &case.selected)));
        if let Some(codes) = block.decode_dictionary(&case.selected).unwrap() {
            let values = arrow_cast::cast(&codes, case.array.data_type()).unwrap();
            prop_assert!(identical(&values, &selected));
        }

        let mut filtered = case.selected.clone();
        block.filter(&case.predicate, &mut filtered).unwrap();
        let expected: Vec<usize> = case
            .selected
            .iter()
            .filter(|row| truth(&case.predicate, value_at(&case.array, *row).as_ref()) == Some(true))
            .collect();
        prop_assert_eq!(filtered.iter().collect::<Vec<_>>(), expected);
        prop_assert_eq!(filtered.count(), filtered.iter().count());
    }
}

/// Equality that tells -0 from 0 and finds NaN equal to itself: the bits of values are kept.
fn identical(a: &ArrayRef, b: &ArrayRef) -> bool {
    if a.data_type() != b.data_type() || a.len() != b.len() {
        return false;
    }
    let bits = |array: &ArrayRef| match array.data_type() {
        arrow_schema::DataType::Float32 => reinterpret(array, arrow_schema::DataType::Int32),
        arrow_schema::DataType::Float64 => reinterpret(array, arrow_schema::DataType::Int64),
        _ => array.clone(),
    };
    bits(a).as_ref() == bits(b).as_ref()
}

fn reinterpret(array: &ArrayRef, data_type: arrow_schema::DataType) -> ArrayRef {
    arrow_array::make_array(array.to_data().into_builder().data_type(data_type).build().unwrap())
}
