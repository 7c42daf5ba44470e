//! DROP TABLE and DROP VIEW, and what depends on relations.

use std::collections::BTreeSet;

use stoa_storage::{Change, ConstraintKind, ObjectRef, Relation, Snapshot, TableAction};

use super::Context;
use crate::access::Requirement;
use crate::error::{NoticeSeverity, SqlError, SqlState};
use crate::outcome::Outcome;
use crate::plan::PlanContext;
use crate::plan::name::{self, Resolved, find_relation};
use crate::statement::object::Drop;

/// DROP TABLE, DROP VIEW.
pub(crate) struct DropRelationsPlan {
    pub(crate) relations: Vec<Relation>,
    cascade: bool,
    missing: Vec<String>,
    tag: &'static str,
}

/// Plans DROP TABLE and DROP VIEW.
pub(crate) fn plan(node: &Drop, context: &PlanContext) -> Result<DropRelationsPlan, SqlError> {
    let Drop { kind, names, if_exists, cascade } = node;
    let (word, tag) = if *kind == "VIEW" { ("view", "DROP VIEW") } else { ("table", "DROP TABLE") };
    let mut plan = DropRelationsPlan { relations: vec![], cascade: *cascade, missing: vec![], tag };
    for written in names {
        let qualified = name::qualified(written, &context.facts)?;
        let found = match find_relation(&context.snapshot, &context.facts, &qualified) {
            // DROP … IF EXISTS passes over a schema that does not exist, too.
            Err(error) if *if_exists && error.state == SqlState::InvalidSchemaName => None,
            found => found?,
        };
        match found {
            Some(Resolved::Table(table)) if *kind == "TABLE" => plan.relations.push(Relation::Table(table.id)),
            Some(Resolved::View(view)) if *kind == "VIEW" => plan.relations.push(Relation::View(view.id)),
            Some(Resolved::System(table)) => {
                return Err(SqlError::new(
                    SqlState::InsufficientPrivilege,
                    format!("permission denied: \"{}\" is a system catalog", table.name),
                ));
            }
            Some(Resolved::Table(_) | Resolved::View(_)) => {
                return Err(SqlError::new(SqlState::WrongObjectType, format!("\"{qualified}\" is not a {word}"))
                    .with_hint(format!("Use DROP {} to remove it.", if word == "view" { "TABLE" } else { "VIEW" })));
            }
            None if *if_exists => plan.missing.push(qualified.to_string()),
            None => {
                return Err(SqlError::new(SqlState::UndefinedTable, format!("{word} \"{qualified}\" does not exist")));
            }
        }
    }
    Ok(plan)
}

/// What DROP needs.
pub(crate) fn requirements(plan: &DropRelationsPlan) -> Vec<Requirement> {
    let DropRelationsPlan { relations, cascade: _, missing: _, tag: _ } = plan;
    relations.iter().map(|relation| Requirement::Own(object(*relation))).collect()
}

fn object(relation: Relation) -> ObjectRef {
    match relation {
        Relation::Table(id) => ObjectRef::Table(id),
        Relation::View(id) => ObjectRef::View(id),
    }
}

/// Runs DROP TABLE and DROP VIEW.
pub(crate) fn run(plan: DropRelationsPlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let DropRelationsPlan { relations, cascade, missing, tag } = plan;
    let word = if tag == "DROP VIEW" { "view" } else { "table" };
    for name in missing {
        context.notice(NoticeSeverity::Notice, format!("{word} \"{name}\" does not exist, skipping"));
    }
    drop_all(&relations, cascade, context)?;
    Ok(Outcome::command(tag))
}

/// Drops relations with, where `cascade` says so, everything that depends on them.
pub(crate) fn drop_all(relations: &[Relation], cascade: bool, context: &mut Context<'_>) -> Result<(), SqlError> {
    drop_views_on(relations, cascade, context)?;
    drop_foreign_keys_on(relations, cascade, context)?;
    for relation in relations {
        let snapshot = context.transaction()?.snapshot();
        match *relation {
            // A view may have gone already, together with what it reads.
            Relation::View(id) if snapshot.views.contains_key(&id) => context.stage(Change::DropView(id))?,
            Relation::Table(id) if snapshot.tables.contains_key(&id) => context.stage(Change::DropTable(id))?,
            Relation::View(_) | Relation::Table(_) => {}
        }
    }
    Ok(())
}

/// The views outside of `relations` that read them: dropped with `cascade`, else 2BP01.
pub(crate) fn drop_views_on(relations: &[Relation], cascade: bool, context: &mut Context<'_>) -> Result<(), SqlError> {
    let snapshot = context.transaction()?.snapshot();
    let dependent = dependent_views(&snapshot, relations);
    if !cascade {
        if let Some(first) = dependent.first() {
            return Err(depends(&snapshot, relations, &format!("view {}", view_name(&snapshot, *first))));
        }
        return Ok(());
    }
    for view in dependent {
        if let Relation::View(id) = view {
            context.notice(NoticeSeverity::Notice, format!("drop cascades to view {}", view_name(&snapshot, view)));
            context.stage(Change::DropView(id))?;
        }
    }
    Ok(())
}

/// Views that read any of these, directly or through others; those that depend most come first.
fn dependent_views(snapshot: &Snapshot, relations: &[Relation]) -> Vec<Relation> {
    let mut reached: BTreeSet<Relation> = relations.iter().copied().collect();
    let mut found = vec![];
    loop {
        let before = found.len();
        for view in snapshot.views.values() {
            let relation = Relation::View(view.id);
            if view.depends_on.iter().any(|read| reached.contains(read)) && reached.insert(relation) {
                found.push(relation);
            }
        }
        if found.len() == before {
            found.reverse();
            return found;
        }
    }
}

fn drop_foreign_keys_on(relations: &[Relation], cascade: bool, context: &mut Context<'_>) -> Result<(), SqlError> {
    let snapshot = context.transaction()?.snapshot();
    for table in snapshot.tables.values().filter(|table| !relations.contains(&Relation::Table(table.id))) {
        for constraint in &table.constraints {
            let ConstraintKind::ForeignKey { references, .. } = &constraint.kind else { continue };
            if !relations.contains(&Relation::Table(*references)) {
                continue;
            }
            let what = format!("constraint {} on table {}", constraint.name, table.name);
            if !cascade {
                return Err(depends(&snapshot, relations, &what));
            }
            context.notice(NoticeSeverity::Notice, format!("drop cascades to {what}"));
            let action = TableAction::DropConstraint(constraint.name.clone());
            context.stage(Change::AlterTable { table: table.id, action })?;
        }
    }
    Ok(())
}

fn depends(snapshot: &Snapshot, relations: &[Relation], dependent: &str) -> SqlError {
    let name = relations.first().map(|relation| view_name(snapshot, *relation)).unwrap_or_default();
    let kind = match relations.first() {
        Some(Relation::View(_)) => "view",
        Some(Relation::Table(_)) | None => "table",
    };
    SqlError::new(
        SqlState::DependentObjectsExist,
        format!("cannot drop {kind} {name} because other objects depend on it"),
    )
    .with_detail(format!("{dependent} depends on {kind} {name}"))
    .with_hint("Use DROP ... CASCADE to drop the dependent objects too.")
}

fn view_name(snapshot: &Snapshot, relation: Relation) -> String {
    let name = match relation {
        Relation::View(id) => snapshot.views.get(&id).map(|view| view.name.clone()),
        Relation::Table(id) => snapshot.tables.get(&id).map(|table| table.name.clone()),
    };
    name.unwrap_or_default()
}
