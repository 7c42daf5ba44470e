//! The path of every statement: transaction, plan, rights, run, and what follows success or failure.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::block::{Block, Mode, State};
use super::stream::{Guarded, Ticket, pumped};
use super::{Session, SessionFacts, stack};
use crate::access;
use crate::cancel::Cancel;
use crate::command::{self, Context, Upload};
use crate::engine::now_micros;
use crate::error::{SqlError, SqlState};
use crate::outcome::{CopyIn, CopyOut, Outcome, Parameter, Prepared, Rows};
use crate::plan::{self, Plan, PlanContext};
use crate::statement::{Parsed, Statement, StatementKind, Transactional};
use crate::system::{StatementFact, StatementStatus};
use crate::types::SqlType;

/// How often a statement that stands alone is tried, when it loses against concurrent transactions.
const ATTEMPTS_MAX: u32 = 6;
/// Chunks of COPY FROM STDIN that may wait for the load.
const UPLOAD_CHUNKS: usize = 16;

/// One statement to run.
pub(super) struct Run {
    parsed: Parsed,
    declared: Vec<Option<SqlType>>,
    parameters: Vec<Parameter>,
    upload: Option<Upload>,
}

impl Session {
    /// Runs a statement; COPY FROM STDIN gets a task of its own, which the client then feeds.
    pub(super) async fn run_statement(
        &self,
        parsed: Parsed,
        declared: Vec<Option<SqlType>>,
        parameters: Vec<Parameter>,
    ) -> Result<Outcome, SqlError> {
        let reads_stdin = matches!(&**parsed.statement(), Statement::Copy(copy) if copy.reads_stdin());
        let run = Run { parsed, declared, parameters, upload: None };
        if reads_stdin { self.start_upload(run).await } else { self.run_on_workers(run).await }
    }

    /// Runs on the threads for statements; dropping this future stops the statement.
    async fn run_on_workers(&self, run: Run) -> Result<Outcome, SqlError> {
        let session = self.me.upgrade().ok_or_else(|| SqlError::internal("the session is gone"))?;
        let mut task = JoinSet::new();
        task.spawn_on(async move { Box::pin(session.run_locked(run)).await }, self.engine.workers()?);
        match task.join_next().await {
            Some(Ok(result)) => result,
            Some(Err(died)) => Err(SqlError::internal(format!("the statement died: {died}"))),
            None => Err(SqlError::internal("the statement was not started")),
        }
    }

    async fn start_upload(&self, mut run: Run) -> Result<Outcome, SqlError> {
        let session = self.me.upgrade().ok_or_else(|| SqlError::internal("the session is gone"))?;
        let (sender, receiver) = mpsc::channel(UPLOAD_CHUNKS);
        let (ready, is_ready) = oneshot::channel();
        run.upload = Some(Upload { data: receiver, ready });
        let load = self.engine.workers()?.spawn(async move { Box::pin(session.run_locked(run)).await });
        match is_ready.await {
            Ok(columns) => Ok(Outcome::CopyIn(CopyIn { columns, binary: false, sender, load })),
            // The statement ended before it asked for data: refused, or denied.
            Err(_) => load.await.unwrap_or_else(|died| Err(SqlError::internal(format!("the load died: {died}")))),
        }
    }

    async fn run_locked(&self, mut run: Run) -> Result<Outcome, SqlError> {
        let mut state = self.state.lock().await;
        self.drop_abandoned(&mut state);
        let mut ticket = self.start(&state, &run.parsed)?;
        let result = self.attempts(&mut state, &mut run, &mut ticket).await;
        state.last_query_id = ticket.query_id;
        match result {
            Ok(Outcome::Rows(Rows { columns, stream, tag })) => {
                Ok(Outcome::Rows(Rows { columns, stream: Box::pin(Guarded::new(pumped(stream), ticket)), tag }))
            }
            Ok(Outcome::CopyOut(CopyOut { columns, binary, stream, rows })) => {
                ticket.rows = Arc::clone(&rows);
                Ok(Outcome::CopyOut(CopyOut {
                    columns,
                    binary,
                    stream: Box::pin(Guarded::new(pumped(stream), ticket)),
                    rows,
                }))
            }
            Ok(Outcome::Command { tag }) => {
                let rows = tag.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
                ticket.rows.store(rows, Ordering::Relaxed);
                if run.parsed.kind() == StatementKind::Copy {
                    state.last_copy = (i64::try_from(rows).unwrap_or(i64::MAX), ticket.query_id);
                }
                Ok(Outcome::Command { tag })
            }
            Ok(other) => Ok(other),
            Err(error) => {
                ticket.fail(&error);
                Err(error)
            }
        }
    }

    /// A statement whose future was dropped half-way (its client went away) leaves its own transaction behind.
    fn drop_abandoned(&self, state: &mut State) {
        if state.block.as_ref().is_some_and(|block| block.mode == Mode::Auto) {
            state.block = None;
            let mut shared = self.shared.lock();
            shared.block = None;
            shared.settings.rollback();
        }
    }

    fn start(&self, state: &State, parsed: &Parsed) -> Result<Ticket, SqlError> {
        if self.closing.is_cancelled() {
            return Err(Cancel::child_of(&self.closing).error());
        }
        let cancel = Cancel::child_of(&self.closing);
        let (limit, label) = {
            let mut shared = self.shared.lock();
            shared.running = Some(cancel.clone());
            let settings = shared.settings.current();
            (settings.statement_timeout(), settings.get("query_group").unwrap_or_default().to_owned())
        };
        let now = now_micros();
        let text = parsed.sql().to_owned();
        let query_id = self.engine.history().start_statement(StatementFact {
            query_id: 0,
            process_id: self.process_id,
            user: self.user.clone(),
            database: self.database.clone(),
            kind: parsed.kind().row().words,
            text: text.clone(),
            label,
            status: StatementStatus::Running,
            started_micros: now,
            ended_micros: 0,
            rows: 0,
            error: None,
        });
        let in_block = state.block.as_ref().map(|block| block.started_micros);
        self.engine.history().change_session(self.process_id, |session| {
            session.state = "active";
            session.state_changed_micros = now;
            session.statement_started_micros = Some(now);
            session.transaction_started_micros = in_block.or(Some(now));
            session.query = text;
            session.query_id = query_id;
        });
        Ok(Ticket {
            session: self.me.clone(),
            query_id,
            timeout: limit.map(|limit| cancel.fire_after(limit, self.engine.control())),
            cancel,
            rows: Arc::new(AtomicU64::new(0)),
            failed: None,
            error: None,
            transaction: None,
        })
    }

    /// The statement of that token has ended, its stream included.
    pub(super) fn finish_running(&self, _cancel: &Cancel) {
        let (state, in_transaction) = {
            let mut shared = self.shared.lock();
            shared.running = None;
            match &shared.block {
                Some((Mode::Explicit, failed)) if failed.load(Ordering::SeqCst) => {
                    ("idle in transaction (aborted)", true)
                }
                Some((Mode::Explicit, _)) => ("idle in transaction", true),
                Some((Mode::Auto | Mode::Implicit, _)) | None => ("idle", false),
            }
        };
        let application_name = self.setting("application_name").unwrap_or_default();
        self.engine.history().change_session(self.process_id, |session| {
            session.state = state;
            session.state_changed_micros = now_micros();
            session.application_name = application_name;
            if !in_transaction {
                session.transaction_started_micros = None;
            }
        });
    }

    async fn attempts(&self, state: &mut State, run: &mut Run, ticket: &mut Ticket) -> Result<Outcome, SqlError> {
        let row = run.parsed.kind().row();
        let stands_alone = row.transactional == Transactional::Write
            && row.kind != StatementKind::Copy
            && state.block.is_none()
            && !self.shared.lock().implicit;
        let mut attempt = 1;
        loop {
            let result = AssertUnwindSafe(Box::pin(self.attempt(state, run, ticket))).catch_unwind().await;
            let result = result.unwrap_or_else(|panic| Err(stack::panicked(panic.as_ref())));
            let result = self.settle(state, result, ticket).await;
            match result {
                Err(error) if error.is_retryable() && stands_alone && attempt < ATTEMPTS_MAX => {
                    // Spread out, so that the same statements do not meet again.
                    let pause = Duration::from_millis(u64::from(rand::random_range(1..=8 * attempt * attempt)));
                    ticket
                        .cancel
                        .run(async {
                            tokio::time::sleep(pause).await;
                            Ok(())
                        })
                        .await?;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// Ends the statement's own transaction, or marks the one that it ran in as failed.
    async fn settle(
        &self,
        state: &mut State,
        result: Result<Outcome, SqlError>,
        ticket: &mut Ticket,
    ) -> Result<Outcome, SqlError> {
        let Some(block) = state.block.as_mut() else { return result };
        if block.mode != Mode::Auto {
            if result.is_err() {
                block.failed.store(true, Ordering::SeqCst);
            }
            ticket.failed = Some(Arc::clone(&block.failed));
            return result;
        }
        let streams = matches!(result, Ok(Outcome::Rows(_) | Outcome::CopyOut(_)));
        if streams && !block.transaction.has_changes() {
            ticket.transaction = state.block.take().map(|block| block.transaction);
            let mut shared = self.shared.lock();
            shared.block = None;
            shared.settings.commit();
            return result;
        }
        match result {
            Ok(outcome) => self.end_block(state, true).await.map(|()| outcome),
            Err(error) => {
                self.end_block(state, false).await?;
                Err(error)
            }
        }
    }

    async fn attempt(&self, state: &mut State, run: &mut Run, ticket: &Ticket) -> Result<Outcome, SqlError> {
        let statement = Arc::clone(run.parsed.statement());
        let row = run.parsed.kind().row();
        check_not_failed(state, &statement)?;
        if let Statement::Execute(execute) = &*statement {
            let mut inner = self.resolve_execute(state, run, execute, ticket).await?;
            return Box::pin(self.attempt(state, &mut inner, ticket)).await;
        }
        match row.transactional {
            Transactional::Control => {
                let implicit = self.shared.lock().implicit;
                let control = command::transaction::run(&statement, self, state, implicit);
                // A commit is not given up half-way; fetching rows is.
                return if row.kind == StatementKind::Fetch { ticket.cancel.run(control).await } else { control.await };
            }
            Transactional::Outside if state.block.is_some() || self.shared.lock().implicit => {
                return Err(SqlError::new(
                    SqlState::ActiveTransaction,
                    format!("{} cannot run inside a transaction block", row.words),
                ));
            }
            Transactional::Read | Transactional::Write | Transactional::Session | Transactional::Outside => {}
        }
        if state.block.is_none() {
            let mode = if self.shared.lock().implicit { Mode::Implicit } else { Mode::Auto };
            let read_only = self.with_settings(|settings| settings.current().is_on("default_transaction_read_only"));
            self.begin_block(state, mode, read_only);
        }
        self.plan_and_run(state, run, ticket, statement).await
    }

    async fn plan_and_run(
        &self,
        state: &mut State,
        run: &mut Run,
        ticket: &Ticket,
        statement: Arc<Statement>,
    ) -> Result<Outcome, SqlError> {
        let row = run.parsed.kind().row();
        if row.transactional == Transactional::Write && state.block()?.read_only {
            return Err(SqlError::new(
                SqlState::ReadOnlyTransaction,
                format!("cannot execute {} in a read-only transaction", row.words),
            ));
        }
        let context = self.plan_context(state, &run.parsed, run.declared.clone());
        let plan = plan_on_stack(&ticket.cancel, statement, context.clone()).await?;
        access::check(&plan, &context)?;
        let session = self.me.upgrade().ok_or_else(|| SqlError::internal("the session is gone"))?;
        let mut context = Context {
            session,
            state,
            plan: context,
            cancel: ticket.cancel.clone(),
            parsed: run.parsed.clone(),
            parameters: std::mem::take(&mut run.parameters),
            query_id: ticket.query_id,
            upload: run.upload.take(),
        };
        // A retry gets the same parameters.
        let parameters = context.parameters.clone();
        let result = ticket.cancel.run(command::run(plan, &mut context)).await;
        run.parameters = parameters;
        result
    }

    /// Plans and describes a statement without running it.
    pub(super) async fn describe(&self, parsed: Parsed, declared: Vec<Option<SqlType>>) -> Result<Prepared, SqlError> {
        let mut state = self.state.lock().await;
        self.drop_abandoned(&mut state);
        check_not_failed(&state, parsed.statement())?;
        let (inner, declared) = match &**parsed.statement() {
            Statement::Execute(execute) => {
                let named = state.named(&execute.name)?;
                (named.parsed.clone(), named.types.clone())
            }
            _ => (parsed.clone(), declared),
        };
        if let Statement::Fetch(fetch) = &**inner.statement() {
            let columns = command::cursor::columns(&state, fetch)?;
            return Ok(Prepared { parameters: vec![], columns: Some(columns), parsed });
        }
        if inner.kind().row().transactional == Transactional::Control {
            return Ok(Prepared { parameters: vec![], columns: None, parsed });
        }
        let cancel = Cancel::child_of(&self.closing);
        let limit = self.with_settings(|settings| settings.current().statement_timeout());
        let _timeout = limit.map(|limit| cancel.fire_after(limit, self.engine.control()));
        self.shared.lock().running = Some(cancel.clone());
        let context = self.plan_context(&mut state, &inner, declared.clone());
        let plan = plan_on_stack(&cancel, Arc::clone(inner.statement()), context.clone()).await?;
        access::check(&plan, &context)?;
        let (mut parameters, columns) = command::describe(&plan);
        if parsed.kind() == StatementKind::Execute {
            parameters = vec![];
        } else {
            // Parameters that the client declared and the statement does not use are still to be bound.
            let unused = declared.iter().skip(parameters.len());
            parameters.extend(unused.map(|declared| declared.clone().unwrap_or(SqlType::Text)));
        }
        Ok(Prepared { parameters, columns, parsed })
    }

    /// EXECUTE → the statement prepared, with the values of the arguments.
    async fn resolve_execute(
        &self,
        state: &mut State,
        run: &Run,
        execute: &crate::statement::session::Execute,
        ticket: &Ticket,
    ) -> Result<Run, SqlError> {
        let named = state.named(&execute.name)?.clone();
        let context = self.plan_context(state, &named.parsed, named.types.clone());
        let inner = plan_on_stack(&ticket.cancel, Arc::clone(named.parsed.statement()), context.clone()).await?;
        let (types, _) = command::describe(&inner);
        if types.len() != execute.arguments.len() {
            return Err(SqlError::syntax(format!(
                "wrong number of parameters for prepared statement \"{}\"",
                execute.name
            ))
            .with_detail(format!(
                "Expected {} parameters but got {}.",
                types.len(),
                execute.arguments.len()
            )));
        }
        let parameters = if types.is_empty() {
            vec![]
        } else {
            let context = PlanContext { declared: vec![], source: Arc::clone(run.parsed.source()), ..context };
            command::prepare::evaluate(&execute.arguments, &types, context, &ticket.cancel).await?
        };
        Ok(Run { parsed: named.parsed, declared: types.into_iter().map(Some).collect(), parameters, upload: None })
    }

    /// What planning sees: the open transaction's snapshot, or the newest.
    pub(crate) fn plan_context(
        &self,
        state: &mut State,
        parsed: &Parsed,
        declared: Vec<Option<SqlType>>,
    ) -> PlanContext {
        let now = now_micros();
        let (snapshot, started) = match &state.block {
            Some(block) => (block.transaction.snapshot(), block.started_micros),
            None => (self.engine.warehouse().begin(&state.temporary).snapshot(), now),
        };
        let (settings, role) = {
            let shared = self.shared.lock();
            (Arc::clone(shared.settings.current()), shared.role)
        };
        let user = snapshot.roles.get(&role).map_or_else(|| self.user.clone(), |role| role.name.clone());
        let temporary = snapshot.schema_named(self.database_id, &format!("pg_temp_{}", self.process_id));
        let facts = SessionFacts {
            search_path: settings.search_path(&user),
            user,
            role,
            session_role: self.session_role,
            database: self.database.clone(),
            database_id: self.database_id,
            process_id: self.process_id,
            client_address: self.client_address.clone(),
            settings,
            temporary_schema: temporary.map(|schema| schema.id),
            transaction_started_micros: started,
            statement_started_micros: now,
            last_query_id: state.last_query_id,
            last_copy: state.last_copy,
        };
        PlanContext {
            engine: Arc::clone(&self.engine),
            snapshot,
            facts: Arc::new(facts),
            declared,
            source: Arc::clone(parsed.source()),
        }
    }

    /// Begins a transaction.
    pub(crate) fn begin_block(&self, state: &mut State, mode: Mode, read_only: bool) {
        let failed = Arc::new(AtomicBool::new(false));
        state.block = Some(Block {
            transaction: self.engine.warehouse().begin(&state.temporary),
            mode,
            read_only,
            failed: Arc::clone(&failed),
            savepoints: Vec::new(),
            started_micros: now_micros(),
        });
        let mut shared = self.shared.lock();
        shared.block = Some((mode, failed));
        shared.settings.begin();
    }

    /// An implicit transaction becomes a block that lasts until COMMIT or ROLLBACK.
    pub(crate) fn make_explicit(&self, state: &mut State) {
        if let Some(block) = &mut state.block {
            block.mode = Mode::Explicit;
            self.shared.lock().block = Some((Mode::Explicit, Arc::clone(&block.failed)));
        }
    }

    /// Ends the open transaction.
    pub(crate) async fn end_block(&self, state: &mut State, commit: bool) -> Result<(), SqlError> {
        state.cursors.clear();
        let block = state.block.take();
        self.shared.lock().block = None;
        let Some(block) = block else { return Ok(()) };
        if !commit {
            block.transaction.rollback().await;
            self.with_settings(super::setting::SettingState::rollback);
            return Ok(());
        }
        match block.transaction.commit().await {
            Ok(committed) => {
                state.temporary = committed.temporary;
                self.with_settings(super::setting::SettingState::commit);
                Ok(())
            }
            Err(error) => {
                self.with_settings(super::setting::SettingState::rollback);
                Err(error.into())
            }
        }
    }
}

async fn plan_on_stack(cancel: &Cancel, statement: Arc<Statement>, context: PlanContext) -> Result<Plan, SqlError> {
    stack::planning(cancel, move || plan::plan(&statement, &context)).await
}

/// A failed transaction takes only its end.
fn check_not_failed(state: &State, statement: &Statement) -> Result<(), SqlError> {
    let ends = matches!(
        statement,
        Statement::Commit(_) | Statement::Rollback(_) | Statement::RollbackTo(_) | Statement::Empty(())
    );
    match &state.block {
        Some(block) if block.has_failed() && !ends => Err(SqlError::new(
            SqlState::InFailedTransaction,
            "current transaction is aborted, commands ignored until end of transaction block",
        )),
        Some(_) | None => Ok(()),
    }
}
