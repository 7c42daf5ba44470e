//! BEGIN, COMMIT, ROLLBACK and savepoints; FETCH, which lives in a transaction.

use super::cursor;
use crate::error::{Notice, NoticeSeverity, SqlError, SqlState};
use crate::outcome::Outcome;
use crate::session::Session;
use crate::session::block::{Mark, Mode, State};
use crate::statement::Statement;
use crate::statement::session::Begin;

/// Runs a statement that controls transactions: one line an arm.
pub(crate) async fn run(
    statement: &Statement,
    session: &Session,
    state: &mut State,
    implicit: bool,
) -> Result<Outcome, SqlError> {
    match statement {
        Statement::Begin(node) => begin(node, session, state),
        Statement::Commit(end) => commit(end.chain, session, state).await,
        Statement::Rollback(end) => rollback(end.chain, session, state).await,
        Statement::Savepoint(name) => savepoint(name, session, state, implicit),
        Statement::ReleaseSavepoint(name) => release(name, state),
        Statement::RollbackTo(name) => rollback_to(name, session, state),
        Statement::Fetch(node) => cursor::fetch(node, state).await,
        other => Err(SqlError::internal(format!("{} does not control transactions", other.kind().row().words))),
    }
}

fn warn(session: &Session, state: SqlState, message: &str) {
    session.notice(Notice { state, ..Notice::new(NoticeSeverity::Warning, message) });
}

fn begin(node: &Begin, session: &Session, state: &mut State) -> Result<Outcome, SqlError> {
    let Begin { read_only, start } = node;
    match state.block.as_ref().map(|block| block.mode) {
        Some(Mode::Explicit) => {
            warn(session, SqlState::ActiveTransaction, "there is already a transaction in progress");
        }
        Some(Mode::Implicit | Mode::Auto) => session.make_explicit(state),
        None => {
            let default = session.with_settings(|settings| settings.current().is_on("default_transaction_read_only"));
            session.begin_block(state, Mode::Explicit, read_only.unwrap_or(default));
        }
    }
    Ok(Outcome::command(if *start { "START TRANSACTION" } else { "BEGIN" }))
}

async fn commit(chain: bool, session: &Session, state: &mut State) -> Result<Outcome, SqlError> {
    let Some(block) = &state.block else {
        warn(session, SqlState::NoActiveTransaction, "there is no transaction in progress");
        return Ok(Outcome::command("COMMIT"));
    };
    let (failed, read_only) = (block.has_failed(), block.read_only);
    session.end_block(state, !failed).await?;
    if chain {
        session.begin_block(state, Mode::Explicit, read_only);
    }
    // As Postgres tells that a failed transaction was not committed.
    Ok(Outcome::command(if failed { "ROLLBACK" } else { "COMMIT" }))
}

async fn rollback(chain: bool, session: &Session, state: &mut State) -> Result<Outcome, SqlError> {
    let Some(block) = &state.block else {
        warn(session, SqlState::NoActiveTransaction, "there is no transaction in progress");
        return Ok(Outcome::command("ROLLBACK"));
    };
    let read_only = block.read_only;
    session.end_block(state, false).await?;
    if chain {
        session.begin_block(state, Mode::Explicit, read_only);
    }
    Ok(Outcome::command("ROLLBACK"))
}

fn savepoint(name: &str, session: &Session, state: &mut State, implicit: bool) -> Result<Outcome, SqlError> {
    if state.block.is_none() && implicit {
        session.begin_block(state, Mode::Implicit, false);
    }
    let Some(block) = &mut state.block else { return Err(needs_block("SAVEPOINT")) };
    let mark = Mark {
        name: name.to_owned(),
        storage: block.transaction.savepoint(),
        settings: session.with_settings(|settings| settings.mark()),
    };
    block.savepoints.push(mark);
    Ok(Outcome::command("SAVEPOINT"))
}

fn needs_block(what: &str) -> SqlError {
    SqlError::new(SqlState::NoActiveTransaction, format!("{what} can only be used in transaction blocks"))
}

fn position(name: &str, state: &State, what: &str) -> Result<usize, SqlError> {
    let Some(block) = &state.block else { return Err(needs_block(what)) };
    block
        .savepoints
        .iter()
        .rposition(|mark| mark.name == name)
        .ok_or_else(|| SqlError::new(SqlState::InvalidSavepoint, format!("savepoint \"{name}\" does not exist")))
}

fn release(name: &str, state: &mut State) -> Result<Outcome, SqlError> {
    let at = position(name, state, "RELEASE SAVEPOINT")?;
    state.block()?.savepoints.truncate(at);
    Ok(Outcome::command("RELEASE"))
}

fn rollback_to(name: &str, session: &Session, state: &mut State) -> Result<Outcome, SqlError> {
    let at = position(name, state, "ROLLBACK TO SAVEPOINT")?;
    // Cursors may read what is forgotten now.
    state.cursors.clear();
    let block = state.block()?;
    block.savepoints.truncate(at + 1);
    if let Some(mark) = block.savepoints.get(at) {
        block.transaction.rollback_to(&mark.storage);
        session.with_settings(|settings| settings.rollback_to(&mark.settings));
    }
    block.failed.store(false, std::sync::atomic::Ordering::SeqCst);
    Ok(Outcome::command("ROLLBACK"))
}
