//! Names and oids: the `reg*` types both ways, visibility, quoting, names of types.

use stoa_storage::RoleId;

use crate::error::{SqlError, SqlState};
use crate::system::catalog::Entry;
use crate::system::cell::Cell;
use crate::system::context::SystemContext;
use crate::system::datatype;
use crate::system::function::{Call, declare_functions};
use crate::system::rows::function as procedures;
use crate::system::text::{parse_ident, quote_ident, quote_literal};
use crate::types::SqlType;

declare_functions! {
    "regclass_in"(Any) -> "regclass", Stable, strict, |call| input(call, relation_oid, SqlError::undefined_table);
    "regtype_in"(Any) -> "regtype", Stable, strict, |call| input(call, type_oid, |name| missing("type", name));
    "regproc_in"(Any) -> "regproc", Stable, strict, |call| input(call, function_oid, |name| missing("function", name));
    "regnamespace_in"(Any) -> "regnamespace", Stable, strict,
        |call| input(call, namespace_oid, SqlError::undefined_schema);
    "regrole_in"(Any) -> "regrole", Stable, strict, |call| input(call, role_oid, SqlError::undefined_role);
    "regclass_out"(Any) -> "text", Stable, strict, |call| output(call, |context, oid| Some(context.relation_text(oid)));
    "regtype_out"(Any) -> "text", Stable, strict, |call| output(call, |_, oid| type_text(oid, -1));
    "regproc_out"(Any) -> "text", Stable, strict, |call| output(call, procedures::name_of);
    "regnamespace_out"(Any) -> "text", Stable, strict,
        |call| output(call, |context, oid| Some(quote_ident(&context.namespace_name(oid)?)));
    "regrole_out"(Any) -> "text", Stable, strict, |call| output(call, role_text);
    "to_regclass"(Text) -> "regclass", Stable, strict, |call| Ok(relation_oid(call.context, call.text(0)).into());
    "to_regtype"(Text) -> "regtype", Stable, strict, |call| Ok(type_oid(call.context, call.text(0)).into());
    "to_regproc"(Text) -> "regproc", Stable, strict, |call| Ok(function_oid(call.context, call.text(0)).into());
    "to_regnamespace"(Text) -> "regnamespace", Stable, strict,
        |call| Ok(namespace_oid(call.context, call.text(0)).into());
    "to_regrole"(Text) -> "regrole", Stable, strict, |call| Ok(role_oid(call.context, call.text(0)).into());
    "pg_typeof"(Any) -> "regtype", Stable, called,
        |call| Ok(call.fields.first().map(|field| SqlType::from_field(field).oid()).into());
    "format_type"(Int Int) -> "text", Stable, called, format_type;
    "quote_ident"(Text) -> "text", Immutable, strict, |call| Ok(quote_ident(call.text(0)).into());
    "quote_literal"(Any) -> "text", Immutable, strict,
        |call| Ok(call.get(0).print().map(|text| quote_literal(&text)).into());
    "quote_nullable"(Any) -> "text", Immutable, called,
        |call| Ok(call.get(0).print().map_or_else(|| "NULL".to_owned(), |text| quote_literal(&text)).into());
    "format"(Text; Any Any Any Any Any Any Any Any) -> "text", Immutable, called, format;
    "parse_ident"(Text; Bool) -> "_text", Immutable, strict, identifiers;
    "pg_get_userbyid"(Int) -> "name", Stable, strict, |call| Ok(call.context.role_name(RoleId(call.oid(0))).into());
    "pg_table_is_visible"(Int) -> "bool", Stable, strict, table_is_visible;
    "pg_type_is_visible"(Int) -> "bool", Stable, strict,
        |call| Ok(datatype::by_oid(call.oid(0)).map(|_| true).into());
    "pg_function_is_visible"(Int) -> "bool", Stable, strict,
        |call| Ok(procedures::name_of(call.context, call.oid(0)).map(|_| true).into());
    // What is left of named objects is built in, and pg_catalog is always on the path.
    "pg_operator_is_visible"(Int) -> "bool", Stable, strict, |_| Ok(true.into());
    "pg_opclass_is_visible"(Int) -> "bool", Stable, strict, |_| Ok(true.into());
    "pg_opfamily_is_visible"(Int) -> "bool", Stable, strict, |_| Ok(true.into());
    "pg_collation_is_visible"(Int) -> "bool", Stable, strict, |_| Ok(true.into());
    "pg_conversion_is_visible"(Int) -> "bool", Stable, strict, |_| Ok(true.into());
    "pg_statistics_obj_is_visible"(Int) -> "bool", Stable, strict, |_| Ok(true.into());
    "pg_ts_config_is_visible"(Int) -> "bool", Stable, strict, |_| Ok(true.into());
    "pg_ts_dict_is_visible"(Int) -> "bool", Stable, strict, |_| Ok(true.into());
    "pg_ts_parser_is_visible"(Int) -> "bool", Stable, strict, |_| Ok(true.into());
    "pg_ts_template_is_visible"(Int) -> "bool", Stable, strict, |_| Ok(true.into());
}

fn missing(kind: &str, name: &str) -> SqlError {
    let state = if kind == "function" { SqlState::UndefinedFunction } else { SqlState::UndefinedObject };
    SqlError::new(state, format!("{kind} \"{name}\" does not exist"))
}

/// A `reg*` value from a number, a text of digits, `-` (none) or a name.
fn input(
    call: &Call<'_>,
    find: fn(&SystemContext, &str) -> Option<u32>,
    error: fn(&str) -> SqlError,
) -> Result<Cell, SqlError> {
    let Cell::Text(text) = call.get(0) else { return Ok(call.get(0).clone()) };
    if text == "-" {
        return Ok(0_i64.into());
    }
    if let Ok(oid) = text.trim().parse::<u32>() {
        return Ok(oid.into());
    }
    find(call.context, text).map(Cell::from).ok_or_else(|| error(text))
}

/// The text of a `reg*` value: the name, `-` for none, the number for one that stands for nothing.
fn output(call: &Call<'_>, name: fn(&SystemContext, u32) -> Option<String>) -> Result<Cell, SqlError> {
    let Some(oid) = call.get(0).as_oid() else { return Ok(call.get(0).clone()) };
    if oid == 0 {
        return Ok("-".into());
    }
    Ok(name(call.context, oid).unwrap_or_else(|| oid.to_string()).into())
}

fn relation_oid(context: &SystemContext, name: &str) -> Option<u32> {
    context.resolve(name).map(|entry| entry.oid())
}

fn type_oid(_context: &SystemContext, name: &str) -> Option<u32> {
    let name = name.trim();
    let plain = name.strip_prefix("pg_catalog.").unwrap_or(name);
    datatype::by_name(plain).map(|fact| fact.oid).or_else(|| SqlType::parse(plain).map(|sql_type| sql_type.oid()))
}

fn function_oid(context: &SystemContext, name: &str) -> Option<u32> {
    let parts = parse_ident(name.split('(').next()?)?;
    procedures::oid_of(context, parts.last()?)
}

fn namespace_oid(context: &SystemContext, name: &str) -> Option<u32> {
    match parse_ident(name)?.as_slice() {
        [name] => context.namespace_oid(name),
        _ => None,
    }
}

fn role_oid(context: &SystemContext, name: &str) -> Option<u32> {
    match parse_ident(name)?.as_slice() {
        [name] => context.snapshot.role_named(name).map(|role| role.id.0),
        _ => None,
    }
}

fn role_text(context: &SystemContext, oid: u32) -> Option<String> {
    context.snapshot.roles.get(&RoleId(oid)).map(|role| quote_ident(&role.name))
}

/// The name of a type with its modifier.
pub(super) fn type_text(oid: u32, typmod: i32) -> Option<String> {
    match SqlType::from_oid(oid) {
        Some(SqlType::Array(element)) => Some(format!("{}[]", with_modifier(*element, typmod).name())),
        // Postgres's internal name stands for a char without a length.
        Some(SqlType::Bpchar(_)) if typmod < 0 => Some("character".to_owned()),
        Some(sql_type) => Some(with_modifier(sql_type, typmod).name()),
        None => datatype::by_oid(oid).map(|fact| match fact.name {
            "any" => "\"any\"".to_owned(),
            name => name.to_owned(),
        }),
    }
}

fn with_modifier(sql_type: SqlType, typmod: i32) -> SqlType {
    if typmod < 0 { sql_type } else { sql_type.with_typmod(typmod) }
}

fn format_type(call: &Call<'_>) -> Result<Cell, SqlError> {
    if call.get(0).is_null() {
        return Ok(Cell::Null);
    }
    let typmod = call.get(1).as_int().and_then(|value| i32::try_from(value).ok()).unwrap_or(-1);
    Ok(match call.oid(0) {
        0 => "-".into(),
        oid => type_text(oid, typmod).unwrap_or_else(|| "???".to_owned()).into(),
    })
}

/// `format('%s %I %L', …)`, with positions (`%1$s`) but without widths.
fn format(call: &Call<'_>) -> Result<Cell, SqlError> {
    let Cell::Text(pattern) = call.get(0) else { return Ok(Cell::Null) };
    let refused = |message: &str| Err(SqlError::new(SqlState::InvalidParameterValue, message));
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern.as_str();
    let mut next = 1;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let positioned = after.get(..digits).and_then(|number| number.parse::<usize>().ok());
        let (position, after) = match (positioned, after.get(digits..).and_then(|tail| tail.strip_prefix('$'))) {
            (Some(position), Some(tail)) => (position, tail),
            (None, _) => (next, after),
            (Some(_), None) => return refused("a width in format() is not supported"),
        };
        let mut characters = after.chars();
        let kind = characters.next();
        rest = characters.as_str();
        if kind == Some('%') {
            text.push('%');
            continue;
        }
        if position == 0 || position >= call.count() {
            return refused("too few arguments for format()");
        }
        next = position + 1;
        let value = call.get(position).print();
        match (kind, value) {
            (Some('s'), value) => text.push_str(&value.unwrap_or_default()),
            (Some('I'), Some(value)) => text.push_str(&quote_ident(&value)),
            (Some('I'), None) => return refused("null values cannot be formatted as an SQL identifier"),
            (Some('L'), value) => {
                text.push_str(&value.map_or_else(|| "NULL".to_owned(), |value| quote_literal(&value)))
            }
            _ => return refused("unrecognized format() type specifier"),
        }
    }
    text.push_str(rest);
    Ok(text.into())
}

fn identifiers(call: &Call<'_>) -> Result<Cell, SqlError> {
    parse_ident(call.text(0)).map(Cell::from).ok_or_else(|| {
        SqlError::new(
            SqlState::InvalidParameterValue,
            format!("string is not a valid identifier: \"{}\"", call.text(0)),
        )
    })
}

fn table_is_visible(call: &Call<'_>) -> Result<Cell, SqlError> {
    let entry: Option<Entry<'_>> = call.context.entry(call.oid(0));
    Ok(entry.map(|entry| call.context.is_visible(entry)).into())
}
