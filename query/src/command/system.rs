//! What system tables and functions see of the session, and what they may ask of it.

use std::sync::Arc;

use crate::plan::PlanContext;
use crate::settings::{SETTINGS, SettingKind, declared};
use crate::system::{Action, SettingFact, SystemContext};

use super::setting::signal;

/// The world as one statement's system tables see it.
pub(crate) fn context(plan: &PlanContext) -> Arc<SystemContext> {
    let facts = &plan.facts;
    let search_path = facts
        .search_path
        .iter()
        .filter_map(|name| plan.snapshot.schema_named(facts.database_id, name).map(|schema| schema.id))
        .collect();
    let (last_copy_count, last_copy_id) = facts.last_copy;
    let handler = plan.clone();
    let views = plan.clone();
    let mut system = SystemContext::new(Arc::clone(&plan.snapshot), facts.database_id, facts.role);
    system.session_role = facts.session_role;
    system.search_path = search_path;
    system.temporary_schema = facts.temporary_schema;
    system.process_id = facts.process_id;
    system.client_address.clone_from(&facts.client_address);
    system.server_started_micros = plan.engine.started_at_micros();
    system.now_micros = facts.statement_started_micros;
    system.last_copy_count = last_copy_count;
    system.last_copy_id = last_copy_id;
    system.last_query_id = facts.last_query_id;
    system.settings = Arc::new(settings(plan));
    system.functions = crate::system::all_functions();
    system.history = Arc::clone(plan.engine.history());
    system.actions = Some(Arc::new(move |action| act(&action, &handler)));
    system.view_columns = Some(Arc::new(move |view| crate::system::view_columns(&views, view)));
    Arc::new(system)
}

fn settings(plan: &PlanContext) -> Vec<SettingFact> {
    let facts = plan.facts.settings.iter().map(|(name, value)| {
        let setting = declared(name);
        SettingFact {
            name: name.to_owned(),
            value: value.to_owned(),
            default: setting.map_or_else(String::new, |setting| setting.default.to_owned()),
            description: setting.map_or_else(String::new, |setting| setting.doc.to_owned()),
            kind: setting.map_or("string", |setting| kind(setting.kind)),
            unit: setting.filter(|setting| setting.kind == SettingKind::Duration).map(|_| "ms"),
        }
    });
    let mut facts: Vec<_> = facts.collect();
    debug_assert!(facts.len() >= SETTINGS.len(), "declared settings are always present");
    facts.sort_by_key(|fact| fact.name.to_ascii_lowercase());
    facts
}

fn kind(kind: SettingKind) -> &'static str {
    match kind {
        SettingKind::Bool => "bool",
        SettingKind::Int(..) | SettingKind::Duration => "integer",
        SettingKind::Word(_) => "enum",
        SettingKind::Text
        | SettingKind::Names
        | SettingKind::TimeZone
        | SettingKind::DateStyle
        | SettingKind::Encoding
        | SettingKind::ReadOnly => "string",
    }
}

/// set_config and the signal functions.
fn act(action: &Action, plan: &PlanContext) -> Result<bool, crate::error::SqlError> {
    match action {
        Action::SetConfig { name, value, local } => {
            let session = plan.engine.session(plan.facts.process_id);
            let session = session.ok_or_else(|| crate::error::SqlError::internal("the session is gone"))?;
            session.with_settings(|settings| settings.set(name, value, *local)).map(|()| true)
        }
        Action::Cancel(process_id) => signal(*process_id, plan, false),
        Action::Terminate(process_id) => signal(*process_id, plan, true),
    }
}
