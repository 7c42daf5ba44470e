//! Column builders: one loop a column and chunk, compiled for each type, without an allocation a field.

use std::sync::Arc;

use arrow_array::builder::{BinaryViewBuilder, BooleanBufferBuilder, NullBufferBuilder, StringViewBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray};
use arrow_buffer::IntervalMonthDayNano;
use arrow_schema::DataType;
use stoa_storage::{Column, ColumnType, DECIMAL64_PRECISION_MAX};

use crate::convert::calendar::Zone;
use crate::convert::datetime::{parse_date, parse_time, parse_timestamp, parse_timestamp_tz};
use crate::convert::interval::parse_interval;
use crate::convert::number::{DecimalShape, parse_boolean, parse_bytes, parse_double, parse_integer, parse_real};
use crate::convert::string::StringRules;
use crate::options::{CopyOptions, DateFormat, Format, TimeFormat};
use crate::reject::Fault;
use crate::text::fields::{Fields, Span, Text};

/// What all columns of a load share.
#[derive(Debug, Clone)]
pub(crate) struct Conventions {
    null: Option<Vec<u8>>,
    /// Postgres: the NULL string in quotes is data, and empty fields of typed columns are errors.
    postgres: bool,
    date_format: DateFormat,
    time_format: TimeFormat,
    accept_any_date: bool,
    zone: Zone,
}

impl Conventions {
    pub(crate) fn new(format: Format, options: &CopyOptions) -> Self {
        Self {
            null: options.null.clone(),
            postgres: format.is_postgres(),
            date_format: options.date_format.clone(),
            time_format: options.time_format.clone(),
            accept_any_date: options.accept_any_date,
            zone: options.time_zone,
        }
    }
}

/// Fields of one column of a chunk.
#[derive(Clone, Copy)]
pub(crate) struct ColumnFields<'a> {
    pub(crate) fields: &'a Fields,
    pub(crate) text: Text<'a>,
    pub(crate) index: usize,
    pub(crate) conventions: &'a Conventions,
    pub(crate) nullable: bool,
}

impl<'a> ColumnFields<'a> {
    fn spans(self) -> impl Iterator<Item = Span> + 'a {
        self.fields.spans.iter().skip(self.index).step_by(self.fields.width).copied()
    }

    /// The bytes of a field, or `None` where it is NULL by itself or by the NULL string.
    #[inline]
    fn bytes(&self, span: Span) -> Option<&'a [u8]> {
        let bytes = self.text.bytes(span)?;
        match &self.conventions.null {
            Some(null) if null.as_slice() == bytes && !Text::is_quoted(span) => None,
            _ => Some(bytes),
        }
    }
}

/// Values of one type under construction.
pub(crate) struct Fixed<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
    data_type: DataType,
}

impl<T: ArrowPrimitiveType> Fixed<T> {
    fn new(data_type: DataType) -> Self {
        Self { values: Vec::new(), nulls: NullBufferBuilder::new(0), data_type }
    }

    /// Converts a column of a chunk. `faults` gets row and fault of each field that cannot be converted.
    #[inline]
    fn extend(
        &mut self,
        column: ColumnFields<'_>,
        faults: &mut Vec<(usize, Fault)>,
        parse: impl Fn(&[u8]) -> Result<T::Native, Fault>,
    ) {
        self.values.reserve(column.fields.rows());
        for (row, span) in column.spans().enumerate() {
            let fault = match column.bytes(span) {
                Some(bytes) => match parse(bytes) {
                    Ok(value) => {
                        self.values.push(value);
                        self.nulls.append_non_null();
                        continue;
                    }
                    Err(fault) => excuse(bytes, fault, column.conventions),
                },
                None => None,
            };
            self.values.push(T::Native::default());
            self.nulls.append_null();
            if let Some(fault) = fault.or_else(|| (!column.nullable).then_some(Fault::NotNull)) {
                faults.push((row, fault));
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        let nulls = self.nulls.finish();
        let values = std::mem::take(&mut self.values);
        Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(self.data_type.clone()))
    }
}

/// Whether a field that cannot be converted is NULL rather than an error: blank ones are by Redshift's rules, dates by
/// ACCEPTANYDATE.
#[cold]
fn excuse(bytes: &[u8], fault: Fault, conventions: &Conventions) -> Option<Fault> {
    let is_date = matches!(fault, Fault::Date | Fault::DateRange | Fault::Timestamp | Fault::Time);
    let blank = !conventions.postgres && bytes.iter().all(u8::is_ascii_whitespace);
    let excused = blank || (conventions.accept_any_date && is_date);
    (!excused).then_some(fault)
}

/// A column under construction.
pub(crate) enum ColumnBuilder {
    Bool { values: BooleanBufferBuilder, nulls: NullBufferBuilder },
    Int16(Fixed<Int16Type>),
    Int32(Fixed<Int32Type>),
    Int64(Fixed<Int64Type>),
    Float32(Fixed<Float32Type>),
    Float64(Fixed<Float64Type>),
    Decimal64(Fixed<Decimal64Type>, DecimalShape),
    Decimal128(Fixed<Decimal128Type>, DecimalShape),
    Date(Fixed<Date32Type>),
    Time(Fixed<Time64MicrosecondType>),
    Timestamp(Fixed<TimestampMicrosecondType>),
    TimestampTz(Fixed<TimestampMicrosecondType>),
    Interval(Fixed<IntervalMonthDayNanoType>),
    String(Box<StringViewBuilder>, StringRules),
    Bytes(Box<BinaryViewBuilder>),
}

/// Bytes of a block of string data: large enough that a batch of short strings has few, small enough not to be wasted.
const STRING_BLOCK_BYTES: u32 = 1 << 20;

impl ColumnBuilder {
    /// A builder of the column's Arrow type.
    pub(crate) fn new(column: &Column, options: &CopyOptions) -> Self {
        let arrow = column.column_type.arrow();
        match column.column_type {
            ColumnType::Bool => Self::Bool { values: BooleanBufferBuilder::new(0), nulls: NullBufferBuilder::new(0) },
            ColumnType::Int16 => Self::Int16(Fixed::new(arrow)),
            ColumnType::Int32 => Self::Int32(Fixed::new(arrow)),
            ColumnType::Int64 => Self::Int64(Fixed::new(arrow)),
            ColumnType::Float32 => Self::Float32(Fixed::new(arrow)),
            ColumnType::Float64 => Self::Float64(Fixed::new(arrow)),
            ColumnType::Decimal { precision, scale } => {
                let shape = DecimalShape::new(precision, scale, options.rounding);
                if precision <= DECIMAL64_PRECISION_MAX {
                    Self::Decimal64(Fixed::new(arrow), shape)
                } else {
                    Self::Decimal128(Fixed::new(arrow), shape)
                }
            }
            ColumnType::Date => Self::Date(Fixed::new(arrow)),
            ColumnType::Time => Self::Time(Fixed::new(arrow)),
            ColumnType::Timestamp => Self::Timestamp(Fixed::new(arrow)),
            ColumnType::TimestampTz => Self::TimestampTz(Fixed::new(arrow)),
            ColumnType::Interval => Self::Interval(Fixed::new(arrow)),
            ColumnType::Char { length } => Self::string(Some(length), true, options),
            ColumnType::Varchar { length } => Self::string(length, false, options),
            ColumnType::Bytes => {
                Self::Bytes(Box::new(BinaryViewBuilder::new().with_fixed_block_size(STRING_BLOCK_BYTES)))
            }
        }
    }

    fn string(length: Option<u32>, blank_padded: bool, options: &CopyOptions) -> Self {
        let rules = StringRules::new(length, blank_padded, options);
        Self::String(Box::new(StringViewBuilder::new().with_fixed_block_size(STRING_BLOCK_BYTES)), rules)
    }

    /// Converts a column of a chunk. `faults` gets row and fault of each field that cannot be converted.
    pub(crate) fn extend(&mut self, column: ColumnFields<'_>, faults: &mut Vec<(usize, Fault)>) {
        let conventions = column.conventions;
        match self {
            Self::Bool { values, nulls } => extend_bool(values, nulls, column, faults),
            Self::Int16(fixed) => fixed
                .extend(column, faults, |bytes| i16::try_from(parse_integer(bytes)?).map_err(|_error| Fault::Overflow)),
            Self::Int32(fixed) => fixed
                .extend(column, faults, |bytes| i32::try_from(parse_integer(bytes)?).map_err(|_error| Fault::Overflow)),
            Self::Int64(fixed) => fixed.extend(column, faults, parse_integer),
            Self::Float32(fixed) => fixed.extend(column, faults, parse_real),
            Self::Float64(fixed) => fixed.extend(column, faults, parse_double),
            Self::Decimal64(fixed, shape) => fixed.extend(column, faults, |bytes| shape.parse_short(bytes)),
            Self::Decimal128(fixed, shape) => fixed.extend(column, faults, |bytes| shape.parse_wide(bytes)),
            Self::Date(fixed) => {
                fixed.extend(column, faults, |bytes| parse_date(bytes, &conventions.date_format));
            }
            Self::Time(fixed) => fixed.extend(column, faults, parse_time),
            Self::Timestamp(fixed) => {
                fixed.extend(column, faults, |bytes| parse_timestamp(bytes, &conventions.time_format));
            }
            Self::TimestampTz(fixed) => fixed
                .extend(column, faults, |bytes| parse_timestamp_tz(bytes, &conventions.time_format, conventions.zone)),
            Self::Interval(fixed) => {
                fixed.extend(column, faults, |bytes| -> Result<IntervalMonthDayNano, Fault> { parse_interval(bytes) });
            }
            Self::String(builder, rules) => extend_string(builder, rules, column, faults),
            Self::Bytes(builder) => extend_bytes(builder, column, faults),
        }
    }

    /// The column's array; the builder is empty afterwards.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool { values, nulls } => Arc::new(BooleanArray::new(values.finish(), nulls.finish())),
            Self::Int16(fixed) => fixed.finish(),
            Self::Int32(fixed) => fixed.finish(),
            Self::Int64(fixed) => fixed.finish(),
            Self::Float32(fixed) => fixed.finish(),
            Self::Float64(fixed) => fixed.finish(),
            Self::Decimal64(fixed, _) => fixed.finish(),
            Self::Decimal128(fixed, _) => fixed.finish(),
            Self::Date(fixed) => fixed.finish(),
            Self::Time(fixed) => fixed.finish(),
            Self::Timestamp(fixed) | Self::TimestampTz(fixed) => fixed.finish(),
            Self::Interval(fixed) => fixed.finish(),
            Self::String(builder, _) => Arc::new(builder.finish()),
            Self::Bytes(builder) => Arc::new(builder.finish()),
        }
    }
}

fn extend_bool(
    values: &mut BooleanBufferBuilder,
    nulls: &mut NullBufferBuilder,
    column: ColumnFields<'_>,
    faults: &mut Vec<(usize, Fault)>,
) {
    for (row, span) in column.spans().enumerate() {
        let value = column
            .bytes(span)
            .map(|bytes| parse_boolean(bytes).map_err(|fault| excuse(bytes, fault, column.conventions)));
        let fault = match value {
            Some(Ok(value)) => {
                values.append(value);
                nulls.append_non_null();
                continue;
            }
            Some(Err(fault)) => fault,
            None => None,
        };
        values.append(false);
        nulls.append_null();
        if let Some(fault) = fault.or_else(|| (!column.nullable).then_some(Fault::NotNull)) {
            faults.push((row, fault));
        }
    }
}

fn extend_string(
    builder: &mut StringViewBuilder,
    rules: &StringRules,
    column: ColumnFields<'_>,
    faults: &mut Vec<(usize, Fault)>,
) {
    let mut owned = String::new();
    for (row, span) in column.spans().enumerate() {
        let Some(bytes) = column.bytes(span).filter(|bytes| !rules.is_null(bytes)) else {
            builder.append_null();
            if !column.nullable {
                faults.push((row, Fault::NotNull));
            }
            continue;
        };
        let text = match column.text.utf8(span).filter(|_| column.text.free_of_nul) {
            Some(text) => Ok(text),
            None => rules.repair(bytes, &mut owned),
        };
        match text.and_then(|text| rules.fit(text)) {
            Ok(text) => builder.append_value(text),
            Err(fault) => {
                builder.append_null();
                faults.push((row, fault));
            }
        }
    }
}

fn extend_bytes(builder: &mut BinaryViewBuilder, column: ColumnFields<'_>, faults: &mut Vec<(usize, Fault)>) {
    let mut value = Vec::new();
    for (row, span) in column.spans().enumerate() {
        let Some(bytes) = column.bytes(span) else {
            builder.append_null();
            if !column.nullable {
                faults.push((row, Fault::NotNull));
            }
            continue;
        };
        value.clear();
        match parse_bytes(bytes, !column.conventions.postgres, &mut value) {
            Ok(()) => builder.append_value(&value),
            Err(fault) => {
                builder.append_null();
                faults.push((row, fault));
            }
        }
    }
}
