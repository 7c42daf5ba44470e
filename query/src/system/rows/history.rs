//! What ran and who was there: `stl_*`, `stv_*`, `sys_*`. Users see their own facts, superusers everyone's.

use std::sync::Arc;

use crate::error::SqlError;
use crate::system::context::SystemContext;
use crate::system::history::{LoadErrorFact, StatementFact, StatementStatus};
use crate::system::row::{Row, Rows};
use crate::system::rows::activity::split_address;

fn user_id(context: &SystemContext, user: &str) -> Option<u32> {
    context.snapshot.role_named(user).map(|role| role.id.0)
}

fn statements(context: &SystemContext) -> impl Iterator<Item = Arc<StatementFact>> {
    context.history.statements().into_iter().filter(|statement| context.may_see(&statement.user))
}

fn elapsed(context: &SystemContext, statement: &StatementFact) -> i64 {
    let end = if statement.status == StatementStatus::Running { context.now_micros } else { statement.ended_micros };
    end.saturating_sub(statement.started_micros).max(0)
}

fn ended(statement: &StatementFact) -> Option<i64> {
    (statement.status != StatementStatus::Running).then_some(statement.ended_micros)
}

/// `sys_query_history`.
pub(crate) fn sys_query_history(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for statement in statements(context) {
        let elapsed = elapsed(context, &statement);
        rows.add()
            .set("user_id", user_id(context, &statement.user))
            .set("username", &statement.user)
            .set("query_id", statement.query_id)
            .set("query_label", &statement.label)
            .set("transaction_id", 0_i64)
            .set("session_id", statement.process_id)
            .set("database_name", &statement.database)
            .set("query_type", statement.kind)
            .set("status", statement.status.as_str())
            .set("result_cache_hit", false)
            .set("start_time", statement.started_micros)
            .set("end_time", ended(&statement))
            .set("elapsed_time", elapsed)
            .set("queue_time", 0_i64)
            .set("execution_time", elapsed)
            .set("error_message", statement.error.clone())
            .set("returned_rows", statement.rows)
            .set("query_text", &statement.text);
    }
    Ok(())
}

/// `stl_query`.
pub(crate) fn stl_query(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for statement in statements(context).filter(|statement| statement.status != StatementStatus::Running) {
        rows.add()
            .set("userid", user_id(context, &statement.user))
            .set("query", statement.query_id)
            .set("label", &statement.label)
            .set("xid", 0_i64)
            .set("pid", statement.process_id)
            .set("database", &statement.database)
            .set("querytxt", &statement.text)
            .set("starttime", statement.started_micros)
            .set("endtime", statement.ended_micros)
            .set("aborted", i64::from(statement.status != StatementStatus::Success))
            .set("insert_pristine", 0_i64)
            .set("concurrency_scaling_status", 0_i64);
    }
    Ok(())
}

/// `stv_recents`.
pub(crate) fn stv_recents(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for statement in statements(context) {
        let running = statement.status == StatementStatus::Running;
        rows.add()
            .set("userid", user_id(context, &statement.user))
            .set("status", if running { "Running" } else { "Done" })
            .set("starttime", statement.started_micros)
            .set("duration", elapsed(context, &statement).min(i64::from(i32::MAX)))
            .set("user_name", &statement.user)
            .set("db_name", &statement.database)
            .set("query", &statement.text)
            .set("pid", if running { statement.process_id } else { -1 });
    }
    Ok(())
}

/// `stv_inflight`.
pub(crate) fn stv_inflight(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for statement in statements(context).filter(|statement| statement.status == StatementStatus::Running) {
        rows.add()
            .set("userid", user_id(context, &statement.user))
            .set("slice", 0_i64)
            .set("query", statement.query_id)
            .set("label", &statement.label)
            .set("xid", 0_i64)
            .set("pid", statement.process_id)
            .set("starttime", statement.started_micros)
            .set("text", &statement.text)
            .set("suspended", 0_i64)
            .set("insert_pristine", 0_i64)
            .set("concurrency_scaling_status", 0_i64);
    }
    Ok(())
}

/// `stv_sessions`.
pub(crate) fn stv_sessions(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for session in context.history.sessions().into_iter().filter(|session| context.may_see(&session.user)) {
        rows.add()
            .set("starttime", session.started_micros)
            .set("process", session.process_id)
            .set("user_name", &session.user)
            .set("db_name", &session.database)
            .set("timeout_sec", 0_i64);
    }
    Ok(())
}

fn refused(context: &SystemContext) -> impl Iterator<Item = Arc<LoadErrorFact>> {
    context.history.load_errors().into_iter().filter(|error| context.may_see(&error.user))
}

/// Name and length of a type as Redshift shows them in two columns.
fn type_and_length(error: &LoadErrorFact) -> (String, String) {
    match error.column_type.split_once('(') {
        Some((name, length)) => (name.to_owned(), length.trim_end_matches(')').to_owned()),
        None => (error.column_type.clone(), "0".to_owned()),
    }
}

/// `stl_load_errors`.
pub(crate) fn load_errors(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for error in refused(context) {
        let (name, length) = type_and_length(&error);
        rows.add()
            .set("userid", user_id(context, &error.user))
            .set("slice", 0_i64)
            .set("tbl", error.table)
            .set("starttime", error.at_micros)
            .set("session", error.process_id)
            .set("query", error.query_id)
            .set("filename", &error.file)
            .set("line_number", error.line)
            .set("colname", &error.column)
            .set("type", name)
            .set("col_length", length)
            .set("position", error.position)
            .set("raw_line", &error.raw_line)
            .set("raw_field_value", &error.raw_field)
            .set("err_code", error.code)
            .set("err_reason", &error.reason)
            .set("is_partial", 0_i64)
            .set("start_offset", 0_i64);
    }
    Ok(())
}

/// `sys_load_error_detail`.
pub(crate) fn sys_load_error_detail(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for error in refused(context) {
        let (name, length) = type_and_length(&error);
        rows.add()
            .set("user_id", user_id(context, &error.user))
            .set("query_id", error.query_id)
            .set("transaction_id", 0_i64)
            .set("session_id", error.process_id)
            .set("database_name", context.database_name())
            .set("table_id", error.table)
            .set("table_name", &error.table_name)
            .set("start_time", error.at_micros)
            .set("file_name", &error.file)
            .set("line_number", error.line)
            .set("column_name", &error.column)
            .set("column_type", name)
            .set("column_length", length)
            .set("position", error.position)
            .set("error_code", error.code)
            .set("error_message", &error.reason);
    }
    Ok(())
}

/// `sys_connection_log`.
pub(crate) fn sys_connection_log(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    if !context.is_superuser(context.role) {
        return Ok(());
    }
    for connection in context.history.connections() {
        let (host, port) = split_address(&connection.client_address);
        let mut row: Row<'_> = rows.add();
        row.set("event", connection.event)
            .set("record_time", connection.at_micros)
            .set("remote_port", host.as_ref().map(|_| port.to_string()))
            .set("remote_host", host)
            .set("session_id", connection.process_id)
            .set("database_name", &connection.database)
            .set("user_name", &connection.user)
            .set("duration", connection.duration_micros)
            .set("application_name", &connection.application_name);
    }
    Ok(())
}
