//! SELECT, INSERT, UPDATE, DELETE: sqlparser's grammar; clauses of other dialects that it accepts are refused by name.

use sqlparser::ast;
use sqlparser::parser::Parser;

use super::Statement;
use super::grammar::Grammar;
use crate::error::SqlError;

/// A query at the start of a statement.
pub(crate) fn query(g: &mut Grammar) -> Result<Statement, SqlError> {
    // sqlparser's `TABLE t` is a body of a query like any other.
    g.query().map(Statement::Query)
}

/// INSERT.
pub(crate) fn insert(g: &mut Grammar) -> Result<Statement, SqlError> {
    match g.with_parser(Parser::parse_statement)? {
        ast::Statement::Insert(insert) => check_insert(insert).map(|insert| Statement::Insert(Box::new(insert))),
        other => Err(not_this("INSERT", &other)),
    }
}

/// UPDATE.
pub(crate) fn update(g: &mut Grammar) -> Result<Statement, SqlError> {
    match g.with_parser(Parser::parse_statement)? {
        ast::Statement::Update(update) => check_update(update).map(|update| Statement::Update(Box::new(update))),
        other => Err(not_this("UPDATE", &other)),
    }
}

/// DELETE. Redshift allows FROM to be left out.
pub(crate) fn delete(g: &mut Grammar) -> Result<Statement, SqlError> {
    match g.with_parser(Parser::parse_statement)? {
        ast::Statement::Delete(delete) => check_delete(delete).map(|delete| Statement::Delete(Box::new(delete))),
        other => Err(not_this("DELETE", &other)),
    }
}

fn not_this(word: &str, other: &ast::Statement) -> SqlError {
    SqlError::unsupported(format!("this form of {word}: {other}"))
}

/// Refuses by name what is present and not handled.
fn refuse(clauses: &[(bool, &str)]) -> Result<(), SqlError> {
    match clauses.iter().find(|(present, _)| *present) {
        Some((_, name)) => Err(SqlError::unsupported(name)),
        None => Ok(()),
    }
}

fn check_insert(insert: ast::Insert) -> Result<ast::Insert, SqlError> {
    let ast::Insert {
        insert_token: _,
        optimizer_hints,
        or,
        ignore,
        into: _,
        table: _,
        table_alias: _,
        columns: _,
        overwrite,
        source: _,
        assignments,
        partitioned,
        after_columns,
        has_table_keyword,
        on,
        returning,
        output,
        replace_into,
        priority,
        insert_alias,
        settings,
        format_clause,
        multi_table_insert_type,
        multi_table_into_clauses,
        multi_table_when_clauses,
        multi_table_else_clause,
    } = &insert;
    refuse(&[
        (!optimizer_hints.is_empty(), "an optimizer hint"),
        (or.is_some(), "INSERT OR"),
        (*ignore, "INSERT IGNORE"),
        (*overwrite, "INSERT OVERWRITE"),
        (!assignments.is_empty(), "INSERT … SET"),
        (partitioned.is_some() || !after_columns.is_empty(), "INSERT … PARTITION"),
        (*has_table_keyword, "INSERT INTO TABLE"),
        (on.is_some(), "ON CONFLICT"),
        (returning.is_some(), "RETURNING"),
        (output.is_some(), "OUTPUT"),
        (*replace_into, "REPLACE INTO"),
        (priority.is_some(), "an INSERT priority"),
        (insert_alias.is_some(), "an alias of inserted rows"),
        (settings.is_some() || format_clause.is_some(), "INSERT … FORMAT"),
        (
            multi_table_insert_type.is_some()
                || !multi_table_into_clauses.is_empty()
                || !multi_table_when_clauses.is_empty()
                || multi_table_else_clause.is_some(),
            "INSERT into several tables",
        ),
    ])?;
    Ok(insert)
}

fn check_update(update: ast::Update) -> Result<ast::Update, SqlError> {
    let ast::Update {
        update_token: _,
        optimizer_hints,
        table: _,
        assignments: _,
        from: _,
        selection: _,
        returning,
        output,
        or,
        order_by,
        limit,
    } = &update;
    refuse(&[
        (!optimizer_hints.is_empty(), "an optimizer hint"),
        (returning.is_some(), "RETURNING"),
        (output.is_some(), "OUTPUT"),
        (or.is_some(), "UPDATE OR"),
        (!order_by.is_empty(), "UPDATE … ORDER BY"),
        (limit.is_some(), "UPDATE … LIMIT"),
    ])?;
    Ok(update)
}

fn check_delete(delete: ast::Delete) -> Result<ast::Delete, SqlError> {
    let ast::Delete {
        delete_token: _,
        optimizer_hints,
        tables,
        from: _,
        using: _,
        selection: _,
        returning,
        output,
        order_by,
        limit,
    } = &delete;
    refuse(&[
        (!optimizer_hints.is_empty(), "an optimizer hint"),
        (!tables.is_empty(), "DELETE from several tables"),
        (returning.is_some(), "RETURNING"),
        (output.is_some(), "OUTPUT"),
        (!order_by.is_empty(), "DELETE … ORDER BY"),
        (limit.is_some(), "DELETE … LIMIT"),
    ])?;
    Ok(delete)
}
