//! CREATE VIEW.

use std::sync::Arc;

use stoa_storage::{Acl, Change, ObjectRef, Relation, View, ViewId};

use super::Context;
use super::table::{Place, place, requirements_of};
use crate::access::{Requirement, of_reads};
use crate::error::{SqlError, SqlState};
use crate::outcome::Outcome;
use crate::plan::name::{self, fold};
use crate::plan::query::plan_query;
use crate::plan::{PlanContext, ReadRelation};
use crate::statement::object::CreateView;

/// CREATE VIEW.
pub(crate) struct CreateViewPlan {
    place: Place,
    /// The view that OR REPLACE replaces.
    replaces: Option<Arc<View>>,
    column_names: Vec<String>,
    text: String,
    late_binding: bool,
    reads: Vec<ReadRelation>,
}

/// Plans CREATE VIEW.
pub(crate) fn plan(node: &CreateView, context: &PlanContext) -> Result<CreateViewPlan, SqlError> {
    let CreateView { name, or_replace, temporary, column_names, query, text, late_binding } = node;
    let place = place(name, *temporary, *or_replace, context)?;
    let replaces = if place.exists { Some(replaced(&place, context)?) } else { None };
    let column_names = column_names.iter().map(|name| name::new_name(fold(name))).collect::<Result<Vec<_>, _>>()?;
    let mut plan = CreateViewPlan {
        place,
        replaces,
        column_names,
        text: text.clone(),
        late_binding: *late_binding,
        reads: vec![],
    };
    if *late_binding {
        return Ok(plan);
    }
    let query = plan_query(query, context)?;
    if !query.parameters.is_empty() {
        return Err(SqlError::new(SqlState::UndefinedParameter, "there is no parameter $1"));
    }
    if plan.column_names.len() > query.columns.len() {
        return Err(SqlError::syntax("CREATE VIEW specifies more column names than columns"));
    }
    check_names(&plan.column_names, &query.columns)?;
    if let Some(view) = &plan.replaces
        && query.tables.iter().any(|read| read.relation == Relation::View(view.id))
    {
        return Err(SqlError::new(SqlState::InvalidRecursion, format!("view \"{}\" would read itself", view.name)));
    }
    // The names after the first ones are those of the query.
    if !plan.column_names.is_empty() {
        let rest = query.columns.iter().skip(plan.column_names.len()).map(|column| column.name.clone());
        plan.column_names.extend(rest);
    }
    plan.reads = query.tables;
    Ok(plan)
}

fn check_names(given: &[String], columns: &[crate::outcome::ResultColumn]) -> Result<(), SqlError> {
    let mut seen = std::collections::BTreeSet::new();
    let names = given.iter().chain(columns.iter().skip(given.len()).map(|column| &column.name));
    for name in names {
        if !seen.insert(name) {
            return Err(SqlError::new(
                SqlState::DuplicateColumn,
                format!("column \"{name}\" specified more than once"),
            ));
        }
    }
    Ok(())
}

fn replaced(place: &Place, context: &PlanContext) -> Result<Arc<View>, SqlError> {
    let schema = place.schema.or(context.facts.temporary_schema);
    let found = schema.and_then(|schema| context.snapshot.relation_named(schema, &place.name));
    match found {
        Some(Relation::View(id)) => {
            context.snapshot.views.get(&id).cloned().ok_or_else(|| SqlError::internal("the view is gone"))
        }
        Some(Relation::Table(_)) | None => {
            Err(SqlError::new(SqlState::WrongObjectType, format!("\"{}\" is not a view", place.name)))
        }
    }
}

/// What CREATE VIEW needs.
pub(crate) fn requirements(plan: &CreateViewPlan) -> Vec<Requirement> {
    let CreateViewPlan { place, replaces, column_names: _, text: _, late_binding: _, reads } = plan;
    let mut required = requirements_of(place);
    required.extend(replaces.iter().map(|view| Requirement::Own(ObjectRef::View(view.id))));
    required.extend(of_reads(reads));
    required
}

/// Runs CREATE VIEW.
pub(crate) fn run(plan: CreateViewPlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let CreateViewPlan { place, replaces, column_names, text, late_binding, reads } = plan;
    let facts = Arc::clone(&context.plan.facts);
    let transaction = context.transaction()?;
    let schema = match place.schema {
        Some(schema) => schema,
        None => transaction.temporary_schema(),
    };
    let mut depends_on: Vec<Relation> = reads.iter().map(|read| read.relation).collect();
    depends_on.sort_unstable();
    depends_on.dedup();
    let snapshot = transaction.snapshot();
    if place.schema.is_some() && facts.temporary_schema.is_some_and(|own| reads_schema(&snapshot, &depends_on, own)) {
        return Err(SqlError::new(
            SqlState::InvalidTableDefinition,
            "a view that reads temporary tables must be temporary",
        ));
    }
    let (id, owner, acl, comment) = match replaces {
        Some(view) => (view.id, view.owner, view.acl.clone(), view.comment.clone()),
        None => (ViewId(transaction.new_id()), facts.role, Acl::default(), None),
    };
    let view = View {
        id,
        schema,
        name: place.name,
        owner,
        query: text,
        column_names,
        late_binding,
        depends_on: if late_binding { vec![] } else { depends_on },
        search_path: facts.search_path.clone(),
        acl,
        comment,
    };
    transaction.stage(Change::PutView(Arc::new(view)))?;
    Ok(Outcome::command("CREATE VIEW"))
}

fn reads_schema(snapshot: &stoa_storage::Snapshot, reads: &[Relation], schema: stoa_storage::SchemaId) -> bool {
    reads.iter().any(|read| match read {
        Relation::Table(id) => snapshot.tables.get(id).is_some_and(|table| table.schema == schema),
        Relation::View(id) => snapshot.views.get(id).is_some_and(|view| view.schema == schema),
    })
}
