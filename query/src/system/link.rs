//! From a statement's planning context to the world that system tables and functions show.

use std::sync::{Arc, LazyLock};

use datafusion::logical_expr::Volatility;
use sqlparser::parser::Parser;
use stoa_storage::View;

use crate::engine::{Engine, now_micros};
use crate::error::{SqlError, SqlState};
use crate::function::{FUNCTIONS, Family, FunctionContext};
use crate::plan::PlanContext;
use crate::plan::query::plan_query;
use crate::session::SessionFacts;
use crate::settings::{SETTINGS, SettingKind, Settings};
use crate::statement::dialect::StoaDialect;
use crate::system::context::{Action, FunctionFact, SettingFact, SystemContext};
use crate::system::function::function_facts;
use crate::types::SqlType;

/// What system tables and functions see in a statement.
pub(crate) fn context_for(planning: &PlanContext) -> Arc<SystemContext> {
    let facts = &planning.facts;
    let snapshot = &planning.snapshot;
    let mut context = SystemContext::new(Arc::clone(snapshot), facts.database_id, facts.role);
    let path = facts.search_path.iter().filter_map(|name| snapshot.schema_named(facts.database_id, name));
    context.search_path = path.map(|schema| schema.id).collect();
    context.session_role = facts.session_role;
    context.temporary_schema = facts.temporary_schema;
    context.process_id = facts.process_id;
    context.client_address.clone_from(&facts.client_address);
    context.server_started_micros = planning.engine.started_at_micros();
    context.now_micros = now_micros();
    (context.last_copy_count, context.last_copy_id) = facts.last_copy;
    context.last_query_id = facts.last_query_id;
    context.settings = setting_facts(&facts.settings);
    context.functions = Arc::clone(&ALL_FUNCTIONS);
    context.history = Arc::clone(planning.engine.history());
    let (engine, acting) = (Arc::clone(&planning.engine), Arc::clone(facts));
    context.actions = Some(Arc::new(move |action| act(&engine, &acting, action)));
    let planning = planning.clone();
    context.view_columns = Some(Arc::new(move |view| view_columns(&planning, view)));
    Arc::new(context)
}

/// Every function that SQL can call, sorted by name; of several with one name the first.
static ALL_FUNCTIONS: LazyLock<Arc<Vec<FunctionFact>>> = LazyLock::new(|| {
    let context = Arc::new(FunctionContext { transaction_micros: 0, statement_micros: 0, time_zone: chrono_tz::UTC });
    let listed = FUNCTIONS.iter().filter_map(|row| {
        let kind = match row.family {
            Family::Scalar => 'f',
            Family::Aggregate => 'a',
            Family::Window => 'w',
            Family::Table => return None,
        };
        let scalar = crate::function::scalar(row.name, &context);
        let volatility = scalar.map_or('i', |udf| letter(udf.signature().volatility));
        Some(FunctionFact { name: row.name.to_owned(), kind, volatility })
    });
    let mut functions: Vec<FunctionFact> = listed.chain(function_facts()).collect();
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    functions.dedup_by(|later, first| later.name == first.name);
    Arc::new(functions)
});

fn letter(volatility: Volatility) -> char {
    match volatility {
        Volatility::Immutable => 'i',
        Volatility::Stable => 's',
        Volatility::Volatile => 'v',
    }
}

fn setting_facts(settings: &Settings) -> Arc<Vec<SettingFact>> {
    let facts = settings.iter().map(|(name, value)| {
        let declared = SETTINGS.iter().find(|setting| setting.name == name);
        SettingFact {
            name: name.to_owned(),
            value: value.to_owned(),
            default: declared.map_or(String::new(), |setting| setting.default.to_owned()),
            description: declared.map_or("Made up by a client.", |setting| setting.doc).to_owned(),
            kind: match declared.map(|setting| setting.kind) {
                Some(SettingKind::Bool) => "bool",
                Some(SettingKind::Int(..) | SettingKind::Duration) => "integer",
                Some(SettingKind::Word(_)) => "enum",
                _ => "string",
            },
            unit: matches!(declared.map(|setting| setting.kind), Some(SettingKind::Duration)).then_some("ms"),
        }
    });
    Arc::new(facts.collect())
}

/// Carries out what a function asks of a session.
fn act(engine: &Engine, facts: &SessionFacts, action: Action) -> Result<bool, SqlError> {
    match action {
        Action::SetConfig { name, value, local } => {
            let session = engine.session(facts.process_id).ok_or_else(|| SqlError::internal("the session is gone"))?;
            session.with_settings(|settings| settings.set(&name, &value, local))?;
            Ok(true)
        }
        Action::Cancel(process_id) => {
            check_signal(engine, facts, process_id)?;
            Ok(engine.cancel_backend(process_id))
        }
        Action::Terminate(process_id) => {
            check_signal(engine, facts, process_id)?;
            Ok(engine.terminate_backend(process_id))
        }
    }
}

/// One may stop one's own sessions; superusers may stop all.
fn check_signal(engine: &Engine, facts: &SessionFacts, process_id: i32) -> Result<(), SqlError> {
    let snapshot = engine.warehouse().snapshot();
    if snapshot.roles.get(&facts.role).is_some_and(|role| role.superuser) {
        return Ok(());
    }
    match engine.session(process_id) {
        Some(session) if session.session_role() != facts.session_role => {
            Err(SqlError::new(SqlState::InsufficientPrivilege, "permission denied to terminate process")
                .with_detail("Only roles with the privileges of the role whose process is being terminated may do so."))
        }
        _ => Ok(()),
    }
}

/// Names and types of a view's columns: what planning its query gives. `None` when it can no longer be planned.
fn view_columns(context: &PlanContext, view: &View) -> Option<Vec<(String, SqlType)>> {
    let mut parser = Parser::new(&StoaDialect).try_with_sql(&view.query).ok()?;
    let query = parser.parse_query().ok()?;
    let facts = context.facts.for_view(view.owner, view.search_path.clone());
    let inner = PlanContext { facts: Arc::new(facts), declared: vec![], ..context.clone() };
    let planned = plan_query(&query, &inner).ok()?;
    let columns = planned.columns.into_iter().enumerate().map(|(index, column)| {
        (view.column_names.get(index).cloned().unwrap_or(column.name), column.sql_type)
    });
    Some(columns.collect())
}
