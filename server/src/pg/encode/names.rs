//! Names behind the oids of `regclass` and its siblings.

use stoa_query::SqlType;

/// Finds the name that an oid of a `reg…` type is shown as.
pub(crate) trait ObjectNames: Send + Sync + std::fmt::Debug {
    /// The name of object `oid`; `None` shows the number.
    fn name(&self, sql_type: &SqlType, oid: u32) -> Option<String>;
}

/// Shows numbers: for tests, and where there is no catalog.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoNames;

impl ObjectNames for NoNames {
    fn name(&self, _sql_type: &SqlType, _oid: u32) -> Option<String> {
        None
    }
}
