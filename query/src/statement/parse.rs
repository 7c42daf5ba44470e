//! Text → statements. The first words decide which grammar runs; each arm is one line.

use std::sync::Arc;

use sqlparser::tokenizer::Token;

use super::grammar::Grammar;
use super::split::{Piece, split};
use super::{Parsed, Statement, copy, object, query, role, session, table};
use crate::error::SqlError;

/// Statements of Postgres and Redshift that are known and not there: refused by name.
const UNSUPPORTED: &[&str] = &[
    "MERGE",
    "UNLOAD",
    "CALL",
    "DO",
    "MOVE",
    "NOTIFY",
    "CLUSTER",
    "REINDEX",
    "REFRESH",
    "REASSIGN",
    "SECURITY",
    "IMPORT",
    "CHECKPOINT",
    "LOAD",
    "USE",
    "ATTACH",
    "DETACH",
    "DESCRIBE",
    "PRAGMA",
    "INSTALL",
    "EXPORT",
    "REPLACE",
    "KILL",
];

/// All statements of a text; one [`Statement::Empty`] when there is none.
pub(crate) fn parse(source: &str) -> Result<Vec<Parsed>, SqlError> {
    let source: Arc<str> = source.into();
    let pieces = split(&source)?;
    if pieces.is_empty() {
        return Ok(vec![Parsed::new(source, 0..0, Statement::Empty(()))]);
    }
    pieces.into_iter().map(|piece| parse_piece(piece, &source)).collect()
}

fn parse_piece(piece: Piece, source: &Arc<str>) -> Result<Parsed, SqlError> {
    let mut visible = piece.tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF));
    let first = visible.next().map(|token| token.span);
    let last = visible.next_back().map(|token| token.span).or(first);
    let mut grammar = Grammar::new(piece, source);
    let start = first.map_or(0, |span| grammar.byte_offset(span.start));
    let end = last.map_or(source.len(), |span| grammar.byte_offset(span.end));
    let statement = statement(&mut grammar)?;
    grammar.expect_end()?;
    Ok(Parsed::new(Arc::clone(source), start..end, statement))
}

/// One statement; also the ones inside EXPLAIN and PREPARE.
pub(crate) fn statement(g: &mut Grammar) -> Result<Statement, SqlError> {
    let Some(word) = g.word() else {
        return if g.sees_symbol(&Token::LParen) { query::query(g) } else { Err(g.unexpected()) };
    };
    match word.as_str() {
        "SELECT" | "VALUES" | "WITH" | "TABLE" => query::query(g),
        "INSERT" => query::insert(g),
        "UPDATE" => query::update(g),
        "DELETE" => query::delete(g),
        "TRUNCATE" => table::truncate(g),
        "COPY" => copy::copy(g),
        "CREATE" => create(g),
        "ALTER" => alter(g),
        "DROP" => drop(g),
        "COMMENT" => object::comment(g),
        "GRANT" => role::grant(g),
        "REVOKE" => role::revoke(g),
        "BEGIN" | "START" => session::begin(g),
        "COMMIT" | "END" => session::commit(g),
        "ROLLBACK" | "ABORT" => session::rollback(g),
        "SAVEPOINT" => session::savepoint(g),
        "RELEASE" => session::release(g),
        "LOCK" => session::lock(g),
        "SET" => session::set(g),
        "SHOW" => session::show(g),
        "RESET" => session::reset(g),
        "DISCARD" => session::discard(g),
        "EXPLAIN" => session::explain(g),
        "PREPARE" => session::prepare(g),
        "EXECUTE" => session::execute(g),
        "DEALLOCATE" => session::deallocate(g),
        "LISTEN" | "UNLISTEN" => session::listen(g),
        "CANCEL" => session::cancel(g),
        "DECLARE" => session::declare(g),
        "FETCH" => session::fetch(g),
        "CLOSE" => session::close(g),
        "VACUUM" => session::vacuum(g),
        "ANALYZE" | "ANALYSE" => session::analyze(g),
        other if UNSUPPORTED.contains(&other) => Err(g.unsupported(other)),
        _ => Err(g.unexpected()),
    }
}

fn create(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("CREATE")?;
    let or_replace = g.accept("OR REPLACE");
    let local = g.accept_one(&["LOCAL", "GLOBAL"]).is_some();
    let temporary = g.accept_one(&["TEMPORARY", "TEMP"]).is_some();
    let word = g.word().unwrap_or_default();
    if (local && !temporary) || (temporary && !matches!(word.as_str(), "TABLE" | "VIEW")) {
        return Err(g.unexpected());
    }
    if or_replace && word != "VIEW" {
        return Err(g.unsupported(&format!("CREATE OR REPLACE {word}")));
    }
    match word.as_str() {
        "TABLE" => table::create(g, temporary),
        "VIEW" => object::create_view(g, or_replace, temporary),
        "SCHEMA" => object::create_schema(g),
        "DATABASE" => object::create_database(g),
        "USER" | "ROLE" | "GROUP" => role::create(g),
        "" => Err(g.unexpected()),
        other => Err(g.unsupported(&format!("CREATE {other}"))),
    }
}

fn alter(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("ALTER")?;
    match g.word().unwrap_or_default().as_str() {
        "TABLE" | "VIEW" => table::alter(g),
        "SCHEMA" => object::alter_schema(g),
        "DATABASE" => object::alter_database(g),
        "USER" | "ROLE" | "GROUP" => role::alter(g),
        "" => Err(g.unexpected()),
        other => Err(g.unsupported(&format!("ALTER {other}"))),
    }
}

fn drop(g: &mut Grammar) -> Result<Statement, SqlError> {
    g.expect("DROP")?;
    let word = g.word().unwrap_or_default();
    match word.as_str() {
        "TABLE" | "VIEW" => Ok(Statement::DropRelation(object::drop(g)?)),
        "SCHEMA" => Ok(Statement::DropSchema(object::drop(g)?)),
        "DATABASE" => Ok(Statement::DropDatabase(object::drop(g)?)),
        "USER" | "ROLE" | "GROUP" => Ok(Statement::DropRole(object::drop(g)?)),
        "" => Err(g.unexpected()),
        other => Err(g.unsupported(&format!("DROP {other}"))),
    }
}
