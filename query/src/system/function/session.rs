//! The session and the server: who, where, which settings, and signals to other sessions.

use crate::error::{SqlError, SqlState};
use crate::system::cell::Cell;
use crate::system::context::Action;
use crate::system::function::{Call, declare_functions};
use crate::system::rows::activity::split_address;
use crate::system::rows::database::UTF8;
use crate::system::table::PG_CATALOG;

declare_functions! {
    "version"() -> "text", Stable, called, |call| Ok(version(call).into());
    "current_database"() -> "name", Stable, called, |call| Ok(call.context.database_name().into());
    "current_catalog"() -> "name", Stable, called, |call| Ok(call.context.database_name().into());
    "current_schema"() -> "name", Stable, called, |call| Ok(schemas(call, false).into_iter().next().into());
    "current_schemas"(Bool) -> "_name", Stable, strict,
        |call| Ok(schemas(call, call.get(0).as_bool() == Some(true)).into());
    "current_user"() -> "name", Stable, called, |call| Ok(call.context.user_name().into());
    "current_role"() -> "name", Stable, called, |call| Ok(call.context.user_name().into());
    "user"() -> "name", Stable, called, |call| Ok(call.context.user_name().into());
    "session_user"() -> "name", Stable, called,
        |call| Ok(call.context.role_name(call.context.session_role).into());
    "current_user_id"() -> "int4", Stable, called, |call| Ok(call.context.role.0.into());
    "current_setting"(Text; Bool) -> "text", Stable, strict, current_setting;
    "set_config"(Text Text Bool) -> "text", Volatile, called, set_config;
    "pg_backend_pid"() -> "int4", Stable, called, |call| Ok(call.context.process_id.into());
    "inet_server_addr"() -> "text", Stable, called, |call| Ok(split_address(&call.context.server_address).0.into());
    "inet_server_port"() -> "int4", Stable, called, |call| Ok(port(&call.context.server_address));
    "inet_client_addr"() -> "text", Stable, called, |call| Ok(split_address(&call.context.client_address).0.into());
    "inet_client_port"() -> "int4", Stable, called, |call| Ok(port(&call.context.client_address));
    "pg_postmaster_start_time"() -> "timestamptz", Stable, called,
        |call| Ok(call.context.server_started_micros.into());
    "pg_conf_load_time"() -> "timestamptz", Stable, called, |call| Ok(call.context.server_started_micros.into());
    "pg_is_in_recovery"() -> "bool", Stable, called, |_| Ok(false.into());
    "pg_is_wal_replay_paused"() -> "bool", Stable, called, |_| Ok(false.into());
    "pg_cancel_backend"(Int) -> "bool", Volatile, strict, |call| signal(call, Action::Cancel);
    "pg_terminate_backend"(Int; Int) -> "bool", Volatile, strict, |call| signal(call, Action::Terminate);
    "txid_current"() -> "int8", Stable, called, |call| Ok(call.context.snapshot.version.0.into());
    "pg_current_xact_id"() -> "int8", Stable, called, |call| Ok(call.context.snapshot.version.0.into());
    "txid_current_if_assigned"() -> "int8", Stable, called, |_| Ok(Cell::Null);
    "pg_blocking_pids"(Int) -> "_int4", Stable, strict, |_| Ok(Cell::List(Vec::new()));
    "pg_last_copy_count"() -> "int8", Stable, called, |call| Ok(call.context.last_copy_count.into());
    "pg_last_copy_id"() -> "int8", Stable, called, |call| Ok(call.context.last_copy_id.into());
    "pg_last_query_id"() -> "int8", Stable, called, |call| Ok(call.context.last_query_id.into());
    "pg_my_temp_schema"() -> "oid", Stable, called,
        |call| Ok(call.context.temporary_schema.map_or(0, |schema| schema.0).into());
    "pg_is_other_temp_schema"(Int) -> "bool", Stable, strict, |_| Ok(false.into());
    // Sessions hold no advisory locks, so all of them are released.
    "pg_advisory_unlock_all"() -> "text", Volatile, called, |_| Ok("".into());
    "pg_client_encoding"() -> "name", Stable, called, |_| Ok("UTF8".into());
    "getdatabaseencoding"() -> "name", Stable, called, |_| Ok("UTF8".into());
    "pg_encoding_to_char"(Int) -> "name", Immutable, strict,
        |call| Ok(if call.int(0) == UTF8 { "UTF8" } else { "" }.into());
    "pg_char_to_encoding"(Text) -> "int4", Immutable, strict,
        |call| Ok((if call.text(0).replace('-', "").eq_ignore_ascii_case("utf8") { UTF8 } else { -1 }).into());
}

fn version(call: &Call<'_>) -> String {
    let server = call.context.setting("server_version").map_or("16.6", |setting| setting.value.as_str());
    format!(
        "PostgreSQL {server} on {}-{}, Stoa {}",
        std::env::consts::ARCH,
        std::env::consts::OS,
        env!("CARGO_PKG_VERSION")
    )
}

fn schemas(call: &Call<'_>, implicit: bool) -> Vec<String> {
    let context = call.context;
    let built_in = implicit.then(|| PG_CATALOG.to_owned());
    let own = context.search_path.iter().filter_map(|schema| context.namespace_name(schema.0));
    built_in.into_iter().chain(own).collect()
}

fn port(address: &str) -> Cell {
    match split_address(address) {
        (Some(_), port) if port >= 0 => port.into(),
        _ => Cell::Null,
    }
}

fn current_setting(call: &Call<'_>) -> Result<Cell, SqlError> {
    match call.context.setting(call.text(0)) {
        Some(setting) => Ok(setting.value.as_str().into()),
        None if call.get(1).as_bool() == Some(true) => Ok(Cell::Null),
        None => Err(SqlError::new(
            SqlState::UndefinedObject,
            format!("unrecognized configuration parameter \"{}\"", call.text(0)),
        )),
    }
}

fn act(call: &Call<'_>, action: Action) -> Result<bool, SqlError> {
    match &call.context.actions {
        Some(handler) => handler(action),
        None => Err(SqlError::unsupported("an effect on sessions from within this statement")),
    }
}

fn set_config(call: &Call<'_>) -> Result<Cell, SqlError> {
    if call.get(0).is_null() {
        return Err(SqlError::new(SqlState::NullValueNotAllowed, "SET requires parameter name"));
    }
    let value = call.text(1).to_owned();
    let local = call.get(2).as_bool() == Some(true);
    act(call, Action::SetConfig { name: call.text(0).to_owned(), value: value.clone(), local })?;
    Ok(value.into())
}

fn signal(call: &Call<'_>, action: fn(i32) -> Action) -> Result<Cell, SqlError> {
    let Ok(process_id) = i32::try_from(call.int(0)) else { return Ok(false.into()) };
    Ok(act(call, action(process_id))?.into())
}
