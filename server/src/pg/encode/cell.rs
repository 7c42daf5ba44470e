//! One value of a result column, taken out of its Arrow array and told by its SQL type.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Decimal64Array, Decimal128Array,
    Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, ListArray, StringArray,
    StringViewArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use stoa_query::{SqlError, SqlType};

/// One value that is not null.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell<'a> {
    Bool(bool),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    /// An oid, unsigned on the wire.
    Oid(u32),
    Float4(f32),
    Float8(f64),
    /// The number without its point, and the digits after it.
    Numeric(i128, u32),
    Text(&'a str),
    /// Blank-padded text and its length in characters.
    Padded(&'a str, u32),
    Bytes(&'a [u8]),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01, no zone.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 UTC.
    Timestamptz(i64),
    Interval {
        months: i32,
        days: i32,
        microseconds: i64,
    },
    /// The elements and their SQL type.
    List(&'a Column, usize, usize),
    /// `int2vector` and `oidvector`: arrays that count from zero and print without braces.
    Vector(&'a Column, usize, usize),
}

/// A column of a batch, its array downcast once.
#[derive(Debug)]
pub(super) struct Column {
    array: Typed,
    pub(super) sql_type: SqlType,
}

/// The Arrow arrays that results come in, after [`Column::new`] has made the rare ones common.
#[derive(Debug)]
enum Typed {
    Bool(BooleanArray),
    Int2(Int16Array),
    Int4(Int32Array),
    Int8(Int64Array),
    Oid(Int64Array),
    Float4(Float32Array),
    Float8(Float64Array),
    Numeric64(Decimal64Array, u32),
    Numeric128(Decimal128Array, u32),
    Utf8(StringArray),
    Utf8View(StringViewArray),
    Padded(StringViewArray, u32),
    Binary(BinaryArray),
    BinaryView(BinaryViewArray),
    Date(Date32Array),
    Time(Time64MicrosecondArray),
    Timestamp(TimestampMicrosecondArray),
    Timestamptz(TimestampMicrosecondArray),
    Interval(IntervalMonthDayNanoArray),
    List(ListArray, Box<Column>),
    Vector(ListArray, Box<Column>),
    Null,
}

impl Column {
    /// Makes `array` readable as values of `sql_type`.
    pub(super) fn new(array: &ArrayRef, sql_type: &SqlType) -> Result<Self, SqlError> {
        let typed = Self::downcast(array, sql_type)?;
        Ok(Self { array: typed, sql_type: sql_type.clone() })
    }

    fn downcast(array: &ArrayRef, sql_type: &SqlType) -> Result<Typed, SqlError> {
        Ok(match (array.data_type(), sql_type) {
            (DataType::Boolean, _) => Typed::Bool(array.as_boolean().clone()),
            (DataType::Int16, _) => Typed::Int2(array.as_primitive::<Int16Type>().clone()),
            (DataType::Int32, _) => Typed::Int4(array.as_primitive::<Int32Type>().clone()),
            (DataType::Int64, sql_type) if is_oid(sql_type) => Typed::Oid(array.as_primitive::<Int64Type>().clone()),
            (DataType::Int64, _) => Typed::Int8(array.as_primitive::<Int64Type>().clone()),
            (DataType::Float32, _) => Typed::Float4(array.as_primitive::<Float32Type>().clone()),
            (DataType::Float64, _) => Typed::Float8(array.as_primitive::<Float64Type>().clone()),
            (DataType::Decimal64(_, scale), _) if *scale >= 0 => {
                Typed::Numeric64(array.as_primitive::<Decimal64Type>().clone(), u32::from(scale.unsigned_abs()))
            }
            (DataType::Decimal128(_, scale), _) if *scale >= 0 => {
                Typed::Numeric128(array.as_primitive::<Decimal128Type>().clone(), u32::from(scale.unsigned_abs()))
            }
            (DataType::Utf8View, SqlType::Bpchar(Some(length))) => {
                Typed::Padded(array.as_string_view().clone(), *length)
            }
            (DataType::Utf8, SqlType::Bpchar(Some(length))) => {
                Typed::Padded(recast(array, &DataType::Utf8View)?.as_string_view().clone(), *length)
            }
            (DataType::Utf8View, _) => Typed::Utf8View(array.as_string_view().clone()),
            (DataType::Utf8, _) => Typed::Utf8(array.as_string::<i32>().clone()),
            (DataType::BinaryView, _) => Typed::BinaryView(array.as_binary_view().clone()),
            (DataType::Binary, _) => Typed::Binary(array.as_binary::<i32>().clone()),
            (DataType::Date32, _) => Typed::Date(array.as_primitive::<Date32Type>().clone()),
            (DataType::Time64(TimeUnit::Microsecond), _) => {
                Typed::Time(array.as_primitive::<Time64MicrosecondType>().clone())
            }
            (DataType::Timestamp(TimeUnit::Microsecond, zone), _) => {
                let array = array.as_primitive::<TimestampMicrosecondType>().clone();
                if zone.is_some() { Typed::Timestamptz(array) } else { Typed::Timestamp(array) }
            }
            (DataType::Interval(IntervalUnit::MonthDayNano), _) => {
                Typed::Interval(array.as_primitive::<IntervalMonthDayNanoType>().clone())
            }
            (DataType::List(_), sql_type) => Self::downcast_list(array.as_list::<i32>(), sql_type)?,
            (DataType::Null, _) => Typed::Null,
            (other, sql_type) => {
                // Rare carriers (dictionaries, unsigned and narrow numbers, other units) become the common one.
                let common = sql_type.arrow();
                if *other == common {
                    return Err(SqlError::internal(format!("no encoding for values of {other}")));
                }
                return Self::downcast(&recast(array, &common)?, sql_type);
            }
        })
    }

    fn downcast_list(list: &ListArray, sql_type: &SqlType) -> Result<Typed, SqlError> {
        let (element, vector) = match sql_type {
            SqlType::Array(element) => (element.as_ref().clone(), false),
            SqlType::Int2Vector => (SqlType::Int2, true),
            SqlType::OidVector => (SqlType::Oid, true),
            _ => (SqlType::from_arrow(list.values().data_type()), false),
        };
        let elements = Box::new(Self::new(list.values(), &element)?);
        Ok(if vector { Typed::Vector(list.clone(), elements) } else { Typed::List(list.clone(), elements) })
    }

    /// The value in `row`; `None` is null.
    #[inline]
    pub(super) fn cell(&self, row: usize) -> Option<Cell<'_>> {
        macro_rules! value {
            ($array:expr, $cell:expr) => {
                if $array.is_null(row) { None } else { Some($cell($array.value(row))) }
            };
        }
        match &self.array {
            Typed::Bool(array) => value!(array, Cell::Bool),
            Typed::Int2(array) => value!(array, Cell::Int2),
            Typed::Int4(array) => value!(array, Cell::Int4),
            Typed::Int8(array) => value!(array, Cell::Int8),
            Typed::Oid(array) => value!(array, |value: i64| Cell::Oid(oid(value))),
            Typed::Float4(array) => value!(array, Cell::Float4),
            Typed::Float8(array) => value!(array, Cell::Float8),
            Typed::Numeric64(array, scale) => value!(array, |value| Cell::Numeric(i128::from(value), *scale)),
            Typed::Numeric128(array, scale) => value!(array, |value| Cell::Numeric(value, *scale)),
            Typed::Utf8(array) => value!(array, Cell::Text),
            Typed::Utf8View(array) => value!(array, Cell::Text),
            Typed::Padded(array, length) => value!(array, |value| Cell::Padded(value, *length)),
            Typed::Binary(array) => value!(array, Cell::Bytes),
            Typed::BinaryView(array) => value!(array, Cell::Bytes),
            Typed::Date(array) => value!(array, Cell::Date),
            Typed::Time(array) => value!(array, Cell::Time),
            Typed::Timestamp(array) => value!(array, Cell::Timestamp),
            Typed::Timestamptz(array) => value!(array, Cell::Timestamptz),
            Typed::Interval(array) => {
                value!(array, |value: arrow::datatypes::IntervalMonthDayNano| Cell::Interval {
                    months: value.months,
                    days: value.days,
                    microseconds: value.nanoseconds / 1_000,
                })
            }
            Typed::List(array, elements) => range(array, row).map(|(from, to)| Cell::List(elements, from, to)),
            Typed::Vector(array, elements) => range(array, row).map(|(from, to)| Cell::Vector(elements, from, to)),
            Typed::Null => None,
        }
    }
}

/// Where the elements of the list in `row` lie; `None` if the list is null.
fn range(list: &ListArray, row: usize) -> Option<(usize, usize)> {
    let at = |index: usize| list.value_offsets().get(index).and_then(|offset| usize::try_from(*offset).ok());
    if list.is_null(row) { None } else { Some((at(row)?, at(row + 1)?)) }
}

fn recast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, SqlError> {
    cast(array, to).map_err(|error| SqlError::internal(format!("a result column has no wire form: {error}")))
}

fn is_oid(sql_type: &SqlType) -> bool {
    matches!(
        sql_type,
        SqlType::Oid
            | SqlType::Regclass
            | SqlType::Regtype
            | SqlType::Regproc
            | SqlType::Regnamespace
            | SqlType::Regrole
    )
}

/// Oids are 32 bits without a sign; what does not fit is no oid and shows as 0, which names nothing.
fn oid(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(0)
}
