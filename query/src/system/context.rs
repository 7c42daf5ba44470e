//! What system tables and functions are computed from: one catalog snapshot and the facts of one session.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use parking_lot::Mutex;
use stoa_storage::{DatabaseId, PUBLIC, RoleId, SchemaId, Snapshot};

use crate::system::history::History;

/// A setting as the session sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingFact {
    /// Name.
    pub name: String,
    /// Current value.
    pub value: String,
    /// Value without any SET.
    pub default: String,
    /// One sentence.
    pub description: String,
    /// `bool`, `integer`, `real`, `string` or `enum`.
    pub kind: &'static str,
    /// Unit of a bare number, such as `ms`.
    pub unit: Option<&'static str>,
}

/// A function that SQL can call, for `pg_proc`.
#[derive(Debug, Clone)]
pub(crate) struct FunctionFact {
    /// Name, lower case.
    pub name: String,
    /// `f` function, `a` aggregate, `w` window function.
    pub kind: char,
    /// `i` immutable, `s` stable, `v` volatile.
    pub volatility: char,
}

/// What set_config and the two signal functions ask of the session, carried out by whoever made the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// `set_config(name, value, is_local)`.
    SetConfig {
        /// Name of the setting.
        name: String,
        /// Its new value.
        value: String,
        /// Until the end of the transaction only.
        local: bool,
    },
    /// `pg_cancel_backend(process_id)`.
    Cancel(i32),
    /// `pg_terminate_backend(process_id)`.
    Terminate(i32),
}

/// Carries out an [`Action`]; gives whether it had an effect, or the error to raise.
pub(crate) type ActionHandler = Arc<dyn Fn(Action) -> Result<bool, crate::error::SqlError> + Send + Sync>;

/// The world as one statement sees it.
#[derive(Clone)]
pub(crate) struct SystemContext {
    /// The catalog, with the transaction's own changes.
    pub snapshot: Arc<Snapshot>,
    /// The session's database.
    pub database: DatabaseId,
    /// `current_user`.
    pub role: RoleId,
    /// `session_user`.
    pub session_role: RoleId,
    /// Existing schemas of `search_path`, in order, without the implicit `pg_catalog`.
    pub search_path: Vec<SchemaId>,
    /// The session's temporary schema.
    pub temporary_schema: Option<SchemaId>,
    /// `pg_backend_pid()`.
    pub process_id: i32,
    /// Address of the client, `host:port` or empty.
    pub client_address: String,
    /// Address that the client connected to, `host:port` or empty.
    pub server_address: String,
    /// When the server started, microseconds since 1970.
    pub server_started_micros: i64,
    /// Now, microseconds since 1970: one value a statement.
    pub now_micros: i64,
    /// Rows of the session's last COPY.
    pub last_copy_count: i64,
    /// Id of the session's last COPY statement; -1 before the first.
    pub last_copy_id: i64,
    /// Id of the session's last statement; -1 before the first.
    pub last_query_id: i64,
    /// All settings.
    pub settings: Arc<Vec<SettingFact>>,
    /// All functions, sorted by name and without repetition: the place is the oid.
    pub functions: Arc<Vec<FunctionFact>>,
    /// Sessions, statements and load errors.
    pub history: Arc<History>,
    /// Carries out set_config and signals; absent: those functions are refused.
    pub actions: Option<ActionHandler>,
    /// Columns of the views, worked out by whoever can plan a query; `None` for a view whose query no longer plans.
    pub view_columns: Option<ViewColumns>,
    /// Tables that were computed already: one statement sees one state of each.
    pub(crate) cache: Arc<Mutex<HashMap<u32, RecordBatch>>>,
}

/// Gives name and type of each column of a view.
pub(crate) type ViewColumns =
    Arc<dyn Fn(&stoa_storage::View) -> Option<Vec<(String, crate::types::SqlType)>> + Send + Sync>;

impl std::fmt::Debug for SystemContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SystemContext")
            .field("version", &self.snapshot.version)
            .field("database", &self.database)
            .field("role", &self.role)
            .field("process_id", &self.process_id)
            .finish_non_exhaustive()
    }
}

impl SystemContext {
    /// A context with a catalog and a user; every other fact is empty until it is set.
    pub(crate) fn new(snapshot: Arc<Snapshot>, database: DatabaseId, role: RoleId) -> Self {
        Self {
            snapshot,
            database,
            role,
            session_role: role,
            search_path: Vec::new(),
            temporary_schema: None,
            process_id: 0,
            client_address: String::new(),
            server_address: String::new(),
            server_started_micros: 0,
            now_micros: 0,
            last_copy_count: 0,
            last_copy_id: -1,
            last_query_id: -1,
            settings: Arc::default(),
            functions: Arc::default(),
            history: Arc::default(),
            actions: None,
            view_columns: None,
            cache: Arc::default(),
        }
    }

    /// Name of a role; Postgres's `unknown (OID=n)` for one that is gone.
    pub(crate) fn role_name(&self, role: RoleId) -> String {
        self.snapshot.roles.get(&role).map_or_else(|| format!("unknown (OID={role})"), |role| role.name.clone())
    }

    /// Name of the session's database.
    pub(crate) fn database_name(&self) -> String {
        self.snapshot.databases.get(&self.database).map(|database| database.name.clone()).unwrap_or_default()
    }

    /// Name of `current_user`.
    pub(crate) fn user_name(&self) -> String {
        self.role_name(self.role)
    }

    /// Whether a role is superuser.
    pub(crate) fn is_superuser(&self, role: RoleId) -> bool {
        self.snapshot.roles.get(&role).is_some_and(|role| role.superuser)
    }

    /// A role, PUBLIC and everything that it is a member of, directly or not.
    pub(crate) fn memberships(&self, role: RoleId) -> BTreeSet<RoleId> {
        let mut found = BTreeSet::from([role, PUBLIC]);
        let mut open = vec![role];
        while let Some(next) = open.pop() {
            let groups = self.snapshot.roles.get(&next).map(|role| &role.member_of);
            for group in groups.into_iter().flatten() {
                if found.insert(*group) {
                    open.push(*group);
                }
            }
        }
        found
    }

    /// Whether facts about `user` may be shown: one's own, and everyone's to a superuser.
    pub(crate) fn may_see(&self, user: &str) -> bool {
        self.is_superuser(self.role) || self.user_name() == user
    }

    /// Value of a setting.
    pub(crate) fn setting(&self, name: &str) -> Option<&SettingFact> {
        self.settings.iter().find(|setting| setting.name.eq_ignore_ascii_case(name))
    }
}
