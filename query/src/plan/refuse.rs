//! Clauses that the grammar takes from other systems and that mean nothing here: refused by name, never ignored.

use sqlparser::ast::{Query, Select, TableFactor};

use crate::error::SqlError;
use crate::system::rewrite::gives_ordinality;

fn refuse(clauses: &[(bool, &str)]) -> Result<(), SqlError> {
    match clauses.iter().find(|(present, _)| *present) {
        Some((_, name)) => Err(SqlError::unsupported(name)),
        None => Ok(()),
    }
}

/// Checks the clauses around a query's body.
pub(super) fn query(query: &Query) -> Result<(), SqlError> {
    let Query {
        with: _,
        body: _,
        order_by: _,
        limit_clause: _,
        fetch: _,
        locks: _,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    refuse(&[
        (for_clause.is_some(), "SELECT … FOR"),
        (settings.is_some(), "SELECT … SETTINGS"),
        (format_clause.is_some(), "SELECT … FORMAT"),
        (!pipe_operators.is_empty(), "|>"),
    ])
}

/// Checks the clauses of one SELECT.
pub(super) fn select(select: &Select) -> Result<(), SqlError> {
    let Select {
        select_token: _,
        optimizer_hints,
        distinct: _,
        select_modifiers,
        top: _,
        top_before_distinct: _,
        projection: _,
        exclude: _,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window: _,
        qualify: _,
        window_before_qualify: _,
        value_table_mode,
        flavor: _,
    } = select;
    refuse(&[
        (!optimizer_hints.is_empty(), "an optimizer hint"),
        (select_modifiers.is_some(), "a modifier of SELECT"),
        (into.is_some(), "SELECT INTO"),
        (!lateral_views.is_empty(), "LATERAL VIEW"),
        (prewhere.is_some(), "PREWHERE"),
        (!connect_by.is_empty(), "CONNECT BY"),
        (!cluster_by.is_empty(), "CLUSTER BY"),
        (!distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!sort_by.is_empty(), "SORT BY"),
        (value_table_mode.is_some(), "SELECT AS VALUE"),
    ])
}

/// Checks what stands beside the name of a table in FROM.
pub(super) fn table_factor(factor: &TableFactor) -> Result<(), SqlError> {
    let TableFactor::Table {
        name,
        alias: _,
        args: _,
        with_hints,
        version,
        with_ordinality,
        partitions,
        json_path,
        sample,
        index_hints,
    } = factor
    else {
        return Ok(());
    };
    refuse(&[
        (!with_hints.is_empty() || !index_hints.is_empty(), "a table hint"),
        (version.is_some(), "a version of a table"),
        (*with_ordinality && !gives_ordinality(name), "WITH ORDINALITY"),
        (!partitions.is_empty(), "PARTITION in FROM"),
        (json_path.is_some(), "a path into a column in FROM"),
        (sample.is_some(), "TABLESAMPLE"),
    ])
}
