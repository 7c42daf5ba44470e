//! From column definitions to catalog columns, keys and physical design; shared by CREATE and ALTER TABLE.

use sqlparser::ast::{self, Ident};
use stoa_storage::{Column, ColumnId, ColumnType, ConstraintKind, Distribution, Identity, SortKey, Table};

use crate::error::{SqlError, SqlState};
use crate::plan::PlanContext;
use crate::plan::name::{self, fold};
use crate::statement::table::{ColumnDefinition, Design, DistributionStyle, KeyKind, SortDefinition, TableConstraint};
use crate::types::SqlType;

/// Redshift's encodings; each is a hint to the writer of segments.
const ENCODINGS: &[&str] = &[
    "auto",
    "raw",
    "az64",
    "bytedict",
    "delta",
    "delta32k",
    "lzo",
    "mostly8",
    "mostly16",
    "mostly32",
    "runlength",
    "text255",
    "text32k",
    "zstd",
];

/// A declared key whose columns are resolved; its id comes when it is made.
#[derive(Debug, Clone)]
pub(crate) struct NewConstraint {
    pub(crate) name: String,
    pub(crate) kind: ConstraintKind,
}

/// The type of a stored column.
pub(crate) fn column_type(data_type: &ast::DataType) -> Result<ColumnType, SqlError> {
    let sql_type = SqlType::from_ast(data_type)?;
    sql_type.to_column().ok_or_else(|| SqlError::unsupported(format!("a column of type {}", sql_type.name())))
}

/// A column without its id.
pub(crate) fn column(definition: &ColumnDefinition, context: &PlanContext) -> Result<Column, SqlError> {
    let ColumnDefinition {
        name,
        data_type,
        nullable,
        default,
        identity,
        encode,
        dist_key: _,
        sort_key: _,
        constraints,
    } = definition;
    let name = name::new_name(fold(name))?;
    let column_type = column_type(data_type)?;
    let is_key = constraints.iter().any(|constraint| matches!(constraint.kind, KeyKind::PrimaryKey(_)));
    if is_key && *nullable == Some(true) {
        return Err(contradiction(format!("conflicting NULL/NOT NULL declarations for column \"{name}\"")));
    }
    if let Some(encode) = encode.as_ref().filter(|encode| !ENCODINGS.contains(&encode.as_str())) {
        return Err(SqlError::new(SqlState::InvalidParameterValue, format!("unknown encoding \"{encode}\""))
            .with_hint(format!("The encodings are {}.", ENCODINGS.join(", "))));
    }
    if identity.is_some() && !matches!(column_type, ColumnType::Int32 | ColumnType::Int64) {
        return Err(contradiction(format!("identity column \"{name}\" must be of type integer or bigint")));
    }
    if identity.is_some() && default.is_some() {
        return Err(contradiction(format!("both default and identity specified for column \"{name}\"")));
    }
    if let Some(default) = default {
        super::write::check_default(default, context)
            .map_err(|error| error.with_detail(format!("In the default of column \"{name}\".")))?;
    }
    Ok(Column {
        id: ColumnId(0),
        name,
        column_type,
        nullable: nullable.unwrap_or(!is_key) && identity.is_none(),
        default: default.clone().filter(|default| !default.eq_ignore_ascii_case("null")),
        missing: None,
        identity: identity.map(|identity| Identity {
            seed: identity.seed,
            step: identity.step,
            next: identity.seed,
            by_default: identity.by_default,
        }),
        encode: encode.clone().filter(|encode| encode != "auto"),
        comment: None,
    })
}

fn contradiction(message: String) -> SqlError {
    SqlError::new(SqlState::InvalidTableDefinition, message)
}

/// The column of that name among those.
pub(crate) fn find<'a>(columns: &'a [Column], name: &Ident) -> Result<&'a Column, SqlError> {
    let name = fold(name);
    columns.iter().find(|column| column.name == name).ok_or_else(|| {
        SqlError::new(SqlState::UndefinedColumn, format!("column \"{name}\" named in key does not exist"))
    })
}

/// The ids of some columns; 42701 when one is named twice.
pub(crate) fn find_all(columns: &[Column], names: &[Ident]) -> Result<Vec<ColumnId>, SqlError> {
    let mut found: Vec<ColumnId> = Vec::with_capacity(names.len());
    for name in names {
        let column = find(columns, name)?;
        if found.contains(&column.id) {
            return Err(SqlError::new(
                SqlState::DuplicateColumn,
                format!("column \"{}\" appears twice in a key", column.name),
            ));
        }
        found.push(column.id);
    }
    Ok(found)
}

/// A declared key with its columns found; `taken`: names of the table's other constraints.
pub(crate) fn constraint(
    table: &str,
    columns: &[Column],
    declared: &TableConstraint,
    taken: &[String],
    context: &PlanContext,
) -> Result<NewConstraint, SqlError> {
    let TableConstraint { name, kind } = declared;
    let (kind, suffix, named) = match kind {
        KeyKind::PrimaryKey(names) => (ConstraintKind::PrimaryKey(find_all(columns, names)?), "pkey", vec![]),
        KeyKind::Unique(names) => (ConstraintKind::Unique(find_all(columns, names)?), "key", folded(names)),
        KeyKind::ForeignKey { columns: names, table, referenced } => {
            let own = find_all(columns, names)?;
            (foreign_key(own, table, referenced, context)?, "fkey", folded(names))
        }
    };
    let name = match name {
        Some(name) => name::new_name(fold(name))?,
        None => free_name(&[&[table.to_owned()][..], &named, &[suffix.to_owned()]].concat().join("_"), taken),
    };
    if taken.contains(&name) {
        return Err(SqlError::new(
            SqlState::DuplicateObject,
            format!("constraint \"{name}\" for relation \"{table}\" already exists"),
        ));
    }
    Ok(NewConstraint { name, kind })
}

fn folded(names: &[Ident]) -> Vec<String> {
    names.iter().map(fold).collect()
}

/// Postgres's way to a free name: a number at the end.
fn free_name(wanted: &str, taken: &[String]) -> String {
    let mut name = wanted.to_owned();
    let mut number = 0;
    while taken.contains(&name) {
        number += 1;
        name = format!("{wanted}{number}");
    }
    name
}

fn foreign_key(
    columns: Vec<ColumnId>,
    table: &ast::ObjectName,
    referenced: &[Ident],
    context: &PlanContext,
) -> Result<ConstraintKind, SqlError> {
    let other = name::table(&context.snapshot, &context.facts, &name::qualified(table, &context.facts)?)?;
    let referenced = if referenced.is_empty() { primary_key(&other)? } else { find_all(&other.columns, referenced)? };
    if referenced.len() != columns.len() {
        return Err(SqlError::new(
            SqlState::InvalidTableDefinition,
            "number of referencing and referenced columns for foreign key disagree",
        ));
    }
    Ok(ConstraintKind::ForeignKey { columns, references: other.id, referenced })
}

fn primary_key(table: &Table) -> Result<Vec<ColumnId>, SqlError> {
    let key = table.constraints.iter().find_map(|constraint| match &constraint.kind {
        ConstraintKind::PrimaryKey(columns) => Some(columns.clone()),
        ConstraintKind::Unique(_) | ConstraintKind::ForeignKey { .. } => None,
    });
    key.ok_or_else(|| {
        SqlError::new(
            SqlState::UndefinedObject,
            format!("there is no primary key for referenced table \"{}\"", table.name),
        )
    })
}

/// DISTSTYLE, DISTKEY of the table or of one column.
pub(crate) fn distribution(
    design: &Design,
    columns: &[Column],
    definitions: &[ColumnDefinition],
) -> Result<Distribution, SqlError> {
    let mut keys: Vec<&Ident> = design.key.iter().collect();
    keys.extend(definitions.iter().filter(|column| column.dist_key).map(|column| &column.name));
    if keys.len() > 1 {
        return Err(contradiction("a table has at most one DISTKEY".to_owned()));
    }
    distribute(design.style, keys.first().copied(), columns)
}

/// DISTSTYLE and DISTKEY as written → what the catalog keeps.
pub(crate) fn distribute(
    style: Option<DistributionStyle>,
    key: Option<&Ident>,
    columns: &[Column],
) -> Result<Distribution, SqlError> {
    match (style, key) {
        (None | Some(DistributionStyle::Key), Some(key)) => Ok(Distribution::Key(find(columns, key)?.id)),
        (Some(DistributionStyle::Key), None) => {
            Err(contradiction("DISTSTYLE KEY requires a DISTKEY column".to_owned()))
        }
        (Some(_), Some(_)) => Err(contradiction("a DISTKEY column is allowed with DISTSTYLE KEY only".to_owned())),
        (Some(DistributionStyle::Even), None) => Ok(Distribution::Even),
        (Some(DistributionStyle::All), None) => Ok(Distribution::All),
        (None | Some(DistributionStyle::Auto), None) => Ok(Distribution::Auto),
    }
}

/// SORTKEY of the table or of single columns.
pub(crate) fn sort_key(
    sort: Option<&SortDefinition>,
    columns: &[Column],
    definitions: &[ColumnDefinition],
) -> Result<SortKey, SqlError> {
    let of_columns: Vec<Ident> =
        definitions.iter().filter(|column| column.sort_key).map(|column| column.name.clone()).collect();
    if sort.is_some() && !of_columns.is_empty() {
        return Err(contradiction("SORTKEY is declared for the table and for a column".to_owned()));
    }
    match sort {
        None => Ok(SortKey { columns: find_all(columns, &of_columns)?, interleaved: false, auto: false }),
        Some(SortDefinition::None) => Ok(SortKey::default()),
        Some(SortDefinition::Auto) => Ok(SortKey { columns: vec![], interleaved: false, auto: true }),
        Some(SortDefinition::Columns { columns: names, interleaved }) => {
            Ok(SortKey { columns: find_all(columns, names)?, interleaved: *interleaved, auto: false })
        }
    }
}

/// 42701 when two columns have one name; 54011 when there are too many.
pub(crate) fn check_names(columns: &[Column]) -> Result<(), SqlError> {
    if columns.len() > stoa_storage::limit::COLUMNS_MAX {
        return Err(SqlError::new(
            SqlState::TooManyColumns,
            format!("tables can have at most {} columns", stoa_storage::limit::COLUMNS_MAX),
        ));
    }
    let mut seen = std::collections::BTreeSet::new();
    match columns.iter().find(|column| !seen.insert(column.name.as_str())) {
        Some(column) => Err(SqlError::new(
            SqlState::DuplicateColumn,
            format!("column \"{}\" specified more than once", column.name),
        )),
        None => Ok(()),
    }
}
