//! The types of columns, as SQL names them and as Arrow carries them.

use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use serde::{Deserialize, Serialize};

/// The SQL type of a column.
///
/// [`ColumnType::arrow`] gives the one Arrow type in which values travel: decimals of up to 18 digits are 64-bit integers
/// on disk and in flight, strings are views so that a dictionary can be handed out without copying text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ColumnType {
    /// `boolean`.
    Bool,
    /// `smallint`.
    Int16,
    /// `integer`.
    Int32,
    /// `bigint`.
    Int64,
    /// `real`.
    Float32,
    /// `double precision`.
    Float64,
    /// `decimal(precision, scale)`, precision 1 to 38, scale 0 to precision.
    Decimal {
        /// Total digits.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// `char(n)`: blank-padded when compared and shown; stored without trailing blanks.
    Char {
        /// Length in bytes.
        length: u32,
    },
    /// `varchar(n)`; `None` is without a limit (`text`).
    Varchar {
        /// Greatest length in bytes.
        length: Option<u32>,
    },
    /// `date`.
    Date,
    /// `time`, microseconds since midnight.
    Time,
    /// `timestamp`, microseconds since 1970-01-01, no zone.
    Timestamp,
    /// `timestamp with time zone`, microseconds since 1970-01-01 UTC.
    TimestampTz,
    /// `interval`, months, days and nanoseconds.
    Interval,
    /// `varbyte` / `bytea`.
    Bytes,
}

/// The greatest precision that fits 64-bit integers.
pub const DECIMAL64_PRECISION_MAX: u8 = 18;

impl ColumnType {
    /// The Arrow type in which values of this column are stored, scanned and appended.
    pub fn arrow(&self) -> DataType {
        match *self {
            Self::Bool => DataType::Boolean,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Decimal { precision, scale } if precision <= DECIMAL64_PRECISION_MAX => {
                DataType::Decimal64(precision, scale.cast_signed())
            }
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale.cast_signed()),
            Self::Char { .. } | Self::Varchar { .. } => DataType::Utf8View,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Self::Bytes => DataType::BinaryView,
        }
    }
}
