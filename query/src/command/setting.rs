//! SET, SHOW, RESET, DISCARD, SET ROLE, CANCEL, and settings that are stored for users and databases.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use stoa_storage::{Change, RoleId, SettingScope};

use super::Context;
use crate::access::{self, Requirement};
use crate::error::{NoticeSeverity, SqlError, SqlState};
use crate::outcome::{Outcome, ResultColumn, Rows};
use crate::plan::PlanContext;
use crate::plan::name;
use crate::session::block::Mode;
use crate::settings::{SETTINGS, normalise, unrecognised};
use crate::statement::session::{Discard, Reset, Set, SetRole, SettingValue};
use crate::types::SqlType;

/// SET and RESET.
pub(crate) enum SettingPlan {
    Set { name: String, value: SettingValue, local: bool },
    Transaction { read_only: Option<bool> },
    Characteristics { read_only: Option<bool> },
    ResetAll,
    Reset(String),
}

/// SET ROLE and SET SESSION AUTHORIZATION.
pub(crate) struct SetRolePlan {
    role: RoleId,
    authorization: bool,
    /// Back to the user who logged in.
    back: bool,
    tag: &'static str,
}

/// SHOW.
pub(crate) enum ShowPlan {
    One(String, String),
    All(Vec<(String, String, &'static str)>),
}

/// Plans SET.
pub(crate) fn plan_set(node: &Set) -> SettingPlan {
    match node {
        Set::Setting { name, value, local } => {
            SettingPlan::Set { name: name.clone(), value: value.clone(), local: *local }
        }
        Set::Transaction { read_only } => SettingPlan::Transaction { read_only: *read_only },
        Set::Characteristics { read_only } => SettingPlan::Characteristics { read_only: *read_only },
    }
}

/// Plans RESET.
pub(crate) fn plan_reset(node: &Reset) -> SettingPlan {
    match node {
        Reset::All => SettingPlan::ResetAll,
        Reset::Setting(name) => SettingPlan::Reset(name.clone()),
    }
}

/// Plans SET ROLE.
pub(crate) fn plan_set_role(node: &SetRole, context: &PlanContext) -> Result<SetRolePlan, SqlError> {
    let SetRole { role, authorization } = node;
    let tag = if *authorization { "SET SESSION AUTHORIZATION" } else { "SET" };
    match role {
        None => Ok(SetRolePlan { role: context.facts.session_role, authorization: *authorization, back: true, tag }),
        Some(role) => {
            let role = name::role(&context.snapshot, &context.facts, role)?;
            Ok(SetRolePlan { role, authorization: *authorization, back: false, tag })
        }
    }
}

/// Plans SHOW.
pub(crate) fn plan_show(name: &str, context: &PlanContext) -> Result<ShowPlan, SqlError> {
    let settings = &context.facts.settings;
    if name == "all" {
        let described = settings.iter().map(|(name, value)| {
            let doc = crate::settings::declared(name).map_or("", |setting| setting.doc);
            (name.to_owned(), value.to_owned(), doc)
        });
        return Ok(ShowPlan::All(described.collect()));
    }
    let value = settings.get(name).ok_or_else(|| unrecognised(name))?;
    let shown = crate::settings::declared(name).map_or(name, |setting| setting.name);
    Ok(ShowPlan::One(shown.to_owned(), value.to_owned()))
}

impl ShowPlan {
    /// The columns of the result.
    pub(crate) fn columns(&self) -> Vec<ResultColumn> {
        let column =
            |name: &str| ResultColumn { name: name.to_owned(), sql_type: SqlType::Text, table: None, nullable: true };
        match self {
            Self::One(name, _) => vec![column(name)],
            Self::All(_) => vec![column("name"), column("setting"), column("description")],
        }
    }
}

/// What SET and RESET need.
pub(crate) fn requirements(plan: &SettingPlan) -> Vec<Requirement> {
    match plan {
        SettingPlan::Set { name: _, value: _, local: _ }
        | SettingPlan::Transaction { read_only: _ }
        | SettingPlan::Characteristics { read_only: _ }
        | SettingPlan::ResetAll
        | SettingPlan::Reset(_) => vec![],
    }
}

/// What SET ROLE needs. Whether the *user who logged in* may is decided when it runs, for the current role may be less.
pub(crate) fn requirements_role(plan: &SetRolePlan) -> Vec<Requirement> {
    let SetRolePlan { role: _, authorization: _, back: _, tag: _ } = plan;
    vec![]
}

/// Runs SET and RESET.
pub(crate) fn run(plan: SettingPlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    match plan {
        SettingPlan::Set { name, value, local } => {
            if local && context.state.block()?.mode == Mode::Auto {
                context.notice(NoticeSeverity::Warning, "SET LOCAL can only be used in transaction blocks");
            }
            context.session.with_settings(|settings| match &value {
                SettingValue::Default => settings.reset(&name, local),
                SettingValue::Value(value) => settings.set(&name, value, local),
            })?;
            Ok(Outcome::command("SET"))
        }
        SettingPlan::Transaction { read_only } => {
            let block = context.state.block()?;
            if block.mode == Mode::Auto {
                context.notice(NoticeSeverity::Warning, "SET TRANSACTION can only be used in transaction blocks");
            } else if let Some(read_only) = read_only {
                if !read_only && block.read_only {
                    return Err(SqlError::new(
                        SqlState::ActiveTransaction,
                        "transaction read-write mode must be set before any query",
                    ));
                }
                block.read_only = read_only;
            }
            Ok(Outcome::command("SET"))
        }
        SettingPlan::Characteristics { read_only } => {
            if let Some(read_only) = read_only {
                let value = if read_only { "on" } else { "off" };
                context
                    .session
                    .with_settings(|settings| settings.set("default_transaction_read_only", value, false))?;
            }
            Ok(Outcome::command("SET"))
        }
        SettingPlan::ResetAll => {
            context.session.with_settings(|settings| settings.reset_all());
            Ok(Outcome::command("RESET"))
        }
        SettingPlan::Reset(name) => {
            context.session.with_settings(|settings| settings.reset(&name, false))?;
            Ok(Outcome::command("RESET"))
        }
    }
}

/// Runs SET ROLE and SET SESSION AUTHORIZATION.
pub(crate) fn set_role(plan: SetRolePlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let SetRolePlan { role, authorization, back, tag } = plan;
    let snapshot = Arc::clone(&context.plan.snapshot);
    let user = context.session.session_role();
    let allowed = back
        || access::is_superuser(&snapshot, user)
        || (!authorization && access::memberships(&snapshot, user).contains(&role));
    if !allowed {
        let name = snapshot.roles.get(&role).map(|role| role.name.clone()).unwrap_or_default();
        return Err(SqlError::new(
            SqlState::InsufficientPrivilege,
            format!(
                "permission denied to set {} \"{name}\"",
                if authorization { "session authorization" } else { "role" }
            ),
        ));
    }
    context.session.set_role(role, access::is_superuser(&snapshot, role));
    if authorization && let Some(role) = snapshot.roles.get(&role) {
        context.session.with_settings(|settings| settings.force("session_authorization", &role.name));
    }
    Ok(Outcome::command(tag))
}

/// Runs SHOW.
pub(crate) fn show(plan: ShowPlan) -> Result<Outcome, SqlError> {
    let columns = plan.columns();
    let batch = match plan {
        ShowPlan::One(name, value) => text_batch(&[(&name, vec![value])])?,
        ShowPlan::All(rows) => {
            let (names, rest): (Vec<_>, Vec<_>) =
                rows.into_iter().map(|(name, value, doc)| (name, (value, doc.to_owned()))).unzip();
            let (values, docs) = rest.into_iter().unzip();
            text_batch(&[("name", names), ("setting", values), ("description", docs)])?
        }
    };
    Ok(Outcome::Rows(Rows::ready(columns, batch, "SHOW")))
}

/// A batch of text columns.
pub(crate) fn text_batch(columns: &[(&str, Vec<String>)]) -> Result<RecordBatch, SqlError> {
    let fields: Vec<Field> = columns.iter().map(|(name, _)| Field::new(*name, DataType::Utf8, true)).collect();
    let arrays =
        columns.iter().map(|(_, values)| Arc::new(StringArray::from_iter_values(values)) as ArrayRef).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

/// Runs DISCARD.
pub(crate) fn discard(what: Discard, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let tag = match what {
        Discard::All => {
            if context.state.block()?.mode != Mode::Auto {
                return Err(SqlError::new(
                    SqlState::ActiveTransaction,
                    "DISCARD ALL cannot run inside a transaction block",
                ));
            }
            context.state.prepared.clear();
            context.state.cursors.clear();
            let superuser = access::is_superuser(&context.plan.snapshot, context.session.session_role());
            context.session.set_role(context.session.session_role(), superuser);
            context.session.with_settings(|settings| settings.reset_all());
            drop_temporary(context)?;
            "DISCARD ALL"
        }
        Discard::Plans => "DISCARD PLANS",
        Discard::Sequences => "DISCARD SEQUENCES",
        Discard::Temporary => {
            drop_temporary(context)?;
            "DISCARD TEMP"
        }
    };
    Ok(Outcome::command(tag))
}

fn drop_temporary(context: &mut Context<'_>) -> Result<(), SqlError> {
    let Some(schema) = context.plan.facts.temporary_schema else { return Ok(()) };
    let snapshot = context.transaction()?.snapshot();
    let views: Vec<_> = snapshot.views_in(schema).map(|view| Change::DropView(view.id)).collect();
    let tables: Vec<_> = snapshot.tables_in(schema).map(|table| Change::DropTable(table.id)).collect();
    views.into_iter().chain(tables).try_for_each(|change| context.stage(change))
}

/// Runs CANCEL: of one's own sessions, or any as superuser.
pub(crate) fn cancel(process_id: i32, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    signal(process_id, &context.plan, false)?;
    Ok(Outcome::command("CANCEL"))
}

/// Cancels a statement or ends a session; whether there was one.
pub(crate) fn signal(process_id: i32, context: &PlanContext, terminate: bool) -> Result<bool, SqlError> {
    let Some(target) = context.engine.session(process_id) else { return Ok(false) };
    let role = context.facts.role;
    let allowed = access::is_superuser(&context.snapshot, role)
        || access::memberships(&context.snapshot, role).contains(&target.session_role());
    if !allowed {
        let verb = if terminate { "terminate process" } else { "cancel query" };
        return Err(SqlError::new(SqlState::InsufficientPrivilege, format!("permission denied to {verb}"))
            .with_detail("Only superusers and members of the role whose session it is may do so."));
    }
    Ok(if terminate { context.engine.terminate_backend(process_id) } else { context.engine.cancel_backend(process_id) })
}

/// Checks what ALTER USER … SET and ALTER DATABASE … SET shall store.
pub(crate) fn check_stored(name: Option<&str>, value: &SettingValue) -> Result<(), SqlError> {
    match (name, value) {
        (Some(name), SettingValue::Value(value)) => normalise(name, value).map(drop),
        (Some(name), SettingValue::Default) => {
            let known = SETTINGS.iter().any(|setting| setting.name.eq_ignore_ascii_case(name)) || name.contains('.');
            if known { Ok(()) } else { Err(unrecognised(name)) }
        }
        (None, _) => Ok(()),
    }
}

/// Stores a setting for a user or a database; without a name all of them are reset.
pub(crate) fn store(
    scope: SettingScope,
    name: Option<String>,
    value: SettingValue,
    context: &mut Context<'_>,
) -> Result<(), SqlError> {
    let names = match name {
        Some(name) => vec![name.to_ascii_lowercase()],
        None => {
            let snapshot = context.transaction()?.snapshot();
            let stored = snapshot.settings.keys().filter(|(of, _)| *of == scope);
            stored.map(|(_, name)| name.clone()).collect()
        }
    };
    for name in names {
        let value = match &value {
            SettingValue::Default => None,
            SettingValue::Value(value) => Some(value.clone()),
        };
        context.stage(Change::PutSetting { scope, name, value })?;
    }
    Ok(())
}
