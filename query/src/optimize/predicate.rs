//! Filters of a plan → [`Predicate`]s that the scan evaluates exactly, on zone maps and on encoded data.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Like, Operator};
use stoa_storage::{Column, ColumnType, Comparison, Predicate, Table, Value};

use crate::function::{decimal_shape, rescale};

/// The predicate that says exactly what `expr` says about rows of `table`, if there is one.
pub(crate) fn translate(expr: &Expr, table: &Table) -> Option<Predicate> {
    match expr {
        Expr::Literal(value, _) => constant(value),
        Expr::Alias(alias) => translate(&alias.expr, table),
        Expr::BinaryExpr(binary) => translate_binary(binary, table),
        Expr::Column(_) => boolean(expr, table, true),
        Expr::IsTrue(inner) => boolean(inner, table, true),
        Expr::IsFalse(inner) => boolean(inner, table, false),
        Expr::Not(inner) => boolean(inner, table, false).or_else(|| negate(translate(inner, table)?)),
        Expr::IsNull(inner) => Some(Predicate::IsNull { column: column_of(inner, table)?.id, negated: false }),
        Expr::IsNotNull(inner) => Some(Predicate::IsNull { column: column_of(inner, table)?.id, negated: true }),
        Expr::InList(list) => in_list(list, table),
        Expr::Like(like) => starts_with(like, table),
        _ => None,
    }
}

fn constant(value: &ScalarValue) -> Option<Predicate> {
    match value {
        ScalarValue::Boolean(Some(true)) => Some(Predicate::True),
        // A filter passes only what is TRUE.
        ScalarValue::Boolean(_) | ScalarValue::Null => Some(Predicate::False),
        _ => None,
    }
}

fn column_of<'a>(expr: &Expr, table: &'a Table) -> Option<&'a Column> {
    match expr {
        Expr::Column(column) => table.column_named(&column.name),
        _ => None,
    }
}

/// A boolean column by itself is a comparison with TRUE.
fn boolean(expr: &Expr, table: &Table, value: bool) -> Option<Predicate> {
    let column = column_of(expr, table)?;
    (column.column_type == ColumnType::Bool).then_some(Predicate::Compare {
        column: column.id,
        op: Comparison::Equal,
        value: Value::Bool(value),
    })
}

/// NOT of the predicates whose negation keeps null as it is.
fn negate(predicate: Predicate) -> Option<Predicate> {
    match predicate {
        Predicate::Compare { column, op, value } => {
            let op = match op {
                Comparison::Equal => Comparison::NotEqual,
                Comparison::NotEqual => Comparison::Equal,
                Comparison::Less => Comparison::GreaterOrEqual,
                Comparison::LessOrEqual => Comparison::Greater,
                Comparison::Greater => Comparison::LessOrEqual,
                Comparison::GreaterOrEqual => Comparison::Less,
            };
            Some(Predicate::Compare { column, op, value })
        }
        Predicate::In { column, values, negated } => Some(Predicate::In { column, values, negated: !negated }),
        Predicate::IsNull { column, negated } => Some(Predicate::IsNull { column, negated: !negated }),
        _ => None,
    }
}

fn comparison(op: Operator) -> Option<Comparison> {
    Some(match op {
        Operator::Eq => Comparison::Equal,
        Operator::NotEq => Comparison::NotEqual,
        Operator::Lt => Comparison::Less,
        Operator::LtEq => Comparison::LessOrEqual,
        Operator::Gt => Comparison::Greater,
        Operator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn translate_binary(binary: &BinaryExpr, table: &Table) -> Option<Predicate> {
    match binary.op {
        Operator::And => {
            let parts = [translate(&binary.left, table)?, translate(&binary.right, table)?];
            return Some(Predicate::And(flatten(parts, |part| match part {
                Predicate::And(inner) => Ok(inner),
                other => Err(other),
            })));
        }
        Operator::Or => {
            let parts = [translate(&binary.left, table)?, translate(&binary.right, table)?];
            return Some(Predicate::Or(flatten(parts, |part| match part {
                Predicate::Or(inner) => Ok(inner),
                other => Err(other),
            })));
        }
        _ => {}
    }
    let (column, literal, op) = match (binary.left.as_ref(), binary.right.as_ref()) {
        (column, Expr::Literal(value, _)) => (column, value, binary.op),
        (Expr::Literal(value, _), column) => (column, value, binary.op.swap()?),
        _ => return None,
    };
    let (column, op) = (column_of(column, table)?, comparison(op)?);
    if literal.is_null() {
        return Some(Predicate::False);
    }
    Some(Predicate::Compare { column: column.id, op, value: value_for(column.column_type, literal)? })
}

fn flatten(parts: [Predicate; 2], open: impl Fn(Predicate) -> Result<Vec<Predicate>, Predicate>) -> Vec<Predicate> {
    let mut flat = vec![];
    for part in parts {
        match open(part) {
            Ok(inner) => flat.extend(inner),
            Err(other) => flat.push(other),
        }
    }
    flat
}

fn in_list(list: &InList, table: &Table) -> Option<Predicate> {
    let column = column_of(&list.expr, table)?;
    let mut values = vec![];
    for item in &list.list {
        let Expr::Literal(literal, _) = item else { return None };
        if literal.is_null() {
            if list.negated {
                return Some(Predicate::False);
            }
            continue;
        }
        values.push(value_for(column.column_type, literal)?);
    }
    values.sort_by(|a, b| a.compare(b).unwrap_or(std::cmp::Ordering::Equal));
    values.dedup();
    Some(Predicate::In { column: column.id, values, negated: list.negated })
}

/// `LIKE 'abc%'` without other wildcards.
fn starts_with(like: &Like, table: &Table) -> Option<Predicate> {
    if like.negated || like.case_insensitive || like.escape_char.is_some_and(|escape| escape != '\\') {
        return None;
    }
    let column = column_of(&like.expr, table)?;
    let Expr::Literal(pattern, _) = like.pattern.as_ref() else { return None };
    let pattern = pattern.try_as_str().flatten()?;
    let prefix = pattern.strip_suffix('%')?;
    let plain = !prefix.contains(['%', '_', '\\']) && matches!(column.column_type, ColumnType::Varchar { .. });
    plain.then(|| Predicate::StartsWith { column: column.id, prefix: prefix.as_bytes().to_vec() })
}

/// A literal in the physical class of a column; `None` where it is not exactly a value of the column's type.
pub(crate) fn value_for(column_type: ColumnType, literal: &ScalarValue) -> Option<Value> {
    match column_type {
        ColumnType::Bool => match literal {
            ScalarValue::Boolean(Some(value)) => Some(Value::Bool(*value)),
            _ => None,
        },
        ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 => integer(literal).map(Value::Int),
        ColumnType::Float32 | ColumnType::Float64 => match literal {
            ScalarValue::Float32(Some(value)) => Some(Value::Float(f64::from(*value))),
            ScalarValue::Float64(Some(value)) if column_type == ColumnType::Float64 => Some(Value::Float(*value)),
            _ => None,
        },
        ColumnType::Decimal { scale, .. } => {
            let (value, from) = decimal(literal)?;
            let to = scale.cast_signed();
            let moved = rescale(value, from, to)?;
            if rescale(moved, to, from) != Some(value) {
                return None;
            }
            match column_type.arrow() {
                DataType::Decimal64(..) => i64::try_from(moved).ok().map(Value::Int),
                _ => Some(Value::Wide(moved)),
            }
        }
        ColumnType::Char { .. } => {
            let text = literal.try_as_str().flatten()?;
            Some(Value::Bytes(text.trim_end_matches(' ').as_bytes().to_vec()))
        }
        ColumnType::Varchar { .. } => Some(Value::Bytes(literal.try_as_str().flatten()?.as_bytes().to_vec())),
        ColumnType::Date => match literal {
            ScalarValue::Date32(Some(days)) => Some(Value::Int(i64::from(*days))),
            _ => None,
        },
        ColumnType::Time => match literal {
            ScalarValue::Time64Microsecond(Some(micros)) => Some(Value::Int(*micros)),
            _ => None,
        },
        ColumnType::Timestamp | ColumnType::TimestampTz => match literal.data_type() {
            DataType::Timestamp(TimeUnit::Microsecond, zone)
                if zone.is_some() == (column_type == ColumnType::TimestampTz) =>
            {
                match literal {
                    ScalarValue::TimestampMicrosecond(Some(micros), _) => Some(Value::Int(*micros)),
                    _ => None,
                }
            }
            _ => None,
        },
        ColumnType::Bytes => match literal {
            ScalarValue::Binary(Some(bytes)) | ScalarValue::BinaryView(Some(bytes)) => {
                Some(Value::Bytes(bytes.clone()))
            }
            _ => None,
        },
        // Intervals compare by length, not by their parts.
        ColumnType::Interval => None,
    }
}

fn integer(literal: &ScalarValue) -> Option<i64> {
    match literal {
        ScalarValue::Int8(Some(value)) => Some(i64::from(*value)),
        ScalarValue::Int16(Some(value)) => Some(i64::from(*value)),
        ScalarValue::Int32(Some(value)) => Some(i64::from(*value)),
        ScalarValue::Int64(Some(value)) => Some(*value),
        _ => None,
    }
}

/// The unscaled value and the scale of a number.
fn decimal(literal: &ScalarValue) -> Option<(i128, i8)> {
    let scale = decimal_shape(&literal.data_type())?.1;
    let value = match literal {
        ScalarValue::Decimal32(value, ..) => i128::from((*value)?),
        ScalarValue::Decimal64(value, ..) => i128::from((*value)?),
        ScalarValue::Decimal128(value, ..) => (*value)?,
        other => i128::from(integer(other)?),
    };
    Some((value, scale))
}
