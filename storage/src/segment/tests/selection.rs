//! Selections against sets of row numbers.

use std::collections::BTreeSet;

use arrow_buffer::BooleanBuffer;
use proptest::prelude::*;

use crate::segment::Selection;

fn rows_of(selection: &Selection) -> BTreeSet<usize> {
    let rows: BTreeSet<usize> = selection.iter().collect();
    assert_eq!(rows.len(), selection.count());
    assert_eq!(selection.is_empty(), rows.is_empty());
    assert_eq!(selection.is_all(), rows.len() == selection.rows());
    let buffer = selection.to_buffer();
    assert_eq!(buffer.len(), selection.rows());
    assert_eq!(buffer.set_indices().collect::<BTreeSet<_>>(), rows);
    rows
}

proptest! {
    #[test]
    fn operations_agree_with_sets(
        rows in 0..3000usize,
        (a, b) in (prop::collection::btree_set(0..3000usize, 0..300), prop::collection::btree_set(0..3000usize, 0..300)),
        full in any::<bool>(),
    ) {
        let cut = |set: &BTreeSet<usize>| -> BTreeSet<usize> { set.iter().copied().filter(|row| *row < rows).collect() };
        let left = if full { (0..rows).collect() } else { cut(&a) };
        let right = cut(&b);
        let (x, y) = (Selection::indices(rows, left.iter().copied()), Selection::indices(rows, right.iter().copied()));
        prop_assert_eq!(&rows_of(&x), &left);

        let mut both = x.clone();
        both.and(&y);
        prop_assert_eq!(rows_of(&both), &left & &right);
        let mut either = x.clone();
        either.or(&y);
        prop_assert_eq!(rows_of(&either), &left | &right);
        let mut without = x.clone();
        without.subtract(&y);
        prop_assert_eq!(rows_of(&without), &left - &right);
        let mut even = x.clone();
        even.retain(|row| row % 2 == 0);
        prop_assert_eq!(rows_of(&even), left.iter().copied().filter(|row| row % 2 == 0).collect::<BTreeSet<_>>());
        let kept: BooleanBuffer = (0..x.count()).map(|nth| nth % 3 == 0).collect();
        let mut thirds = x.clone();
        thirds.keep_selected(&kept);
        prop_assert_eq!(rows_of(&thirds), left.iter().copied().step_by(3).collect::<BTreeSet<_>>());
        prop_assert_eq!(Selection::from_buffer(&x.to_buffer()), x);
    }

    #[test]
    fn ranges_agree_with_sets(rows in 0..3000usize, start in 0..3100usize, end in 0..3100usize) {
        let expected: BTreeSet<usize> = (start..end).filter(|row| *row < rows).collect();
        prop_assert_eq!(rows_of(&Selection::ranges(rows, std::iter::once(start..end))), expected);
    }
}
