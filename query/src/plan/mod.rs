//! From statements to plans: names become ids, types are settled. Pure and synchronous, so that a plan can be made again
//! at any time. Nothing outside of the catalog is read here; COPY lists its files when it runs, after its rights were checked.

mod call;
pub(crate) mod describe;
pub(crate) mod label;
pub(crate) mod name;
pub(crate) mod normalize;
pub(crate) mod operator;
pub(crate) mod provider;
pub(crate) mod query;
mod refuse;
pub(crate) mod relation;
pub(crate) mod write;

use std::sync::Arc;

use stoa_storage::{ColumnId, Relation, RoleId, Snapshot, Table};

use crate::command;
use crate::engine::Engine;
use crate::error::SqlError;
use crate::session::SessionFacts;
use crate::statement::Statement;
use crate::system::SystemContext;
use crate::types::SqlType;

/// Everything that planning may look at.
#[derive(Clone)]
pub(crate) struct PlanContext {
    /// Shared state.
    pub(crate) engine: Arc<Engine>,
    /// The catalog: the transaction's snapshot with its own changes.
    pub(crate) snapshot: Arc<Snapshot>,
    /// The session: user, database, search path, settings, clocks.
    pub(crate) facts: Arc<SessionFacts>,
    /// Types of parameters that the client declared (`$1` first); `None` where it left them open.
    pub(crate) declared: Vec<Option<SqlType>>,
    /// The whole text that the client sent, for positions in errors (spans of the syntax tree refer to it).
    pub(crate) source: Arc<str>,
}

/// Everything that running a planned statement needs besides the plan.
#[derive(Clone)]
pub(crate) struct ExecContext {
    /// Shared state.
    pub(crate) engine: Arc<Engine>,
    /// The session.
    pub(crate) facts: Arc<SessionFacts>,
    /// Fires on cancel, on `statement_timeout` (see [`crate::cancel::Reason`]) and when the session ends.
    pub(crate) cancel: Cancel,
}

pub(crate) use crate::cancel::Cancel;

/// A relation that a plan reads, for the check of rights.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReadRelation {
    /// The table or view.
    pub(crate) relation: Relation,
    /// With whose rights: the user's, or for what a view reads, the view owner's.
    pub(crate) reader: RoleId,
    /// Columns that are read (empty: none by name, as in `count(*)`).
    pub(crate) columns: Vec<ColumnId>,
}

impl PlanContext {
    /// What system tables and functions are computed from.
    pub(crate) fn system(&self) -> Arc<SystemContext> {
        command::system::context(self)
    }
}

/// A statement whose names are resolved. Only [`crate::access`] and [`crate::command`] look inside.
pub(crate) enum Plan {
    Query(Box<query::PlannedQuery>),
    Explain(Box<command::explain::ExplainPlan>),
    Insert(Box<write::PlannedInsert>),
    Update(Box<write::PlannedUpdate>),
    Delete(Box<write::PlannedDelete>),
    Truncate(Vec<Arc<Table>>),
    CopyFrom(Box<command::copy::CopyFrom>),
    CopyTo(Box<command::copy::CopyTo>),
    CreateTable(Box<command::table::CreateTablePlan>),
    CreateTableAs(Box<command::table::CreateTableAsPlan>),
    AlterTable(Box<command::alter::AlterTablePlan>),
    CreateView(Box<command::view::CreateViewPlan>),
    DropRelations(command::drop::DropRelationsPlan),
    CreateSchema(command::schema::CreateSchemaPlan),
    AlterSchema(command::schema::AlterSchemaPlan),
    DropSchemas(command::schema::DropSchemasPlan),
    CreateDatabase(command::database::CreateDatabasePlan),
    AlterDatabase(command::database::AlterDatabasePlan),
    DropDatabase(command::database::DropDatabasePlan),
    Comment(command::comment::CommentPlan),
    CreateRole(Box<command::role::CreateRolePlan>),
    AlterRole(Box<command::role::AlterRolePlan>),
    DropRoles(command::role::DropRolesPlan),
    Grant(Box<command::grant::GrantPlan>),
    Lock(Vec<Arc<Table>>),
    Setting(command::setting::SettingPlan),
    SetRole(command::setting::SetRolePlan),
    Show(command::setting::ShowPlan),
    Discard(crate::statement::session::Discard),
    Prepare(command::prepare::PreparePlan),
    Deallocate(Option<String>),
    Listen(String),
    CancelStatement(i32),
    Declare(Box<command::cursor::DeclarePlan>),
    Close(Option<String>),
    Vacuum(command::vacuum::VacuumPlan),
    Analyze(command::vacuum::AnalyzePlan),
    Empty,
}

/// Plans a statement: one line an arm.
pub(crate) fn plan(statement: &Arc<Statement>, context: &PlanContext) -> Result<Plan, SqlError> {
    match &**statement {
        Statement::Query(node) => Ok(Plan::Query(Box::new(query::plan_query(node, context)?))),
        Statement::Explain(node) => Ok(Plan::Explain(Box::new(command::explain::plan(node, context)?))),
        Statement::Insert(node) => Ok(Plan::Insert(Box::new(write::plan_insert(node, context)?))),
        Statement::Update(node) => Ok(Plan::Update(Box::new(write::plan_update(node, context)?))),
        Statement::Delete(node) => Ok(Plan::Delete(Box::new(write::plan_delete(node, context)?))),
        Statement::Truncate(node) => Ok(Plan::Truncate(name::tables(&node.tables, context)?)),
        Statement::Copy(node) => command::copy::plan(node, context),
        Statement::CreateTable(node) => Ok(Plan::CreateTable(Box::new(command::table::plan(node, context)?))),
        Statement::CreateTableAs(node) => Ok(Plan::CreateTableAs(Box::new(command::table::plan_as(node, context)?))),
        Statement::AlterTable(node) => Ok(Plan::AlterTable(Box::new(command::alter::plan(node, context)?))),
        Statement::CreateView(node) => Ok(Plan::CreateView(Box::new(command::view::plan(node, context)?))),
        Statement::DropRelation(node) => Ok(Plan::DropRelations(command::drop::plan(node, context)?)),
        Statement::CreateSchema(node) => Ok(Plan::CreateSchema(command::schema::plan_create(node, context)?)),
        Statement::AlterSchema(node) => Ok(Plan::AlterSchema(command::schema::plan_alter(node, context)?)),
        Statement::DropSchema(node) => Ok(Plan::DropSchemas(command::schema::plan_drop(node, context)?)),
        Statement::CreateDatabase(node) => Ok(Plan::CreateDatabase(command::database::plan_create(node, context)?)),
        Statement::AlterDatabase(node) => Ok(Plan::AlterDatabase(command::database::plan_alter(node, context)?)),
        Statement::DropDatabase(node) => Ok(Plan::DropDatabase(command::database::plan_drop(node, context)?)),
        Statement::Comment(node) => Ok(Plan::Comment(command::comment::plan(node, context)?)),
        Statement::CreateRole(node) => Ok(Plan::CreateRole(Box::new(command::role::plan_create(node, context)?))),
        Statement::AlterRole(node) => Ok(Plan::AlterRole(Box::new(command::role::plan_alter(node, context)?))),
        Statement::DropRole(node) => Ok(Plan::DropRoles(command::role::plan_drop(node, context)?)),
        Statement::Grant(node) => Ok(Plan::Grant(Box::new(command::grant::plan(node, context)?))),
        Statement::Lock(node) => Ok(Plan::Lock(name::tables(&node.tables, context)?)),
        Statement::Set(node) => Ok(Plan::Setting(command::setting::plan_set(node))),
        Statement::SetRole(node) => Ok(Plan::SetRole(command::setting::plan_set_role(node, context)?)),
        Statement::Show(name) => Ok(Plan::Show(command::setting::plan_show(name, context)?)),
        Statement::Reset(node) => Ok(Plan::Setting(command::setting::plan_reset(node))),
        Statement::Discard(what) => Ok(Plan::Discard(*what)),
        Statement::Prepare(node) => Ok(Plan::Prepare(command::prepare::plan(node, context)?)),
        Statement::Deallocate(name) => Ok(Plan::Deallocate(name.clone())),
        Statement::Listen(tag) => Ok(Plan::Listen(tag.clone())),
        Statement::CancelStatement(process_id) => Ok(Plan::CancelStatement(*process_id)),
        Statement::Declare(node) => Ok(Plan::Declare(Box::new(command::cursor::plan(node, context)?))),
        Statement::Close(name) => Ok(Plan::Close(name.clone())),
        Statement::Vacuum(node) => Ok(Plan::Vacuum(command::vacuum::plan(node, context)?)),
        Statement::Analyze(node) => Ok(Plan::Analyze(command::vacuum::plan_analyze(node, context)?)),
        Statement::Empty(()) => Ok(Plan::Empty),
        Statement::Begin(_)
        | Statement::Commit(_)
        | Statement::Rollback(_)
        | Statement::Savepoint(_)
        | Statement::ReleaseSavepoint(_)
        | Statement::RollbackTo(_)
        | Statement::Execute(_)
        | Statement::Fetch(_) => Err(SqlError::unsupported(format!("{} here", statement.kind().row().words))),
    }
}
