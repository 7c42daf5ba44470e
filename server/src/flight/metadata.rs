//! What there is: catalogs, schemas, tables, keys.
//!
//! The answers are queries of the information schema in the client's own session, so they show what its user may see.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, UInt8Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetTableTypes, CommandGetTables,
};
use futures::TryStreamExt;
use stoa_query::{Outcome, ScalarValue, SqlError};
use tonic::Status;

use super::error::{arrow, status};
use super::ticket::FlightSession;

/// The kinds of tables: as clients name them, as the information schema does.
const TABLE_TYPES: [(&str, &str); 3] =
    [("TABLE", "BASE TABLE"), ("VIEW", "VIEW"), ("LOCAL TEMPORARY", "LOCAL TEMPORARY")];
/// `NO ACTION` in the terms of the protocol: keys are facts for the planner, nothing follows from a deletion.
const RULE_NO_ACTION: u8 = 3;

const CATALOGS: &str = "select datname from pg_catalog.pg_database where datallowconn order by 1";
const SCHEMAS: &str = "select catalog_name, schema_name from information_schema.schemata order by 2";
const TABLES: &str = "select table_catalog, table_schema, table_name, table_type from information_schema.tables";
const PRIMARY_KEY: &str = "\
select k.table_catalog, k.table_schema, k.table_name, k.column_name, k.constraint_name, k.ordinal_position
from information_schema.key_column_usage k
join information_schema.table_constraints t
  on t.constraint_schema = k.constraint_schema and t.constraint_name = k.constraint_name
 and t.table_name = k.table_name
where t.constraint_type = 'PRIMARY KEY'
order by k.table_schema, k.table_name, k.ordinal_position";
const FOREIGN_KEYS: &str = "\
select p.table_catalog, p.table_schema, p.table_name, p.column_name,
       f.table_catalog, f.table_schema, f.table_name, f.column_name,
       f.ordinal_position, f.constraint_name, p.constraint_name
from information_schema.referential_constraints r
join information_schema.key_column_usage f
  on f.constraint_schema = r.constraint_schema and f.constraint_name = r.constraint_name
join information_schema.key_column_usage p
  on p.constraint_schema = r.unique_constraint_schema and p.constraint_name = r.unique_constraint_name
 and p.ordinal_position = f.position_in_unique_constraint
order by p.table_schema, p.table_name, f.constraint_name, f.ordinal_position";

/// A row of text: every value of a catalog query has a text form.
type Row = Vec<Option<String>>;

/// `GetCatalogs`; without a session, the empty answer with its schema.
pub(super) async fn catalogs(
    query: &CommandGetCatalogs,
    session: Option<&FlightSession>,
) -> Result<RecordBatch, Status> {
    let mut builder = query.into_builder();
    for row in rows(session, CATALOGS).await? {
        builder.append(text(&row, 0));
    }
    builder.build().map_err(Status::from)
}

/// `GetDbSchemas`; as [`catalogs`].
pub(super) async fn schemas(
    query: &CommandGetDbSchemas,
    session: Option<&FlightSession>,
) -> Result<RecordBatch, Status> {
    let mut builder = query.clone().into_builder();
    for row in rows(session, SCHEMAS).await? {
        builder.append(text(&row, 0), text(&row, 1));
    }
    builder.build().map_err(Status::from)
}

/// `GetTables`; as [`catalogs`].
pub(super) async fn tables(query: &CommandGetTables, session: Option<&FlightSession>) -> Result<RecordBatch, Status> {
    // The builder without the schemas tells which tables are asked for; only those are described.
    let mut wanted = CommandGetTables { include_schema: false, ..query.clone() }.into_builder();
    for row in rows(session, TABLES).await? {
        let kind = TABLE_TYPES.iter().find(|(_, inner)| *inner == text(&row, 3)).map_or("TABLE", |(outer, _)| outer);
        wanted.append(text(&row, 0), text(&row, 1), text(&row, 2), kind, &Schema::empty()).map_err(Status::from)?;
    }
    let wanted = wanted.build().map_err(Status::from)?;
    if !query.include_schema {
        return Ok(wanted);
    }
    let mut builder = query.clone().into_builder();
    let column = |index: usize| wanted.column(index).as_string::<i32>();
    for row in 0..wanted.num_rows() {
        let (schema, table) = (column(1).value(row), column(2).value(row));
        let described = describe(session, schema, table).await;
        builder.append(column(0).value(row), schema, table, column(3).value(row), &described).map_err(Status::from)?;
    }
    builder.build().map_err(Status::from)
}

/// `GetTableTypes`; as [`catalogs`].
pub(super) async fn table_types(
    query: &CommandGetTableTypes,
    session: Option<&FlightSession>,
) -> Result<RecordBatch, Status> {
    let mut builder = query.into_builder();
    if session.is_some() {
        for (name, _) in TABLE_TYPES {
            builder.append(name);
        }
    }
    builder.build().map_err(Status::from)
}

/// `GetPrimaryKeys`; as [`catalogs`].
pub(super) async fn primary_keys(
    query: &CommandGetPrimaryKeys,
    session: Option<&FlightSession>,
) -> Result<RecordBatch, Status> {
    let table = Named::new(&query.catalog, &query.db_schema, &query.table);
    let mut rows = rows(session, PRIMARY_KEY).await?;
    rows.retain(|row| table.is(row, 0));
    let schema = Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_name", DataType::Utf8, true),
        Field::new("key_sequence", DataType::Int32, false),
    ]);
    let mut columns: Vec<ArrayRef> = (0..5).map(|index| texts(&rows, index)).collect();
    columns.push(numbers(&rows, 5));
    RecordBatch::try_new(Arc::new(schema), columns).map_err(|error| arrow(&error))
}

/// `GetExportedKeys`: foreign keys of other tables that point at this one; as [`catalogs`].
pub(super) async fn exported_keys(
    query: &CommandGetExportedKeys,
    session: Option<&FlightSession>,
) -> Result<RecordBatch, Status> {
    let primary = Named::new(&query.catalog, &query.db_schema, &query.table);
    foreign_keys(session, |row| primary.is(row, 0)).await
}

/// `GetImportedKeys`: foreign keys of this table; as [`catalogs`].
pub(super) async fn imported_keys(
    query: &CommandGetImportedKeys,
    session: Option<&FlightSession>,
) -> Result<RecordBatch, Status> {
    let foreign = Named::new(&query.catalog, &query.db_schema, &query.table);
    foreign_keys(session, |row| foreign.is(row, 4)).await
}

/// `GetCrossReference`: foreign keys of one table that point at another; as [`catalogs`].
pub(super) async fn cross_reference(
    query: &CommandGetCrossReference,
    session: Option<&FlightSession>,
) -> Result<RecordBatch, Status> {
    let primary = Named::new(&query.pk_catalog, &query.pk_db_schema, &query.pk_table);
    let foreign = Named::new(&query.fk_catalog, &query.fk_db_schema, &query.fk_table);
    foreign_keys(session, |row| primary.is(row, 0) && foreign.is(row, 4)).await
}

async fn foreign_keys(session: Option<&FlightSession>, keep: impl Fn(&Row) -> bool) -> Result<RecordBatch, Status> {
    let mut rows = rows(session, FOREIGN_KEYS).await?;
    rows.retain(keep);
    let names = ["catalog_name", "db_schema_name", "table_name", "column_name"];
    let part = |prefix: &str| -> Vec<Field> {
        let field = |(index, name): (usize, &&str)| Field::new(format!("{prefix}_{name}"), DataType::Utf8, index < 2);
        names.iter().enumerate().map(field).collect()
    };
    let mut fields = part("pk");
    fields.extend(part("fk"));
    fields.push(Field::new("key_sequence", DataType::Int32, false));
    fields.push(Field::new("fk_key_name", DataType::Utf8, true));
    fields.push(Field::new("pk_key_name", DataType::Utf8, true));
    fields.push(Field::new("update_rule", DataType::UInt8, false));
    fields.push(Field::new("delete_rule", DataType::UInt8, false));
    let mut columns: Vec<ArrayRef> = (0..8).map(|index| texts(&rows, index)).collect();
    columns.push(numbers(&rows, 8));
    columns.push(texts(&rows, 9));
    columns.push(texts(&rows, 10));
    let rules: ArrayRef = Arc::new(UInt8Array::from(vec![RULE_NO_ACTION; rows.len()]));
    columns.extend([Arc::clone(&rules), rules]);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| arrow(&error))
}

/// A table as a request names it.
struct Named<'a> {
    catalog: Option<&'a str>,
    schema: Option<&'a str>,
    table: &'a str,
}

impl<'a> Named<'a> {
    fn new(catalog: &'a Option<String>, schema: &'a Option<String>, table: &'a str) -> Self {
        Self { catalog: catalog.as_deref(), schema: schema.as_deref(), table }
    }

    /// Whether the three columns from `first` name this table.
    fn is(&self, row: &Row, first: usize) -> bool {
        self.catalog.is_none_or(|catalog| catalog == text(row, first))
            && self.schema.is_none_or(|schema| schema == text(row, first + 1))
            && self.table == text(row, first + 2)
    }
}

fn text(row: &Row, index: usize) -> &str {
    row.get(index).and_then(Option::as_deref).unwrap_or("")
}

fn texts(rows: &[Row], index: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter(rows.iter().map(|row| row.get(index).cloned().flatten())))
}

fn numbers(rows: &[Row], index: usize) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| text(row, index).parse().unwrap_or(0))))
}

/// The rows of a query as text; none without a session.
async fn rows(session: Option<&FlightSession>, query: &str) -> Result<Vec<Row>, Status> {
    match session {
        Some(session) => run(session, query).await.map_err(|error| status(&error)),
        None => Ok(Vec::new()),
    }
}

async fn run(session: &FlightSession, query: &str) -> Result<Vec<Row>, SqlError> {
    let session = &session.session;
    let mut found = Vec::new();
    for parsed in session.parse(query)? {
        let prepared = session.prepare(&parsed, &[]).await?;
        let Outcome::Rows(mut rows) = session.run(&prepared, Vec::<ScalarValue>::new()).await? else {
            continue;
        };
        while let Some(batch) = rows.stream.try_next().await? {
            let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8));
            let columns = columns.collect::<Result<Vec<_>, _>>();
            let columns = columns.map_err(|error| SqlError::internal(format!("a name is no text: {error}")))?;
            for row in 0..batch.num_rows() {
                let values = columns.iter().map(|column| {
                    let strings = column.as_string::<i32>();
                    column.is_valid(row).then(|| strings.value(row).to_owned())
                });
                found.push(values.collect());
            }
        }
    }
    Ok(found)
}

/// The Arrow schema of a table, as a query of all of its columns would give it. A table that vanishes meanwhile, or a
/// view that cannot be read any more, has no columns.
async fn describe(session: Option<&FlightSession>, schema: &str, table: &str) -> Schema {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let query = format!("select * from {}.{}", quoted(schema), quoted(table));
    let Some(session) = session else {
        return Schema::empty();
    };
    match super::statement::prepare(session, &query).await {
        Ok(handle) => handle.schema.as_ref().clone(),
        Err(_) => Schema::empty(),
    }
}
