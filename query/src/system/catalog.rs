//! Looking at the catalog the way `pg_class` does: tables, views, system tables and the indexes that stand for declared
//! keys share one space of oids and of names.

use std::sync::Arc;

use stoa_storage::{
    Constraint, DatabaseId, FIRST_USER_ID, Relation, RoleId, Schema, SchemaId, Table, TableId, View, ViewId,
};

use crate::system::context::SystemContext;
use crate::system::table::{FUNCTION_KIND, INFORMATION_SCHEMA, PG_CATALOG, SystemTable, all, by_oid};
use crate::system::text::{key_columns, parse_ident, quote_ident};
use crate::types::SqlType;

/// Oid of the schema `pg_catalog`.
pub(crate) const PG_CATALOG_OID: u32 = 11;
/// Oid of the schema `information_schema`.
pub(crate) const INFORMATION_SCHEMA_OID: u32 = 13_000;
/// Owner of what is built in while there is no superuser: Postgres's oid of the one that it makes.
const BOOTSTRAP_OWNER: RoleId = RoleId(10);

/// Something that has a row in `pg_class`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entry<'a> {
    /// A table.
    Table(&'a Arc<Table>),
    /// A view.
    View(&'a Arc<View>),
    /// The index that stands for a primary or unique key.
    Index(&'a Arc<Table>, &'a Constraint),
    /// A table of this module.
    System(&'static SystemTable),
}

/// A column of an [`Entry`].
#[derive(Debug, Clone)]
pub(crate) struct EntryColumn {
    /// `attnum`.
    pub number: u32,
    /// Name.
    pub name: String,
    /// SQL type.
    pub sql_type: SqlType,
    /// NOT NULL.
    pub required: bool,
}

impl<'a> Entry<'a> {
    /// `pg_class.oid`.
    pub(crate) fn oid(&self) -> u32 {
        match self {
            Self::Table(table) => table.id.0,
            Self::View(view) => view.id.0,
            Self::Index(_, constraint) => constraint.id,
            Self::System(table) => table.oid,
        }
    }

    /// Name.
    pub(crate) fn name(&self) -> &'a str {
        match self {
            Self::Table(table) => &table.name,
            Self::View(view) => &view.name,
            Self::Index(_, constraint) => &constraint.name,
            Self::System(table) => table.name,
        }
    }

    /// Oid of the schema.
    pub(crate) fn namespace(&self) -> u32 {
        match self {
            Self::Table(table) | Self::Index(table, _) => table.schema.0,
            Self::View(view) => view.schema.0,
            Self::System(table) => system_namespace(table),
        }
    }

    /// Owner; what is built in belongs to the oldest superuser.
    pub(crate) fn owner(&self, context: &SystemContext) -> RoleId {
        match self {
            Self::Table(table) | Self::Index(table, _) => table.owner,
            Self::View(view) => view.owner,
            Self::System(_) => context.system_owner(),
        }
    }

    /// `pg_class.relkind`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Table(_) => "r",
            Self::View(_) => "v",
            Self::Index(..) => "i",
            Self::System(table) => table.kind,
        }
    }

    /// COMMENT ON.
    pub(crate) fn comment(&self) -> Option<&'a str> {
        match self {
            Self::Table(table) => table.comment.as_deref(),
            Self::View(view) => view.comment.as_deref(),
            Self::Index(..) => None,
            Self::System(table) => Some(table.doc),
        }
    }
}

fn system_namespace(table: &SystemTable) -> u32 {
    if table.schema == PG_CATALOG { PG_CATALOG_OID } else { INFORMATION_SCHEMA_OID }
}

impl SystemContext {
    /// Schemas of the session's database.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.snapshot.schemas.values().filter(|schema| self.in_database(schema))
    }

    fn in_database(&self, schema: &Schema) -> bool {
        schema.database == self.database
    }

    fn holds(&self, schema: SchemaId) -> bool {
        self.snapshot.schemas.get(&schema).is_some_and(|schema| self.in_database(schema))
    }

    /// Tables of the session's database.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.snapshot.tables.values().filter(|table| self.holds(table.schema))
    }

    /// Views of the session's database.
    pub(crate) fn views(&self) -> impl Iterator<Item = &Arc<View>> {
        self.snapshot.views.values().filter(|view| self.holds(view.schema))
    }

    /// Everything that has a row in `pg_class`.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let indexes = self.tables().flat_map(|table| {
            let keys = table.constraints.iter().filter(|constraint| key_columns(constraint).is_some());
            keys.map(move |constraint| Entry::Index(table, constraint))
        });
        let system = all().filter(|table| table.kind != FUNCTION_KIND).map(Entry::System);
        system.chain(self.tables().map(Entry::Table)).chain(self.views().map(Entry::View)).chain(indexes)
    }

    /// The entry of that oid.
    pub(crate) fn entry(&self, oid: u32) -> Option<Entry<'_>> {
        if oid < FIRST_USER_ID {
            return by_oid(oid).map(Entry::System);
        }
        let table = self.snapshot.tables.get(&TableId(oid)).filter(|table| self.holds(table.schema)).map(Entry::Table);
        let view = || self.snapshot.views.get(&ViewId(oid)).filter(|view| self.holds(view.schema)).map(Entry::View);
        table.or_else(view).or_else(|| {
            let (table, constraint) = self.constraint(oid)?;
            key_columns(constraint).map(|_| Entry::Index(table, constraint))
        })
    }

    /// The declared key of that oid, with its table.
    pub(crate) fn constraint(&self, oid: u32) -> Option<(&Arc<Table>, &Constraint)> {
        self.tables().find_map(|table| Some((table, table.constraints.iter().find(|key| key.id == oid)?)))
    }

    /// Columns of an entry. A view whose query can no longer be planned has none.
    pub(crate) fn columns(&self, entry: Entry<'_>) -> Vec<EntryColumn> {
        match entry {
            Entry::Table(table) => table.columns.iter().map(table_column).collect(),
            Entry::Index(table, constraint) => {
                let columns = key_columns(constraint).unwrap_or_default().iter().filter_map(|id| table.column(*id));
                let numbered = columns.zip(1..);
                numbered
                    .map(|(column, number)| EntryColumn { number, required: false, ..table_column(column) })
                    .collect()
            }
            Entry::System(table) => {
                let columns = table.columns.iter().zip(1..).map(|(column, number)| EntryColumn {
                    number,
                    name: column.name.to_owned(),
                    sql_type: column.sql_type(),
                    required: column.required,
                });
                columns.collect()
            }
            Entry::View(view) => {
                let columns = self.view_columns.as_ref().and_then(|columns| columns(view)).unwrap_or_default();
                let numbered = columns.into_iter().zip(1..);
                numbered
                    .map(|((name, sql_type), number)| EntryColumn { number, name, sql_type, required: false })
                    .collect()
            }
        }
    }

    /// Name of the schema of that oid, in any database.
    pub(crate) fn namespace_name(&self, oid: u32) -> Option<String> {
        match oid {
            PG_CATALOG_OID => Some(PG_CATALOG.to_owned()),
            INFORMATION_SCHEMA_OID => Some(INFORMATION_SCHEMA.to_owned()),
            _ => self.snapshot.schemas.get(&SchemaId(oid)).map(|schema| schema.name.clone()),
        }
    }

    /// Oid of the schema of that name.
    pub(crate) fn namespace_oid(&self, name: &str) -> Option<u32> {
        match name {
            PG_CATALOG => Some(PG_CATALOG_OID),
            INFORMATION_SCHEMA => Some(INFORMATION_SCHEMA_OID),
            "pg_temp" => self.temporary_schema.map(|schema| schema.0),
            _ => self.snapshot.schema_named(self.database, name).map(|schema| schema.id.0),
        }
    }

    /// Schemas in which unqualified names are looked up, with the implicit ones.
    pub(crate) fn lookup_path(&self) -> impl Iterator<Item = u32> {
        let temporary = self.temporary_schema.map(|schema| schema.0);
        temporary.into_iter().chain([PG_CATALOG_OID]).chain(self.search_path.iter().map(|schema| schema.0))
    }

    /// What a name stands for in one schema.
    pub(crate) fn entry_named(&self, namespace: u32, name: &str) -> Option<Entry<'_>> {
        if namespace < FIRST_USER_ID {
            let schema = if namespace == PG_CATALOG_OID { PG_CATALOG } else { INFORMATION_SCHEMA };
            return crate::system::table::lookup(schema, name).map(Entry::System);
        }
        match self.snapshot.relation_named(SchemaId(namespace), name) {
            Some(Relation::Table(id)) => self.snapshot.tables.get(&id).map(Entry::Table),
            Some(Relation::View(id)) => self.snapshot.views.get(&id).map(Entry::View),
            None => {
                let mut tables = self.snapshot.tables_in(SchemaId(namespace));
                tables.find_map(|table| {
                    let mut keys = table.constraints.iter();
                    let key = keys.find(|key| key.name == name && key_columns(key).is_some())?;
                    Some(Entry::Index(table, key))
                })
            }
        }
    }

    /// What a possibly qualified name stands for.
    pub(crate) fn resolve(&self, text: &str) -> Option<Entry<'_>> {
        let parts = parse_ident(text)?;
        match parts.as_slice() {
            [name] => self.lookup_path().find_map(|namespace| self.entry_named(namespace, name)),
            [schema, name] => self.entry_named(self.namespace_oid(schema)?, name),
            [database, schema, name] if *database == self.database_name() => {
                self.entry_named(self.namespace_oid(schema)?, name)
            }
            _ => None,
        }
    }

    /// Whether the bare name of an entry finds it.
    pub(crate) fn is_visible(&self, entry: Entry<'_>) -> bool {
        let found = self.lookup_path().find_map(|namespace| self.entry_named(namespace, entry.name()));
        found.is_some_and(|found| found.oid() == entry.oid())
    }

    /// The name of a relation as SQL text, qualified where the bare name does not find it; the number itself for an oid
    /// that stands for nothing.
    pub(crate) fn relation_text(&self, oid: u32) -> String {
        match self.entry(oid) {
            None => oid.to_string(),
            Some(entry) if self.is_visible(entry) => quote_ident(entry.name()),
            Some(entry) => {
                let schema = self.namespace_name(entry.namespace()).unwrap_or_default();
                format!("{}.{}", quote_ident(&schema), quote_ident(entry.name()))
            }
        }
    }

    /// Owner of what is built in: the oldest superuser.
    pub(crate) fn system_owner(&self) -> RoleId {
        self.snapshot.roles.values().find(|role| role.superuser).map_or(BOOTSTRAP_OWNER, |role| role.id)
    }

    /// The database of that name.
    pub(crate) fn database_id(&self, name: &str) -> Option<DatabaseId> {
        self.snapshot.database_named(name).map(|database| database.id)
    }
}

fn table_column(column: &stoa_storage::Column) -> EntryColumn {
    EntryColumn {
        number: column.id.0,
        name: column.name.clone(),
        sql_type: SqlType::from_column(column.column_type),
        required: !column.nullable,
    }
}

/// Bytes of the columns of a table, as encoded.
pub(crate) fn table_bytes(table: &Table) -> u64 {
    let columns = table.parts.values().flat_map(|part| part.columns.iter());
    columns.map(|column| column.bytes).sum()
}
