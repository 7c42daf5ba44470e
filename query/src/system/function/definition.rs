//! Definitions and comments as SQL text.

use crate::error::SqlError;
use crate::system::catalog::Entry;
use crate::system::cell::Cell;
use crate::system::function::size::relation_of;
use crate::system::function::{Call, declare_functions};
use crate::system::rows::function as procedures;
use crate::system::text::{constraint_definition, index_definition, key_columns, quote_ident};
use crate::system::type_function::TYPE_FUNCTIONS;

declare_functions! {
    "pg_get_viewdef"(Any; Any) -> "text", Stable, strict, view;
    "pg_get_indexdef"(Int; Int Bool) -> "text", Stable, strict, index;
    "pg_get_constraintdef"(Int; Bool) -> "text", Stable, strict, constraint;
    // Expressions are stored as the text that they print as.
    "pg_get_expr"(Text Int; Bool) -> "text", Stable, strict, |call| Ok(call.text(0).into());
    "pg_get_ruledef"(Int; Bool) -> "text", Stable, strict, rule;
    "pg_get_triggerdef"(Int; Bool) -> "text", Stable, strict, |_| Ok(Cell::Null);
    "pg_get_functiondef"(Int) -> "text", Stable, strict, |_| Ok(Cell::Null);
    "pg_get_function_sqlbody"(Int) -> "text", Stable, strict, |_| Ok(Cell::Null);
    "pg_get_function_arguments"(Int) -> "text", Stable, strict, arguments;
    "pg_get_function_identity_arguments"(Int) -> "text", Stable, strict, arguments;
    "pg_get_function_result"(Int) -> "text", Stable, strict, result;
    "pg_get_partkeydef"(Int) -> "text", Stable, strict, |_| Ok(Cell::Null);
    "pg_get_partition_constraintdef"(Int) -> "text", Stable, strict, |_| Ok(Cell::Null);
    "pg_get_statisticsobjdef"(Int) -> "text", Stable, strict, |_| Ok(Cell::Null);
    "pg_get_statisticsobjdef_columns"(Int) -> "text", Stable, strict, |_| Ok(Cell::Null);
    // IDENTITY columns have no sequence.
    "pg_get_serial_sequence"(Text Text) -> "text", Stable, strict, serial_sequence;
    "pg_tablespace_location"(Int) -> "text", Stable, strict, |_| Ok("".into());
    "pg_relation_is_publishable"(Any) -> "bool", Stable, strict, |_| Ok(false.into());
    "pg_column_is_updatable"(Int Int Bool) -> "bool", Stable, strict, |call| updatable(call).map(Cell::from);
    "pg_relation_is_updatable"(Int Bool) -> "int4", Stable, strict,
        // Bits of INSERT, UPDATE and DELETE.
        |call| Ok((if updatable(call)? { 28_i64 } else { 0 }).into());
    "pg_partition_ancestors"(Any) -> "_regclass", Stable, strict, |_| Ok(Cell::List(Vec::new()));
    "obj_description"(Int; Text) -> "text", Stable, strict, object_comment;
    "col_description"(Int Int) -> "text", Stable, strict, column_comment;
    "shobj_description"(Int Text) -> "text", Stable, strict, shared_comment;
}

fn view(call: &Call<'_>) -> Result<Cell, SqlError> {
    match (relation_of(call.context, call.get(0)), call.get(0)) {
        (Some(Entry::View(view)), _) => {
            let text = view.query.trim().trim_end_matches(';');
            // psql prints the definition below a heading, indented as Postgres indents it.
            Ok(format!(" {text};").into())
        }
        (None, Cell::Text(name)) => Err(SqlError::undefined_table(name)),
        _ => Ok(Cell::Null),
    }
}

fn index(call: &Call<'_>) -> Result<Cell, SqlError> {
    let Some(Entry::Index(table, key)) = call.context.entry(call.oid(0)) else { return Ok(Cell::Null) };
    let columns = key_columns(key).unwrap_or_default();
    match usize::try_from(call.int(1)) {
        Ok(0) | Err(_) => Ok(index_definition(call.context, table, key).into()),
        Ok(position) => {
            let column = columns.get(position - 1).and_then(|id| table.column(*id));
            Ok(column.map(|column| quote_ident(&column.name)).unwrap_or_default().into())
        }
    }
}

fn constraint(call: &Call<'_>) -> Result<Cell, SqlError> {
    let found = call.context.constraint(call.oid(0));
    Ok(found.map(|(table, key)| constraint_definition(call.context, table, key)).into())
}

fn rule(call: &Call<'_>) -> Result<Cell, SqlError> {
    let Some(Entry::View(view)) = call.context.entry(call.oid(0)) else { return Ok(Cell::Null) };
    let name = call.context.relation_text(view.id.0);
    let query = view.query.trim().trim_end_matches(';');
    Ok(format!("CREATE RULE \"_RETURN\" AS ON SELECT TO {name} DO INSTEAD {query};").into())
}

fn arguments(call: &Call<'_>) -> Result<Cell, SqlError> {
    let oid = call.oid(0);
    if let Some(function) = TYPE_FUNCTIONS.iter().find(|function| function.oid == oid) {
        let types = function.arguments.iter().map(|oid| super::name::type_text(*oid, -1).unwrap_or_default());
        return Ok(types.collect::<Vec<_>>().join(", ").into());
    }
    Ok(procedures::name_of(call.context, oid).map(|_| "VARIADIC \"any\"").into())
}

fn result(call: &Call<'_>) -> Result<Cell, SqlError> {
    let oid = call.oid(0);
    if let Some(function) = TYPE_FUNCTIONS.iter().find(|function| function.oid == oid) {
        return Ok(super::name::type_text(function.result, -1).into());
    }
    let name = procedures::name_of(call.context, oid);
    let own = name.map(|name| {
        let known = super::all().find(|function| function.name == name);
        known.map_or_else(|| "\"any\"".to_owned(), |function| function.result_type().name())
    });
    Ok(own.into())
}

fn serial_sequence(call: &Call<'_>) -> Result<Cell, SqlError> {
    let entry = call.context.resolve(call.text(0)).ok_or_else(|| SqlError::undefined_table(call.text(0)))?;
    let columns = call.context.columns(entry);
    if columns.iter().any(|column| column.name == call.text(1)) {
        Ok(Cell::Null)
    } else {
        Err(SqlError::undefined_column(call.text(1), entry.name()))
    }
}

fn updatable(call: &Call<'_>) -> Result<bool, SqlError> {
    Ok(matches!(call.context.entry(call.oid(0)), Some(Entry::Table(_))))
}

fn object_comment(call: &Call<'_>) -> Result<Cell, SqlError> {
    let context = call.context;
    let oid = call.oid(0);
    let relation = || context.entry(oid).and_then(|entry| entry.comment()).map(str::to_owned);
    let schema =
        || context.snapshot.schemas.get(&stoa_storage::SchemaId(oid)).and_then(|schema| schema.comment.clone());
    Ok(match call.text(1) {
        "pg_class" => relation().into(),
        "pg_namespace" => schema().into(),
        // Ids are unique over kinds for everything that can have a comment.
        "" => relation().or_else(schema).into(),
        _ => Cell::Null,
    })
}

fn column_comment(call: &Call<'_>) -> Result<Cell, SqlError> {
    let Some(number) = call.get(1).as_oid() else { return Ok(Cell::Null) };
    Ok(match call.context.entry(call.oid(0)) {
        Some(Entry::Table(table)) => {
            table.column(stoa_storage::ColumnId(number)).and_then(|column| column.comment.clone()).into()
        }
        Some(Entry::System(table)) => {
            let column = usize::try_from(number).ok().and_then(|number| table.columns.get(number.checked_sub(1)?));
            column.map(|column| column.doc).filter(|doc| !doc.is_empty()).into()
        }
        _ => Cell::Null,
    })
}

fn shared_comment(call: &Call<'_>) -> Result<Cell, SqlError> {
    if call.text(1) != "pg_database" {
        return Ok(Cell::Null);
    }
    let database = call.context.snapshot.databases.get(&stoa_storage::DatabaseId(call.oid(0)));
    Ok(database.and_then(|database| database.comment.clone()).into())
}
