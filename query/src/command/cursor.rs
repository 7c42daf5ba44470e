//! Cursors: a query whose rows are fetched bit by bit, until its transaction ends.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::{StreamExt, stream};

use super::Context;
use crate::access::{Requirement, of_query};
use crate::error::{SqlError, SqlState};
use crate::execute;
use crate::outcome::{Outcome, ResultColumn, Rows};
use crate::plan::PlanContext;
use crate::plan::query::{PlannedQuery, plan_query};
use crate::session::block::{Cursor, Mode, State};
use crate::statement::session::{Declare, Fetch};

/// DECLARE.
pub(crate) struct DeclarePlan {
    name: String,
    pub(crate) query: PlannedQuery,
}

/// Plans DECLARE.
pub(crate) fn plan(node: &Declare, context: &PlanContext) -> Result<DeclarePlan, SqlError> {
    let Declare { name, query } = node;
    Ok(DeclarePlan { name: name.clone(), query: plan_query(query, context)? })
}

/// What DECLARE needs.
pub(crate) fn requirements(plan: &DeclarePlan) -> Vec<Requirement> {
    let DeclarePlan { name: _, query } = plan;
    of_query(query)
}

/// Runs DECLARE.
pub(crate) async fn declare(plan: DeclarePlan, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let DeclarePlan { name, query } = plan;
    if context.state.block()?.mode == Mode::Auto {
        return Err(SqlError::new(
            SqlState::NoActiveTransaction,
            "DECLARE CURSOR can only be used in transaction blocks",
        ));
    }
    if context.state.cursors.contains_key(&name) {
        return Err(SqlError::new(SqlState::DuplicateCursor, format!("cursor \"{name}\" already exists")));
    }
    // The statement ends now; its cursor is stopped by the end of the transaction or of the session.
    let mut exec = context.exec();
    exec.cancel = crate::cancel::Cancel::child_of(context.session.engine().stopping());
    let stream = execute::run_query(&query, &context.parameters, &exec).await?;
    let rows = Rows { columns: query.columns.into(), stream: stream.fuse().boxed(), tag: "FETCH" };
    context.state.cursors.insert(name, Cursor { rows, pending: vec![] });
    Ok(Outcome::command("DECLARE CURSOR"))
}

/// The columns of a cursor, to describe FETCH.
pub(crate) fn columns(state: &State, fetch: &Fetch) -> Result<Arc<[ResultColumn]>, SqlError> {
    state
        .cursors
        .get(&fetch.cursor)
        .map(|cursor| Arc::clone(&cursor.rows.columns))
        .ok_or_else(|| missing(&fetch.cursor))
}

fn missing(name: &str) -> SqlError {
    SqlError::new(SqlState::InvalidCursorName, format!("cursor \"{name}\" does not exist"))
}

/// Runs FETCH.
pub(crate) async fn fetch(fetch: &Fetch, state: &mut State) -> Result<Outcome, SqlError> {
    let cursor = state.cursors.get_mut(&fetch.cursor).ok_or_else(|| missing(&fetch.cursor))?;
    let mut wanted = fetch.count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX));
    let mut fetched: Vec<Result<RecordBatch, SqlError>> = vec![];
    while wanted > 0 {
        let batch = match cursor.pending.pop() {
            Some(batch) => batch,
            None => match cursor.rows.stream.next().await {
                Some(batch) => batch?,
                None => break,
            },
        };
        let taken = batch.num_rows().min(wanted);
        if taken < batch.num_rows() {
            cursor.pending.push(batch.slice(taken, batch.num_rows() - taken));
        }
        wanted -= taken;
        fetched.push(Ok(batch.slice(0, taken)));
    }
    let columns = Arc::clone(&cursor.rows.columns);
    Ok(Outcome::Rows(Rows { columns, stream: stream::iter(fetched).boxed(), tag: "FETCH" }))
}

/// Runs CLOSE.
pub(crate) fn close(name: Option<&str>, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    match name {
        None => {
            context.state.cursors.clear();
            Ok(Outcome::command("CLOSE CURSOR ALL"))
        }
        Some(name) => {
            context.state.cursors.remove(name).ok_or_else(|| missing(name))?;
            Ok(Outcome::command("CLOSE CURSOR"))
        }
    }
}
