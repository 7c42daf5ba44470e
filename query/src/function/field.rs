//! Fields of moments and intervals: what `extract` reads and where units begin.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, IntervalMonthDayNano, IntervalMonthDayNanoType, Time64MicrosecondType};
use datafusion::common::Result;

use super::builtin::{Call, fail};
use super::calendar::{self, DAY, HOUR, MINUTE, SECOND};
use crate::error::SqlState;

/// A field of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Microseconds,
    Milliseconds,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    IsoYear,
    Epoch,
    TimeZone,
}

/// The field of that name.
pub(super) fn field(name: &str) -> Result<Field> {
    Ok(match name.trim().to_ascii_lowercase().as_str() {
        "microsecond" | "microseconds" | "microsec" | "microsecs" | "usec" | "us" => Field::Microseconds,
        "millisecond" | "milliseconds" | "msec" | "msecs" | "ms" => Field::Milliseconds,
        "second" | "seconds" | "sec" | "secs" | "s" => Field::Second,
        "minute" | "minutes" | "min" | "mins" | "m" => Field::Minute,
        "hour" | "hours" | "hr" | "hrs" | "h" => Field::Hour,
        "day" | "days" | "d" => Field::Day,
        "week" | "weeks" | "w" => Field::Week,
        "month" | "months" | "mon" | "mons" => Field::Month,
        "quarter" | "quarters" | "qtr" | "qtrs" => Field::Quarter,
        "year" | "years" | "yr" | "yrs" | "y" => Field::Year,
        "decade" | "decades" | "dec" | "decs" => Field::Decade,
        "century" | "centuries" | "c" | "cent" | "cents" => Field::Century,
        "millennium" | "millennia" | "mil" | "mils" => Field::Millennium,
        "dow" | "dayofweek" | "dw" | "weekday" => Field::DayOfWeek,
        "isodow" => Field::IsoDayOfWeek,
        "doy" | "dayofyear" | "dy" | "yearday" => Field::DayOfYear,
        "isoyear" => Field::IsoYear,
        "epoch" => Field::Epoch,
        "timezone" => Field::TimeZone,
        other => {
            return Err(fail(SqlState::InvalidParameterValue, format!("unit \"{other}\" not recognized")));
        }
    })
}

#[expect(clippy::cast_precision_loss, reason = "the result is a float")]
fn field_of_moment(field: Field, micros: i64, offset: i64) -> f64 {
    let (days, time) = calendar::split(micros);
    let date = calendar::date_of(days);
    let year = f64::from(date.year);
    match field {
        Field::Microseconds => (time % MINUTE) as f64,
        Field::Milliseconds => (time % MINUTE) as f64 / 1e3,
        Field::Second => (time % MINUTE) as f64 / 1e6,
        Field::Minute => (time / MINUTE % 60) as f64,
        Field::Hour => (time / HOUR) as f64,
        Field::Day => f64::from(date.day),
        Field::Week => f64::from(calendar::iso_week(days).1),
        Field::Month => f64::from(date.month),
        Field::Quarter => f64::from(date.month.div_ceil(3)),
        Field::Year => year,
        Field::Decade => (year / 10.0).floor(),
        Field::Century => (year / 100.0).ceil(),
        Field::Millennium => (year / 1000.0).ceil(),
        Field::DayOfWeek => f64::from(calendar::weekday(days)),
        Field::IsoDayOfWeek => f64::from((calendar::weekday(days) + 6) % 7 + 1),
        Field::DayOfYear => f64::from(calendar::day_of_year(days)),
        Field::IsoYear => f64::from(calendar::iso_week(days).0),
        Field::Epoch => (micros - offset * SECOND) as f64 / 1e6,
        Field::TimeZone => offset as f64,
    }
}

#[expect(clippy::cast_precision_loss, reason = "the result is a float")]
fn field_of_interval(field: Field, value: IntervalMonthDayNano) -> f64 {
    let micros = value.nanoseconds / 1000;
    let months = f64::from(value.months % 12);
    match field {
        Field::Microseconds => (micros % MINUTE) as f64,
        Field::Milliseconds => (micros % MINUTE) as f64 / 1e3,
        Field::Second => (micros % MINUTE) as f64 / 1e6,
        Field::Minute => (micros / MINUTE % 60) as f64,
        Field::Hour => (micros / HOUR) as f64,
        Field::Day => f64::from(value.days),
        Field::Week => f64::from(value.days / 7),
        Field::Month => months,
        Field::Quarter => f64::from(value.months % 12 / 3 + 1),
        Field::Year => f64::from(value.months / 12),
        Field::Decade => f64::from(value.months / 120),
        Field::Century => f64::from(value.months / 1200),
        Field::Millennium => f64::from(value.months / 12_000),
        Field::Epoch => {
            let years = f64::from(value.months / 12) * 365.25;
            (years + months * 30.0 + f64::from(value.days)) * 86_400.0 + micros as f64 / 1e6
        }
        _ => 0.0,
    }
}

/// The field of each row.
pub(super) fn parts<T>(
    call: &Call<'_>,
    convert: impl Fn(f64) -> T,
    finish: impl Fn(Vec<Option<T>>) -> ArrayRef,
) -> Result<ArrayRef> {
    let constant = call.columns[0].constant;
    let mut known: Option<Field> = None;
    let moment = &call.columns[1];
    let zone = matches!(moment.array.data_type(), DataType::Timestamp(_, Some(_))).then_some(call.context.time_zone);
    let mut values = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        if call.any_null(row) {
            values.push(None);
            continue;
        }
        let wanted = match known {
            Some(known) if constant => known,
            _ => field(call.text(0, row))?,
        };
        known = Some(wanted);
        let at = moment.at(row);
        let value = match moment.array.data_type() {
            DataType::Date32 => {
                let days = moment.array.as_primitive::<Date32Type>().value(at);
                field_of_moment(wanted, i64::from(days) * DAY, 0)
            }
            DataType::Interval(_) => {
                field_of_interval(wanted, moment.array.as_primitive::<IntervalMonthDayNanoType>().value(at))
            }
            DataType::Time64(_) => {
                let time = moment.array.as_primitive::<Time64MicrosecondType>().value(at);
                field_of_moment(wanted, time, 0)
            }
            _ => {
                let micros = call.micros(1, row);
                let offset = zone.map_or(0, |zone| calendar::offset_at(zone, micros));
                field_of_moment(wanted, micros + offset * SECOND, offset)
            }
        };
        values.push(Some(convert(value)));
    }
    Ok(finish(values))
}

/// The start of the unit that a local moment is in.
pub(super) fn truncate(wanted: Field, local: i64) -> Option<i64> {
    let (days, time) = calendar::split(local);
    let date = calendar::date_of(days);
    let first = |year: i32, month: u32| calendar::join(calendar::days_of(year, month, 1)?, 0);
    match wanted {
        Field::Microseconds => Some(local),
        Field::Milliseconds => Some(local - local.rem_euclid(1000)),
        Field::Second => Some(local - time % SECOND),
        Field::Minute => Some(local - time % MINUTE),
        Field::Hour => Some(local - time % HOUR),
        Field::Day => Some(local - time),
        Field::Week => calendar::join(days - (calendar::weekday(days) + 6) % 7, 0),
        Field::Month => first(date.year, date.month),
        Field::Quarter => first(date.year, (date.month - 1) / 3 * 3 + 1),
        Field::Year => first(date.year, 1),
        Field::Decade => first(date.year.div_euclid(10) * 10, 1),
        Field::Century => first((date.year - 1).div_euclid(100) * 100 + 1, 1),
        Field::Millennium => first((date.year - 1).div_euclid(1000) * 1000 + 1, 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn fields_of_moments() {
        let micros = parse::timestamp("2024-02-29 13:14:15.5", 0).unwrap();
        let check =
            |name: &str, expect: f64| assert_eq!(field_of_moment(field(name).unwrap(), micros, 0), expect, "{name}");
        check("year", 2024.0);
        check("quarter", 1.0);
        check("doy", 60.0);
        check("dow", 4.0);
        check("second", 15.5);
        check("week", 9.0);
        check("century", 21.0);
        assert!(field("moon").is_err());
    }

    #[test]
    fn units_start_where_they_start() {
        let micros = parse::timestamp("2024-02-29 13:14:15", 0).unwrap();
        let check = |name: &str, expect: &str| {
            assert_eq!(calendar::show_timestamp(truncate(field(name).unwrap(), micros).unwrap()), expect, "{name}");
        };
        check("week", "2024-02-26 00:00:00");
        check("quarter", "2024-01-01 00:00:00");
        check("hour", "2024-02-29 13:00:00");
        check("decade", "2020-01-01 00:00:00");
    }
}
