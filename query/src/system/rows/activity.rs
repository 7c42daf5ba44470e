//! `pg_settings`, `pg_stat_activity` and the other views of what goes on.

use crate::error::SqlError;
use crate::system::context::SystemContext;
use crate::system::history::SessionFact;
use crate::system::row::Rows;

/// `pg_settings`.
pub(crate) fn settings(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for setting in context.settings.iter() {
        let source = if setting.value == setting.default { "default" } else { "session" };
        rows.add()
            .set("name", &setting.name)
            .set("setting", &setting.value)
            .set("unit", setting.unit)
            .set("category", "Stoa")
            .set("short_desc", &setting.description)
            .set("context", "user")
            .set("vartype", setting.kind)
            .set("source", source)
            .set("boot_val", &setting.default)
            .set("reset_val", &setting.default)
            .set("pending_restart", false);
    }
    Ok(())
}

/// `host:port` in its parts.
pub(crate) fn split_address(address: &str) -> (Option<String>, i64) {
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() => {
            (Some(host.trim_matches(['[', ']']).to_owned()), port.parse().unwrap_or(-1))
        }
        _ if address.is_empty() => (None, -1),
        _ => (Some(address.to_owned()), -1),
    }
}

/// `pg_stat_activity`: everyone sees that a session exists, only its user and superusers see what it does.
pub(crate) fn sessions(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for session in context.history.sessions() {
        let mut row = rows.add();
        row.set("datid", context.database_id(&session.database).map(|id| id.0))
            .set("datname", &session.database)
            .set("pid", session.process_id)
            .set("usesysid", context.snapshot.role_named(&session.user).map(|role| role.id.0))
            .set("usename", &session.user)
            .set("application_name", &session.application_name)
            .set("backend_type", if session.protocol == "postgres" { "client backend" } else { session.protocol });
        if !context.may_see(&session.user) {
            row.set("query", "<insufficient privilege>");
            continue;
        }
        let (host, port) = split_address(&session.client_address);
        row.set("client_port", host.as_ref().map(|_| port))
            .set("client_addr", host)
            .set("backend_start", session.started_micros)
            .set("xact_start", session.transaction_started_micros)
            .set("query_start", session.statement_started_micros)
            .set("state_change", session.state_changed_micros)
            .set("state", session.state)
            .set("query_id", session.query_id)
            .set("query", &session.query);
    }
    Ok(())
}

/// `pg_stat_ssl`.
pub(crate) fn ssl(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for session in context.history.sessions() {
        rows.add().set("pid", session.process_id).set("ssl", false);
    }
    Ok(())
}

/// `pg_stat_gssapi`.
pub(crate) fn gssapi(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for session in context.history.sessions() {
        rows.add().set("pid", session.process_id).set("gss_authenticated", false).set("encrypted", false);
    }
    Ok(())
}

/// `pg_stat_all_tables`.
pub(crate) fn all_tables(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    user_tables(context, rows)
}

/// `pg_stat_user_tables`.
pub(crate) fn user_tables(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    for table in context.tables() {
        let dead: u64 = table.parts.values().map(|part| part.deleted_rows()).sum();
        rows.add()
            .set("relid", table.id.0)
            .set("schemaname", context.namespace_name(table.schema.0))
            .set("relname", &table.name)
            .set("n_live_tup", table.rows())
            .set("n_dead_tup", dead);
    }
    Ok(())
}

/// `pg_stat_database`.
pub(crate) fn databases(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let sessions: Vec<SessionFact> = context.history.sessions();
    for database in context.snapshot.databases.values() {
        let count = sessions.iter().filter(|session| session.database == database.name).count();
        rows.add().set("datid", database.id.0).set("datname", &database.name).set("numbackends", count);
    }
    Ok(())
}

/// `pg_timezone_names`, as of now.
pub(crate) fn time_zones(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    use chrono::{DateTime, Offset, TimeZone};
    let now = DateTime::from_timestamp_micros(context.now_micros).unwrap_or_default().naive_utc();
    for zone in chrono_tz::TZ_VARIANTS {
        let offset = zone.offset_from_utc_datetime(&now);
        let seconds = i64::from(offset.fix().local_minus_utc());
        let dst = chrono_tz::OffsetComponents::dst_offset(&offset);
        rows.add()
            .set("name", zone.name())
            .set("abbrev", offset.to_string())
            .set("utc_offset", crate::system::cell::Cell::Interval(0, 0, seconds * 1_000_000_000))
            .set("is_dst", !dst.is_zero());
    }
    Ok(())
}
