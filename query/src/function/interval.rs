//! Arithmetic of dates, times, timestamps and intervals.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int32Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::Result;

use super::builtin::{Call, fail};
use super::decimal::{valid, zip};
use super::{calendar, operator};
use crate::error::{SqlError, SqlState};

/// The type of intervals.
pub(crate) const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
/// The type of timestamps without a zone.
pub(crate) const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);
/// The type of times.
pub(crate) const TIME: DataType = DataType::Time64(TimeUnit::Microsecond);

/// What a side of an operator is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Date,
    Time,
    Timestamp,
    Zoned,
    Interval,
    Integer,
    Number,
}

fn side(data_type: &DataType) -> Option<Side> {
    Some(match data_type {
        DataType::Date32 => Side::Date,
        DataType::Time64(_) => Side::Time,
        DataType::Timestamp(_, None) => Side::Timestamp,
        DataType::Timestamp(_, Some(_)) => Side::Zoned,
        DataType::Interval(_) => Side::Interval,
        other if other.is_integer() => Side::Integer,
        other if other.is_numeric() => Side::Number,
        _ => return None,
    })
}

fn zoned() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The types that operands are brought to, if the operator is one of calendar arithmetic.
pub(crate) fn operands(name: &str, left: &DataType, right: &DataType) -> Option<(DataType, DataType)> {
    use Side::{Date, Integer, Interval, Number, Time, Timestamp, Zoned};
    let (l, r) = match (left.is_null(), right.is_null()) {
        (false, false) => (side(left)?, side(right)?),
        // NULL beside a moment is an interval.
        (true, false) => (Interval, side(right).filter(|side| !matches!(side, Integer | Number))?),
        (false, true) => (side(left).filter(|side| !matches!(side, Integer | Number))?, Interval),
        (true, true) => return None,
    };
    let date_as_moment = |side: Side| match side {
        Date | Timestamp => TIMESTAMP,
        Zoned => zoned(),
        Time => TIME,
        _ => INTERVAL,
    };
    Some(match (name, l, r) {
        (operator::ADD | operator::SUBTRACT, Date, Integer) => (DataType::Date32, DataType::Int32),
        (operator::ADD, Integer, Date) => (DataType::Int32, DataType::Date32),
        (operator::SUBTRACT, Date, Date) => (DataType::Date32, DataType::Date32),
        (operator::ADD, Date, Time) => (DataType::Date32, TIME),
        (operator::ADD, Time, Date) => (TIME, DataType::Date32),
        (operator::ADD | operator::SUBTRACT, Date | Timestamp | Zoned | Time, Interval) => {
            (date_as_moment(l), INTERVAL)
        }
        (operator::ADD, Interval, Date | Timestamp | Zoned | Time) => (INTERVAL, date_as_moment(r)),
        (operator::SUBTRACT, Zoned, Date | Timestamp | Zoned) | (operator::SUBTRACT, Date | Timestamp, Zoned) => {
            (zoned(), zoned())
        }
        (operator::SUBTRACT, Date | Timestamp, Date | Timestamp) => (TIMESTAMP, TIMESTAMP),
        (operator::SUBTRACT, Time, Time) => (TIME, TIME),
        (operator::ADD | operator::SUBTRACT, Interval, Interval) => (INTERVAL, INTERVAL),
        (operator::MULTIPLY | operator::DIVIDE, Interval, Integer | Number) => (INTERVAL, DataType::Float64),
        (operator::MULTIPLY, Integer | Number, Interval) => (DataType::Float64, INTERVAL),
        _ => return None,
    })
}

/// The type of the result, for any operands.
pub(crate) fn result(name: &str, left: &DataType, right: &DataType) -> Option<DataType> {
    let (left, right) = operands(name, left, right)?;
    Some(match (&left, &right) {
        (DataType::Date32, DataType::Int32) | (DataType::Int32, DataType::Date32) => DataType::Date32,
        (DataType::Date32, DataType::Date32) => DataType::Int32,
        (DataType::Date32, DataType::Time64(_)) | (DataType::Time64(_), DataType::Date32) => TIMESTAMP,
        (DataType::Timestamp(..), DataType::Timestamp(..)) | (DataType::Time64(_), DataType::Time64(_)) => INTERVAL,
        (DataType::Timestamp(..) | DataType::Time64(_), _) => left,
        (_, DataType::Timestamp(..) | DataType::Time64(_)) => right,
        _ => INTERVAL,
    })
}

/// 22008.
pub(crate) fn out_of_range(what: &str) -> datafusion::error::DataFusionError {
    fail(SqlState::DatetimeFieldOverflow, format!("{what} out of range"))
}

/// Computes an operator over brought operands.
pub(crate) fn run(name: &str, call: &Call<'_>) -> Result<ArrayRef> {
    let (left, right) = (call.type_of(0), call.type_of(1));
    let negative = name == operator::SUBTRACT;
    match (left, right) {
        (DataType::Date32, DataType::Int32) => {
            compute::<Date32Type, Int32Type, Date32Type>(call, (0, 1), "date", |d, n| {
                if negative { d.checked_sub(n) } else { d.checked_add(n) }
            })
        }
        (DataType::Int32, DataType::Date32) => {
            compute::<Date32Type, Int32Type, Date32Type>(call, (1, 0), "date", i32::checked_add)
        }
        (DataType::Date32, DataType::Date32) => {
            compute::<Date32Type, Date32Type, Int32Type>(call, (0, 1), "date", i32::checked_sub)
        }
        (DataType::Date32, DataType::Time64(_)) => {
            compute::<Date32Type, Time64MicrosecondType, TimestampMicrosecondType>(
                call,
                (0, 1),
                "timestamp",
                calendar::join,
            )
        }
        (DataType::Time64(_), DataType::Date32) => {
            compute::<Date32Type, Time64MicrosecondType, TimestampMicrosecondType>(
                call,
                (1, 0),
                "timestamp",
                calendar::join,
            )
        }
        (DataType::Timestamp(_, zone), DataType::Interval(_)) => moment_plus(call, (0, 1), zone.is_some(), negative),
        (DataType::Interval(_), DataType::Timestamp(_, zone)) => moment_plus(call, (1, 0), zone.is_some(), false),
        (DataType::Time64(_), DataType::Interval(_)) => time_plus(call, (0, 1), negative),
        (DataType::Interval(_), DataType::Time64(_)) => time_plus(call, (1, 0), false),
        (DataType::Timestamp(..), DataType::Timestamp(..)) => compute::<
            TimestampMicrosecondType,
            TimestampMicrosecondType,
            IntervalMonthDayNanoType,
        >(call, (0, 1), "interval", |a, b| {
            from_micros(a.checked_sub(b)?)
        }),
        (DataType::Time64(_), DataType::Time64(_)) => compute::<
            Time64MicrosecondType,
            Time64MicrosecondType,
            IntervalMonthDayNanoType,
        >(call, (0, 1), "interval", |a, b| {
            Some(IntervalMonthDayNano::new(0, 0, (a - b).checked_mul(1000)?))
        }),
        (DataType::Interval(_), DataType::Interval(_)) => compute::<
            IntervalMonthDayNanoType,
            IntervalMonthDayNanoType,
            IntervalMonthDayNanoType,
        >(call, (0, 1), "interval", |a, b| {
            sum(a, if negative { negated(b)? } else { b })
        }),
        (DataType::Interval(_), DataType::Float64) if name == operator::DIVIDE => divided(call),
        (DataType::Interval(_), DataType::Float64) => {
            compute::<IntervalMonthDayNanoType, Float64Type, IntervalMonthDayNanoType>(call, (0, 1), "interval", scaled)
        }
        _ => {
            compute::<IntervalMonthDayNanoType, Float64Type, IntervalMonthDayNanoType>(call, (1, 0), "interval", scaled)
        }
    }
}

/// Computes over two arguments in the order given; `None` is an overflow.
fn compute<L, R, O>(
    call: &Call<'_>,
    (left, right): (usize, usize),
    what: &str,
    f: impl Fn(L::Native, R::Native) -> Option<O::Native>,
) -> Result<ArrayRef>
where
    L: ArrowPrimitiveType,
    R: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    let (left, right) = (&call.columns[left], &call.columns[right]);
    let nulls = valid(left, right, call.rows);
    let values = zip(
        (left.array.as_primitive::<L>().values().as_ref(), left.constant),
        (right.array.as_primitive::<R>().values().as_ref(), right.constant),
        call.rows,
        nulls.as_ref(),
        f,
    )
    .map_err(|_row| out_of_range(what))?;
    let array = PrimitiveArray::<O>::try_new(values.into(), nulls)?;
    Ok(Arc::new(array.with_data_type(call.result.clone())))
}

/// Months, then days, then time: the order in which Postgres adds.
pub(crate) fn add_to_local(local: i64, by: IntervalMonthDayNano) -> Option<i64> {
    let (days, time) = calendar::split(local);
    let days = if by.months == 0 { days } else { calendar::add_months(days, by.months.into())? };
    let days = days.checked_add(by.days)?;
    calendar::join(days, time)?.checked_add(by.nanoseconds / 1000)
}

fn moment_plus(call: &Call<'_>, order: (usize, usize), has_zone: bool, negative: bool) -> Result<ArrayRef> {
    let zone = call.context.time_zone;
    compute::<TimestampMicrosecondType, IntervalMonthDayNanoType, TimestampMicrosecondType>(
        call,
        order,
        "timestamp",
        |moment, by| {
            let by = if negative { negated(by)? } else { by };
            if !has_zone || zone == chrono_tz::UTC {
                return add_to_local(moment, by);
            }
            // Days are days of the local calendar, hours are hours.
            let dated = IntervalMonthDayNano::new(by.months, by.days, 0);
            let local = add_to_local(calendar::to_local(zone, moment), dated)?;
            calendar::from_local(zone, local).checked_add(by.nanoseconds / 1000)
        },
    )
}

fn time_plus(call: &Call<'_>, order: (usize, usize), negative: bool) -> Result<ArrayRef> {
    compute::<Time64MicrosecondType, IntervalMonthDayNanoType, Time64MicrosecondType>(
        call,
        order,
        "time",
        |time, by| {
            let micros = by.nanoseconds / 1000;
            let moved = if negative { time.checked_sub(micros)? } else { time.checked_add(micros)? };
            Some(moved.rem_euclid(calendar::DAY))
        },
    )
}

/// Days and the rest of a number of microseconds.
pub(crate) fn from_micros(micros: i64) -> Option<IntervalMonthDayNano> {
    let days = i32::try_from(micros / calendar::DAY).ok()?;
    Some(IntervalMonthDayNano::new(0, days, (micros % calendar::DAY).checked_mul(1000)?))
}

/// The interval with its sign turned.
pub(crate) fn negated(value: IntervalMonthDayNano) -> Option<IntervalMonthDayNano> {
    Some(IntervalMonthDayNano::new(
        value.months.checked_neg()?,
        value.days.checked_neg()?,
        value.nanoseconds.checked_neg()?,
    ))
}

/// The sum of two intervals.
pub(crate) fn sum(a: IntervalMonthDayNano, b: IntervalMonthDayNano) -> Option<IntervalMonthDayNano> {
    Some(IntervalMonthDayNano::new(
        a.months.checked_add(b.months)?,
        a.days.checked_add(b.days)?,
        a.nanoseconds.checked_add(b.nanoseconds)?,
    ))
}

fn divided(call: &Call<'_>) -> Result<ArrayRef> {
    let divisor = &call.columns[1];
    let values = divisor.array.as_primitive::<Float64Type>();
    if values.iter().any(|value| value == Some(0.0)) {
        return Err(super::arithmetic::division_by_zero());
    }
    compute::<IntervalMonthDayNanoType, Float64Type, IntervalMonthDayNanoType>(call, (0, 1), "interval", |a, b| {
        scaled(a, 1.0 / b)
    })
}

/// An interval times a number: what is left of months becomes days of 30, what is left of days becomes time.
pub(crate) fn scaled(value: IntervalMonthDayNano, by: f64) -> Option<IntervalMonthDayNano> {
    let months = f64::from(value.months) * by;
    let days = f64::from(value.days) * by + months.fract() * 30.0;
    #[expect(clippy::cast_precision_loss, reason = "Postgres computes in floats, too")]
    let micros = (value.nanoseconds / 1000) as f64 * by + days.fract() * 86_400_000_000.0;
    let whole = |value: f64, limit: f64| (value.is_finite() && value.abs() < limit).then(|| value.trunc());
    #[expect(clippy::cast_possible_truncation, reason = "checked by `whole`")]
    Some(IntervalMonthDayNano::new(
        whole(months, 2_147_483_647.0)? as i32,
        whole(days, 2_147_483_647.0)? as i32,
        (whole(micros.round(), 9.0e15)? as i64).checked_mul(1000)?,
    ))
}

const UNITS: &[(&str, i64, i64, i64)] = &[
    ("microsecond", 0, 0, 1),
    ("usec", 0, 0, 1),
    ("us", 0, 0, 1),
    ("millisecond", 0, 0, 1000),
    ("msec", 0, 0, 1000),
    ("ms", 0, 0, 1000),
    ("second", 0, 0, calendar::SECOND),
    ("sec", 0, 0, calendar::SECOND),
    ("s", 0, 0, calendar::SECOND),
    ("minute", 0, 0, calendar::MINUTE),
    ("min", 0, 0, calendar::MINUTE),
    ("m", 0, 0, calendar::MINUTE),
    ("hour", 0, 0, calendar::HOUR),
    ("hr", 0, 0, calendar::HOUR),
    ("h", 0, 0, calendar::HOUR),
    ("day", 0, 1, 0),
    ("d", 0, 1, 0),
    ("week", 0, 7, 0),
    ("w", 0, 7, 0),
    ("month", 1, 0, 0),
    ("mon", 1, 0, 0),
    ("quarter", 3, 0, 0),
    ("year", 12, 0, 0),
    ("yr", 12, 0, 0),
    ("y", 12, 0, 0),
    ("decade", 120, 0, 0),
    ("century", 1200, 0, 0),
    ("millennium", 12_000, 0, 0),
];

/// Months, days and microseconds of one unit of time, by its name in any of the usual forms.
pub(crate) fn unit(name: &str) -> Option<(i64, i64, i64)> {
    let lower = name.to_ascii_lowercase();
    let found = |name: &str| UNITS.iter().find(|unit| unit.0 == name).map(|unit| (unit.1, unit.2, unit.3));
    found(&lower).or_else(|| found(lower.strip_suffix('s')?)).or_else(|| match lower.as_str() {
        "centuries" => found("century"),
        "millennia" | "millenniums" => found("millennium"),
        _ => None,
    })
}

/// `interval` text: `1 year 2 days 03:04:05.6`, `-1 mon`, `P1Y2DT3H`, `… ago`.
pub(crate) fn parse(text: &str) -> std::result::Result<IntervalMonthDayNano, SqlError> {
    let wrong = || {
        SqlError::new(SqlState::InvalidDatetimeFormat, format!("invalid input syntax for type interval: \"{text}\""))
    };
    let lower = text.trim().to_ascii_lowercase();
    let (body, ago) = match lower.strip_suffix("ago") {
        Some(body) => (body.trim(), true),
        None => (lower.as_str(), false),
    };
    let body = body.strip_prefix('@').unwrap_or(body).trim();
    let total = if body.starts_with('p') { iso(body) } else { verbose(body) }.ok_or_else(wrong)?;
    if ago { negated(total).ok_or_else(wrong) } else { Ok(total) }
}

fn verbose(body: &str) -> Option<IntervalMonthDayNano> {
    let mut total = IntervalMonthDayNano::new(0, 0, 0);
    let mut words = body.split_whitespace().peekable();
    words.peek()?;
    while let Some(word) = words.next() {
        if word.contains(':') {
            let negative = word.starts_with('-');
            let clock = super::parse::clock(word.trim_start_matches(['+', '-']), word, "interval").ok()?;
            let nanos = clock.micros.checked_mul(if negative { -1000 } else { 1000 })?;
            total = sum(total, IntervalMonthDayNano::new(0, 0, nanos))?;
            continue;
        }
        let end = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
        let (number, mut name) = word.split_at(end);
        if name.is_empty() {
            name = match words.peek() {
                Some(next) if unit(next).is_some() => words.next()?,
                Some(_) => return None,
                None => "second",
            };
        }
        total = sum(total, scaled(one(unit(name)?)?, number.parse().ok()?)?)?;
    }
    Some(total)
}

fn one((months, days, micros): (i64, i64, i64)) -> Option<IntervalMonthDayNano> {
    Some(IntervalMonthDayNano::new(i32::try_from(months).ok()?, i32::try_from(days).ok()?, micros.checked_mul(1000)?))
}

fn iso(body: &str) -> Option<IntervalMonthDayNano> {
    let mut total = IntervalMonthDayNano::new(0, 0, 0);
    let mut in_time = false;
    let mut rest = body.strip_prefix('p')?;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('t') {
            in_time = true;
            rest = after;
            continue;
        }
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let number: f64 = rest[..end].parse().ok()?;
        let name = match (&rest[end..=end], in_time) {
            ("y", false) => "year",
            ("m", false) => "month",
            ("w", false) => "week",
            ("d", false) => "day",
            ("h", true) => "hour",
            ("m", true) => "minute",
            ("s", true) => "second",
            _ => return None,
        };
        total = sum(total, scaled(one(unit(name)?)?, number)?)?;
        rest = &rest[end + 1..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_as_postgres_reads_them() {
        let check = |text: &str, months: i32, days: i32, micros: i64| {
            assert_eq!(parse(text).unwrap(), IntervalMonthDayNano::new(months, days, micros * 1000), "{text}");
        };
        check("1 year 2 days 03:04:05", 12, 2, 3 * calendar::HOUR + 4 * calendar::MINUTE + 5 * calendar::SECOND);
        check("90 day", 0, 90, 0);
        check("1.5 months", 1, 15, 0);
        check("P1Y2DT3H", 12, 2, 3 * calendar::HOUR);
        check("2 weeks ago", 0, -14, 0);
        check("5", 0, 0, 5 * calendar::SECOND);
        assert!(parse("soon").is_err());
    }

    #[test]
    fn adding_months_keeps_the_end_of_the_month() {
        let day = |y, m, d| i64::from(calendar::days_of(y, m, d).unwrap()) * calendar::DAY;
        assert_eq!(add_to_local(day(2024, 1, 31), IntervalMonthDayNano::new(1, 0, 0)), Some(day(2024, 2, 29)));
    }
}
