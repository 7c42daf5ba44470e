//! The small filter language that the scan evaluates on zone maps and on encoded data.

use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};

use crate::catalog::value::Value;
use crate::error::Result;
use crate::id::ColumnId;

/// A condition on the columns of one table, with SQL's three-valued logic: a row passes where it is TRUE.
///
/// Values have the physical class of their column (see [`Value`]): a decimal literal is rescaled to the column's scale by
/// the planner, a date is days, a timestamp microseconds. NULL literals do not occur (the planner folds them).
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// Constant.
    True,
    /// Constant.
    False,
    /// All of.
    And(Vec<Predicate>),
    /// Any of.
    Or(Vec<Predicate>),
    /// `column <op> value`.
    Compare {
        /// The column.
        column: ColumnId,
        /// How it compares.
        op: Comparison,
        /// With what.
        value: Value,
    },
    /// `column IN (values)`; `negated`: NOT IN. The list holds no null.
    In {
        /// The column.
        column: ColumnId,
        /// Sorted by [`Value::compare`], without duplicates.
        values: Vec<Value>,
        /// NOT IN.
        negated: bool,
    },
    /// `column IS NULL`; `negated`: IS NOT NULL.
    IsNull {
        /// The column.
        column: ColumnId,
        /// IS NOT NULL.
        negated: bool,
    },
    /// `column LIKE 'prefix%'`.
    StartsWith {
        /// The column.
        column: ColumnId,
        /// The prefix, in bytes of UTF-8.
        prefix: Vec<u8>,
    },
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A filter that only the caller can evaluate (any SQL expression, a join's dynamic filter). The scan decodes its
/// columns first, asks it, and decodes the other columns only for rows that pass.
#[derive(Clone)]
pub struct RowFilter {
    /// Columns in the order in which [`RowFilter::test`] gets them.
    pub columns: Vec<ColumnId>,
    /// Answers one boolean a row; null counts as false.
    pub test: RowTest,
}

/// The function of a [`RowFilter`].
pub type RowTest = Arc<dyn Fn(&RecordBatch) -> Result<BooleanArray> + Send + Sync>;

impl std::fmt::Debug for RowFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowFilter").field("columns", &self.columns).finish_non_exhaustive()
    }
}
