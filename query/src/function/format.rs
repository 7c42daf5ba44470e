//! `to_char`, `to_date`, `to_timestamp` and `to_number` with Postgres's patterns.

mod number;
mod template;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, StringViewBuilder, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, IntervalMonthDayNanoType, TimeUnit};
use datafusion::common::Result;
use datafusion::logical_expr::Volatility;

use super::builtin::{Builtin, Call, fail, no_such};
use super::calendar;
use super::decimal::shape;
use super::interval::{INTERVAL, TIMESTAMP};
use crate::error::SqlState;
use template::Template;

pub(super) const FUNCTIONS: &[Builtin] = &[
    Builtin {
        name: "to_char",
        volatility: Volatility::Immutable,
        arguments: to_char_arguments,
        result: |_types| Ok(DataType::Utf8View),
        run: to_char,
    },
    Builtin {
        name: "to_date",
        volatility: Volatility::Immutable,
        arguments: |types| match types.len() {
            2 | 3 => super::string::texts("to_date", &types[..2], 2),
            _ => Err(no_such("to_date", types)),
        },
        result: |_types| Ok(DataType::Date32),
        run: to_date,
    },
    Builtin {
        name: "to_timestamp",
        volatility: Volatility::Immutable,
        arguments: |types| match types {
            [one] if one.is_numeric() => Ok(vec![DataType::Float64]),
            [_, _] => super::string::texts("to_timestamp", types, 2),
            _ => Err(no_such("to_timestamp", types)),
        },
        result: |_types| Ok(zoned()),
        run: to_timestamp,
    },
    Builtin {
        name: "to_number",
        volatility: Volatility::Immutable,
        arguments: |types| super::string::texts("to_number", types, 2),
        result: |_types| Ok(DataType::Decimal128(38, 8)),
        run: to_number,
    },
];

fn zoned() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn to_char_arguments(types: &[DataType]) -> Result<Vec<DataType>> {
    let [value, _format] = types else { return Err(no_such("to_char", types)) };
    let value = match value {
        DataType::Date32 | DataType::Timestamp(_, None) => TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => zoned(),
        DataType::Interval(_) => INTERVAL,
        other if other.is_floating() || other.is_null() => DataType::Float64,
        other if shape(other).is_some() => {
            let (precision, scale) = shape(other).unwrap_or((38, 0));
            DataType::Decimal128(precision, scale)
        }
        _ => return Err(no_such("to_char", types)),
    };
    Ok(vec![value, DataType::Utf8View])
}

fn to_char(call: &Call<'_>) -> Result<ArrayRef> {
    let value = &call.columns[0];
    let mut known: Option<(String, Template)> = None;
    let mut texts = StringViewBuilder::with_capacity(call.rows);
    for row in 0..call.rows {
        if call.any_null(row) {
            texts.append_null();
            continue;
        }
        let format = call.text(1, row);
        let at = value.at(row);
        let shown = match value.array.data_type() {
            DataType::Decimal128(_, scale) => {
                let unscaled = value.array.as_primitive::<arrow::datatypes::Decimal128Type>().value(at);
                number::show(number::Number::decimal(unscaled, *scale), format)
            }
            DataType::Float64 => number::show(number::Number::float(call.float(0, row)), format),
            data_type => {
                if known.as_ref().is_none_or(|(text, _)| text != format) {
                    known = Some((format.to_owned(), Template::new(format)));
                }
                let Some((_, template)) = &known else { continue };
                match data_type {
                    DataType::Interval(_) => {
                        let interval = value.array.as_primitive::<IntervalMonthDayNanoType>().value(at);
                        template.show_interval(interval)
                    }
                    DataType::Timestamp(_, Some(_)) => {
                        let zone = call.context.time_zone;
                        let micros = call.micros(0, row);
                        template.show(calendar::to_local(zone, micros), calendar::offset_at(zone, micros), zone.name())
                    }
                    _ => template.show(call.micros(0, row), 0, ""),
                }
            }
        };
        texts.append_value(shown);
    }
    Ok(Arc::new(texts.finish()))
}

fn read(call: &Call<'_>, row: usize, known: &mut Option<(String, Template)>) -> Result<template::Read> {
    let format = call.text(1, row);
    if known.as_ref().is_none_or(|(text, _)| text != format) {
        *known = Some((format.to_owned(), Template::new(format)));
    }
    match known {
        Some((_, template)) => template.read(call.text(0, row)).map_err(|error| fail(error.state, error.message)),
        None => Err(fail(SqlState::InternalError, "no template")),
    }
}

fn to_date(call: &Call<'_>) -> Result<ArrayRef> {
    let mut known = None;
    let mut values = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        values.push(if call.any_null(row) {
            None
        } else {
            Some(calendar::split(read(call, row, &mut known)?.local).0)
        });
    }
    Ok(Arc::new(Date32Array::from(values)))
}

fn to_timestamp(call: &Call<'_>) -> Result<ArrayRef> {
    let mut known = None;
    let mut values = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        if call.any_null(row) {
            values.push(None);
        } else if call.arity() == 1 {
            let micros = call.float(0, row) * 1e6;
            if !micros.is_finite() || micros.abs() > 9.0e18 {
                return Err(super::interval::out_of_range("timestamp"));
            }
            #[expect(clippy::cast_possible_truncation, reason = "checked above")]
            values.push(Some(micros.round() as i64));
        } else {
            let read = read(call, row, &mut known)?;
            values.push(Some(match read.offset {
                Some(offset) => read.local - offset * calendar::SECOND,
                None => calendar::from_local(call.context.time_zone, read.local),
            }));
        }
    }
    Ok(Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")))
}

fn to_number(call: &Call<'_>) -> Result<ArrayRef> {
    let values: Result<arrow::array::Decimal128Array> = (0..call.rows)
        .map(|row| {
            if call.any_null(row) {
                return Ok(None);
            }
            let (value, scale) =
                number::read(call.text(0, row), call.text(1, row)).map_err(|error| fail(error.state, error.message))?;
            super::decimal::rescale(value, scale, 8).map(Some).ok_or_else(super::decimal::overflow)
        })
        .collect();
    Ok(Arc::new(values?.with_data_type(DataType::Decimal128(38, 8))))
}
