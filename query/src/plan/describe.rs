//! What a plan gives: names, SQL types and origins of its columns, and types of its parameters.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::catalog::default_table_source::DefaultTableSource;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder};

use super::label;
use super::relation::StoredTable;
use crate::error::SqlError;
use crate::outcome::ResultColumn;
use crate::types::SqlType;

/// The columns of a plan's result.
pub(crate) fn columns(plan: &LogicalPlan) -> Vec<ResultColumn> {
    let fields = plan.schema().fields();
    let column = |(place, field): (usize, &FieldRef)| ResultColumn {
        name: label::shown(field.name()).to_owned(),
        sql_type: shown_type(field),
        table: origin(plan, place),
        nullable: field.is_nullable(),
    };
    fields.iter().enumerate().map(column).collect()
}

/// The SQL type of a result column; what no type was found for is text.
fn shown_type(field: &Field) -> SqlType {
    match SqlType::from_field(field) {
        SqlType::Unknown => SqlType::Text,
        other => other,
    }
}

/// The SQL type that a parameter in such a place takes.
pub(crate) fn parameter(field: &Field) -> SqlType {
    match SqlType::from_field(field) {
        // The length of a column does not bind a parameter that is compared with it.
        SqlType::Varchar(_) | SqlType::Bpchar(_) | SqlType::Unknown => SqlType::Text,
        SqlType::Numeric { .. } => SqlType::NumericAny,
        other => other,
    }
}

/// The stored column that a column of a plan shows unchanged: table id and column number.
fn origin(plan: &LogicalPlan, place: usize) -> Option<(u32, i16)> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let mut expr = projection.expr.get(place)?;
            while let Expr::Alias(alias) = expr {
                expr = &alias.expr;
            }
            let Expr::Column(column) = expr else { return None };
            origin(&projection.input, projection.input.schema().maybe_index_of_column(column)?)
        }
        LogicalPlan::SubqueryAlias(alias) => origin(&alias.input, place),
        LogicalPlan::Filter(filter) => origin(&filter.input, place),
        LogicalPlan::Sort(sort) => origin(&sort.input, place),
        LogicalPlan::Limit(limit) => origin(&limit.input, place),
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            match join.join_type {
                JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full if place >= left => {
                    origin(&join.right, place - left)
                }
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => origin(&join.right, place),
                _ => origin(&join.left, place),
            }
        }
        LogicalPlan::TableScan(scan) => {
            let source = scan.source.downcast_ref::<DefaultTableSource>()?;
            let stored = (source.table_provider.as_ref() as &dyn std::any::Any).downcast_ref::<StoredTable>()?;
            let table = stored.table();
            let column = table.column_named(scan.projected_schema.field(place).name())?;
            Some((table.id.0, i16::try_from(column.id.0).ok()?))
        }
        _ => None,
    }
}

/// The Arrow type that a result column travels in; `None` where it is fine as it is.
pub(crate) fn wire_type(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Int8 | DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 | DataType::Duration(_) => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(precision, scale) => DataType::Decimal64(*precision, *scale),
        DataType::Decimal256(_, scale) => DataType::Decimal128(38, *scale),
        DataType::Null | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::LargeBinary | DataType::FixedSizeBinary(_) => DataType::BinaryView,
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(TimeUnit::Nanosecond) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(unit, zone) if *unit != TimeUnit::Microsecond => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        DataType::Interval(unit) if *unit != arrow::datatypes::IntervalUnit::MonthDayNano => {
            DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano)
        }
        DataType::Dictionary(_, value) => wire_type(value).unwrap_or_else(|| value.as_ref().clone()),
        _ => return None,
    })
}

/// The plan with result columns in types that protocols know.
pub(crate) fn settle(plan: LogicalPlan) -> Result<LogicalPlan, SqlError> {
    let schema = Arc::clone(plan.schema());
    if schema.fields().iter().all(|field| wire_type(field.data_type()).is_none()) {
        return Ok(plan);
    }
    let exprs = schema.iter().map(|(qualifier, field)| {
        let column = Expr::from((qualifier, field));
        match wire_type(field.data_type()) {
            Some(wanted) => {
                Expr::Cast(Cast::new(Box::new(column), wanted)).alias_qualified(qualifier.cloned(), field.name())
            }
            None => column,
        }
    });
    let exprs: Vec<Expr> = exprs.collect();
    Ok(LogicalPlanBuilder::from(plan).project(exprs)?.build()?)
}
