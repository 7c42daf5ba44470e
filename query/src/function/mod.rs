//! The functions of SQL: one table of rows, each either ours or one of the engine's whose behaviour is Postgres's.
//!
//! A function that is in neither list does not exist (42883): an engine function with other semantics than Postgres's or
//! Redshift's is left out rather than answered wrongly.

pub(crate) mod aggregate;
mod arithmetic;
mod builtin;
mod calendar;
mod cast;
mod date;
mod decimal;
mod field;
mod format;
mod interval;
mod number;
mod parse;
mod pattern;
mod series;
mod string;
mod table;

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

pub(crate) use builtin::{FunctionContext, Scalar};
pub(crate) use cast::{PgCast, needs_own_cast};
pub(crate) use decimal::{rescale, shape as decimal_shape};
pub(crate) use parse::decimal as parse_decimal;
pub(crate) use series::series_source;
pub(crate) use table::{FUNCTIONS, Family, engine_planners};

/// The names under which operators call their functions. Users cannot write them: identifiers start with a letter.
pub(crate) mod operator {
    /// `a + b`
    pub(crate) const ADD: &str = "+";
    /// `a - b`
    pub(crate) const SUBTRACT: &str = "-";
    /// `a * b`
    pub(crate) const MULTIPLY: &str = "*";
    /// `a / b`
    pub(crate) const DIVIDE: &str = "/";
    /// `a % b`
    pub(crate) const MODULO: &str = "%";
    /// `a || b`
    pub(crate) const CONCAT: &str = "||";
}

/// The scalar function of that name.
pub(crate) fn scalar(name: &str, context: &Arc<FunctionContext>) -> Option<Arc<ScalarUDF>> {
    let name = name.strip_prefix("pg_catalog.").unwrap_or(name);
    if let Some(builtin) = builtin::find(name) {
        return Some(Arc::new(Scalar::udf(builtin, Arc::clone(context))));
    }
    table::engine_scalar(name)
}

/// The aggregate function of that name.
pub(crate) fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    let name = name.strip_prefix("pg_catalog.").unwrap_or(name);
    aggregate::own(name).or_else(|| table::engine_aggregate(name))
}

/// The window function of that name.
pub(crate) fn window(name: &str) -> Option<Arc<WindowUDF>> {
    let name = name.strip_prefix("pg_catalog.").unwrap_or(name);
    table::engine_window(name)
}

/// Names of one family, for suggestions.
pub(crate) fn names(family: Family) -> Vec<String> {
    FUNCTIONS.iter().filter(|row| row.family == family).map(|row| row.name.to_owned()).collect()
}
