//! INSERT, UPDATE, DELETE, TRUNCATE, and the values of defaults.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use sqlparser::ast;
use stoa_storage::{Change, Column, ColumnId, ColumnType, Table, TableId, Value};

use super::{Context, prepare};
use crate::cancel::Cancel;
use crate::error::SqlError;
use crate::execute;
use crate::outcome::Outcome;
use crate::plan::PlanContext;
use crate::plan::query::PlannedQuery;
use crate::plan::write::{self, PlannedDelete, PlannedInsert, PlannedUpdate};
use crate::types::SqlType;

/// Runs INSERT.
pub(crate) async fn insert(plan: PlannedInsert, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let (exec, parameters) = (context.exec(), context.parameters.clone());
    let rows = execute::write::insert(&plan, &parameters, context.transaction()?, &exec).await?;
    Ok(Outcome::command(format!("INSERT 0 {rows}")))
}

/// Runs UPDATE.
pub(crate) async fn update(plan: PlannedUpdate, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let (exec, parameters) = (context.exec(), context.parameters.clone());
    let rows = execute::write::update(&plan, &parameters, context.transaction()?, &exec).await?;
    Ok(Outcome::command(format!("UPDATE {rows}")))
}

/// Runs DELETE.
pub(crate) async fn delete(plan: PlannedDelete, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let (exec, parameters) = (context.exec(), context.parameters.clone());
    let rows = execute::write::delete(&plan, &parameters, context.transaction()?, &exec).await?;
    Ok(Outcome::command(format!("DELETE {rows}")))
}

/// Runs TRUNCATE.
pub(crate) fn truncate(tables: &[Arc<Table>], context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    for table in tables {
        let snapshot = context.transaction()?.snapshot();
        let parts = snapshot.tables.get(&table.id).map(|table| table.parts.keys().copied().collect());
        context.stage(Change::Truncate { table: table.id, parts: parts.unwrap_or_default() })?;
    }
    Ok(Outcome::command("TRUNCATE TABLE"))
}

/// Fills a table that was made for a query with its rows.
pub(crate) async fn fill(table: TableId, query: PlannedQuery, context: &mut Context<'_>) -> Result<u64, SqlError> {
    let refreshed = context.refreshed()?;
    let table = refreshed.snapshot.tables.get(&table).cloned();
    let table = table.ok_or_else(|| SqlError::internal("the new table is gone"))?;
    let cancel = context.cancel.clone();
    let plan = {
        let refreshed = refreshed.clone();
        crate::session::stack::planning(&cancel, move || write::plan_fill(query, table, &refreshed)).await?
    };
    let exec = context.exec();
    let parameters = context.parameters.clone();
    execute::write::insert(&plan, &parameters, context.transaction()?, &exec).await
}

/// A column that has nothing but a type.
pub(crate) fn plain_column(name: String, column_type: ColumnType) -> Column {
    Column {
        id: ColumnId(0),
        name,
        column_type,
        nullable: true,
        default: None,
        missing: None,
        identity: None,
        encode: None,
        comment: None,
    }
}

/// Refuses an expression that cannot be a DEFAULT.
pub(crate) fn check_default(text: &str, context: &PlanContext) -> Result<(), SqlError> {
    write::check_default(&expression(text)?, context)
}

fn expression(text: &str) -> Result<ast::Expr, SqlError> {
    sqlparser::parser::Parser::new(&crate::statement::dialect::StoaDialect)
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_expr())
        .map_err(|error| crate::error::parser::parser_error(error, text))
}

/// The value that a DEFAULT has now, as a scalar of the column's Arrow type.
pub(crate) async fn default_scalar(
    text: &str,
    column_type: ColumnType,
    context: &PlanContext,
    cancel: &Cancel,
) -> Result<ScalarValue, SqlError> {
    let arguments = [expression(text)?];
    let types = [SqlType::from_column(column_type)];
    let context = PlanContext { declared: vec![], ..context.clone() };
    let mut values = prepare::evaluate(&arguments, &types, context, cancel).await?;
    let value = values.pop().ok_or_else(|| SqlError::internal("a default has no value"))?;
    Ok(value.cast_to(&column_type.arrow())?)
}

/// The same as a stored value; `None` is null.
pub(crate) async fn default_value(
    text: &str,
    column_type: ColumnType,
    context: &PlanContext,
    cancel: &Cancel,
) -> Result<Option<Value>, SqlError> {
    stored(default_scalar(text, column_type, context, cancel).await?)
}

fn stored(scalar: ScalarValue) -> Result<Option<Value>, SqlError> {
    use ScalarValue as S;
    if scalar.is_null() {
        return Ok(None);
    }
    let value = match scalar {
        S::Boolean(value) => value.map(Value::Bool),
        S::Int16(value) => value.map(|value| Value::Int(value.into())),
        S::Int32(value) | S::Date32(value) => value.map(|value| Value::Int(value.into())),
        S::Int64(value)
        | S::Decimal64(value, _, _)
        | S::Time64Microsecond(value)
        | S::TimestampMicrosecond(value, _) => value.map(Value::Int),
        S::Decimal128(value, _, _) => value.map(Value::Wide),
        S::Float32(value) => value.map(|value| Value::Float(value.into())),
        S::Float64(value) => value.map(Value::Float),
        S::Utf8(value) | S::Utf8View(value) | S::LargeUtf8(value) => {
            value.map(|value| Value::Bytes(value.into_bytes()))
        }
        S::Binary(value) | S::BinaryView(value) | S::LargeBinary(value) => value.map(Value::Bytes),
        other => return Err(SqlError::unsupported(format!("a default of type {}", other.data_type()))),
    };
    Ok(value)
}
