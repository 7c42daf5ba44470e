//! What computes the rows of system tables, one family a file.

pub(crate) mod activity;
pub(crate) mod attribute;
pub(crate) mod database;
pub(crate) mod datatype;
pub(crate) mod depend;
pub(crate) mod function;
pub(crate) mod history;
pub(crate) mod information;
pub(crate) mod information_column;
pub(crate) mod information_key;
pub(crate) mod information_privilege;
pub(crate) mod listing;
pub(crate) mod redshift;
pub(crate) mod relation;
pub(crate) mod role;

use crate::error::SqlError;
use crate::system::context::SystemContext;
use crate::system::row::Rows;

/// The source of tables that are empty by nature.
pub(crate) fn none(_context: &SystemContext, _rows: &mut Rows) -> Result<(), SqlError> {
    Ok(())
}
