//! The first start: an empty warehouse gets a database, a schema and an administrator, in one transaction.

use std::collections::BTreeSet;
use std::sync::Arc;

use stoa_storage::{
    Acl, Change, Database, DatabaseId, PUBLIC, Privilege, Role, RoleId, Schema, SchemaId, TemporarySpace, Warehouse,
};

use crate::error::SqlError;
use crate::scram;

/// The administrator's name.
pub(crate) const ADMIN: &str = "admin";
/// The first database's name.
pub(crate) const DATABASE: &str = "dev";

/// Fills a warehouse that has no database yet.
pub(crate) async fn run(warehouse: &Arc<Warehouse>, admin_password: Option<&str>) -> Result<(), SqlError> {
    if !warehouse.snapshot().databases.is_empty() {
        return Ok(());
    }
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    let admin = Role {
        id: RoleId(transaction.new_id()),
        name: ADMIN.to_owned(),
        superuser: true,
        login: true,
        create_database: true,
        create_role: true,
        verifier: admin_password.map(scram::verifier),
        member_of: BTreeSet::new(),
        connection_limit: None,
    };
    let owner = admin.id;
    transaction.stage(Change::PutRole(Arc::new(admin)))?;
    let database = DatabaseId(transaction.new_id());
    let dev = Database { id: database, name: DATABASE.to_owned(), owner, acl: database_rights(), comment: None };
    transaction.stage(Change::CreateDatabase(Arc::new(dev)))?;
    let schema = SchemaId(transaction.new_id());
    transaction.stage(Change::CreateSchema(Arc::new(public_schema(schema, database, owner))))?;
    transaction.commit().await?;
    Ok(())
}

/// Everybody may open sessions and make temporary tables, as in Postgres.
pub(crate) fn database_rights() -> Acl {
    let mut acl = Acl::default();
    acl.grant(PUBLIC, Privilege::Connect, false);
    acl.grant(PUBLIC, Privilege::Temporary, false);
    acl
}

/// The schema `public`, in which everybody may look and make tables, as in Redshift.
pub(crate) fn public_schema(id: SchemaId, database: DatabaseId, owner: RoleId) -> Schema {
    let mut acl = Acl::default();
    acl.grant(PUBLIC, Privilege::Usage, false);
    acl.grant(PUBLIC, Privilege::Create, false);
    Schema { id, database, name: "public".to_owned(), owner, acl, comment: None }
}
