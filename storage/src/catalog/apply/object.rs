//! Databases, schemas, views, roles, rights and settings.

use std::sync::Arc;

use super::conflict::key;
use super::{check_name, check_new_id, check_role, table, touch, use_id};
use crate::catalog::access::{Acl, PUBLIC, Privilege, Role};
use crate::catalog::change::{ObjectAction, ObjectRef};
use crate::catalog::snapshot::{Database, ObjectKey, Relation, Schema, SettingScope, Snapshot, View};
use crate::error::{Error, Result};
use crate::id::{DatabaseId, RoleId, SchemaId, ViewId};

pub(super) fn create_database(snapshot: &mut Snapshot, database: &Arc<Database>) -> Result<()> {
    check_new_id(snapshot, database.id.0)?;
    check_database_name(snapshot, &database.name)?;
    check_role(snapshot, database.owner)?;
    use_id(snapshot, database.id.0);
    touch(snapshot, ObjectKey::Database(database.id));
    snapshot.databases.insert(database.id, Arc::clone(database));
    Ok(())
}

fn check_database_name(snapshot: &Snapshot, name: &str) -> Result<()> {
    check_name(name)?;
    match snapshot.database_named(name) {
        Some(_) => Err(Error::exists(format!("database \"{name}\" already exists"))),
        None => Ok(()),
    }
}

fn database(snapshot: &Snapshot, id: DatabaseId) -> Result<&Arc<Database>> {
    snapshot.databases.get(&id).ok_or_else(|| Error::not_found(format!("database {id} does not exist")))
}

pub(super) fn drop_database(snapshot: &mut Snapshot, id: DatabaseId) -> Result<()> {
    let name = &database(snapshot, id)?.name;
    if snapshot.schemas.values().any(|schema| schema.database == id) {
        return Err(Error::invalid(format!("database \"{name}\" is not empty")));
    }
    snapshot.databases.remove(&id);
    snapshot.modified.remove(&ObjectKey::Database(id));
    forget_settings(snapshot, SettingScope::Database(id));
    Ok(())
}

pub(super) fn create_schema(snapshot: &mut Snapshot, schema: &Arc<Schema>) -> Result<()> {
    check_new_id(snapshot, schema.id.0)?;
    database(snapshot, schema.database)?;
    check_schema_name(snapshot, schema.database, &schema.name)?;
    check_role(snapshot, schema.owner)?;
    use_id(snapshot, schema.id.0);
    touch(snapshot, ObjectKey::Schema(schema.id));
    snapshot.schema_names.insert((schema.database, schema.name.clone()), schema.id);
    snapshot.schemas.insert(schema.id, Arc::clone(schema));
    Ok(())
}

fn check_schema_name(snapshot: &Snapshot, database: DatabaseId, name: &str) -> Result<()> {
    check_name(name)?;
    match snapshot.schema_named(database, name) {
        Some(_) => Err(Error::exists(format!("schema \"{name}\" already exists"))),
        None => Ok(()),
    }
}

pub(super) fn schema(snapshot: &Snapshot, id: SchemaId) -> Result<&Arc<Schema>> {
    snapshot.schemas.get(&id).ok_or_else(|| Error::not_found(format!("schema {id} does not exist")))
}

pub(super) fn drop_schema(snapshot: &mut Snapshot, id: SchemaId) -> Result<()> {
    let found = Arc::clone(schema(snapshot, id)?);
    let first = snapshot.relation_names.range((id, String::new())..).next();
    if first.is_some_and(|((schema, _), _)| *schema == id) {
        return Err(Error::invalid(format!("schema \"{}\" is not empty", found.name)));
    }
    snapshot.schema_names.remove(&(found.database, found.name.clone()));
    snapshot.schemas.remove(&id);
    snapshot.modified.remove(&ObjectKey::Schema(id));
    Ok(())
}

/// A name for a table or view must be free in its schema.
pub(super) fn check_relation_name(snapshot: &Snapshot, schema: SchemaId, name: &str) -> Result<()> {
    check_name(name)?;
    match snapshot.relation_named(schema, name) {
        Some(_) => Err(Error::exists(format!("relation \"{name}\" already exists"))),
        None => Ok(()),
    }
}

/// The view, if any, that reads a relation.
pub(super) fn check_no_view_on(snapshot: &Snapshot, relation: Relation, name: &str) -> Result<()> {
    match snapshot.views.values().find(|view| view.depends_on.contains(&relation)) {
        Some(view) => Err(Error::invalid(format!("view \"{}\" depends on \"{name}\"", view.name))),
        None => Ok(()),
    }
}

pub(super) fn put_view(snapshot: &mut Snapshot, view: &Arc<View>) -> Result<()> {
    match snapshot.views.get(&view.id) {
        Some(old) if old.schema != view.schema || old.name != view.name => {
            return Err(Error::invalid(format!("view \"{}\" cannot be renamed by replacing it", old.name)));
        }
        Some(_) => {}
        None => {
            check_new_id(snapshot, view.id.0)?;
            schema(snapshot, view.schema)?;
            check_relation_name(snapshot, view.schema, &view.name)?;
        }
    }
    check_role(snapshot, view.owner)?;
    check_dependencies(snapshot, view)?;
    use_id(snapshot, view.id.0);
    touch(snapshot, ObjectKey::View(view.id));
    snapshot.relation_names.insert((view.schema, view.name.clone()), Relation::View(view.id));
    snapshot.views.insert(view.id, Arc::clone(view));
    Ok(())
}

/// What a view reads must exist and must not read the view.
fn check_dependencies(snapshot: &Snapshot, view: &View) -> Result<()> {
    let mut todo = view.depends_on.clone();
    let mut seen = std::collections::BTreeSet::new();
    while let Some(relation) = todo.pop() {
        if !seen.insert(relation) {
            continue;
        }
        match relation {
            Relation::View(id) if id == view.id => {
                return Err(Error::invalid(format!("view \"{}\" would depend on itself", view.name)));
            }
            Relation::View(id) => {
                let read = snapshot.views.get(&id);
                let read = read.ok_or_else(|| Error::not_found(format!("view {id} does not exist")))?;
                todo.extend(read.depends_on.iter().copied());
            }
            Relation::Table(id) => {
                table::find(snapshot, id)?;
            }
        }
    }
    Ok(())
}

fn view(snapshot: &Snapshot, id: ViewId) -> Result<&Arc<View>> {
    snapshot.views.get(&id).ok_or_else(|| Error::not_found(format!("view {id} does not exist")))
}

pub(super) fn drop_view(snapshot: &mut Snapshot, id: ViewId) -> Result<()> {
    let found = Arc::clone(view(snapshot, id)?);
    check_no_view_on(snapshot, Relation::View(id), &found.name)?;
    snapshot.relation_names.remove(&(found.schema, found.name.clone()));
    snapshot.views.remove(&id);
    snapshot.modified.remove(&ObjectKey::View(id));
    Ok(())
}

pub(super) fn put_role(snapshot: &mut Snapshot, role: &Arc<Role>) -> Result<()> {
    check_name(&role.name)?;
    if snapshot.role_named(&role.name).is_some_and(|other| other.id != role.id) {
        return Err(Error::exists(format!("role \"{}\" already exists", role.name)));
    }
    if !snapshot.roles.contains_key(&role.id) {
        check_new_id(snapshot, role.id.0)?;
    }
    check_memberships(snapshot, role)?;
    use_id(snapshot, role.id.0);
    touch(snapshot, ObjectKey::Role(role.id));
    snapshot.roles.insert(role.id, Arc::clone(role));
    Ok(())
}

/// Groups must exist, and no role may be a member of itself.
fn check_memberships(snapshot: &Snapshot, role: &Role) -> Result<()> {
    let mut todo: Vec<RoleId> = role.member_of.iter().copied().collect();
    let mut seen = std::collections::BTreeSet::new();
    while let Some(group) = todo.pop() {
        if group == role.id {
            return Err(Error::invalid(format!("role \"{}\" would be a member of itself", role.name)));
        }
        check_role(snapshot, group)?;
        if seen.insert(group)
            && let Some(group) = snapshot.roles.get(&group)
        {
            todo.extend(group.member_of.iter().copied());
        }
    }
    Ok(())
}

pub(super) fn drop_role(snapshot: &mut Snapshot, id: RoleId) -> Result<()> {
    let Some(role) = snapshot.roles.get(&id) else {
        return Err(Error::not_found(format!("role {id} does not exist")));
    };
    let owns = snapshot.databases.values().any(|object| object.owner == id)
        || snapshot.schemas.values().any(|object| object.owner == id)
        || snapshot.tables.values().any(|object| object.owner == id)
        || snapshot.views.values().any(|object| object.owner == id);
    if owns {
        return Err(Error::invalid(format!("role \"{}\" cannot be dropped because it owns objects", role.name)));
    }
    snapshot.roles.remove(&id);
    snapshot.modified.remove(&ObjectKey::Role(id));
    forget_settings(snapshot, SettingScope::Role(id));
    for role in members(snapshot, id) {
        if let Some(role) = snapshot.roles.get_mut(&role) {
            Arc::make_mut(role).member_of.remove(&id);
        }
    }
    for object in all_objects(snapshot) {
        if acl(snapshot, object).is_ok_and(|acl| acl.entries.contains_key(&id)) {
            acl_mut(snapshot, object)?.entries.remove(&id);
        }
    }
    Ok(())
}

fn members(snapshot: &Snapshot, group: RoleId) -> Vec<RoleId> {
    snapshot.roles.values().filter(|role| role.member_of.contains(&group)).map(|role| role.id).collect()
}

fn all_objects(snapshot: &Snapshot) -> Vec<ObjectRef> {
    let databases = snapshot.databases.keys().map(|id| ObjectRef::Database(*id));
    let schemas = snapshot.schemas.keys().map(|id| ObjectRef::Schema(*id));
    let tables = snapshot.tables.keys().map(|id| ObjectRef::Table(*id));
    let views = snapshot.views.keys().map(|id| ObjectRef::View(*id));
    databases.chain(schemas).chain(tables).chain(views).collect()
}

fn forget_settings(snapshot: &mut Snapshot, scope: SettingScope) {
    let names: Vec<String> = snapshot.settings.keys().filter(|key| key.0 == scope).map(|key| key.1.clone()).collect();
    for name in names {
        snapshot.modified.remove(&ObjectKey::Setting(scope, name.clone()));
        snapshot.settings.remove(&(scope, name));
    }
}

fn acl(snapshot: &Snapshot, object: ObjectRef) -> Result<&Acl> {
    Ok(match object {
        ObjectRef::Database(id) => &database(snapshot, id)?.acl,
        ObjectRef::Schema(id) => &schema(snapshot, id)?.acl,
        ObjectRef::Table(id) => &table::find(snapshot, id)?.acl,
        ObjectRef::View(id) => &view(snapshot, id)?.acl,
    })
}

fn acl_mut(snapshot: &mut Snapshot, object: ObjectRef) -> Result<&mut Acl> {
    let absent = || Error::not_found("the object does not exist");
    Ok(match object {
        ObjectRef::Database(id) => &mut Arc::make_mut(snapshot.databases.get_mut(&id).ok_or_else(absent)?).acl,
        ObjectRef::Schema(id) => &mut Arc::make_mut(snapshot.schemas.get_mut(&id).ok_or_else(absent)?).acl,
        ObjectRef::Table(id) => &mut Arc::make_mut(snapshot.tables.get_mut(&id).ok_or_else(absent)?).acl,
        ObjectRef::View(id) => &mut Arc::make_mut(snapshot.views.get_mut(&id).ok_or_else(absent)?).acl,
    })
}

pub(super) fn grant(
    snapshot: &mut Snapshot,
    object: ObjectRef,
    role: RoleId,
    privileges: &[Privilege],
    grant_option: bool,
) -> Result<()> {
    acl(snapshot, object)?;
    check_role(snapshot, role)?;
    if role == PUBLIC && grant_option {
        return Err(Error::invalid("a grant option cannot be given to PUBLIC"));
    }
    let acl = acl_mut(snapshot, object)?;
    for privilege in privileges {
        acl.grant(role, *privilege, grant_option);
    }
    touch(snapshot, key(object));
    Ok(())
}

pub(super) fn revoke(snapshot: &mut Snapshot, object: ObjectRef, role: RoleId, privileges: &[Privilege]) -> Result<()> {
    let acl = acl_mut(snapshot, object)?;
    for privilege in privileges {
        acl.revoke(role, *privilege);
    }
    touch(snapshot, key(object));
    Ok(())
}

pub(super) fn put_setting(snapshot: &mut Snapshot, scope: SettingScope, name: &str, value: Option<&str>) -> Result<()> {
    match scope {
        SettingScope::System => {}
        SettingScope::Database(id) => {
            database(snapshot, id)?;
        }
        SettingScope::Role(id) => check_role(snapshot, id)?,
    }
    touch(snapshot, ObjectKey::Setting(scope, name.to_owned()));
    match value {
        Some(value) => snapshot.settings.insert((scope, name.to_owned()), value.to_owned()),
        None => snapshot.settings.remove(&(scope, name.to_owned())),
    };
    Ok(())
}

pub(super) fn alter(snapshot: &mut Snapshot, object: ObjectRef, action: &ObjectAction) -> Result<()> {
    match action {
        ObjectAction::Rename(name) => rename(snapshot, object, name)?,
        ObjectAction::Own(role) => {
            acl(snapshot, object)?;
            check_role(snapshot, *role)?;
            own(snapshot, object, *role)?;
        }
        ObjectAction::Move(target) => relocate(snapshot, object, *target)?,
        ObjectAction::Comment(comment) => set_comment(snapshot, object, comment.clone())?,
        ObjectAction::CommentColumn(column, comment) => match object {
            ObjectRef::Table(id) => table::comment_column(snapshot, id, *column, comment.clone())?,
            ObjectRef::Database(_) | ObjectRef::Schema(_) | ObjectRef::View(_) => {
                return Err(Error::invalid("only columns of tables have stored comments"));
            }
        },
    }
    touch(snapshot, key(object));
    Ok(())
}

fn rename(snapshot: &mut Snapshot, object: ObjectRef, name: &str) -> Result<()> {
    match object {
        ObjectRef::Database(id) => {
            check_database_name(snapshot, name)?;
            database(snapshot, id)?;
            if let Some(found) = snapshot.databases.get_mut(&id) {
                name.clone_into(&mut Arc::make_mut(found).name);
            }
        }
        ObjectRef::Schema(id) => {
            let old = Arc::clone(schema(snapshot, id)?);
            check_schema_name(snapshot, old.database, name)?;
            snapshot.schema_names.remove(&(old.database, old.name.clone()));
            snapshot.schema_names.insert((old.database, name.to_owned()), id);
            snapshot.schemas.insert(id, Arc::new(Schema { name: name.to_owned(), ..(*old).clone() }));
        }
        ObjectRef::Table(id) => {
            let schema = table::find(snapshot, id)?.schema;
            table::place(snapshot, id, schema, name)?;
        }
        ObjectRef::View(id) => {
            let schema = view(snapshot, id)?.schema;
            place_view(snapshot, id, schema, name)?;
        }
    }
    Ok(())
}

fn own(snapshot: &mut Snapshot, object: ObjectRef, role: RoleId) -> Result<()> {
    let absent = || Error::not_found("the object does not exist");
    match object {
        ObjectRef::Database(id) => Arc::make_mut(snapshot.databases.get_mut(&id).ok_or_else(absent)?).owner = role,
        ObjectRef::Schema(id) => Arc::make_mut(snapshot.schemas.get_mut(&id).ok_or_else(absent)?).owner = role,
        ObjectRef::Table(id) => Arc::make_mut(snapshot.tables.get_mut(&id).ok_or_else(absent)?).owner = role,
        ObjectRef::View(id) => Arc::make_mut(snapshot.views.get_mut(&id).ok_or_else(absent)?).owner = role,
    }
    Ok(())
}

fn set_comment(snapshot: &mut Snapshot, object: ObjectRef, comment: Option<String>) -> Result<()> {
    let absent = || Error::not_found("the object does not exist");
    match object {
        ObjectRef::Database(id) => Arc::make_mut(snapshot.databases.get_mut(&id).ok_or_else(absent)?).comment = comment,
        ObjectRef::Schema(id) => Arc::make_mut(snapshot.schemas.get_mut(&id).ok_or_else(absent)?).comment = comment,
        ObjectRef::Table(id) => Arc::make_mut(snapshot.tables.get_mut(&id).ok_or_else(absent)?).comment = comment,
        ObjectRef::View(id) => Arc::make_mut(snapshot.views.get_mut(&id).ok_or_else(absent)?).comment = comment,
    }
    Ok(())
}

/// SET SCHEMA, within one database.
fn relocate(snapshot: &mut Snapshot, object: ObjectRef, target: SchemaId) -> Result<()> {
    let (from, name) = match object {
        ObjectRef::Table(id) => table::find(snapshot, id).map(|table| (table.schema, table.name.clone()))?,
        ObjectRef::View(id) => view(snapshot, id).map(|view| (view.schema, view.name.clone()))?,
        ObjectRef::Database(_) | ObjectRef::Schema(_) => {
            return Err(Error::invalid("only tables and views can be moved to another schema"));
        }
    };
    if schema(snapshot, from)?.database != schema(snapshot, target)?.database {
        return Err(Error::invalid(format!("relation \"{name}\" cannot be moved to another database")));
    }
    match object {
        ObjectRef::Table(id) => table::place(snapshot, id, target, &name),
        ObjectRef::View(id) => place_view(snapshot, id, target, &name),
        ObjectRef::Database(_) | ObjectRef::Schema(_) => Ok(()),
    }
}

fn place_view(snapshot: &mut Snapshot, id: ViewId, schema: SchemaId, name: &str) -> Result<()> {
    let old = Arc::clone(view(snapshot, id)?);
    check_relation_name(snapshot, schema, name)?;
    snapshot.relation_names.remove(&(old.schema, old.name.clone()));
    snapshot.relation_names.insert((schema, name.to_owned()), Relation::View(id));
    snapshot.views.insert(id, Arc::new(View { schema, name: name.to_owned(), ..(*old).clone() }));
    Ok(())
}
