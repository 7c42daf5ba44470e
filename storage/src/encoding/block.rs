//! One block of one column: nulls and values of a column type.
//!
//! ```text
//! shape: u8 │ validity │ (nothing if all rows are null, else)
//!   0  by the class of the type: integers │ text │ bits │ 16 bytes a row
//!      wide integers: kind u8, 0: 16 bytes a row │ 1: integers of 64 bits
//!   1  codes (integers) of the column's dictionary
//! ```

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use bytes::Bytes;

use crate::catalog::types::ColumnType;
use crate::encoding::Encoding;
use crate::encoding::dictionary::Dictionary;
use crate::encoding::hint::Hint;
use crate::encoding::ints::{Ints, Nesting, write_ints};
use crate::encoding::matcher::{Matcher, ValueClass, ValueTest};
use crate::encoding::native::{Native, words_of};
use crate::encoding::plain::read_fixed;
use crate::encoding::section::{Squeeze, write_section};
use crate::encoding::text::{Text, TextPlan, write_text};
use crate::encoding::validity::{Validity, bitmap_bytes, read_bitmap};
use crate::encoding::wire::{Reader, Write};
use crate::error::{Error, Result};
use crate::segment::selection::Selection;

/// Bytes of a wide decimal or an interval.
const WIDE_BYTES: usize = 16;

/// How values of a column type are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Bits.
    Bool,
    /// Integers of 16 bits.
    Int16,
    /// Integers of 32 bits.
    Int32,
    /// Integers of 64 bits.
    Int64,
    /// Integers of 128 bits.
    Wide,
    /// Floats of 32 bits.
    Float32,
    /// Floats of 64 bits.
    Float64,
    /// Strings and byte strings.
    Text,
    /// Months, days and nanoseconds; never compared.
    Interval,
}

impl Class {
    /// The class of a column type.
    pub(crate) fn of(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Bool => Self::Bool,
            ColumnType::Int16 => Self::Int16,
            ColumnType::Int32 | ColumnType::Date => Self::Int32,
            ColumnType::Int64 | ColumnType::Time | ColumnType::Timestamp | ColumnType::TimestampTz => Self::Int64,
            ColumnType::Decimal { precision, .. } => {
                if precision <= crate::catalog::types::DECIMAL64_PRECISION_MAX {
                    Self::Int64
                } else {
                    Self::Wide
                }
            }
            ColumnType::Float32 => Self::Float32,
            ColumnType::Float64 => Self::Float64,
            ColumnType::Char { .. } | ColumnType::Varchar { .. } | ColumnType::Bytes => Self::Text,
            ColumnType::Interval => Self::Interval,
        }
    }

    /// How predicates see it. Intervals are not compared on encoded data: no literal has their class.
    pub(crate) fn value_class(self) -> ValueClass {
        match self {
            Self::Bool => ValueClass::Bool,
            Self::Int16 | Self::Int32 | Self::Int64 | Self::Wide | Self::Interval => ValueClass::Int,
            Self::Float32 | Self::Float64 => ValueClass::Float,
            Self::Text => ValueClass::Bytes,
        }
    }
}

/// A parsed block.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    column_type: ColumnType,
    rows: usize,
    validity: Validity,
    values: Values,
}

/// The values of a block, nulls holding anything.
#[derive(Debug, Clone)]
enum Values {
    /// All rows are null.
    Absent,
    /// Codes of a dictionary.
    Codes(Ints<u32>, Arc<Dictionary>),
    Bool(BooleanBuffer),
    Int16(Ints<u16>),
    Int32(Ints<u32>),
    Int64(Ints<u64>),
    /// Integers of 128 bits that fit 64.
    Narrow(Ints<u64>),
    Fixed(Bytes),
    Text(Text),
}

/// The first byte of a block.
const SHAPE_DIRECT: u8 = 0;
const SHAPE_CODES: u8 = 1;
/// The byte before wide integers.
const WIDE_FIXED: u8 = 0;
const WIDE_NARROW: u8 = 1;

/// How a column of a segment is written, decided once for all its blocks.
#[derive(Default)]
pub(crate) struct ColumnPlan {
    /// What ENCODE asks for.
    pub(crate) hint: Hint,
    /// How strings are stored; `None` for other classes.
    pub(crate) text: Option<TextPlan>,
}

impl ColumnPlan {
    /// Decides on a sample of the rows of `array`.
    pub(crate) fn choose(column_type: ColumnType, array: &dyn Array, hint: Hint) -> Result<Self> {
        let text = match Class::of(column_type) {
            Class::Text => Some(TextPlan::choose(TextPlan::sample(&strings_of(array)?), hint)?),
            _ => None,
        };
        Ok(Self { hint, text })
    }
}

/// Appends a block of codes; `nulls` are those of its rows.
pub(crate) fn write_codes(codes: &[u32], nulls: Option<&NullBuffer>, out: &mut Vec<u8>) -> Result<Encoding> {
    out.put_u8(SHAPE_CODES);
    Validity::write(nulls, out)?;
    if nulls.is_none_or(|nulls| nulls.null_count() < nulls.len()) {
        write_ints(codes, Hint::Auto, out)?;
    }
    Ok(Encoding::Dictionary)
}

/// Appends a block of the rows of `array`.
pub(crate) fn write_block(
    column_type: ColumnType,
    array: &dyn Array,
    plan: &ColumnPlan,
    out: &mut Vec<u8>,
) -> Result<Encoding> {
    out.put_u8(SHAPE_DIRECT);
    let nulls = array.nulls();
    Validity::write(nulls, out)?;
    if array.null_count() == array.len() {
        return Ok(Encoding::Constant);
    }
    let data = array.to_data();
    match Class::of(column_type) {
        Class::Bool => {
            write_section(out, &bitmap_bytes(array.as_boolean().values()), Squeeze::Worthwhile(90))?;
            Ok(Encoding::Plain)
        }
        Class::Int16 => write_ints(&fill_nulls(&words_of::<u16>(&data), nulls), plan.hint, out),
        Class::Int32 | Class::Float32 => write_ints(&fill_nulls(&words_of::<u32>(&data), nulls), plan.hint, out),
        Class::Int64 | Class::Float64 => write_ints(&fill_nulls(&words_of::<u64>(&data), nulls), plan.hint, out),
        Class::Wide => write_wide(&ScalarBuffer::new(data.buffers()[0].clone(), data.offset(), data.len()), plan, out),
        Class::Interval => {
            let bytes = &data.buffers()[0][data.offset() * WIDE_BYTES..(data.offset() + data.len()) * WIDE_BYTES];
            write_section(out, bytes, Squeeze::Worthwhile(90))?;
            Ok(Encoding::Plain)
        }
        Class::Text => {
            write_text(&strings_of(array)?, plan.text.as_ref().unwrap_or(&TextPlan::Plain(Squeeze::Zstd)), out)
        }
    }
}

/// 128-bit integers go the way of 64-bit ones where all of the block fit.
fn write_wide(values: &[i128], plan: &ColumnPlan, out: &mut Vec<u8>) -> Result<Encoding> {
    let narrow: Option<Vec<u64>> =
        values.iter().map(|value| i64::try_from(*value).ok().map(i64::cast_unsigned)).collect();
    if let Some(narrow) = narrow {
        out.put_u8(WIDE_NARROW);
        return write_ints(&narrow, plan.hint, out);
    }
    out.put_u8(WIDE_FIXED);
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    write_section(out, &bytes, Squeeze::Worthwhile(90))?;
    Ok(Encoding::Plain)
}

/// Gives nulls the value before them (the first ones that behind them), which every encoding stores for next to nothing.
fn fill_nulls<'a, U: Native>(values: &'a [U], nulls: Option<&NullBuffer>) -> Cow<'a, [U]> {
    let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else { return Cow::Borrowed(values) };
    let mut last = nulls.valid_indices().next().map_or_else(U::default, |row| values[row]);
    let filled = values.iter().zip(nulls).map(|(value, valid)| {
        if valid {
            last = *value;
        }
        last
    });
    Cow::Owned(filled.collect())
}

/// The strings of an array, empty where null.
pub(crate) fn strings_of(array: &dyn Array) -> Result<Vec<&[u8]>> {
    let empty: &[u8] = &[];
    if let Some(strings) = array.as_string_view_opt() {
        return Ok(strings.iter().map(|value| value.map_or(empty, str::as_bytes)).collect());
    }
    match array.as_binary_view_opt() {
        Some(bytes) => Ok(bytes.iter().map(|value| value.unwrap_or(empty)).collect()),
        None => Err(Error::internal(format!("a column of strings is a {}", array.data_type()))),
    }
}

impl Block {
    /// Parses what [`write_block`] or [`write_codes`] wrote for `rows` rows.
    pub(crate) fn read(
        column_type: ColumnType,
        rows: usize,
        bytes: Bytes,
        dictionary: Option<&Arc<Dictionary>>,
    ) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let shape = reader.u8()?;
        let validity = Validity::read(&mut reader, rows)?;
        let values = match (&validity, shape, dictionary) {
            (Validity::Null, SHAPE_DIRECT | SHAPE_CODES, _) => Values::Absent,
            (_, SHAPE_DIRECT, _) => Self::read_direct(Class::of(column_type), rows, &mut reader)?,
            (_, SHAPE_CODES, Some(dictionary)) => {
                Values::Codes(Ints::read(&mut reader, rows, Nesting::Outer)?, Arc::clone(dictionary))
            }
            (_, SHAPE_CODES, None) => return Err(Error::corrupt("a block of codes has no dictionary")),
            (_, other, _) => return Err(Error::corrupt(format!("a block names shape {other}"))),
        };
        reader.finish()?;
        Ok(Self { column_type, rows, validity, values })
    }

    fn read_direct(class: Class, rows: usize, reader: &mut Reader) -> Result<Values> {
        Ok(match class {
            Class::Bool => Values::Bool(read_bitmap(reader, rows)?),
            Class::Int16 => Values::Int16(Ints::read(reader, rows, Nesting::Outer)?),
            Class::Int32 | Class::Float32 => Values::Int32(Ints::read(reader, rows, Nesting::Outer)?),
            Class::Int64 | Class::Float64 => Values::Int64(Ints::read(reader, rows, Nesting::Outer)?),
            Class::Wide => match reader.u8()? {
                WIDE_FIXED => Values::Fixed(read_fixed(reader, rows, WIDE_BYTES)?),
                WIDE_NARROW => Values::Narrow(Ints::read(reader, rows, Nesting::Outer)?),
                other => return Err(Error::corrupt(format!("wide integers are of kind {other}"))),
            },
            Class::Interval => Values::Fixed(read_fixed(reader, rows, WIDE_BYTES)?),
            Class::Text => Values::Text(Text::read(reader, rows)?),
        })
    }

    /// Bytes that a cache should count, apart from the encoded ones.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.values {
                Values::Absent => 0,
                Values::Codes(ints, _) | Values::Int32(ints) => ints.memory_bytes(),
                Values::Bool(bits) => bits.len() / 8,
                Values::Int16(ints) => ints.memory_bytes(),
                Values::Int64(ints) | Values::Narrow(ints) => ints.memory_bytes(),
                Values::Fixed(bytes) => bytes.len(),
                Values::Text(text) => text.memory_bytes(),
            }
    }

    /// All rows.
    pub(crate) fn decode(&self) -> Result<ArrayRef> {
        self.decode_selected(&Selection::all(self.rows))
    }

    /// The selected rows.
    pub(crate) fn decode_selected(&self, selection: &Selection) -> Result<ArrayRef> {
        let nulls = self.nulls_of(selection);
        let buffer = match &self.values {
            Values::Absent => return Ok(arrow_array::new_null_array(&self.column_type.arrow(), selection.count())),
            Values::Codes(codes, dictionary) => return dictionary.gather(codes, selection, nulls),
            Values::Bool(bits) => return Ok(Arc::new(BooleanArray::new(select_bits(bits, selection), nulls))),
            Values::Text(text) if selection.is_all() => return text.decode(self.is_utf8(), nulls),
            Values::Text(text) => return text.decode_selected(selection, self.is_utf8(), nulls),
            Values::Int16(ints) => Buffer::from_vec(ints.decode_selected(selection)),
            Values::Int32(ints) => Buffer::from_vec(ints.decode_selected(selection)),
            Values::Int64(ints) => Buffer::from_vec(ints.decode_selected(selection)),
            Values::Narrow(ints) => {
                let narrow = ints.decode_selected(selection);
                Buffer::from_vec(narrow.into_iter().map(|value| i128::from(value.cast_signed())).collect::<Vec<_>>())
            }
            Values::Fixed(bytes) => {
                Buffer::from_vec(selection.iter().map(|row| wide_at(bytes, row)).collect::<Vec<_>>())
            }
        };
        primitive(self.column_type, buffer, nulls)
    }

    /// The selected rows as `Dictionary(Int32, …)`; `None` where the block holds no codes.
    pub(crate) fn decode_dictionary(&self, selection: &Selection) -> Result<Option<ArrayRef>> {
        let Values::Codes(codes, dictionary) = &self.values else { return Ok(None) };
        dictionary.array(codes.decode_selected(selection), self.nulls_of(selection)).map(Some)
    }

    fn is_utf8(&self) -> bool {
        self.column_type != ColumnType::Bytes
    }

    /// The nulls of the selected rows.
    fn nulls_of(&self, selection: &Selection) -> Option<NullBuffer> {
        match &self.validity {
            Validity::Valid => None,
            Validity::Null => Some(NullBuffer::new_null(selection.count())),
            Validity::Mixed(nulls) => {
                Some(NullBuffer::new(select_bits(nulls.inner(), selection))).filter(|nulls| nulls.null_count() > 0)
            }
        }
    }

    /// Keeps the selected rows for which the predicate is TRUE.
    pub(crate) fn filter(&self, matcher: &Matcher, selection: &mut Selection) -> Result<()> {
        match &self.validity {
            Validity::Valid => self.filter_values(matcher, selection),
            Validity::Null => {
                if !matcher.null {
                    *selection = Selection::none(self.rows);
                }
                Ok(())
            }
            Validity::Mixed(nulls) => {
                let valid = Selection::from_buffer(nulls.inner());
                let mut null = selection.clone();
                null.subtract(&valid);
                selection.and(&valid);
                self.filter_values(matcher, selection)?;
                if matcher.null {
                    selection.or(&null);
                }
                Ok(())
            }
        }
    }

    fn filter_values(&self, matcher: &Matcher, selection: &mut Selection) -> Result<()> {
        match (&self.values, &matcher.values) {
            (Values::Absent, _) => {}
            (Values::Codes(codes, dictionary), _) => dictionary.filter(codes, matcher, selection)?,
            (Values::Narrow(ints), ValueTest::Int(test)) => ints.filter(test, selection),
            (Values::Bool(bits), _) => selection.retain(|row| matcher.bool(bits.value(row))),
            (Values::Int16(ints), ValueTest::Int(test)) => ints.filter(test, selection),
            (Values::Int32(ints), ValueTest::Int(test)) => ints.filter(test, selection),
            (Values::Int64(ints), ValueTest::Int(test)) => ints.filter(test, selection),
            (Values::Int32(ints), _) => {
                let values = ints.decode();
                selection.retain(|row| matcher.float(f64::from(f32::from_bits(values[row]))));
            }
            (Values::Int64(ints), _) => {
                let values = ints.decode();
                selection.retain(|row| matcher.float(f64::from_bits(values[row])));
            }
            (Values::Int16(_) | Values::Narrow(_), _) => {
                return Err(Error::internal("a predicate of another class was asked of integers"));
            }
            (Values::Fixed(bytes), _) => selection.retain(|row| matcher.int(wide_at(bytes, row))),
            (Values::Text(text), _) => text.filter(matcher, selection)?,
        }
        Ok(())
    }
}

/// The 16 bytes of a row.
fn wide_at(bytes: &Bytes, row: usize) -> i128 {
    bytes.as_chunks().0.get(row).map_or(0, |value| i128::from_le_bytes(*value))
}

/// The bits of the selected rows.
fn select_bits(bits: &BooleanBuffer, selection: &Selection) -> BooleanBuffer {
    if selection.is_all() {
        return bits.clone();
    }
    selection.iter().map(|row| bits.value(row)).collect()
}

/// An array of a fixed-width type over `buffer`, which holds whole values.
fn primitive(column_type: ColumnType, buffer: Buffer, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    fn typed<T: ArrowPrimitiveType>(buffer: Buffer, nulls: Option<NullBuffer>) -> Result<PrimitiveArray<T>> {
        Ok(PrimitiveArray::try_new(ScalarBuffer::from(buffer), nulls)?)
    }
    Ok(match column_type {
        ColumnType::Int16 => Arc::new(typed::<Int16Type>(buffer, nulls)?),
        ColumnType::Int32 => Arc::new(typed::<Int32Type>(buffer, nulls)?),
        ColumnType::Int64 => Arc::new(typed::<Int64Type>(buffer, nulls)?),
        ColumnType::Float32 => Arc::new(typed::<Float32Type>(buffer, nulls)?),
        ColumnType::Float64 => Arc::new(typed::<Float64Type>(buffer, nulls)?),
        ColumnType::Date => Arc::new(typed::<Date32Type>(buffer, nulls)?),
        ColumnType::Time => Arc::new(typed::<Time64MicrosecondType>(buffer, nulls)?),
        ColumnType::Timestamp | ColumnType::TimestampTz => {
            Arc::new(typed::<TimestampMicrosecondType>(buffer, nulls)?.with_data_type(column_type.arrow()))
        }
        ColumnType::Decimal { .. } if Class::of(column_type) == Class::Int64 => {
            Arc::new(typed::<Decimal64Type>(buffer, nulls)?.with_data_type(column_type.arrow()))
        }
        ColumnType::Decimal { .. } => {
            Arc::new(typed::<Decimal128Type>(buffer, nulls)?.with_data_type(column_type.arrow()))
        }
        ColumnType::Interval => Arc::new(typed::<IntervalMonthDayNanoType>(buffer, nulls)?),
        ColumnType::Bool | ColumnType::Char { .. } | ColumnType::Varchar { .. } | ColumnType::Bytes => {
            return Err(Error::internal("a type without a fixed width was built as one"));
        }
    })
}
