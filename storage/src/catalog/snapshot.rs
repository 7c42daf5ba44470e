//! The whole catalog at one version.

use std::sync::Arc;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::catalog::access::{Acl, Role};
use crate::catalog::table::Table;
use crate::id::{DatabaseId, FIRST_USER_ID, RoleId, SchemaId, TableId, Version, ViewId};

/// A database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Database {
    /// Stable id.
    pub id: DatabaseId,
    /// Name, unique.
    pub name: String,
    /// Owner.
    pub owner: RoleId,
    /// Rights.
    pub acl: Acl,
    /// COMMENT ON DATABASE.
    pub comment: Option<String>,
}

/// A schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Stable id.
    pub id: SchemaId,
    /// The database that it is in.
    pub database: DatabaseId,
    /// Name, unique in the database.
    pub name: String,
    /// Owner.
    pub owner: RoleId,
    /// Rights.
    pub acl: Acl,
    /// COMMENT ON SCHEMA.
    pub comment: Option<String>,
}

/// A view: its text, planned anew at each use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Stable id.
    pub id: ViewId,
    /// The schema that it is in.
    pub schema: SchemaId,
    /// Name, unique in the schema over tables and views.
    pub name: String,
    /// Owner, with whose rights the query reads.
    pub owner: RoleId,
    /// Text of the query after AS.
    pub query: String,
    /// Names given in `CREATE VIEW v (a, b)`; empty: those of the query.
    pub column_names: Vec<String>,
    /// WITH NO SCHEMA BINDING: tables are looked up at each use and may be dropped.
    pub late_binding: bool,
    /// Relations that the query reads; they cannot be dropped without CASCADE. Empty for late-binding views.
    pub depends_on: Vec<Relation>,
    /// Schemas that unqualified names were looked up in at creation.
    pub search_path: Vec<String>,
    /// Rights.
    pub acl: Acl,
    /// COMMENT ON VIEW.
    pub comment: Option<String>,
}

/// What a name in a schema stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Relation {
    /// A table.
    Table(TableId),
    /// A view.
    View(ViewId),
}

/// Where a stored setting applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SettingScope {
    /// Every session.
    System,
    /// Sessions on one database.
    Database(DatabaseId),
    /// Sessions of one role.
    Role(RoleId),
}

/// What write-write conflicts are detected on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ObjectKey {
    /// A database's name, owner, rights and comment.
    Database(DatabaseId),
    /// A schema's.
    Schema(SchemaId),
    /// A table's definition, name, owner, rights and comment.
    Table(TableId),
    /// The rows of a table, as changed by DELETE, TRUNCATE and rewrites.
    Rows(TableId),
    /// A view.
    View(ViewId),
    /// A role.
    Role(RoleId),
    /// A stored setting.
    Setting(SettingScope, String),
}

/// Everything that the log says up to one version. Immutable once published; cheap to clone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The log entry that made this version; 0 before the first.
    pub version: Version,
    /// When that entry was written, microseconds since 1970 (the writer's clock; never used for safety).
    pub committed_at_micros: i64,
    /// Next id for an object of any kind.
    pub next_id: u32,
    /// Databases.
    pub databases: OrdMap<DatabaseId, Arc<Database>>,
    /// Schemas.
    pub schemas: OrdMap<SchemaId, Arc<Schema>>,
    /// Tables.
    pub tables: OrdMap<TableId, Arc<Table>>,
    /// Views.
    pub views: OrdMap<ViewId, Arc<View>>,
    /// Roles.
    pub roles: OrdMap<RoleId, Arc<Role>>,
    /// Stored settings (ALTER USER … SET, ALTER DATABASE … SET).
    pub settings: OrdMap<(SettingScope, String), String>,
    /// Versions below this can no longer be read; see garbage collection.
    pub horizon: Version,
    /// The version that last changed each object (and the rows of each table, by other than appending). A transaction
    /// that changes an object and began before that version conflicts.
    pub modified: OrdMap<ObjectKey, Version>,
    /// Objects on the store that no table refers to any more, with the version that took the reference away: readers of
    /// smaller versions still need them. A committed `Change::Collect` takes them out.
    pub removed: OrdMap<String, Version>,
    /// Name → schema.
    pub schema_names: OrdMap<(DatabaseId, String), SchemaId>,
    /// Name → table or view.
    pub relation_names: OrdMap<(SchemaId, String), Relation>,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            version: Version(0),
            committed_at_micros: 0,
            next_id: FIRST_USER_ID,
            databases: OrdMap::new(),
            schemas: OrdMap::new(),
            tables: OrdMap::new(),
            views: OrdMap::new(),
            roles: OrdMap::new(),
            settings: OrdMap::new(),
            horizon: Version(0),
            modified: OrdMap::new(),
            removed: OrdMap::new(),
            schema_names: OrdMap::new(),
            relation_names: OrdMap::new(),
        }
    }
}

impl Snapshot {
    /// The database of that name.
    pub fn database_named(&self, name: &str) -> Option<&Arc<Database>> {
        self.databases.values().find(|database| database.name == name)
    }

    /// The role of that name.
    pub fn role_named(&self, name: &str) -> Option<&Arc<Role>> {
        self.roles.values().find(|role| role.name == name)
    }

    /// The schema of that name in a database.
    pub fn schema_named(&self, database: DatabaseId, name: &str) -> Option<&Arc<Schema>> {
        self.schemas.get(self.schema_names.get(&(database, name.to_owned()))?)
    }

    /// What `name` stands for in a schema.
    pub fn relation_named(&self, schema: SchemaId, name: &str) -> Option<Relation> {
        self.relation_names.get(&(schema, name.to_owned())).copied()
    }

    /// Tables of a schema.
    pub fn tables_in(&self, schema: SchemaId) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.values().filter(move |table| table.schema == schema)
    }

    /// Views of a schema.
    pub fn views_in(&self, schema: SchemaId) -> impl Iterator<Item = &Arc<View>> {
        self.views.values().filter(move |view| view.schema == schema)
    }
}
