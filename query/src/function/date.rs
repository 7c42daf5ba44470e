//! Functions on dates, times and timestamps.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, PrimitiveArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, TimeUnit};
use datafusion::common::Result;
use datafusion::logical_expr::Volatility;

use super::builtin::{Builtin, Call, fail, no_such};
use super::calendar::{self, DAY, HOUR, MINUTE, SECOND};
use super::field::{Field, field, parts, truncate};
use super::interval::{INTERVAL, TIMESTAMP, out_of_range};
use super::{interval, parse};
use crate::error::SqlState;

pub(super) const FUNCTIONS: &[Builtin] = &[
    part(
        "extract",
        |_types| Ok(DataType::Int32),
        |call| {
            #[expect(clippy::cast_possible_truncation, reason = "no integer field is beyond the range of years")]
            parts(
                call,
                |value| value.floor() as i32,
                |values| Arc::new(values.into_iter().collect::<arrow::array::Int32Array>()),
            )
        },
    ),
    part(
        "extract_fraction",
        |_types| Ok(FRACTION),
        |call| {
            let micros = |value: f64| (value * 1e6).round();
            #[expect(clippy::cast_possible_truncation, reason = "seconds of a timestamp fit")]
            parts(
                call,
                |value| micros(value) as i64,
                |values| {
                    let array: arrow::array::Decimal64Array = values.into_iter().collect();
                    Arc::new(array.with_data_type(FRACTION))
                },
            )
        },
    ),
    part("date_part", |_types| Ok(DataType::Float64), float_parts),
    part("datepart", |_types| Ok(DataType::Float64), float_parts),
    Builtin {
        name: "date_part_year",
        volatility: Volatility::Immutable,
        arguments: |types| moments("date_part_year", types, &[DataType::Date32]),
        result: |_types| Ok(DataType::Int32),
        run: |call| call.ints32(|row| Ok(Some(calendar::date_of(call.days(0, row)).year))),
    },
    Builtin {
        name: "date_trunc",
        volatility: Volatility::Immutable,
        arguments: |types| match types {
            [_, DataType::Interval(_)] => Ok(vec![DataType::Utf8View, INTERVAL]),
            [_, moment] => Ok(vec![DataType::Utf8View, timestamp_of("date_trunc", moment)?]),
            _ => Err(no_such("date_trunc", types)),
        },
        result: |types| match types {
            [_, DataType::Interval(_)] => Ok(INTERVAL),
            [_, moment] => timestamp_of("date_trunc", moment),
            _ => Err(no_such("date_trunc", types)),
        },
        run: date_trunc,
    },
    add("dateadd"),
    add("date_add"),
    difference("datediff"),
    difference("date_diff"),
    Builtin {
        name: "add_months",
        volatility: Volatility::Immutable,
        arguments: |types| moments("add_months", types, &[TIMESTAMP, DataType::Int64]),
        result: |_types| Ok(TIMESTAMP),
        run: add_months,
    },
    Builtin {
        name: "last_day",
        volatility: Volatility::Immutable,
        arguments: |types| moments("last_day", types, &[DataType::Date32]),
        result: |_types| Ok(DataType::Date32),
        run: |call| {
            dates(call, |row| {
                let date = calendar::date_of(call.days(0, row));
                calendar::days_of(date.year, date.month, calendar::days_in(date.year, date.month))
            })
        },
    },
    Builtin {
        name: "next_day",
        volatility: Volatility::Immutable,
        arguments: |types| moments("next_day", types, &[DataType::Date32, DataType::Utf8View]),
        result: |_types| Ok(DataType::Date32),
        run: next_day,
    },
    Builtin {
        name: "months_between",
        volatility: Volatility::Immutable,
        arguments: |types| moments("months_between", types, &[TIMESTAMP, TIMESTAMP]),
        result: |_types| Ok(DataType::Float64),
        run: |call| call.floats(|row| Ok(Some(months_between(call.micros(0, row), call.micros(1, row))))),
    },
    Builtin {
        name: "date",
        volatility: Volatility::Immutable,
        arguments: |types| moments("date", types, &[DataType::Date32]),
        result: |_types| Ok(DataType::Date32),
        run: |call| dates(call, |row| Some(call.days(0, row))),
    },
    Builtin {
        name: "make_date",
        volatility: Volatility::Immutable,
        arguments: |types| integers("make_date", types, 3),
        result: |_types| Ok(DataType::Date32),
        run: |call| {
            dates(call, |row| {
                let unsigned = |k| u32::try_from(call.int(k, row)).ok();
                calendar::days_of(i32::try_from(call.int(0, row)).ok()?, unsigned(1)?, unsigned(2)?)
            })
        },
    },
    Builtin {
        name: "age",
        volatility: Volatility::Immutable,
        arguments: |types| match types.len() {
            1 => moments("age", types, &[TIMESTAMP]),
            _ => moments("age", types, &[TIMESTAMP, TIMESTAMP]),
        },
        result: |_types| Ok(INTERVAL),
        run: age,
    },
    Builtin {
        name: "timezone",
        volatility: Volatility::Immutable,
        arguments: |types| match types {
            [_, moment] => Ok(vec![DataType::Utf8View, timestamp_of("timezone", moment)?]),
            _ => Err(no_such("timezone", types)),
        },
        result: |types| match types {
            [_, DataType::Timestamp(_, Some(_))] => Ok(TIMESTAMP),
            _ => Ok(zoned()),
        },
        run: timezone,
    },
    Builtin {
        name: "convert_timezone",
        volatility: Volatility::Immutable,
        arguments: |types| match types.len() {
            2 => moments("convert_timezone", types, &[DataType::Utf8View, TIMESTAMP]),
            _ => moments("convert_timezone", types, &[DataType::Utf8View, DataType::Utf8View, TIMESTAMP]),
        },
        result: |_types| Ok(TIMESTAMP),
        run: convert_timezone,
    },
    moment_now("now"),
    moment_now("current_timestamp"),
    moment_now("transaction_timestamp"),
    constant(
        "statement_timestamp",
        |_types| Ok(zoned()),
        |call| moment_array(vec![Some(call.context.statement_micros); call.rows], true),
    ),
    Builtin {
        name: "clock_timestamp",
        volatility: Volatility::Volatile,
        arguments: |types| moments("clock_timestamp", types, &[]),
        result: |_types| Ok(zoned()),
        run: |call| moment_array(vec![Some(chrono::Utc::now().timestamp_micros()); call.rows], true),
    },
    local_now("getdate"),
    local_now("sysdate"),
    local_now("localtimestamp"),
    constant(
        "current_date",
        |_types| Ok(DataType::Date32),
        |call| {
            let today = calendar::split(local_micros(call)).0;
            Ok(Arc::new(Date32Array::from(vec![today; call.rows])))
        },
    ),
    local_time("current_time"),
    local_time("localtime"),
];

/// Seconds with microseconds.
const FRACTION: DataType = DataType::Decimal64(18, 6);

const fn part(
    name: &'static str,
    result: fn(&[DataType]) -> Result<DataType>,
    run: fn(&Call<'_>) -> Result<ArrayRef>,
) -> Builtin {
    Builtin { name, volatility: Volatility::Immutable, arguments: part_arguments, result, run }
}

const fn constant(
    name: &'static str,
    result: fn(&[DataType]) -> Result<DataType>,
    run: fn(&Call<'_>) -> Result<ArrayRef>,
) -> Builtin {
    Builtin { name, volatility: Volatility::Immutable, arguments: |types| moments("", types, &[]), result, run }
}

const fn moment_now(name: &'static str) -> Builtin {
    constant(
        name,
        |_types| Ok(zoned()),
        |call| moment_array(vec![Some(call.context.transaction_micros); call.rows], true),
    )
}

const fn local_now(name: &'static str) -> Builtin {
    constant(name, |_types| Ok(TIMESTAMP), |call| moment_array(vec![Some(local_micros(call)); call.rows], false))
}

const fn local_time(name: &'static str) -> Builtin {
    constant(
        name,
        |_types| Ok(interval::TIME),
        |call| {
            let time = calendar::split(local_micros(call)).1;
            Ok(Arc::new(arrow::array::Time64MicrosecondArray::from(vec![time; call.rows])))
        },
    )
}

const fn add(name: &'static str) -> Builtin {
    Builtin {
        name,
        volatility: Volatility::Immutable,
        arguments: |types| match types {
            [_, _, moment] => Ok(vec![DataType::Utf8View, DataType::Int64, timestamp_of("dateadd", moment)?]),
            _ => Err(no_such("dateadd", types)),
        },
        result: |types| match types {
            [_, _, moment] => timestamp_of("dateadd", moment),
            _ => Err(no_such("dateadd", types)),
        },
        run: dateadd,
    }
}

const fn difference(name: &'static str) -> Builtin {
    Builtin {
        name,
        volatility: Volatility::Immutable,
        arguments: |types| moments("datediff", types, &[DataType::Utf8View, TIMESTAMP, TIMESTAMP]),
        result: |_types| Ok(DataType::Int64),
        run: datediff,
    }
}

fn zoned() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null)
}

/// The timestamp type that a moment is brought to.
fn timestamp_of(name: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Timestamp(_, Some(_)) => Ok(zoned()),
        DataType::Date32 | DataType::Timestamp(_, None) => Ok(TIMESTAMP),
        other if is_text(other) => Ok(TIMESTAMP),
        other => Err(no_such(name, std::slice::from_ref(other))),
    }
}

/// Arguments of these types; moments and text take each other's place, numbers only numbers'.
fn moments(name: &str, types: &[DataType], wanted: &[DataType]) -> Result<Vec<DataType>> {
    let fits = |(given, wanted): (&DataType, &DataType)| match wanted {
        DataType::Int64 => given.is_integer() || given.is_null(),
        DataType::Utf8View => is_text(given),
        _ => is_text(given) || matches!(given, DataType::Date32 | DataType::Timestamp(..)),
    };
    if types.len() != wanted.len() || !types.iter().zip(wanted).all(fits) {
        return Err(no_such(name, types));
    }
    Ok(wanted.to_vec())
}

fn integers(name: &str, types: &[DataType], count: usize) -> Result<Vec<DataType>> {
    if types.len() != count || !types.iter().all(|t| t.is_integer() || t.is_null()) {
        return Err(no_such(name, types));
    }
    Ok(vec![DataType::Int64; count])
}

fn local_micros(call: &Call<'_>) -> i64 {
    calendar::to_local(call.context.time_zone, call.context.transaction_micros)
}

fn moment_array(values: Vec<Option<i64>>, has_zone: bool) -> Result<ArrayRef> {
    let array = TimestampMicrosecondArray::from(values);
    Ok(Arc::new(if has_zone { array.with_timezone("UTC") } else { array }))
}

fn dates(call: &Call<'_>, f: impl Fn(usize) -> Option<i32>) -> Result<ArrayRef> {
    let values: Result<Date32Array> = (0..call.rows)
        .map(|row| if call.any_null(row) { Ok(None) } else { f(row).map(Some).ok_or_else(|| out_of_range("date")) })
        .collect();
    Ok(Arc::new(values?))
}

fn timestamps(call: &Call<'_>, f: impl Fn(usize) -> Result<i64>) -> Result<ArrayRef> {
    let values: Result<TimestampMicrosecondArray> =
        (0..call.rows).map(|row| if call.any_null(row) { Ok(None) } else { f(row).map(Some) }).collect();
    Ok(Arc::new(values?.with_data_type(call.result.clone())))
}

fn part_arguments(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [_, moment @ (DataType::Date32 | DataType::Time64(_) | DataType::Interval(_) | DataType::Timestamp(..))] => {
            Ok(vec![DataType::Utf8View, moment.clone()])
        }
        [_, moment] if is_text(moment) => Ok(vec![DataType::Utf8View, TIMESTAMP]),
        _ => Err(no_such("date_part", types)),
    }
}

fn float_parts(call: &Call<'_>) -> Result<ArrayRef> {
    parts(call, |value| value, |values| Arc::new(values.into_iter().collect::<arrow::array::Float64Array>()))
}

fn unknown_unit(name: &str) -> datafusion::error::DataFusionError {
    fail(SqlState::InvalidParameterValue, format!("unit \"{name}\" not supported"))
}

fn date_trunc(call: &Call<'_>) -> Result<ArrayRef> {
    if matches!(call.type_of(1), DataType::Interval(_)) {
        return truncate_intervals(call);
    }
    let zone = matches!(call.result, DataType::Timestamp(_, Some(_))).then_some(call.context.time_zone);
    let mut known: Option<(String, Field)> = None;
    let mut values = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        if call.any_null(row) {
            values.push(None);
            continue;
        }
        let name = call.text(0, row);
        let wanted = match &known {
            Some((text, wanted)) if text == name => *wanted,
            _ => {
                let wanted = field(name)?;
                known = Some((name.to_owned(), wanted));
                wanted
            }
        };
        let micros = call.micros(1, row);
        let local = zone.map_or(micros, |zone| calendar::to_local(zone, micros));
        let start = truncate(wanted, local).ok_or_else(|| unknown_unit(name))?;
        values.push(Some(zone.map_or(start, |zone| calendar::from_local(zone, start))));
    }
    moment_array(values, zone.is_some())
}

fn truncate_intervals(call: &Call<'_>) -> Result<ArrayRef> {
    let column = &call.columns[1];
    let array = column.array.as_primitive::<IntervalMonthDayNanoType>();
    let values: Result<PrimitiveArray<IntervalMonthDayNanoType>> = (0..call.rows)
        .map(|row| {
            if call.any_null(row) {
                return Ok(None);
            }
            let value = array.value(column.at(row));
            let (months, days, nanos) = (value.months, value.days, value.nanoseconds);
            let cut = |unit: i64| nanos - nanos % (unit * 1000);
            Ok(Some(match field(call.text(0, row))? {
                Field::Year => IntervalMonthDayNano::new(months - months % 12, 0, 0),
                Field::Quarter => IntervalMonthDayNano::new(months - months % 3, 0, 0),
                Field::Month => IntervalMonthDayNano::new(months, 0, 0),
                Field::Day => IntervalMonthDayNano::new(months, days, 0),
                Field::Hour => IntervalMonthDayNano::new(months, days, cut(HOUR)),
                Field::Minute => IntervalMonthDayNano::new(months, days, cut(MINUTE)),
                Field::Second => IntervalMonthDayNano::new(months, days, cut(SECOND)),
                Field::Milliseconds => IntervalMonthDayNano::new(months, days, cut(1000)),
                Field::Microseconds => value,
                _ => return Err(unknown_unit(call.text(0, row))),
            }))
        })
        .collect();
    Ok(Arc::new(values?))
}

/// DATEADD(unit, n, moment).
fn dateadd(call: &Call<'_>) -> Result<ArrayRef> {
    timestamps(call, |row| {
        let name = call.text(0, row);
        let (months, days, micros) = interval::unit(name)
            .ok_or_else(|| fail(SqlState::InvalidParameterValue, format!("unit \"{name}\" not recognized")))?;
        let count = call.int(1, row);
        let over = || out_of_range("timestamp");
        let times = |unit: i64| unit.checked_mul(count).and_then(|value| i32::try_from(value).ok()).ok_or_else(over);
        let (day, time) = calendar::split(call.micros(2, row));
        let day = calendar::add_months(day, times(months)?.into())
            .and_then(|day| day.checked_add(times(days).ok()?))
            .ok_or_else(over)?;
        let moved = micros.checked_mul(count).ok_or_else(over)?;
        calendar::join(day, time).and_then(|micros| micros.checked_add(moved)).ok_or_else(over)
    })
}

/// How many starts of a unit lie between two moments.
fn datediff(call: &Call<'_>) -> Result<ArrayRef> {
    call.ints(|row| {
        let name = call.text(0, row);
        let (from, to) = (call.micros(1, row), call.micros(2, row));
        let dates = |micros: i64| calendar::date_of(calendar::split(micros).0);
        let year = |micros: i64| i64::from(dates(micros).year);
        let month = |micros: i64| year(micros) * 12 + i64::from(dates(micros).month) - 1;
        let count = |f: &dyn Fn(i64) -> i64| Ok(Some(f(to) - f(from)));
        match field(name)? {
            Field::Microseconds => count(&|micros| micros),
            Field::Milliseconds => count(&|micros| micros.div_euclid(1000)),
            Field::Second | Field::Epoch => count(&|micros| micros.div_euclid(SECOND)),
            Field::Minute => count(&|micros| micros.div_euclid(MINUTE)),
            Field::Hour => count(&|micros| micros.div_euclid(HOUR)),
            Field::Day | Field::DayOfYear | Field::DayOfWeek => count(&|micros| micros.div_euclid(DAY)),
            // Redshift's weeks begin on Sunday; 1970-01-04 was one.
            Field::Week => count(&|micros| (micros.div_euclid(DAY) + 4).div_euclid(7)),
            Field::Month => count(&month),
            Field::Quarter => count(&|micros| month(micros).div_euclid(3)),
            Field::Year => count(&year),
            Field::Decade => count(&|micros| year(micros).div_euclid(10)),
            Field::Century => count(&|micros| (year(micros) - 1).div_euclid(100)),
            Field::Millennium => count(&|micros| (year(micros) - 1).div_euclid(1000)),
            _ => Err(unknown_unit(name)),
        }
    })
}

/// ADD_MONTHS: the last day of a month goes to the last day of a month.
fn add_months(call: &Call<'_>) -> Result<ArrayRef> {
    timestamps(call, |row| {
        let (days, time) = calendar::split(call.micros(0, row));
        let date = calendar::date_of(days);
        let moved = calendar::add_months(days, call.int(1, row)).ok_or_else(|| out_of_range("timestamp"))?;
        let moved = if date.day == calendar::days_in(date.year, date.month) {
            let to = calendar::date_of(moved);
            calendar::days_of(to.year, to.month, calendar::days_in(to.year, to.month)).unwrap_or(moved)
        } else {
            moved
        };
        calendar::join(moved, time).ok_or_else(|| out_of_range("timestamp"))
    })
}

#[expect(clippy::cast_precision_loss, reason = "the result is a float")]
fn months_between(later: i64, earlier: i64) -> f64 {
    let ((d1, t1), (d2, t2)) = (calendar::split(later), calendar::split(earlier));
    let (a, b) = (calendar::date_of(d1), calendar::date_of(d2));
    let months = f64::from((a.year - b.year) * 12) + f64::from(a.month) - f64::from(b.month);
    let last = |date: calendar::Date| date.day == calendar::days_in(date.year, date.month);
    if a.day == b.day || (last(a) && last(b)) {
        return months;
    }
    let days = f64::from(a.day) - f64::from(b.day) + (t1 - t2) as f64 / DAY as f64;
    months + days / 31.0
}

fn next_day(call: &Call<'_>) -> Result<ArrayRef> {
    const NAMES: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    let mut values = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        if call.any_null(row) {
            values.push(None);
            continue;
        }
        let name = call.text(1, row).to_ascii_lowercase();
        let wanted = NAMES.iter().position(|day| name.len() >= 2 && day.starts_with(&name));
        let wanted = wanted.and_then(|place| i32::try_from(place).ok());
        let wanted =
            wanted.ok_or_else(|| fail(SqlState::InvalidParameterValue, format!("invalid day of week \"{name}\"")))?;
        let days = call.days(0, row);
        let ahead = (wanted - calendar::weekday(days) + 6).rem_euclid(7) + 1;
        values.push(Some(days.checked_add(ahead).ok_or_else(|| out_of_range("date"))?));
    }
    Ok(Arc::new(Date32Array::from(values)))
}

/// AGE(a [, b]): years, months and days between, in the calendar's own lengths.
fn age(call: &Call<'_>) -> Result<ArrayRef> {
    let midnight = local_micros(call).div_euclid(DAY) * DAY;
    let values: PrimitiveArray<IntervalMonthDayNanoType> = (0..call.rows)
        .map(|row| {
            if call.any_null(row) {
                return None;
            }
            let (a, b) = if call.arity() == 1 {
                (midnight, call.micros(0, row))
            } else {
                (call.micros(0, row), call.micros(1, row))
            };
            if a < b { interval::negated(difference_of(b, a)) } else { Some(difference_of(a, b)) }
        })
        .collect();
    Ok(Arc::new(values))
}

fn difference_of(later: i64, earlier: i64) -> IntervalMonthDayNano {
    let ((d1, t1), (d2, t2)) = (calendar::split(later), calendar::split(earlier));
    let (a, b) = (calendar::date_of(d1), calendar::date_of(d2));
    let mut months = (a.year - b.year) * 12 + a.month.cast_signed() - b.month.cast_signed();
    let mut days = a.day.cast_signed() - b.day.cast_signed();
    let mut time = t1 - t2;
    if time < 0 {
        time += DAY;
        days -= 1;
    }
    if days < 0 {
        months -= 1;
        days += calendar::days_in(b.year, b.month).cast_signed();
    }
    IntervalMonthDayNano::new(months, days, time * 1000)
}

fn zone_named(name: &str) -> Result<parse::Zone> {
    match parse::zone(name) {
        Some(zone) if !name.trim().is_empty() => Ok(zone),
        _ => Err(fail(SqlState::InvalidParameterValue, format!("time zone \"{name}\" not recognized"))),
    }
}

fn into_zone(zone: &parse::Zone, micros: i64) -> i64 {
    match zone {
        parse::Zone::None => micros,
        // POSIX zones like UTC-06:00 are read as ISO offsets, as Redshift documents them.
        parse::Zone::Offset(seconds) => micros + seconds * SECOND,
        parse::Zone::Named(zone) => calendar::to_local(*zone, micros),
    }
}

fn out_of_zone(zone: &parse::Zone, local: i64) -> i64 {
    match zone {
        parse::Zone::None => local,
        parse::Zone::Offset(seconds) => local - seconds * SECOND,
        parse::Zone::Named(zone) => calendar::from_local(*zone, local),
    }
}

/// `x AT TIME ZONE z`.
fn timezone(call: &Call<'_>) -> Result<ArrayRef> {
    let has_zone = matches!(call.type_of(1), DataType::Timestamp(_, Some(_)));
    timestamps(call, |row| {
        let zone = zone_named(call.text(0, row))?;
        let micros = call.micros(1, row);
        Ok(if has_zone { into_zone(&zone, micros) } else { out_of_zone(&zone, micros) })
    })
}

/// CONVERT_TIMEZONE([from,] to, timestamp).
fn convert_timezone(call: &Call<'_>) -> Result<ArrayRef> {
    let last = call.arity() - 1;
    timestamps(call, |row| {
        let from = if last == 2 { call.text(0, row) } else { "UTC" };
        let moment = out_of_zone(&zone_named(from)?, call.micros(last, row));
        Ok(into_zone(&zone_named(call.text(last - 1, row))?, moment))
    })
}
