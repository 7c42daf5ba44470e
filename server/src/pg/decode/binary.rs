//! Parameters in binary format, as Postgres's receive functions read them.

use arrow::datatypes::IntervalMonthDayNano;
use stoa_query::{ScalarValue, SqlError, SqlState, SqlType};

use super::super::encode::{EPOCH_DAYS, EPOCH_MICROSECONDS};
use super::super::message::utf8;
use super::{decimal, element_type, list, null, text_value};

/// Signs of the binary numeric.
const NUMERIC_POSITIVE: u16 = 0x0000;
const NUMERIC_NEGATIVE: u16 = 0x4000;

/// Reads `bytes` as a value of `sql_type`.
pub(super) fn read(bytes: &[u8], sql_type: &SqlType, number: usize) -> Result<ScalarValue, SqlError> {
    let mut reader = Bytes { rest: bytes, number };
    let value = reader.value(sql_type)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(reader.wrong()) }
}

/// The bytes of a parameter that are still to be read.
struct Bytes<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Bytes<'a> {
    /// 22P03 as Postgres words it.
    fn wrong(&self) -> SqlError {
        SqlError::new(
            SqlState::InvalidBinaryRepresentation,
            format!("incorrect binary data format in bind parameter {}", self.number),
        )
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SqlError> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(*head)
            }
            None => Err(self.wrong()),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], SqlError> {
        match self.rest.split_at_checked(count) {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(self.wrong()),
        }
    }

    fn int16(&mut self) -> Result<i16, SqlError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    fn int32(&mut self) -> Result<i32, SqlError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    fn int64(&mut self) -> Result<i64, SqlError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    fn value(&mut self, sql_type: &SqlType) -> Result<ScalarValue, SqlError> {
        Ok(match sql_type {
            SqlType::Bool => match self.array::<1>()? {
                [0] => ScalarValue::Boolean(Some(false)),
                [1] => ScalarValue::Boolean(Some(true)),
                _ => return Err(self.wrong()),
            },
            SqlType::Int2 => ScalarValue::Int16(Some(self.int16()?)),
            SqlType::Int4 => ScalarValue::Int32(Some(self.int32()?)),
            SqlType::Int8 => ScalarValue::Int64(Some(self.int64()?)),
            SqlType::Oid
            | SqlType::Regclass
            | SqlType::Regtype
            | SqlType::Regproc
            | SqlType::Regnamespace
            | SqlType::Regrole => ScalarValue::Int64(Some(i64::from(u32::from_be_bytes(self.array()?)))),
            SqlType::Float4 => ScalarValue::Float32(Some(f32::from_be_bytes(self.array()?))),
            SqlType::Float8 => ScalarValue::Float64(Some(f64::from_be_bytes(self.array()?))),
            SqlType::Numeric { .. } | SqlType::NumericAny => self.numeric(sql_type)?,
            SqlType::Text
            | SqlType::Varchar(_)
            | SqlType::Bpchar(_)
            | SqlType::Name
            | SqlType::Char1
            | SqlType::Unknown => text_value(utf8(self.take(self.rest.len())?)?, sql_type),
            SqlType::Date => {
                ScalarValue::Date32(Some(self.int32()?.checked_add(EPOCH_DAYS).ok_or_else(|| self.wrong())?))
            }
            SqlType::Time => ScalarValue::Time64Microsecond(Some(self.int64()?)),
            SqlType::Timestamp => ScalarValue::TimestampMicrosecond(Some(self.moment()?), None),
            SqlType::Timestamptz => ScalarValue::TimestampMicrosecond(Some(self.moment()?), Some("UTC".into())),
            SqlType::Interval => {
                let nanoseconds = self.int64()?.checked_mul(1_000).ok_or_else(|| self.wrong())?;
                let (days, months) = (self.int32()?, self.int32()?);
                ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(months, days, nanoseconds)))
            }
            SqlType::Bytea => ScalarValue::BinaryView(Some(self.take(self.rest.len())?.to_vec())),
            SqlType::Array(_) | SqlType::Int2Vector | SqlType::OidVector => self.list(sql_type)?,
        })
    }

    fn moment(&mut self) -> Result<i64, SqlError> {
        self.int64()?.checked_add(EPOCH_MICROSECONDS).ok_or_else(|| self.wrong())
    }

    /// Groups of four digits with the weight of the first; `dscale` says how many digits follow the point.
    fn numeric(&mut self, sql_type: &SqlType) -> Result<ScalarValue, SqlError> {
        let count = self.int16()?;
        let weight = i32::from(self.int16()?);
        let sign = u16::from_be_bytes(self.array()?);
        self.int16()?;
        if sign != NUMERIC_POSITIVE && sign != NUMERIC_NEGATIVE {
            return Err(SqlError::unsupported("the numeric value NaN or infinity"));
        }
        let too_large = || SqlError::new(SqlState::NumericValueOutOfRange, "numeric field overflow");
        let mut unscaled: i128 = 0;
        for _ in 0..count.max(0) {
            let group = self.int16()?;
            if !(0..10_000).contains(&group) {
                return Err(self.wrong());
            }
            let shifted = unscaled.checked_mul(10_000).ok_or_else(too_large)?;
            unscaled = shifted.checked_add(i128::from(group)).ok_or_else(too_large)?;
        }
        // The last group stands for 10,000 to the power of weight - (count - 1).
        let mut scale = (i32::from(count) - 1 - weight) * 4;
        while scale < 0 && unscaled != 0 {
            unscaled = unscaled.checked_mul(10_000).ok_or_else(too_large)?;
            scale += 4;
        }
        let value = if sign == NUMERIC_NEGATIVE { -unscaled } else { unscaled };
        decimal(value, u32::try_from(scale).unwrap_or(0), sql_type)
    }

    fn list(&mut self, sql_type: &SqlType) -> Result<ScalarValue, SqlError> {
        let element = element_type(sql_type).ok_or_else(|| self.wrong())?;
        let dimensions = self.int32()?;
        self.int32()?;
        self.int32()?;
        let length = match dimensions {
            0 => 0,
            1 => {
                let length = usize::try_from(self.int32()?).map_err(|_cause| self.wrong())?;
                self.int32()?;
                length
            }
            _ => return Err(SqlError::unsupported("an array of arrays as a parameter")),
        };
        // Each element has its length in front: a count that the bytes cannot hold is refused before memory is taken.
        if length > self.rest.len() / 4 {
            return Err(self.wrong());
        }
        let mut values = Vec::with_capacity(length);
        for _ in 0..length {
            values.push(match usize::try_from(self.int32()?) {
                Err(_) => null(&element)?,
                Ok(size) => {
                    let bytes = self.take(size)?;
                    read(bytes, &element, self.number)?
                }
            });
        }
        list(values, sql_type)
    }
}
