//! What is known of the rows of a scan before it runs: counts and bounds from the parts, selectivity guessed from them.

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use stoa_storage::{Column, ColumnId, ColumnType, Comparison, Predicate, Table, Value};

use super::scan::ScanTarget;

/// Share of rows that a condition passes when nothing better is known.
const UNKNOWN_SHARE: f64 = 0.2;
/// Share of rows that a prefix passes.
const PREFIX_SHARE: f64 = 0.1;

/// Statistics of a whole scan, or of one of `share` equal partitions.
pub(crate) fn of_scan(target: &ScanTarget, schema: &SchemaRef, share: Option<usize>) -> Statistics {
    let table = &target.table;
    let rows = usize::try_from(table.rows()).unwrap_or(usize::MAX);
    let exact = target.predicate == Predicate::True && share.is_none();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    let mut kept = (rows as f64 * selectivity(&target.predicate, table)).ceil() as usize;
    if let Some(share) = share {
        kept /= share.max(1);
    }
    let mut num_rows = if exact { Precision::Exact(rows) } else { Precision::Inexact(kept) };
    if let Some(limit) = target.limit {
        num_rows = match num_rows {
            Precision::Exact(rows) => Precision::Exact(rows.min(limit)),
            _ => Precision::Inexact(kept.min(limit)),
        };
    }
    let whole = exact && target.limit.is_none();
    let columns = schema.fields().iter().map(|field| match table.column_named(field.name()) {
        Some(column) => of_column(table, column, whole, kept),
        None => ColumnStatistics::new_unknown(),
    });
    let column_statistics: Vec<ColumnStatistics> = columns.collect();
    let total_byte_size = column_statistics
        .iter()
        .zip(schema.fields())
        .try_fold(0_usize, |sum, (_, field)| sum.checked_add(kept.checked_mul(width(field.data_type()))?));
    let total_byte_size = total_byte_size.map_or(Precision::Absent, Precision::Inexact);
    Statistics { num_rows, total_byte_size, column_statistics }
}

fn width(data_type: &DataType) -> usize {
    data_type.primitive_width().unwrap_or(24)
}

/// What the parts say of one column together.
struct Bounds {
    min: Option<Value>,
    max: Option<Value>,
    nulls: u64,
    distinct: u64,
    exact: bool,
}

fn bounds(table: &Table, column: ColumnId) -> Option<Bounds> {
    let mut all: Option<Bounds> = None;
    for part in table.parts.values() {
        let summary = part.columns.iter().find(|summary| summary.column == column)?;
        let exact = summary.exact && part.deletes.is_empty();
        let (min, max) = (summary.min.clone(), summary.max.clone());
        match &mut all {
            None => all = Some(Bounds { min, max, nulls: summary.nulls, distinct: summary.distinct, exact }),
            Some(all) => {
                all.min = pick(all.min.take(), min, std::cmp::Ordering::Less);
                all.max = pick(all.max.take(), max, std::cmp::Ordering::Greater);
                all.nulls += summary.nulls;
                // Keys differ from part to part, codes repeat in each.
                let span = span(all.min.as_ref(), all.max.as_ref());
                let most = all.distinct.max(summary.distinct);
                let sum = all.distinct.saturating_add(summary.distinct);
                let repeated = summary.distinct.saturating_mul(8) < u64::from(part.rows);
                all.distinct = if repeated { most } else { sum };
                all.distinct = span.map_or(all.distinct, |span| all.distinct.min(span));
                all.exact &= exact;
            }
        }
    }
    all
}

fn pick(a: Option<Value>, b: Option<Value>, wanted: std::cmp::Ordering) -> Option<Value> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.compare(&a) == Some(wanted) { b } else { a }),
        (one, other) => one.or(other),
    }
}

fn span(min: Option<&Value>, max: Option<&Value>) -> Option<u64> {
    match (min?, max?) {
        (Value::Int(min), Value::Int(max)) => Some(max.abs_diff(*min).saturating_add(1)),
        _ => None,
    }
}

fn of_column(table: &Table, column: &Column, whole: bool, kept: usize) -> ColumnStatistics {
    let Some(bounds) = bounds(table, column.id) else { return ColumnStatistics::new_unknown() };
    let value = |value: Option<&Value>| {
        let Some(value) = value.and_then(|value| scalar(column.column_type, value)) else { return Precision::Absent };
        if whole && bounds.exact { Precision::Exact(value) } else { Precision::Inexact(value) }
    };
    let nulls = usize::try_from(bounds.nulls).unwrap_or(usize::MAX);
    let distinct = usize::try_from(bounds.distinct).unwrap_or(usize::MAX);
    let no_deletes = table.parts.values().all(|part| part.deletes.is_empty());
    ColumnStatistics {
        null_count: if whole && no_deletes { Precision::Exact(nulls) } else { Precision::Inexact(nulls.min(kept)) },
        min_value: value(bounds.min.as_ref()),
        max_value: value(bounds.max.as_ref()),
        sum_value: Precision::Absent,
        distinct_count: if distinct == 0 { Precision::Absent } else { Precision::Inexact(distinct.min(kept.max(1))) },
        ..ColumnStatistics::new_unknown()
    }
}

/// A stored value as the engine holds it. Strings are left out: their bounds may be prefixes.
pub(crate) fn scalar(column_type: ColumnType, value: &Value) -> Option<ScalarValue> {
    Some(match (column_type, value) {
        (ColumnType::Bool, Value::Bool(value)) => ScalarValue::Boolean(Some(*value)),
        (ColumnType::Int16, Value::Int(value)) => ScalarValue::Int16(i16::try_from(*value).ok()),
        (ColumnType::Int32, Value::Int(value)) => ScalarValue::Int32(i32::try_from(*value).ok()),
        (ColumnType::Int64, Value::Int(value)) => ScalarValue::Int64(Some(*value)),
        (ColumnType::Date, Value::Int(value)) => ScalarValue::Date32(i32::try_from(*value).ok()),
        (ColumnType::Timestamp, Value::Int(value)) => ScalarValue::TimestampMicrosecond(Some(*value), None),
        (ColumnType::TimestampTz, Value::Int(value)) => {
            ScalarValue::TimestampMicrosecond(Some(*value), Some("UTC".into()))
        }
        (ColumnType::Decimal { precision, scale }, Value::Int(value)) => {
            ScalarValue::Decimal64(Some(*value), precision, scale.cast_signed())
        }
        (ColumnType::Decimal { precision, scale }, Value::Wide(value)) => {
            ScalarValue::Decimal128(Some(*value), precision, scale.cast_signed())
        }
        _ => return None,
    })
}

/// The share of rows, guessed, for which a predicate is TRUE.
fn selectivity(predicate: &Predicate, table: &Table) -> f64 {
    match predicate {
        Predicate::True => 1.0,
        Predicate::False => 0.0,
        Predicate::And(parts) => ranges(parts, table),
        Predicate::Or(parts) => parts.iter().map(|part| selectivity(part, table)).sum::<f64>().min(1.0),
        Predicate::Compare { column, op, value } => compare(table, *column, *op, value),
        Predicate::In { column, values, negated } => {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let share = (equal(table, *column) * values.len() as f64).min(1.0);
            if *negated { 1.0 - share } else { share }
        }
        Predicate::IsNull { column, negated } => {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let share = bounds(table, *column)
                .map_or(UNKNOWN_SHARE, |bounds| bounds.nulls as f64 / (table.rows().max(1)) as f64);
            if *negated { 1.0 - share } else { share }
        }
        Predicate::StartsWith { .. } => PREFIX_SHARE,
    }
}

/// AND: a lower and an upper bound of one column are one range, other parts are taken as independent.
fn ranges(parts: &[Predicate], table: &Table) -> f64 {
    let mut share = 1.0;
    let mut done: Vec<ColumnId> = vec![];
    for part in parts {
        let Predicate::Compare { column, op, value } = part else {
            share *= selectivity(part, table);
            continue;
        };
        let is_lower = |op: &Comparison| matches!(op, Comparison::Greater | Comparison::GreaterOrEqual);
        let is_upper = |op: &Comparison| matches!(op, Comparison::Less | Comparison::LessOrEqual);
        let other = parts.iter().find_map(|other| match other {
            Predicate::Compare { column: same, op: other, value }
                if same == column && ((is_lower(op) && is_upper(other)) || (is_upper(op) && is_lower(other))) =>
            {
                Some((other, value))
            }
            _ => None,
        });
        match other {
            Some(_) if done.contains(column) => {}
            Some((other, bound)) => {
                done.push(*column);
                let both = compare(table, *column, *op, value) + compare(table, *column, *other, bound) - 1.0;
                share *= both.max(equal(table, *column).min(0.005));
            }
            None => share *= compare(table, *column, *op, value),
        }
    }
    share
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn equal(table: &Table, column: ColumnId) -> f64 {
    match bounds(table, column) {
        Some(bounds) if bounds.distinct > 0 => 1.0 / bounds.distinct as f64,
        _ => UNKNOWN_SHARE / 2.0,
    }
}

fn compare(table: &Table, column: ColumnId, op: Comparison, value: &Value) -> f64 {
    match op {
        Comparison::Equal => equal(table, column),
        Comparison::NotEqual => 1.0 - equal(table, column),
        Comparison::Less | Comparison::LessOrEqual => below(table, column, value).unwrap_or(UNKNOWN_SHARE),
        Comparison::Greater | Comparison::GreaterOrEqual => {
            below(table, column, value).map_or(UNKNOWN_SHARE, |share| 1.0 - share)
        }
    }
}

/// The share of values below `value`, were they spread evenly.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn below(table: &Table, column: ColumnId, value: &Value) -> Option<f64> {
    let number = |value: &Value| match value {
        Value::Int(value) => Some(*value as f64),
        Value::Wide(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Bool(_) | Value::Bytes(_) => None,
    };
    let bounds = bounds(table, column)?;
    let (min, max, value) = (number(&bounds.min?)?, number(&bounds.max?)?, number(value)?);
    let width = max - min;
    if width > 0.0 { Some(((value - min) / width).clamp(0.0, 1.0)) } else { Some(if value > min { 1.0 } else { 0.0 }) }
}
