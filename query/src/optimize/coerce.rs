//! Which types operands are brought to, as Postgres decides it: a text literal takes the type of the other side, a number
//! literal takes the exact type of a column where it has a value there, and text never becomes a number by itself.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, IntervalUnit, TimeUnit};
use datafusion::common::{DFSchema, ExprSchema, Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::{Cast, Placeholder, ScalarFunction};
use datafusion::logical_expr::{ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF};

use crate::error::{SqlError, SqlState};
use crate::function::{self, FunctionContext, PgCast, decimal_shape, needs_own_cast, operator, rescale};
use crate::plan::operator::literal;
use crate::types::{NUMERIC_PRECISION_MAX, SqlType, decimal_type};

type Context = Arc<FunctionContext>;

/// A string literal without a cast: its type is open.
fn is_unknown(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(ScalarValue::Utf8(Some(_)), _))
}

/// A parameter whose type is not known.
pub(crate) fn is_open(expr: &Expr) -> bool {
    matches!(expr, Expr::Placeholder(placeholder) if placeholder.field.as_ref().is_none_or(|f| f.data_type().is_null()))
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..))
}

fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float16 | DataType::Float32 | DataType::Float64)
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_integer() || is_decimal(data_type) || is_float(data_type)
}

fn sql_error(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Casts to a type with our meaning; a literal is converted at once.
pub(crate) fn cast(expr: Expr, target: &FieldRef, schema: &dyn ExprSchema, context: &Context) -> Result<Expr> {
    if let Expr::Placeholder(placeholder) = &expr
        && is_open(&expr)
    {
        return Ok(Expr::Placeholder(Placeholder::new_with_field(placeholder.id.clone(), Some(Arc::clone(target)))));
    }
    let (_, source) = expr.to_field(schema)?;
    let sql_type = SqlType::from_field(target);
    if source.data_type() == target.data_type() && SqlType::from_field(&source) == sql_type {
        return Ok(expr);
    }
    if !needs_own_cast(source.data_type(), target) {
        return Ok(Expr::Cast(Cast::new_from_field(Box::new(expr), Arc::clone(target))));
    }
    let cast = PgCast::new(Arc::clone(target), Arc::clone(context));
    if let Some(value) = literal(&expr)
        && target.metadata().is_empty()
        && !matches!(target.data_type(), DataType::List(_))
    {
        return Ok(Expr::Literal(cast.scalar(&value)?, None));
    }
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(cast)), vec![expr])))
}

/// The same to a plain Arrow type.
pub(crate) fn cast_to(expr: Expr, target: &DataType, schema: &dyn ExprSchema, context: &Context) -> Result<Expr> {
    cast(expr, &arrow::datatypes::Field::new("", target.clone(), true).into(), schema, context)
}

/// A text literal as a number with the digits that it has, for numeric operands.
fn numeric_literal(text: &str) -> Result<Expr> {
    let (value, scale) = function::parse_decimal(text).map_err(sql_error)?;
    Ok(Expr::Literal(ScalarValue::Decimal128(Some(value), NUMERIC_PRECISION_MAX, scale), None))
}

/// Gives a text literal or an open parameter the type of the other side.
fn adopt(expr: Expr, other: &FieldRef, schema: &dyn ExprSchema, context: &Context) -> Result<Expr> {
    if is_open(&expr) {
        return if other.data_type().is_null() { Ok(expr) } else { cast(expr, other, schema, context) };
    }
    let Some(text) = literal(&expr).as_ref().and_then(|value| value.try_as_str().flatten().map(str::to_owned)) else {
        return Ok(expr);
    };
    if is_text(other.data_type()) {
        if matches!(SqlType::from_field(other), SqlType::Bpchar(_)) {
            return Ok(Expr::Literal(ScalarValue::Utf8(Some(text.trim_end_matches(' ').to_owned())), None));
        }
        return Ok(expr);
    }
    if is_decimal(other.data_type()) {
        return numeric_literal(&text);
    }
    if other.data_type().is_null() {
        return Ok(expr);
    }
    cast(expr, other, schema, context)
}

/// Brings the sides of a comparison to one type.
pub(crate) fn comparison(left: Expr, right: Expr, schema: &dyn ExprSchema, context: &Context) -> Result<(Expr, Expr)> {
    let (left, right) = adopt_both(left, right, schema, context)?;
    let (l, r) = (left.get_type(schema)?, right.get_type(schema)?);
    if is_number(&l) && is_number(&r) {
        return numbers(left, right, (&l, &r), schema, context);
    }
    if l == r || l.is_null() || r.is_null() || is_open(&left) || is_open(&right) {
        return Ok((left, right));
    }
    if (is_text(&l) && is_number(&r)) || (is_number(&l) && is_text(&r)) {
        return Err(no_comparison(&l, &r));
    }
    // A date compared with a constant midnight stays a comparison of dates, which blocks can be pruned by.
    if let (DataType::Date32, Some(day)) = (&l, midnight(&right)) {
        return Ok((left, day));
    }
    if let (Some(day), DataType::Date32) = (midnight(&left), &r) {
        return Ok((day, right));
    }
    match (&l, &r) {
        (DataType::Date32, DataType::Timestamp(..)) => Ok((cast_to(left, &r, schema, context)?, right)),
        (DataType::Timestamp(..), DataType::Date32) => {
            let right = cast_to(right, &l, schema, context)?;
            Ok((left, right))
        }
        (DataType::Timestamp(TimeUnit::Microsecond, None), DataType::Timestamp(TimeUnit::Microsecond, Some(_))) => {
            Ok((cast_to(left, &r, schema, context)?, right))
        }
        (DataType::Timestamp(TimeUnit::Microsecond, Some(_)), DataType::Timestamp(TimeUnit::Microsecond, None)) => {
            let right = cast_to(right, &l, schema, context)?;
            Ok((left, right))
        }
        (DataType::Boolean, other) | (other, DataType::Boolean) if is_number(other) || is_text(other) => {
            Err(no_comparison(&l, &r))
        }
        _ => Ok((left, right)),
    }
}

/// The date of a timestamp literal without a time of day.
fn midnight(expr: &Expr) -> Option<Expr> {
    const DAY: i64 = 86_400_000_000;
    match literal(expr)? {
        ScalarValue::TimestampMicrosecond(Some(micros), None) if micros.rem_euclid(DAY) == 0 => {
            let days = i32::try_from(micros.div_euclid(DAY)).ok()?;
            Some(Expr::Literal(ScalarValue::Date32(Some(days)), None))
        }
        _ => None,
    }
}

/// A constant made of literals, computed; anything else, and what fails, stays for the run.
pub(crate) fn folded(expr: Expr, schema: &dyn ExprSchema, context: &Context) -> Result<Expr> {
    match expr {
        Expr::Cast(cast) if matches!(cast.expr.as_ref(), Expr::Literal(..)) => {
            match self::cast(*cast.expr, &cast.field, schema, context)? {
                // A cast that the engine does as we do is computed here, too.
                Expr::Cast(cast) if cast.field.metadata().is_empty() => match cast.expr.as_ref() {
                    Expr::Literal(value, _) => Ok(Expr::Literal(value.cast_to(cast.field.data_type())?, None)),
                    _ => Ok(Expr::Cast(cast)),
                },
                other => Ok(other),
            }
        }
        other => Ok(other),
    }
}

/// Calls one of our functions on literals.
pub(crate) fn computed(udf: &ScalarUDF, args: &[Expr]) -> Option<Expr> {
    let values: Option<Vec<ScalarValue>> = args
        .iter()
        .map(|arg| match arg {
            Expr::Literal(value, _) if !value.is_null() => Some(value.clone()),
            _ => None,
        })
        .collect();
    let values = values?;
    let types: Vec<DataType> = values.iter().map(ScalarValue::data_type).collect();
    if udf.coerce_types(&types).ok()? != types {
        return None;
    }
    let field = |data_type: &DataType| Arc::new(arrow::datatypes::Field::new("", data_type.clone(), true));
    let call = ScalarFunctionArgs {
        args: values.into_iter().map(ColumnarValue::Scalar).collect(),
        arg_fields: types.iter().map(field).collect(),
        number_rows: 1,
        return_field: field(&udf.return_type(&types).ok()?),
        config_options: Arc::default(),
    };
    match udf.invoke_with_args(call).ok()? {
        ColumnarValue::Scalar(value) => Some(Expr::Literal(value, None)),
        ColumnarValue::Array(_) => None,
    }
}

fn no_comparison(left: &DataType, right: &DataType) -> DataFusionError {
    let name = |data_type: &DataType| SqlType::from_arrow(data_type).name();
    sql_error(
        SqlError::new(
            SqlState::UndefinedFunction,
            format!("operator does not exist: {} = {}", name(left), name(right)),
        )
        .with_hint("No operator matches the given name and argument types. You might need to add explicit type casts."),
    )
}

fn adopt_both(left: Expr, right: Expr, schema: &dyn ExprSchema, context: &Context) -> Result<(Expr, Expr)> {
    let left_open = is_unknown(&left) || is_open(&left);
    let right_open = is_unknown(&right) || is_open(&right);
    match (left_open, right_open) {
        (true, false) => {
            let other = right.to_field(schema)?.1;
            Ok((adopt(left, &other, schema, context)?, right))
        }
        (false, true) => {
            let other = left.to_field(schema)?.1;
            let right = adopt(right, &other, schema, context)?;
            Ok((left, right))
        }
        (true, true) if is_open(&left) != is_open(&right) => {
            let text = SqlType::Text.cast_field();
            let fix = |expr: Expr| if is_open(&expr) { cast(expr, &text, schema, context) } else { Ok(expr) };
            Ok((fix(left)?, fix(right)?))
        }
        _ => Ok((left, right)),
    }
}

fn numbers(
    left: Expr,
    right: Expr,
    (l, r): (&DataType, &DataType),
    schema: &dyn ExprSchema,
    context: &Context,
) -> Result<(Expr, Expr)> {
    if l == r {
        return Ok((left, right));
    }
    // A literal that is a value of the other side's type becomes one: filters on columns stay plain comparisons.
    if let Some(value) = literal(&right).and_then(|value| exactly(&value, l)) {
        return Ok((left, Expr::Literal(value, None)));
    }
    if let Some(value) = literal(&left).and_then(|value| exactly(&value, r)) {
        return Ok((Expr::Literal(value, None), right));
    }
    let common = common_number(l, r);
    let left = cast_to(left, &common, schema, context)?;
    let right = cast_to(right, &common, schema, context)?;
    Ok((left, right))
}

/// A number literal in another number type, if nothing of it is lost.
fn exactly(value: &ScalarValue, target: &DataType) -> Option<ScalarValue> {
    if value.is_null() || is_float(&value.data_type()) {
        return None;
    }
    if is_float(target) {
        return if *target == DataType::Float64 { value.cast_to(target).ok() } else { None };
    }
    let from = decimal_shape(&value.data_type())?;
    let to = decimal_shape(target)?;
    let digits = match value.cast_to(&DataType::Decimal128(NUMERIC_PRECISION_MAX, from.1)).ok()? {
        ScalarValue::Decimal128(Some(digits), ..) => digits,
        _ => return None,
    };
    let moved = rescale(digits, from.1, to.1)?;
    if rescale(moved, to.1, from.1) != Some(digits) || moved.unsigned_abs() >= 10_u128.pow(u32::from(to.0).min(38)) {
        return None;
    }
    ScalarValue::Decimal128(Some(moved), NUMERIC_PRECISION_MAX, to.1).cast_to(target).ok()
}

/// The type in which two numbers meet.
pub(crate) fn common_number(left: &DataType, right: &DataType) -> DataType {
    if left == right {
        return left.clone();
    }
    if is_float(left) || is_float(right) {
        return DataType::Float64;
    }
    if is_decimal(left) || is_decimal(right) {
        let (l, r) = (decimal_shape(left).unwrap_or((38, 0)), decimal_shape(right).unwrap_or((38, 0)));
        let scale = l.1.max(r.1);
        let whole = (i16::from(l.0) - i16::from(l.1)).max(i16::from(r.0) - i16::from(r.1));
        let precision = u8::try_from(whole + i16::from(scale)).unwrap_or(NUMERIC_PRECISION_MAX);
        return decimal_type(precision.min(NUMERIC_PRECISION_MAX), scale);
    }
    let rank = |data_type: &DataType| data_type.primitive_width().unwrap_or(8);
    match rank(left).max(rank(right)) {
        1 | 2 => DataType::Int16,
        4 => DataType::Int32,
        _ => DataType::Int64,
    }
}

/// Brings the operands of `+ - * / % ||` closer: literals take the other side's kind, open parameters its type.
pub(crate) fn operands(
    name: &str,
    left: Expr,
    right: Expr,
    schema: &DFSchema,
    context: &Context,
) -> Result<(Expr, Expr)> {
    if name == operator::CONCAT {
        return Ok((left, right));
    }
    let (l, r) = (left.to_field(schema)?.1, right.to_field(schema)?.1);
    let left = operand(name, left, &r, schema, context)?;
    let right = operand(name, right, &l, schema, context)?;
    let (l, r) = (left.get_type(schema)?, right.get_type(schema)?);
    if name == operator::DIVIDE {
        // The digits of a quotient come from the types alone.
        return Ok((left, right));
    }
    let left = narrowed(left, &r);
    Ok((left, narrowed(right, &l)))
}

fn operand(name: &str, expr: Expr, other: &FieldRef, schema: &DFSchema, context: &Context) -> Result<Expr> {
    if !is_unknown(&expr) && !is_open(&expr) {
        return Ok(expr);
    }
    let temporal = matches!(
        other.data_type(),
        DataType::Date32 | DataType::Timestamp(..) | DataType::Time64(_) | DataType::Interval(_)
    );
    if temporal {
        // `d + '1 day'` adds an interval, `d - '2020-01-01'` subtracts a date.
        let interval = name == operator::ADD || matches!(other.data_type(), DataType::Interval(_));
        let target = if interval { DataType::Interval(IntervalUnit::MonthDayNano) } else { other.data_type().clone() };
        return cast_to(expr, &target, schema, context);
    }
    if is_text(other.data_type()) || other.data_type().is_null() {
        return Ok(expr);
    }
    adopt(expr, other, schema, context)
}

/// An integer literal beside a decimal has only the digits that it has.
fn narrowed(expr: Expr, other: &DataType) -> Expr {
    if !is_decimal(other) {
        return expr;
    }
    let value = match literal(&expr) {
        Some(ScalarValue::Int32(Some(value))) => i64::from(value),
        Some(ScalarValue::Int64(Some(value))) => value,
        _ => return expr,
    };
    let precision = u8::try_from(value.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1)).unwrap_or(19);
    let narrow = if precision <= 18 {
        ScalarValue::Decimal64(Some(value), precision, 0)
    } else {
        ScalarValue::Decimal128(Some(i128::from(value)), precision, 0)
    };
    Expr::Literal(narrow, None)
}

/// The type of CASE, COALESCE and their like over branches; `None` leaves it to the engine.
pub(crate) fn common_type(branches: &[Expr], schema: &dyn ExprSchema) -> Result<Option<FieldRef>> {
    let mut common: Option<FieldRef> = None;
    for branch in branches {
        if is_unknown(branch) || is_open(branch) || literal(branch).is_some_and(|value| value.is_null()) {
            continue;
        }
        let field = branch.to_field(schema)?.1;
        common = Some(match common {
            None => field,
            Some(common) => match join(&common, &field) {
                Some(joined) => joined,
                None => return Err(no_common(&common, &field)),
            },
        });
    }
    Ok(common.filter(|field| !field.data_type().is_null()))
}

fn join(left: &FieldRef, right: &FieldRef) -> Option<FieldRef> {
    let (l, r) = (left.data_type(), right.data_type());
    let plain = |data_type: DataType| Some(arrow::datatypes::Field::new("", data_type, true).into());
    if l.is_null() {
        return Some(Arc::clone(right));
    }
    if r.is_null() || (l == r && left.metadata() == right.metadata()) {
        return Some(Arc::clone(left));
    }
    if is_text(l) && is_text(r) {
        return plain(DataType::Utf8View);
    }
    if is_number(l) && is_number(r) {
        return plain(common_number(l, r));
    }
    match (l, r) {
        (DataType::Date32, DataType::Timestamp(..)) => Some(Arc::clone(right)),
        (DataType::Timestamp(..), DataType::Date32 | DataType::Timestamp(_, None)) => Some(Arc::clone(left)),
        (DataType::Timestamp(..), DataType::Timestamp(..)) => Some(Arc::clone(right)),
        _ if l == r => plain(l.clone()),
        (DataType::List(_), DataType::List(_)) => Some(Arc::clone(left)),
        _ => None,
    }
}

fn no_common(left: &FieldRef, right: &FieldRef) -> DataFusionError {
    sql_error(SqlError::new(
        SqlState::DatatypeMismatch,
        format!(
            "types {} and {} cannot be matched",
            SqlType::from_field(left).name(),
            SqlType::from_field(right).name()
        ),
    ))
}
