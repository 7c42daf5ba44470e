//! A session's temporary objects: laid over each of its snapshots, never in the log.

use std::collections::HashMap;
use std::sync::Arc;

use imbl::OrdMap;

use crate::catalog::access::Acl;
use crate::catalog::change::{Change, ObjectAction, ObjectRef, TableAction};
use crate::catalog::snapshot::{Relation, Schema, Snapshot, View};
use crate::catalog::table::{Constraint, ConstraintKind, Table};
use crate::commit::OpenTransaction;
use crate::error::{Error, Result};
use crate::id::{DatabaseId, RoleId, SchemaId, TableId, ViewId};

/// What keeps the objects of a temporary table.
pub(crate) type Hold = (TableId, Arc<OpenTransaction>);

/// The temporary tables and views of one session. Hand the one that [`crate::Committed`] carries to the next
/// transaction; dropping the last clone frees what the tables hold.
#[derive(Debug, Clone, Default)]
pub struct TemporarySpace {
    owner: Option<TemporaryOwner>,
    pub(crate) schema: Option<Arc<Schema>>,
    pub(crate) tables: OrdMap<TableId, Arc<Table>>,
    pub(crate) views: OrdMap<ViewId, Arc<View>>,
    /// Who wrote the objects that the tables' parts are in: garbage collection spares them as long as these live.
    pub(crate) holds: HashMap<TableId, Vec<Arc<OpenTransaction>>>,
}

#[derive(Debug, Clone)]
struct TemporaryOwner {
    database: DatabaseId,
    role: RoleId,
    name: String,
}

impl TemporarySpace {
    /// No temporary objects yet; should some be made, their schema is called `name` in `database` and owned by `role`.
    pub fn new(database: DatabaseId, role: RoleId, name: impl Into<String>) -> Self {
        Self { owner: Some(TemporaryOwner { database, role, name: name.into() }), ..Self::default() }
    }

    /// The schema of the temporary objects, once one was made.
    pub fn schema(&self) -> Option<SchemaId> {
        self.schema.as_ref().map(|schema| schema.id)
    }

    /// Whether there are no temporary objects.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.views.is_empty()
    }

    /// The schema that the first temporary object goes into.
    pub(crate) fn new_schema(&self, id: SchemaId, base: &Snapshot) -> Schema {
        let owner = self.owner.clone().unwrap_or_else(|| TemporaryOwner {
            database: base.databases.keys().next().copied().unwrap_or(DatabaseId(0)),
            role: RoleId(0),
            name: "pg_temp".to_owned(),
        });
        Schema { id, database: owner.database, name: owner.name, owner: owner.role, acl: Acl::default(), comment: None }
    }

    /// The snapshot with these objects in it.
    pub(crate) fn overlay(&self, base: &Arc<Snapshot>) -> Arc<Snapshot> {
        let Some(schema) = &self.schema else { return Arc::clone(base) };
        let mut snapshot = Snapshot::clone(base);
        snapshot.schema_names.insert((schema.database, schema.name.clone()), schema.id);
        snapshot.schemas.insert(schema.id, Arc::clone(schema));
        for table in self.tables.values() {
            snapshot.relation_names.insert((table.schema, table.name.clone()), Relation::Table(table.id));
            snapshot.tables.insert(table.id, Arc::clone(table));
        }
        for view in self.views.values() {
            snapshot.relation_names.insert((view.schema, view.name.clone()), Relation::View(view.id));
            snapshot.views.insert(view.id, Arc::clone(view));
        }
        Arc::new(snapshot)
    }

    /// The space as `snapshot` (an own snapshot of a transaction that began with this space) leaves it. `staged` are
    /// the writers of the objects that the transaction added.
    pub(crate) fn after(&self, snapshot: &Snapshot, schema: Option<SchemaId>, staged: Vec<Hold>) -> Self {
        let Some(schema) = schema.and_then(|id| snapshot.schemas.get(&id)) else { return self.clone() };
        let tables: OrdMap<TableId, Arc<Table>> =
            snapshot.tables_in(schema.id).map(|table| (table.id, Arc::clone(table))).collect();
        let views = snapshot.views_in(schema.id).map(|view| (view.id, Arc::clone(view))).collect();
        let mut holds = self.holds.clone();
        for (table, hold) in staged {
            holds.entry(table).or_default().push(hold);
        }
        holds.retain(|table, _| tables.contains_key(table));
        Self { owner: self.owner.clone(), schema: Some(Arc::clone(schema)), tables, views, holds }
    }
}

/// Tells changes of temporary objects from those of permanent ones.
pub(crate) struct TemporaryScope<'a> {
    /// The own snapshot of the transaction.
    pub(crate) snapshot: &'a Snapshot,
    /// The schema of temporary objects.
    pub(crate) schema: SchemaId,
}

impl TemporaryScope<'_> {
    /// Whether a change concerns temporary objects only. Permanent objects cannot refer to temporary ones.
    pub(crate) fn contains(&self, change: &Change) -> Result<bool> {
        Ok(match change {
            Change::CreateTable(table) => {
                let temporary = table.schema == self.schema;
                table.constraints.iter().try_for_each(|constraint| self.check_constraint(temporary, constraint))?;
                temporary
            }
            Change::PutView(view) => self.check_view(view)?,
            Change::AlterTable { table, action } => {
                let temporary = self.has_table(*table);
                if let TableAction::AddConstraint(constraint) = action {
                    self.check_constraint(temporary, constraint)?;
                }
                temporary
            }
            Change::DropTable(table)
            | Change::Append { table, .. }
            | Change::Delete { table, .. }
            | Change::Truncate { table, .. }
            | Change::Replace { table, .. }
            | Change::AdvanceIdentity { table, .. } => self.has_table(*table),
            Change::DropView(view) => self.has_view(*view),
            Change::AlterObject { object, action } => {
                let temporary = self.has_object(*object);
                if matches!(action, ObjectAction::Move(to) if (*to == self.schema) != temporary) {
                    return Err(Error::invalid("cannot move objects into or out of temporary schemas"));
                }
                temporary
            }
            Change::Grant { object, .. } | Change::Revoke { object, .. } => self.has_object(*object),
            Change::DropSchema(schema) => *schema == self.schema,
            Change::CreateDatabase(_)
            | Change::DropDatabase(_)
            | Change::CreateSchema(_)
            | Change::PutRole(_)
            | Change::DropRole(_)
            | Change::PutSetting { .. }
            | Change::Collect { .. } => false,
        })
    }

    fn has_table(&self, table: TableId) -> bool {
        self.snapshot.tables.get(&table).is_some_and(|table| table.schema == self.schema)
    }

    fn has_view(&self, view: ViewId) -> bool {
        self.snapshot.views.get(&view).is_some_and(|view| view.schema == self.schema)
    }

    fn has_object(&self, object: ObjectRef) -> bool {
        match object {
            ObjectRef::Table(table) => self.has_table(table),
            ObjectRef::View(view) => self.has_view(view),
            ObjectRef::Schema(schema) => schema == self.schema,
            ObjectRef::Database(_) => false,
        }
    }

    fn check_view(&self, view: &View) -> Result<bool> {
        let temporary = view.schema == self.schema;
        let reads_temporary = view.depends_on.iter().any(|relation| match relation {
            Relation::Table(table) => self.has_table(*table),
            Relation::View(view) => self.has_view(*view),
        });
        if reads_temporary && !temporary {
            let name = &view.name;
            return Err(Error::invalid(format!(
                "view \"{name}\" cannot be permanent because it reads temporary relations"
            )));
        }
        Ok(temporary)
    }

    fn check_constraint(&self, of_temporary: bool, constraint: &Constraint) -> Result<()> {
        match &constraint.kind {
            ConstraintKind::ForeignKey { references, .. } if self.has_table(*references) && !of_temporary => {
                Err(Error::invalid("constraints on permanent tables may reference only permanent tables"))
            }
            _ => Ok(()),
        }
    }
}
