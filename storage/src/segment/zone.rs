//! Zone statistics: bounds, nulls and an estimate of the distinct values of a run of rows.

use std::cmp::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};

use crate::catalog::part::ColumnSummary;
use crate::catalog::types::ColumnType;
use crate::catalog::value::{Value, compare_floats};
use crate::encoding::block::Class;
use crate::encoding::native::{Native, words_of};
use crate::error::Result;
use crate::id::ColumnId;
use crate::limit::ZONE_BYTES_MAX;

/// Bits of a hash that choose the register: 4096 registers, a standard error of 1.6 %.
const REGISTER_BITS: u32 = 12;

/// Statistics under construction.
#[derive(Debug, Clone)]
pub(crate) struct Statistics {
    class: Class,
    rows: u64,
    nulls: u64,
    bounds: Option<(Value, Value)>,
    sketch: Sketch,
}

impl Statistics {
    /// Of no rows.
    pub(crate) fn new(column_type: ColumnType) -> Self {
        Self { class: Class::of(column_type), rows: 0, nulls: 0, bounds: None, sketch: Sketch::new() }
    }

    /// Of the rows of an array.
    pub(crate) fn of(column_type: ColumnType, array: &ArrayRef) -> Result<Self> {
        let mut statistics = Self::new(column_type);
        statistics.rows = array.len() as u64;
        statistics.nulls = array.null_count() as u64;
        if array.null_count() < array.len() {
            statistics.scan(array);
        }
        Ok(statistics)
    }

    /// Adds those of further rows.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.nulls += other.nulls;
        self.sketch.merge(&other.sketch);
        if let Some((low, high)) = &other.bounds {
            self.bounds = Some(match self.bounds.take() {
                None => (low.clone(), high.clone()),
                Some((least, most)) => (lesser(least, low), greater(most, high)),
            });
        }
    }

    /// Number of values that are not null.
    pub(crate) fn values(&self) -> usize {
        usize::try_from(self.rows - self.nulls).unwrap_or(usize::MAX)
    }

    /// Estimate of the distinct values.
    pub(crate) fn distinct(&self) -> usize {
        usize::try_from(self.sketch.estimate()).unwrap_or(usize::MAX).min(self.values())
    }

    /// Bits from the least to the greatest integer; `None` for other classes.
    pub(crate) fn width_bits(&self) -> Option<usize> {
        match &self.bounds {
            Some((Value::Int(low), Value::Int(high))) => {
                Some((u64::BITS - high.wrapping_sub(*low).cast_unsigned().leading_zeros()) as usize)
            }
            _ => None,
        }
    }

    /// As the footer and the catalog have it; `bytes` is the encoded size.
    pub(crate) fn summary(&self, column: ColumnId, bytes: usize) -> ColumnSummary {
        let (min, max) = match &self.bounds {
            Some((low, high)) => (cut_below(low), cut_above(high)),
            None => ((None, true), (None, true)),
        };
        ColumnSummary {
            column,
            nulls: self.nulls,
            min: min.0,
            max: max.0,
            exact: min.1 && max.1,
            distinct: self.sketch.estimate().min(self.rows - self.nulls),
            bytes: bytes as u64,
        }
    }

    fn scan(&mut self, array: &ArrayRef) {
        let data = array.to_data();
        match self.class {
            Class::Bool => {
                let values = array.as_boolean();
                let (most, least) = (values.true_count() > 0, values.false_count() == 0);
                self.bounds = Some((Value::Bool(least), Value::Bool(most)));
                [least, most].iter().for_each(|value| self.sketch.add(hash_word(u64::from(*value))));
            }
            Class::Int16 => self.scan_ints(&words_of::<u16>(&data), array),
            Class::Int32 => self.scan_ints(&words_of::<u32>(&data), array),
            Class::Int64 => self.scan_ints(&words_of::<u64>(&data), array),
            Class::Float32 => {
                self.scan_floats(words_of::<u32>(&data).iter().map(|bits| f64::from(f32::from_bits(*bits))), array)
            }
            Class::Float64 => self.scan_floats(words_of::<u64>(&data).iter().map(|bits| f64::from_bits(*bits)), array),
            Class::Wide => {
                let values = array.as_primitive::<arrow_array::types::Decimal128Type>();
                let mut bounds: Option<(i128, i128)> = None;
                for value in values.iter().flatten() {
                    bounds = Some(bounds.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
                    self.sketch.add(xxhash_rust::xxh3::xxh3_64(&value.to_le_bytes()));
                }
                self.bounds = bounds.map(|(low, high)| (Value::Wide(low), Value::Wide(high)));
            }
            Class::Text => {
                if let Some(strings) = array.as_string_view_opt() {
                    self.scan_bytes(strings.iter().flatten().map(str::as_bytes));
                } else if let Some(bytes) = array.as_binary_view_opt() {
                    self.scan_bytes(bytes.iter().flatten());
                }
            }
            // Intervals have no order that predicates use.
            Class::Interval => {
                let values = array.as_primitive::<arrow_array::types::IntervalMonthDayNanoType>();
                for value in values.iter().flatten() {
                    self.sketch.add(hash_word(
                        value.nanoseconds.cast_unsigned()
                            ^ u64::from(value.days.cast_unsigned()) << 32
                            ^ u64::from(value.months.cast_unsigned()),
                    ));
                }
            }
        }
    }

    fn scan_ints<U: Native>(&mut self, words: &[U], array: &ArrayRef) {
        let mut bounds = (i64::MAX, i64::MIN);
        let sketch = &mut self.sketch;
        let mut see = |word: U| {
            bounds = (bounds.0.min(word.signed()), bounds.1.max(word.signed()));
            sketch.add(hash_word(word.bits()));
        };
        match array.nulls() {
            None => words.iter().for_each(|word| see(*word)),
            Some(nulls) => nulls.valid_indices().for_each(|row| see(words[row])),
        }
        self.bounds = Some((Value::Int(bounds.0), Value::Int(bounds.1)));
    }

    fn scan_floats(&mut self, values: impl Iterator<Item = f64>, array: &ArrayRef) {
        let mut bounds: Option<(f64, f64)> = None;
        for (row, value) in values.enumerate() {
            if array.is_null(row) {
                continue;
            }
            let (low, high) = bounds.unwrap_or((value, value));
            let low = if compare_floats(value, low) == Ordering::Less { value } else { low };
            let high = if compare_floats(value, high) == Ordering::Greater { value } else { high };
            bounds = Some((low, high));
            // -0 and 0 are one value, and so are all NaN.
            let key = if value == 0.0 {
                0.0
            } else if value.is_nan() {
                f64::NAN
            } else {
                value
            };
            self.sketch.add(hash_word(key.to_bits()));
        }
        self.bounds = bounds.map(|(low, high)| (Value::Float(low), Value::Float(high)));
    }

    fn scan_bytes<'a>(&mut self, mut values: impl Iterator<Item = &'a [u8]>) {
        let Some(first) = values.next() else { return };
        let (mut low, mut high) = (first, first);
        self.sketch.add(xxhash_rust::xxh3::xxh3_64(first));
        for value in values {
            if value < low {
                low = value;
            } else if value > high {
                high = value;
            }
            self.sketch.add(xxhash_rust::xxh3::xxh3_64(value));
        }
        self.bounds = Some((Value::Bytes(low.to_vec()), Value::Bytes(high.to_vec())));
    }
}

fn lesser(value: Value, other: &Value) -> Value {
    if other.compare(&value) == Some(Ordering::Less) { other.clone() } else { value }
}

fn greater(value: Value, other: &Value) -> Value {
    if other.compare(&value) == Some(Ordering::Greater) { other.clone() } else { value }
}

/// A lower bound of limited length, and whether it is the value itself.
fn cut_below(value: &Value) -> (Option<Value>, bool) {
    match value {
        Value::Bytes(bytes) if bytes.len() > ZONE_BYTES_MAX => {
            (Some(Value::Bytes(bytes[..ZONE_BYTES_MAX].to_vec())), false)
        }
        other => (Some(other.clone()), true),
    }
}

/// An upper bound of limited length, and whether it is the value itself.
fn cut_above(value: &Value) -> (Option<Value>, bool) {
    let Value::Bytes(bytes) = value else { return (Some(value.clone()), true) };
    if bytes.len() <= ZONE_BYTES_MAX {
        return (Some(value.clone()), true);
    }
    let mut bound = bytes[..ZONE_BYTES_MAX].to_vec();
    while let Some(last) = bound.pop() {
        if let Some(next) = last.checked_add(1) {
            bound.push(next);
            return (Some(Value::Bytes(bound)), false);
        }
    }
    // 0xFF throughout: nothing of limited length is above it.
    (None, false)
}

/// Spreads the bits of a word.
fn hash_word(word: u64) -> u64 {
    let mixed = (word ^ (word >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// A HyperLogLog sketch.
#[derive(Debug, Clone)]
struct Sketch {
    registers: Vec<u8>,
}

impl Sketch {
    fn new() -> Self {
        Self { registers: vec![0; 1 << REGISTER_BITS] }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a register index has 12 bits, a rank at most 53")]
    fn add(&mut self, hash: u64) {
        let register = &mut self.registers[(hash >> (64 - REGISTER_BITS)) as usize];
        let rank = ((hash << REGISTER_BITS) | (1 << (REGISTER_BITS - 1))).leading_zeros() as u8 + 1;
        *register = (*register).max(rank);
    }

    fn merge(&mut self, other: &Self) {
        self.registers.iter_mut().zip(&other.registers).for_each(|(mine, other)| *mine = (*mine).max(*other));
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate is a positive number of rows"
    )]
    fn estimate(&self) -> u64 {
        let count = f64::from(1u32 << REGISTER_BITS);
        let zeros = self.registers.iter().filter(|register| **register == 0).count();
        let sum: f64 = self.registers.iter().map(|register| f64::from(*register).exp2().recip()).sum();
        let raw = 0.7213 / (1.0 + 1.079 / count) * count * count / sum;
        let estimate = if raw <= 2.5 * count && zeros > 0 {
            // Linear counting, nearly exact for few values.
            count * (count / zeros as f64).ln()
        } else {
            raw
        };
        estimate.round() as u64
    }
}
