//! What one statement knows of its session: fixed when the statement starts, shared by everything that plans or runs it.

use std::sync::Arc;

use stoa_storage::{DatabaseId, RoleId, SchemaId};

use crate::function::FunctionContext;
use crate::settings::Settings;

/// The session as one statement sees it.
#[derive(Debug, Clone)]
pub(crate) struct SessionFacts {
    /// `current_user`.
    pub(crate) user: String,
    /// Its id.
    pub(crate) role: RoleId,
    /// `session_user`'s id.
    pub(crate) session_role: RoleId,
    /// The database.
    pub(crate) database: String,
    /// Its id.
    pub(crate) database_id: DatabaseId,
    /// The session's number.
    pub(crate) process_id: i32,
    /// Where the client is.
    pub(crate) client_address: String,
    /// Settings.
    pub(crate) settings: Arc<Settings>,
    /// Schemas of `search_path` in order, `$user` replaced; schemas that do not exist included.
    pub(crate) search_path: Vec<String>,
    /// The schema of the session's temporary tables, once there are some.
    pub(crate) temporary_schema: Option<SchemaId>,
    /// Start of the transaction, microseconds since 1970.
    pub(crate) transaction_started_micros: i64,
    /// Start of the statement, microseconds since 1970.
    pub(crate) statement_started_micros: i64,
    /// Number of the session's statement before this one; -1 before the first.
    pub(crate) last_query_id: i64,
    /// Rows and number of the session's last COPY; -1 before the first.
    pub(crate) last_copy: (i64, i64),
}

impl SessionFacts {
    /// The facts that the text of a view is planned with: its owner's rights, the path of its creation.
    pub(crate) fn for_view(&self, owner: RoleId, search_path: Vec<String>) -> Self {
        Self { role: owner, search_path, temporary_schema: None, ..self.clone() }
    }

    /// What functions that depend on clock and zone need.
    pub(crate) fn function_context(&self) -> FunctionContext {
        FunctionContext {
            transaction_micros: self.transaction_started_micros,
            statement_micros: self.statement_started_micros,
            time_zone: self.settings.time_zone().parse().unwrap_or(chrono_tz::UTC),
        }
    }
}
