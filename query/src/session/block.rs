//! The open transaction of a session.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlparser::ast;
use sqlparser::ast::helpers::attached_token::AttachedToken;
use stoa_storage::{Savepoint, TemporarySpace, Transaction};

use super::setting::SettingMark;
use crate::error::{SqlError, SqlState};
use crate::outcome::Rows;
use crate::statement::Parsed;
use crate::types::SqlType;

/// Who ends a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The statement itself.
    Auto,
    /// The end of a multi-statement string or of a pipeline.
    Implicit,
    /// COMMIT or ROLLBACK.
    Explicit,
}

/// An open transaction.
pub(crate) struct Block {
    pub(crate) transaction: Transaction,
    pub(crate) mode: Mode,
    pub(crate) read_only: bool,
    /// Set by a failed statement, also by a result that fails while it is streamed.
    pub(crate) failed: Arc<AtomicBool>,
    pub(crate) savepoints: Vec<Mark>,
    pub(crate) started_micros: i64,
}

/// A savepoint: of rows and catalog, and of settings.
pub(crate) struct Mark {
    pub(crate) name: String,
    pub(crate) storage: Savepoint,
    pub(crate) settings: SettingMark,
}

impl Block {
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }
}

/// A statement of PREPARE.
#[derive(Clone)]
pub(crate) struct NamedStatement {
    pub(crate) parsed: Parsed,
    pub(crate) types: Vec<Option<SqlType>>,
}

/// An open cursor.
pub(crate) struct Cursor {
    pub(crate) rows: Rows,
    /// Rows read from the stream and not yet fetched.
    pub(crate) pending: Vec<arrow::array::RecordBatch>,
}

/// What only the running statement may touch.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) block: Option<Block>,
    pub(crate) temporary: TemporarySpace,
    pub(crate) prepared: BTreeMap<String, NamedStatement>,
    pub(crate) cursors: BTreeMap<String, Cursor>,
    pub(crate) last_query_id: i64,
    pub(crate) last_copy: (i64, i64),
}

impl State {
    /// The open transaction; a bug where there is none.
    pub(crate) fn block(&mut self) -> Result<&mut Block, SqlError> {
        self.block.as_mut().ok_or_else(|| SqlError::internal("a statement runs outside of a transaction"))
    }

    /// The statement of that name.
    pub(crate) fn named(&self, name: &str) -> Result<&NamedStatement, SqlError> {
        self.prepared.get(name).ok_or_else(|| {
            SqlError::new(SqlState::InvalidStatementName, format!("prepared statement \"{name}\" does not exist"))
        })
    }
}

/// The values of EXECUTE's arguments are constant expressions, planned as a query of one row.
pub(crate) fn as_query(arguments: &[ast::Expr]) -> ast::Query {
    let values = ast::Values {
        explicit_row: false,
        value_keyword: false,
        rows: vec![ast::Parens {
            opening_token: AttachedToken::empty(),
            content: arguments.to_vec(),
            closing_token: AttachedToken::empty(),
        }],
    };
    ast::Query {
        with: None,
        body: Box::new(ast::SetExpr::Values(values)),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    }
}
