//! Dictionary: codes into the distinct values of the whole segment, ascending, so that codes compare as values do.
//!
//! The dictionary is a block of its own (see [`crate::encoding::block`]) in front of the column's blocks; each of those
//! holds codes only:
//!
//! ```text
//! codes (integers)
//! ```

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, PrimitiveArray, UInt32Array};
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow_select::take::take;
use parking_lot::Mutex;

use crate::catalog::value::compare_floats;
use crate::encoding::block::{Block, Class, strings_of};
use crate::encoding::ints::Ints;
use crate::encoding::matcher::{Intervals, Matcher};
use crate::encoding::native::{Native, words_of};
use crate::encoding::view;
use crate::error::{Error, Result};
use crate::limit::BLOCK_ROWS;
use crate::segment::selection::Selection;

/// Entries at most.
pub(crate) const ENTRIES_MAX: usize = BLOCK_ROWS;

/// The dictionary of one column of one segment, decoded.
#[derive(Debug)]
pub(crate) struct Dictionary {
    values: ArrayRef,
    entries: Block,
    /// The codes that passed the predicate that was last asked: the blocks of a segment are asked the same.
    passing: Mutex<Option<(Matcher, Arc<Intervals>)>>,
}

/// Distinct values of a column, ascending, and the code of each row.
pub(crate) struct Coded {
    /// The dictionary.
    pub(crate) values: ArrayRef,
    /// One code a row; a null has the code of the row before.
    pub(crate) codes: Vec<u32>,
}

impl Dictionary {
    /// Decodes a dictionary from its block.
    pub(crate) fn new(entries: Block) -> Result<Self> {
        let values = entries.decode()?;
        if values.null_count() > 0 {
            return Err(Error::corrupt("a dictionary has a null entry"));
        }
        Ok(Self { values, entries, passing: Mutex::new(None) })
    }

    /// Bytes that a cache should count for it.
    pub(crate) fn memory_bytes(&self) -> usize {
        2 * self.values.get_array_memory_size()
    }

    /// The selected rows.
    pub(crate) fn gather(
        &self,
        codes: &Ints<u32>,
        selection: &Selection,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef> {
        if self.values.as_string_view_opt().is_none() && self.values.as_binary_view_opt().is_none() {
            let codes = codes.decode_selected(selection);
            self.check(&codes)?;
            return Ok(take(&self.values, &UInt32Array::new(ScalarBuffer::from(codes), nulls), None)?);
        }
        if selection.is_all() {
            return view::gather(&self.values, codes.rows(), |see| codes.each_chunk(see), nulls);
        }
        let codes = codes.decode_selected(selection);
        view::gather(&self.values, codes.len(), |see| see(&codes), nulls)
    }

    /// The codes themselves, as Arrow's dictionary type.
    pub(crate) fn array(&self, codes: Vec<u32>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        self.check(&codes)?;
        let keys = PrimitiveArray::<Int32Type>::try_new(ScalarBuffer::from(Buffer::from_vec(codes)), nulls)?;
        Ok(Arc::new(DictionaryArray::try_new(keys, Arc::clone(&self.values))?))
    }

    fn check(&self, codes: &[u32]) -> Result<()> {
        if codes.iter().fold(0, |most, code| most.max(*code)) as usize >= self.values.len() && !codes.is_empty() {
            return Err(Error::corrupt("a code lies outside its dictionary"));
        }
        Ok(())
    }

    /// The codes of the values that pass. Neighbours in the sorted dictionary become intervals: a range of values is one.
    fn passing(&self, matcher: &Matcher) -> Result<Arc<Intervals>> {
        if let Some((last, codes)) = self.passing.lock().as_ref()
            && last == matcher
        {
            return Ok(Arc::clone(codes));
        }
        let mut entries = Selection::all(self.values.len());
        self.entries.filter(matcher, &mut entries)?;
        let codes = entries.iter().map(|code| (code as i128, code as i128)).collect();
        let codes = Arc::new(Intervals::union(codes));
        *self.passing.lock() = Some((matcher.clone(), Arc::clone(&codes)));
        Ok(codes)
    }

    /// Keeps the selected rows whose value passes: the predicate is asked once an entry, then codes are compared.
    pub(crate) fn filter(&self, codes: &Ints<u32>, matcher: &Matcher, selection: &mut Selection) -> Result<()> {
        codes.filter(self.passing(matcher)?.as_ref(), selection);
        Ok(())
    }
}

/// Codes the values of a column; `None` once they have more than `most` distinct ones.
pub(crate) fn encode(class: Class, array: &ArrayRef, most: usize) -> Result<Option<Coded>> {
    let most = most.min(ENTRIES_MAX);
    let data = array.to_data();
    let (firsts, codes) = match class {
        Class::Text => {
            let values = strings_of(array)?;
            let Some((firsts, codes)) = number(&values, array.nulls(), most, xxhash_rust::xxh3::xxh3_64) else {
                return Ok(None);
            };
            sort(firsts, codes, |a, b| values[a].cmp(values[b]))
        }
        Class::Int16 => return encode_words::<u16>(array, &words_of(&data), most, |a, b| a.signed().cmp(&b.signed())),
        Class::Int32 => return encode_words::<u32>(array, &words_of(&data), most, |a, b| a.signed().cmp(&b.signed())),
        Class::Int64 => return encode_words::<u64>(array, &words_of(&data), most, |a, b| a.signed().cmp(&b.signed())),
        Class::Float32 => {
            return encode_words::<u32>(array, &words_of(&data), most, |a, b| {
                compare_floats(f32::from_bits(a).into(), f32::from_bits(b).into())
            });
        }
        Class::Float64 => {
            return encode_words::<u64>(array, &words_of(&data), most, |a, b| {
                compare_floats(f64::from_bits(a), f64::from_bits(b))
            });
        }
        Class::Bool | Class::Wide | Class::Interval => return Ok(None),
    };
    coded(array, &firsts, codes)
}

fn encode_words<U: Native>(
    array: &ArrayRef,
    words: &[U],
    most: usize,
    order: impl Fn(U, U) -> Ordering,
) -> Result<Option<Coded>> {
    let hash = |word: U| (word.bits() ^ word.bits() >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let Some((firsts, codes)) = number(words, array.nulls(), most, hash) else { return Ok(None) };
    let (firsts, codes) = sort(firsts, codes, |a, b| order(words[a], words[b]));
    coded(array, &firsts, codes)
}

fn coded(array: &ArrayRef, firsts: &[u32], codes: Vec<u32>) -> Result<Option<Coded>> {
    let values = take(array, &UInt32Array::from(firsts.to_vec()), None)?;
    Ok(Some(Coded { values, codes }))
}

/// Numbers distinct values in order of appearance: the first row of each, and the number of each row.
fn number<T: Copy + PartialEq>(
    values: &[T],
    nulls: Option<&NullBuffer>,
    most: usize,
    hash: impl Fn(T) -> u64,
) -> Option<(Vec<u32>, Vec<u32>)> {
    const FREE: u32 = u32::MAX;
    let slots = (most * 2).next_power_of_two().max(16);
    let shift = u64::BITS - slots.trailing_zeros();
    // A slot holds a code and 32 more bits of the hash, so that most strangers are told apart without a look.
    let mut table = vec![(FREE, 0u32); slots];
    let mut firsts: Vec<u32> = Vec::new();
    let mut codes = Vec::with_capacity(values.len());
    let mut last = 0;
    for (row, value) in (0u32..).zip(values) {
        if nulls.is_some_and(|nulls| nulls.is_null(row as usize)) {
            codes.push(last);
            continue;
        }
        let hash = hash(*value);
        let (mut slot, tag) =
            (usize::try_from(hash >> shift).unwrap_or(0), u32::try_from(hash & 0xFFFF_FFFF).unwrap_or(0));
        last = loop {
            match table[slot] {
                (FREE, _) => {
                    if firsts.len() == most {
                        return None;
                    }
                    let code = u32::try_from(firsts.len()).ok()?;
                    table[slot] = (code, tag);
                    firsts.push(row);
                    break code;
                }
                (code, other) if other == tag && values[firsts[code as usize] as usize] == *value => break code,
                _ => slot = (slot + 1) & (slots - 1),
            }
        };
        codes.push(last);
    }
    Some((firsts, codes))
}

/// Renumbers codes in the order of their values.
fn sort(firsts: Vec<u32>, mut codes: Vec<u32>, order: impl Fn(usize, usize) -> Ordering) -> (Vec<u32>, Vec<u32>) {
    let mut sorted: Vec<(u32, u32)> = (0..).zip(firsts).collect();
    sorted.sort_unstable_by(|a, b| order(a.1 as usize, b.1 as usize));
    let mut renumbered = vec![0u32; sorted.len()];
    for (new, (old, _)) in (0..).zip(&sorted) {
        renumbered[*old as usize] = new;
    }
    if !renumbered.is_empty() {
        codes.iter_mut().for_each(|code| *code = renumbered[*code as usize]);
    }
    (sorted.into_iter().map(|(_, first)| first).collect(), codes)
}
