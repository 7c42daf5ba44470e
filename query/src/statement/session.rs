//! Statements about the session: transactions, settings, prepared statements, cursors, EXPLAIN, maintenance.

use std::sync::Arc;

use sqlparser::ast::{self, ObjectName};
use sqlparser::tokenizer::Token;

use super::grammar::Grammar;
use super::{Statement, parse};
use crate::error::{SqlError, SqlState};
use crate::types::SqlType;

/// EXPLAIN.
#[derive(Debug)]
pub(crate) struct Explain {
    pub(crate) analyze: bool,
    pub(crate) verbose: bool,
    pub(crate) statement: Arc<Statement>,
}

/// BEGIN.
#[derive(Debug, Default)]
pub(crate) struct Begin {
    pub(crate) read_only: Option<bool>,
    /// START TRANSACTION was written.
    pub(crate) start: bool,
}

/// COMMIT and ROLLBACK.
#[derive(Debug)]
pub(crate) struct EndOfTransaction {
    /// AND CHAIN: another begins at once.
    pub(crate) chain: bool,
}

/// LOCK.
#[derive(Debug)]
pub(crate) struct Lock {
    pub(crate) tables: Vec<ObjectName>,
}

/// The value of SET.
#[derive(Debug, Clone)]
pub(crate) enum SettingValue {
    Default,
    Value(String),
}

/// SET.
#[derive(Debug)]
pub(crate) enum Set {
    /// SET [SESSION | LOCAL] name = value.
    Setting { name: String, value: SettingValue, local: bool },
    /// SET TRANSACTION …: of this transaction.
    Transaction { read_only: Option<bool> },
    /// SET SESSION CHARACTERISTICS AS TRANSACTION …: of those that follow.
    Characteristics { read_only: Option<bool> },
}

/// SET ROLE and SET SESSION AUTHORIZATION.
#[derive(Debug)]
pub(crate) struct SetRole {
    /// `None`: back to the user who logged in.
    pub(crate) role: Option<String>,
    /// SESSION AUTHORIZATION was written: superusers only.
    pub(crate) authorization: bool,
}

/// RESET.
#[derive(Debug)]
pub(crate) enum Reset {
    All,
    Setting(String),
}

/// DISCARD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Discard {
    All,
    Plans,
    Sequences,
    Temporary,
}

/// PREPARE.
#[derive(Debug)]
pub(crate) struct Prepare {
    pub(crate) name: String,
    pub(crate) types: Vec<SqlType>,
    pub(crate) statement: Arc<Statement>,
}

/// EXECUTE.
#[derive(Debug)]
pub(crate) struct Execute {
    pub(crate) name: String,
    pub(crate) arguments: Vec<ast::Expr>,
}

/// DECLARE CURSOR.
#[derive(Debug)]
pub(crate) struct Declare {
    pub(crate) name: String,
    pub(crate) query: Box<ast::Query>,
}

/// FETCH.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub(crate) cursor: String,
    /// `None`: all that is left.
    pub(crate) count: Option<u64>,
}

/// VACUUM.
#[derive(Debug)]
pub(crate) struct Vacuum {
    pub(crate) table: Option<ObjectName>,
}

/// ANALYZE.
#[derive(Debug)]
pub(crate) struct Analyze {
    pub(crate) table: Option<ObjectName>,
    pub(crate) columns: Vec<ast::Ident>,
}

/// `BEGIN [WORK | TRANSACTION] modes`, `START TRANSACTION modes`
pub(crate) fn begin(g: &mut Grammar) -> Result<Statement, SqlError> {
    let start = g.accept("START");
    if start {
        g.expect("TRANSACTION")?;
    } else {
        g.expect("BEGIN")?;
        g.accept_one(&["WORK", "TRANSACTION"]);
    }
    let read_only = modes(g)?;
    Ok(Statement::Begin(Begin { read_only, start }))
}

/// Transaction modes: isolation levels all run as snapshot isolation.
fn modes(g: &mut Grammar) -> Result<Option<bool>, SqlError> {
    const LEVELS: &[&str] = &["SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED", "READ UNCOMMITTED", "SNAPSHOT"];
    let mut read_only = None;
    loop {
        if g.accept("ISOLATION LEVEL") {
            if g.accept_one(LEVELS).is_none() {
                return Err(g.unexpected());
            }
        } else if g.accept("READ ONLY") {
            read_only = Some(true);
        } else if g.accept("READ WRITE") {
            read_only = Some(false);
        } else if g.accept_one(&["NOT DEFERRABLE", "DEFERRABLE"]).is_none() && !g.accept_symbol(&Token::Comma) {
            return Ok(read_only);
        }
    }
}

/// `COMMIT | END [WORK | TRANSACTION] [AND [NO] CHAIN]`
pub(crate) fn commit(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.step();
    if g.sees("PREPARED") {
        return Err(g.unsupported("COMMIT PREPARED"));
    }
    end(g).map(Statement::Commit)
}

/// `ROLLBACK | ABORT [WORK | TRANSACTION] [TO [SAVEPOINT] name]`
pub(crate) fn rollback(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.step();
    if g.sees("PREPARED") {
        return Err(g.unsupported("ROLLBACK PREPARED"));
    }
    g.accept_one(&["WORK", "TRANSACTION"]);
    if g.accept("TO") {
        g.accept("SAVEPOINT");
        return g.folded().map(Statement::RollbackTo);
    }
    end(g).map(Statement::Rollback)
}

fn end(g: &mut Grammar) -> Result<EndOfTransaction, SqlError> {
    g.accept_one(&["WORK", "TRANSACTION"]);
    let chain = g.accept("AND CHAIN");
    g.accept("AND NO CHAIN");
    Ok(EndOfTransaction { chain })
}

/// `SAVEPOINT name`
pub(crate) fn savepoint(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("SAVEPOINT")?;
    g.folded().map(Statement::Savepoint)
}

/// `RELEASE [SAVEPOINT] name`
pub(crate) fn release(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("RELEASE")?;
    g.accept("SAVEPOINT");
    g.folded().map(Statement::ReleaseSavepoint)
}

/// `LOCK [TABLE] t, … [IN mode MODE] [NOWAIT]`
pub(crate) fn lock(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("LOCK")?;
    g.accept("TABLE");
    g.accept("ONLY");
    let tables = g.list(Grammar::name)?;
    if g.accept("IN") {
        while !g.accept("MODE") {
            if g.word().is_none() {
                return Err(g.unexpected());
            }
            g.step();
        }
    }
    g.accept("NOWAIT");
    Ok(Statement::Lock(Lock { tables }))
}

/// SET in all of its forms.
pub(crate) fn set(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("SET")?;
    if g.accept("SESSION CHARACTERISTICS AS TRANSACTION") {
        return Ok(Statement::Set(Set::Characteristics { read_only: modes(g)? }));
    }
    if g.sees("TRANSACTION SNAPSHOT") {
        return Err(g.unsupported("SET TRANSACTION SNAPSHOT"));
    }
    if g.accept("TRANSACTION") {
        return Ok(Statement::Set(Set::Transaction { read_only: modes(g)? }));
    }
    if g.sees("CONSTRAINTS") {
        return Err(g.unsupported("SET CONSTRAINTS"));
    }
    let local = g.accept("LOCAL");
    if !local && !g.sees("SESSION AUTHORIZATION") {
        g.accept("SESSION");
    }
    if g.accept_one(&["SESSION AUTHORIZATION", "AUTHORIZATION"]).is_some() {
        return role_value(g, &["DEFAULT"]).map(|role| Statement::SetRole(SetRole { role, authorization: true }));
    }
    if g.accept("ROLE") {
        return role_value(g, &["NONE"]).map(|role| Statement::SetRole(SetRole { role, authorization: false }));
    }
    let (name, value) = assignment(g)?;
    Ok(Statement::Set(Set::Setting { name, value, local }))
}

fn role_value(g: &mut Grammar, none: &[&str]) -> Result<Option<String>, SqlError> {
    if g.accept_one(none).is_some() {
        return Ok(None);
    }
    if g.sees_string() { g.string().map(Some) } else { g.folded().map(Some) }
}

/// `name = | TO value, …`; also `TIME ZONE x`, `NAMES x`, `SCHEMA x`.
pub(crate) fn assignment(g: &mut Grammar) -> Result<(String, SettingValue), SqlError> {
    if g.accept("TIME ZONE") {
        g.accept("INTERVAL");
        let value = if g.accept_one(&["LOCAL", "DEFAULT"]).is_some() { SettingValue::Default } else { values(g)? };
        return Ok(("timezone".to_owned(), value));
    }
    if g.accept("NAMES") {
        return Ok(("client_encoding".to_owned(), values(g)?));
    }
    if g.sees("SCHEMA") && g.token_at(1) != Token::Eq {
        g.step();
        return Ok(("search_path".to_owned(), values(g)?));
    }
    let name = setting_name(g)?;
    if !g.accept_symbol(&Token::Eq) {
        g.expect("TO")?;
    }
    Ok((name, values(g)?))
}

/// A setting's name, with or without dots.
pub(crate) fn setting_name(g: &mut Grammar) -> Result<String, SqlError> {
    if g.accept("TIME ZONE") {
        return Ok("timezone".to_owned());
    }
    if g.accept("TRANSACTION ISOLATION LEVEL") {
        return Ok("transaction_isolation".to_owned());
    }
    if g.accept("SESSION AUTHORIZATION") {
        return Ok("session_authorization".to_owned());
    }
    let name = g.name()?;
    crate::plan::name::parts(&name).map(|parts| parts.join("."))
}

/// Words, numbers and strings, separated by commas.
fn values(g: &mut Grammar) -> Result<SettingValue, SqlError> {
    if g.accept("DEFAULT") {
        return Ok(SettingValue::Default);
    }
    let values = g.list(value)?;
    Ok(SettingValue::Value(values.join(", ")))
}

fn value(g: &mut Grammar) -> Result<String, SqlError> {
    if g.sees_string() {
        return g.string();
    }
    let sign = if g.accept_symbol(&Token::Minus) { "-" } else { "" };
    if sign.is_empty() {
        g.accept_symbol(&Token::Plus);
    }
    let text = match g.token_at(0) {
        Token::Number(digits, _) => digits,
        // A quoted name in a list of names keeps its quotes, or it would be folded later.
        Token::Word(word) if sign.is_empty() => match word.quote_style {
            Some(_) => format!("\"{}\"", word.value.replace('"', "\"\"")),
            None => word.value,
        },
        _ => return Err(g.unexpected()),
    };
    g.step();
    Ok(format!("{sign}{text}"))
}

/// `SHOW name | ALL`
pub(crate) fn show(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("SHOW")?;
    for object in ["DATABASES", "SCHEMAS", "TABLES", "COLUMNS", "GRANTS", "TABLE", "VIEW", "MODEL", "PROCEDURE"] {
        if g.sees(object) {
            return Err(g
                .unsupported(&format!("SHOW {object}"))
                .with_hint("The tables of pg_catalog and information_schema, and svv_tables, tell the same."));
        }
    }
    setting_name(g).map(Statement::Show)
}

/// `RESET name | ALL`
pub(crate) fn reset(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("RESET")?;
    if g.accept("ALL") {
        return Ok(Statement::Reset(Reset::All));
    }
    if g.accept("ROLE") {
        return Ok(Statement::SetRole(SetRole { role: None, authorization: false }));
    }
    if g.accept("SESSION AUTHORIZATION") {
        return Ok(Statement::SetRole(SetRole { role: None, authorization: true }));
    }
    setting_name(g).map(|name| Statement::Reset(Reset::Setting(name)))
}

/// `DISCARD ALL | PLANS | SEQUENCES | TEMP`
pub(crate) fn discard(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("DISCARD")?;
    let what = match g.accept_one(&["ALL", "PLANS", "SEQUENCES", "TEMPORARY", "TEMP"]) {
        Some("ALL") => Discard::All,
        Some("PLANS") => Discard::Plans,
        Some("SEQUENCES") => Discard::Sequences,
        Some(_) => Discard::Temporary,
        None => return Err(g.unexpected()),
    };
    Ok(Statement::Discard(what))
}

/// `EXPLAIN [ANALYZE] [VERBOSE] statement`, `EXPLAIN (options) statement`
pub(crate) fn explain(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("EXPLAIN")?;
    let (mut analyze, mut verbose) = (false, false);
    if g.sees_symbol(&Token::LParen) && !matches!(g.word_at(1).as_deref(), Some("SELECT" | "WITH" | "VALUES") | None) {
        g.step();
        loop {
            let on = explain_option(g)?;
            match on {
                ("ANALYZE", on) => analyze = on,
                ("VERBOSE", on) => verbose = on,
                _ => {}
            }
            if !g.accept_symbol(&Token::Comma) {
                break;
            }
        }
        g.expect_symbol(&Token::RParen)?;
    } else {
        analyze = g.accept_one(&["ANALYZE", "ANALYSE"]).is_some();
        verbose = g.accept("VERBOSE");
    }
    let statement = parse::statement(g)?;
    Ok(Statement::Explain(Explain { analyze, verbose, statement: Arc::new(statement) }))
}

/// One option in parentheses, with its value.
fn explain_option(g: &mut Grammar) -> Result<(&'static str, bool), SqlError> {
    const NAMES: &[&str] = &["ANALYZE", "VERBOSE", "COSTS", "TIMING", "SUMMARY", "BUFFERS", "FORMAT"];
    let Some(name) = g.accept_one(NAMES) else {
        return Err(g.unsupported("this option of EXPLAIN"));
    };
    if name == "FORMAT" {
        return if g.accept("TEXT") { Ok((name, true)) } else { Err(g.unsupported("this FORMAT of EXPLAIN")) };
    }
    let on = !matches!(g.accept_one(&["FALSE", "OFF", "TRUE", "ON"]), Some("FALSE" | "OFF"));
    if name == "BUFFERS" && on {
        return Err(g.unsupported("EXPLAIN (BUFFERS)"));
    }
    Ok((name, on))
}

/// `PREPARE name [(types)] AS statement`
pub(crate) fn prepare(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("PREPARE")?;
    if g.sees("TRANSACTION") {
        return Err(g.unsupported("PREPARE TRANSACTION"));
    }
    let name = g.folded()?;
    let types = if g.sees_symbol(&Token::LParen) { g.in_parens(Grammar::data_type)? } else { vec![] };
    let types = types.iter().map(SqlType::from_ast).collect::<Result<_, _>>()?;
    g.expect("AS")?;
    let here = g.unexpected();
    let statement = parse::statement(g)?;
    match statement {
        Statement::Query(_) | Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {
            Ok(Statement::Prepare(Prepare { name, types, statement: Arc::new(statement) }))
        }
        _ => Err(here),
    }
}

/// `EXECUTE name [(arguments)]`
pub(crate) fn execute(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("EXECUTE")?;
    let name = g.folded()?;
    let arguments = if g.sees_symbol(&Token::LParen) { g.in_parens(Grammar::expression)? } else { vec![] };
    Ok(Statement::Execute(Execute { name, arguments }))
}

/// `DEALLOCATE [PREPARE] name | ALL`
pub(crate) fn deallocate(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("DEALLOCATE")?;
    g.accept("PREPARE");
    if g.accept("ALL") {
        return Ok(Statement::Deallocate(None));
    }
    g.folded().map(|name| Statement::Deallocate(Some(name)))
}

/// `LISTEN name`, `UNLISTEN name | *`
pub(crate) fn listen(g: &mut Grammar) -> Result<Statement, SqlError> {
    let tag = g.accept_one(&["LISTEN", "UNLISTEN"]).unwrap_or_default();
    if !g.accept_symbol(&Token::Mul) {
        g.ident()?;
    }
    Ok(Statement::Listen(tag.to_owned()))
}

/// `CANCEL process_id ['message']`
pub(crate) fn cancel(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("CANCEL")?;
    let here = g.unexpected();
    let process_id = i32::try_from(g.integer()?).ok().ok_or(here)?;
    if g.sees_string() {
        g.string()?;
    }
    Ok(Statement::CancelStatement(process_id))
}

/// `DECLARE name [NO SCROLL] CURSOR [WITHOUT HOLD] FOR query`
pub(crate) fn declare(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("DECLARE")?;
    let name = g.folded()?;
    for option in ["BINARY", "SCROLL"] {
        if g.sees(option) {
            return Err(g.unsupported(&format!("DECLARE {option} CURSOR")));
        }
    }
    g.accept_one(&["ASENSITIVE", "INSENSITIVE"]);
    g.accept("NO SCROLL");
    g.expect("CURSOR")?;
    if g.sees("WITH HOLD") {
        return Err(g.unsupported("DECLARE CURSOR WITH HOLD"));
    }
    g.accept("WITHOUT HOLD");
    g.expect("FOR")?;
    let query = g.query()?;
    Ok(Statement::Declare(Declare { name, query }))
}

/// `FETCH [NEXT | ALL | n | FORWARD [n | ALL]] [FROM | IN] name`
pub(crate) fn fetch(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("FETCH")?;
    for direction in ["PRIOR", "FIRST", "LAST", "ABSOLUTE", "RELATIVE", "BACKWARD"] {
        if g.sees(direction) {
            return Err(SqlError::new(SqlState::ObjectNotInPrerequisiteState, "cursor can only scan forward")
                .with_hint("Declare it without these directions."));
        }
    }
    let forward = g.accept("FORWARD");
    let count = if g.accept("ALL") {
        None
    } else if matches!(g.token_at(0), Token::Number(..)) {
        Some(g.count()?)
    } else {
        if !forward {
            g.accept("NEXT");
        }
        Some(1)
    };
    g.accept_one(&["FROM", "IN"]);
    let cursor = g.folded()?;
    Ok(Statement::Fetch(Fetch { cursor, count }))
}

/// `CLOSE name | ALL`
pub(crate) fn close(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("CLOSE")?;
    if g.accept("ALL") {
        return Ok(Statement::Close(None));
    }
    g.folded().map(|name| Statement::Close(Some(name)))
}

/// `VACUUM [FULL | SORT ONLY | DELETE ONLY | REINDEX | RECLUSTER] [t] [TO n PERCENT] [BOOST]`
pub(crate) fn vacuum(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("VACUUM")?;
    g.accept_one(&["FULL", "SORT ONLY", "DELETE ONLY", "REINDEX", "RECLUSTER"]);
    g.accept_one(&["VERBOSE", "ANALYZE"]);
    let table = if g.at_end() || g.sees("BOOST") { None } else { Some(g.name()?) };
    if g.accept("TO") {
        g.integer()?;
        g.accept("PERCENT");
    }
    g.accept("BOOST");
    Ok(Statement::Vacuum(Vacuum { table }))
}

/// `ANALYZE [VERBOSE] [t [(columns)]] [PREDICATE COLUMNS | ALL COLUMNS]`
pub(crate) fn analyze(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.step();
    if g.sees("COMPRESSION") {
        return Err(g.unsupported("ANALYZE COMPRESSION"));
    }
    g.accept("VERBOSE");
    let table = if g.at_end() { None } else { Some(g.name()?) };
    let columns = if g.sees_symbol(&Token::LParen) { g.in_parens(Grammar::ident)? } else { vec![] };
    g.accept_one(&["PREDICATE COLUMNS", "ALL COLUMNS"]);
    Ok(Statement::Analyze(Analyze { table, columns }))
}
