//! Damaged bytes: with their checksum untouched they are always found out; with it made anew nothing may panic.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringViewArray};
use bytes::Bytes;
use proptest::prelude::*;

use super::make::{TYPES, column, predicate};
use super::{COLUMN, ENCODES, Opened, slice};
use crate::catalog::types::ColumnType;
use crate::encoding::block::Block;
use crate::encoding::dictionary::Dictionary;
use crate::encoding::matcher::Matcher;
use crate::error::Kind;
use crate::predicate::Predicate;
use crate::segment::{SegmentFooter, Selection, TAIL_BYTES, checksum, verify_segment};

/// One change of some bytes.
#[derive(Debug, Clone)]
enum Damage {
    Set { at: prop::sample::Index, byte: u8 },
    Flip { at: prop::sample::Index, bit: u8 },
    Cut { at: prop::sample::Index },
    Grow { by: u8 },
    Word { at: prop::sample::Index, word: u32 },
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set { at, byte }),
        (any::<prop::sample::Index>(), 0..8u8).prop_map(|(at, bit)| Damage::Flip { at, bit }),
        any::<prop::sample::Index>().prop_map(|at| Damage::Cut { at }),
        any::<u8>().prop_map(|by| Damage::Grow { by }),
        (any::<prop::sample::Index>(), prop_oneof![Just(u32::MAX), Just(0), any::<u32>(), 0..100_000u32])
            .prop_map(|(at, word)| Damage::Word { at, word }),
    ]
}

/// Damage tends to hit the first bytes, where the structure is.
fn place(at: &prop::sample::Index, length: usize) -> usize {
    if at.index(2) == 0 { at.index(length) } else { at.index(length.min(48)) }
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Set { at, byte } => {
                let at = place(at, bytes.len());
                bytes[at] = *byte;
            }
            Self::Flip { at, bit } => {
                let at = place(at, bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Self::Cut { at } => bytes.truncate(at.index(bytes.len())),
            Self::Grow { by } => bytes.extend(std::iter::repeat_n(*by, usize::from(*by))),
            Self::Word { at, word } => {
                let at = place(at, bytes.len());
                let end = (at + 4).min(bytes.len());
                bytes[at..end].copy_from_slice(&word.to_le_bytes()[..end - at]);
            }
        }
    }
}

fn column_and_predicate() -> impl Strategy<Value = (ColumnType, Option<&'static str>, ArrayRef, Predicate)> {
    (prop::sample::select(TYPES.to_vec()), prop::sample::select(ENCODES.to_vec()))
        .prop_flat_map(|(column_type, encode)| (Just(column_type), Just(encode), column(column_type)))
        .prop_flat_map(|(column_type, encode, array)| {
            let predicate = predicate(&array);
            (Just(column_type), Just(encode), Just(array), predicate)
        })
}

/// Does everything with a block that readers do; answers are not looked at.
fn exercise(
    column_type: ColumnType,
    rows: usize,
    bytes: Vec<u8>,
    dictionary: Option<&Arc<Dictionary>>,
    predicate: &Predicate,
) {
    let Ok(block) = Block::read(column_type, rows, Bytes::from(bytes), dictionary) else { return };
    if let Ok(array) = block.decode() {
        assert_eq!((array.len(), array.data_type()), (rows, &column_type.arrow()));
        array.to_data().validate_full().unwrap();
    }
    let some = Selection::indices(rows, (0..rows).step_by(3));
    if let Ok(array) = block.decode_selected(&some) {
        assert_eq!(array.len(), some.count());
        array.to_data().validate_full().unwrap();
    }
    let class = crate::encoding::block::Class::of(column_type).value_class();
    let matcher = Matcher::compile(predicate, COLUMN, class).unwrap();
    let mut selection = Selection::all(rows);
    let _outcome = block.filter(&matcher, &mut selection);
    let _codes = block.decode_dictionary(&some);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_block_with_a_new_checksum_never_panics(
        (column_type, encode, array, predicate) in column_and_predicate(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let opened = Opened::write(column_type, encode, &array);
        let mut bytes = slice(&opened.segment.bytes, opened.column().blocks[0].range()).to_vec();
        damages.iter().for_each(|damage| damage.apply(&mut bytes));
        exercise(column_type, array.len(), bytes, opened.dictionary.as_ref(), &predicate);
    }

    #[test]
    fn a_damaged_dictionary_with_a_new_checksum_never_panics(
        (column_type, _, array, predicate) in column_and_predicate(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        let opened = Opened::write(column_type, Some("bytedict"), &array);
        let Some(footer) = &opened.column().dictionary else { return Ok(()) };
        let mut bytes = slice(&opened.segment.bytes, footer.range()).to_vec();
        damages.iter().for_each(|damage| damage.apply(&mut bytes));
        let Ok(entries) = Block::read(column_type, footer.entries(), Bytes::from(bytes), None) else { return Ok(()) };
        let Ok(dictionary) = Dictionary::new(entries) else { return Ok(()) };
        let block = slice(&opened.segment.bytes, opened.column().blocks[0].range()).to_vec();
        exercise(column_type, array.len(), block, Some(&Arc::new(dictionary)), &predicate);
    }

    #[test]
    fn a_damaged_footer_with_a_new_checksum_never_panics(damages in prop::collection::vec(damage(), 1..4)) {
        let opened = sample();
        let start = usize::try_from(opened.segment.footer_offset).unwrap();
        let mut footer = opened.segment.bytes[start..opened.segment.bytes.len() - TAIL_BYTES].to_vec();
        damages.iter().for_each(|damage| damage.apply(&mut footer));
        let mut bytes = opened.segment.bytes[..start].to_vec();
        let expected = checksum(&footer);
        bytes.extend_from_slice(&footer);
        crate::segment::footer::write_tail(&mut bytes, footer.len(), expected);
        if let Err(error) = verify_segment(&Bytes::from(bytes), opened.segment.footer_offset, expected) {
            prop_assert_eq!(error.kind(), Kind::Corrupt, "{}", error);
        }
    }

    #[test]
    fn a_segment_of_random_bytes_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), offset in 0..250u64) {
        prop_assert!(verify_segment(&Bytes::from(bytes.clone()), offset, checksum(&bytes)).is_err());
        prop_assert!(SegmentFooter::parse(&bytes, offset).is_err());
    }
}

/// A small segment with a dictionary.
fn sample() -> Opened {
    let array: ArrayRef = Arc::new(StringViewArray::from_iter(
        (0..3000).map(|row| (row % 17 != 0).then(|| format!("one of some long values {}", row % 40))),
    ));
    Opened::write(ColumnType::Varchar { length: None }, None, &array)
}

#[test]
fn every_flipped_bit_is_found_out() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter((0..2000).map(|row| (row % 5 != 0).then_some(row * row))));
    for opened in [sample(), Opened::write(ColumnType::Int64, None, &numbers)] {
        let segment = &opened.segment;
        for at in 0..segment.bytes.len() {
            for bit in 0..8 {
                let mut bytes = segment.bytes.to_vec();
                bytes[at] ^= 1 << bit;
                let error = verify_segment(&Bytes::from(bytes), segment.footer_offset, segment.footer_checksum)
                    .err()
                    .unwrap_or_else(|| panic!("bit {bit} of byte {at} was flipped unseen"));
                assert_eq!(error.kind(), Kind::Corrupt);
            }
        }
    }
}

#[test]
fn a_cut_segment_is_found_out() {
    let opened = sample();
    for length in 0..opened.segment.bytes.len() {
        let bytes = opened.segment.bytes.slice(..length);
        assert!(verify_segment(&bytes, opened.segment.footer_offset, opened.segment.footer_checksum).is_err());
    }
}
