//! Commands: what is run without the engine, one family a file. Each `run` stages its effects in the session's
//! transaction; nothing here is durable before that commits.

pub(crate) mod alter;
pub(crate) mod bootstrap;
pub(crate) mod column;
pub(crate) mod comment;
pub(crate) mod copy;
pub(crate) mod cursor;
pub(crate) mod database;
pub(crate) mod drop;
pub(crate) mod explain;
pub(crate) mod grant;
pub(crate) mod prepare;
pub(crate) mod query;
pub(crate) mod role;
pub(crate) mod schema;
pub(crate) mod setting;
pub(crate) mod system;
pub(crate) mod table;
pub(crate) mod transaction;
pub(crate) mod vacuum;
pub(crate) mod view;
pub(crate) mod write;

use std::sync::Arc;

use bytes::Bytes;
use stoa_storage::{Change, Transaction};
use tokio::sync::{mpsc, oneshot};

use crate::cancel::Cancel;
use crate::error::{Notice, NoticeSeverity, SqlError};
use crate::outcome::{Outcome, Parameter, ResultColumn};
use crate::plan::{ExecContext, Plan, PlanContext};
use crate::session::Session;
use crate::session::block::State;
use crate::statement::Parsed;
use crate::types::SqlType;

/// What a command works with.
pub(crate) struct Context<'a> {
    pub(crate) session: Arc<Session>,
    pub(crate) state: &'a mut State,
    /// The context that the plan was made with; its snapshot is the one before the command.
    pub(crate) plan: PlanContext,
    pub(crate) cancel: Cancel,
    pub(crate) parsed: Parsed,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) query_id: i64,
    /// The data of COPY FROM STDIN.
    pub(crate) upload: Option<Upload>,
}

/// The data of COPY FROM STDIN.
pub(crate) struct Upload {
    pub(crate) data: mpsc::Receiver<Result<Bytes, SqlError>>,
    /// Told the number of columns once the load is ready for data.
    pub(crate) ready: oneshot::Sender<usize>,
}

impl Context<'_> {
    /// The open transaction.
    pub(crate) fn transaction(&mut self) -> Result<&mut Transaction, SqlError> {
        self.state.block().map(|block| &mut block.transaction)
    }

    /// Stages a change.
    pub(crate) fn stage(&mut self, change: Change) -> Result<(), SqlError> {
        Ok(self.transaction()?.stage(change)?)
    }

    /// The planning context with what the transaction has staged by now.
    pub(crate) fn refreshed(&mut self) -> Result<PlanContext, SqlError> {
        let snapshot = self.transaction()?.snapshot();
        Ok(PlanContext { snapshot, declared: vec![], ..self.plan.clone() })
    }

    /// Tells the client.
    pub(crate) fn notice(&self, severity: NoticeSeverity, message: impl Into<String>) {
        self.session.notice(Notice::new(severity, message));
    }

    /// What running a plan needs.
    pub(crate) fn exec(&self) -> ExecContext {
        ExecContext {
            engine: Arc::clone(&self.plan.engine),
            facts: Arc::clone(&self.plan.facts),
            cancel: self.cancel.clone(),
        }
    }
}

/// Runs a plan: one line an arm.
pub(crate) async fn run(plan: Plan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    match plan {
        Plan::Query(plan) => query::run(*plan, context).await,
        Plan::Explain(plan) => explain::run(*plan, context).await,
        Plan::Insert(plan) => write::insert(*plan, context).await,
        Plan::Update(plan) => write::update(*plan, context).await,
        Plan::Delete(plan) => write::delete(*plan, context).await,
        Plan::Truncate(tables) => write::truncate(&tables, context),
        Plan::CopyFrom(plan) => Box::pin(copy::run_from(*plan, context)).await,
        Plan::CopyTo(plan) => copy::run_to(*plan, context).await,
        Plan::CreateTable(plan) => table::run(*plan, context),
        Plan::CreateTableAs(plan) => table::run_as(*plan, context).await,
        Plan::AlterTable(plan) => alter::run(*plan, context).await,
        Plan::CreateView(plan) => view::run(*plan, context),
        Plan::DropRelations(plan) => drop::run(plan, context),
        Plan::CreateSchema(plan) => schema::create(plan, context),
        Plan::AlterSchema(plan) => schema::alter(plan, context),
        Plan::DropSchemas(plan) => schema::drop(plan, context),
        Plan::CreateDatabase(plan) => database::create(plan, context),
        Plan::AlterDatabase(plan) => database::alter(plan, context),
        Plan::DropDatabase(plan) => database::drop(plan, context),
        Plan::Comment(plan) => comment::run(plan, context),
        Plan::CreateRole(plan) => role::create(*plan, context),
        Plan::AlterRole(plan) => role::alter(*plan, context),
        Plan::DropRoles(plan) => role::drop(plan, context),
        Plan::Grant(plan) => grant::run(*plan, context),
        Plan::Lock(_tables) => Ok(Outcome::command("LOCK TABLE")),
        Plan::Setting(plan) => setting::run(plan, context),
        Plan::SetRole(plan) => setting::set_role(plan, context),
        Plan::Show(plan) => setting::show(plan),
        Plan::Discard(what) => setting::discard(what, context),
        Plan::Prepare(plan) => prepare::run(plan, context),
        Plan::Deallocate(name) => prepare::deallocate(name.as_deref(), context),
        Plan::Listen(tag) => Ok(Outcome::command(tag)),
        Plan::CancelStatement(process_id) => setting::cancel(process_id, context),
        Plan::Declare(plan) => cursor::declare(*plan, context).await,
        Plan::Close(name) => cursor::close(name.as_deref(), context),
        Plan::Vacuum(plan) => vacuum::run(plan, context).await,
        Plan::Analyze(plan) => Ok(vacuum::analyze(plan)),
        Plan::Empty => Ok(Outcome::Empty),
    }
}

/// Parameters and result columns of a plan.
pub(crate) fn describe(plan: &Plan) -> (Vec<SqlType>, Option<Arc<[ResultColumn]>>) {
    match plan {
        Plan::Query(query) => (query.parameters.clone(), Some(query.columns.clone().into())),
        Plan::Explain(explain) => (explain.query.parameters.clone(), Some(explain::columns().into())),
        Plan::Insert(insert) => (insert.parameters.clone(), None),
        Plan::Update(update) => (update.parameters.clone(), None),
        Plan::Delete(delete) => (delete.parameters.clone(), None),
        Plan::CreateTableAs(create) => (create.query.parameters.clone(), None),
        Plan::Declare(declare) => (declare.query.parameters.clone(), None),
        Plan::Show(show) => (vec![], Some(show.columns().into())),
        _ => (vec![], None),
    }
}
