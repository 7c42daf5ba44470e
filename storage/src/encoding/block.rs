//! One block of one column: nulls and values of a column type.
//!
//! ```text
//! shape: u8 │ validity │ (nothing if all rows are null, else)
//!   direct      integers, text, bits, or fixed 16-byte values, by the class of the type
//!   dictionary  codes (integers)
//!   constant    one row in direct shape
//! ```

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
use crate::encoding::ints::{Ints, write_ints};
use crate::encoding::matcher::{Matcher, ValueClass, ValueTest};
use crate::encoding::native::words_of;
use crate::encoding::plain::read_fixed;
use crate::encoding::section::{Squeeze, write_section};
use crate::encoding::text::{Text, write_text};
use crate::encoding::validity::{Validity, bitmap_bytes, read_bitmap};
use crate::encoding::wire::{Reader, Write};
use crate::error::{Error, Result};
use crate::segment::reader::Dictionary;
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
    Bool(BooleanBuffer),
    Int16(Ints<u16>),
    Int32(Ints<u32>),
    Int64(Ints<u64>),
    Fixed(Bytes),
    Text(Text),
}

/// Appends a block of the rows of `array`.
pub(crate) fn write_block(column_type: ColumnType, array: &dyn Array, out: &mut Vec<u8>) -> Result<Encoding> {
    out.put_u8(0);
    Validity::write(array.nulls(), out)?;
    if array.null_count() == array.len() {
        return Ok(Encoding::Constant);
    }
    let data = array.to_data();
    match Class::of(column_type) {
        Class::Bool => {
            write_section(out, &bitmap_bytes(array.as_boolean().values()), Squeeze::Worthwhile(90))?;
            Ok(Encoding::Plain)
        }
        Class::Int16 => write_ints(&words_of::<u16>(&data), out),
        Class::Int32 | Class::Float32 => write_ints(&words_of::<u32>(&data), out),
        Class::Int64 | Class::Float64 => write_ints(&words_of::<u64>(&data), out),
        Class::Wide | Class::Interval => {
            let bytes = &data.buffers()[0][data.offset() * WIDE_BYTES..(data.offset() + data.len()) * WIDE_BYTES];
            write_section(out, bytes, Squeeze::Worthwhile(90))?;
            Ok(Encoding::Plain)
        }
        Class::Text => write_text(&strings_of(array)?, out),
    }
}

/// The strings of an array, empty where null.
fn strings_of(array: &dyn Array) -> Result<Vec<&[u8]>> {
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
    /// Parses what [`write_block`] wrote for `rows` rows.
    pub(crate) fn read(
        column_type: ColumnType,
        rows: usize,
        bytes: Bytes,
        _dictionary: Option<&Arc<Dictionary>>,
    ) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            0 => {}
            other => return Err(Error::corrupt(format!("a block names shape {other}"))),
        }
        let validity = Validity::read(&mut reader, rows)?;
        let values = match (&validity, Class::of(column_type)) {
            (Validity::Null, _) => Values::Absent,
            (_, Class::Bool) => Values::Bool(read_bitmap(&mut reader, rows)?),
            (_, Class::Int16) => Values::Int16(Ints::read(&mut reader, rows)?),
            (_, Class::Int32 | Class::Float32) => Values::Int32(Ints::read(&mut reader, rows)?),
            (_, Class::Int64 | Class::Float64) => Values::Int64(Ints::read(&mut reader, rows)?),
            (_, Class::Wide | Class::Interval) => Values::Fixed(read_fixed(&mut reader, rows, WIDE_BYTES)?),
            (_, Class::Text) => Values::Text(Text::read(&mut reader, rows)?),
        };
        reader.finish()?;
        Ok(Self { column_type, rows, validity, values })
    }

    /// All rows.
    pub(crate) fn decode(&self) -> Result<ArrayRef> {
        self.build(&Selection::all(self.rows))
    }

    /// The selected rows.
    pub(crate) fn decode_selected(&self, selection: &Selection) -> Result<ArrayRef> {
        self.build(selection)
    }

    fn build(&self, selection: &Selection) -> Result<ArrayRef> {
        let nulls = self.nulls_of(selection);
        Ok(match &self.values {
            Values::Absent => arrow_array::new_null_array(&self.column_type.arrow(), selection.count()),
            Values::Bool(bits) => Arc::new(BooleanArray::new(select_bits(bits, selection), nulls)),
            Values::Int16(ints) => primitive(self.column_type, Buffer::from_vec(ints.decode_selected(selection)), nulls)?,
            Values::Int32(ints) => primitive(self.column_type, Buffer::from_vec(ints.decode_selected(selection)), nulls)?,
            Values::Int64(ints) => primitive(self.column_type, Buffer::from_vec(ints.decode_selected(selection)), nulls)?,
            Values::Fixed(bytes) => {
                let values: Vec<i128> = selection.iter().map(|row| wide_at(bytes, row)).collect();
                primitive(self.column_type, Buffer::from_vec(values), nulls)?
            }
            Values::Text(text) if selection.is_all() => text.decode(self.is_utf8(), nulls)?,
            Values::Text(text) => text.decode_selected(selection, self.is_utf8(), nulls)?,
        })
    }

    /// The selected rows as `Dictionary(Int32, …)`; `None` where the block holds no codes.
    pub(crate) fn decode_dictionary(&self, _selection: &Selection) -> Result<Option<ArrayRef>> {
        Ok(None)
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
            (Values::Int16(_), _) => return Err(Error::internal("a predicate of another class was asked of integers")),
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
