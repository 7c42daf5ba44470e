//! `information_schema.columns`, and the facts about a type that it, Redshift's views and SHOW COLUMNS share.

use crate::error::SqlError;
use crate::system::catalog::Entry;
use crate::system::context::SystemContext;
use crate::system::row::{Row, Rows};
use crate::system::rows::information::visible_relations;
use crate::system::{datatype, table::PG_CATALOG};
use crate::types::SqlType;

/// Bytes of a text without a declared length.
const OCTETS_MAX: i64 = 1 << 30;

/// Sets the columns that describe a type.
pub(crate) fn describe_type(sql_type: &SqlType, row: &mut Row<'_>) {
    let name = match sql_type {
        SqlType::Array(_) | SqlType::Int2Vector | SqlType::OidVector => "ARRAY".to_owned(),
        // The name without a modifier: lengths have columns of their own.
        other => SqlType::from_oid(other.oid()).unwrap_or_else(|| other.clone()).name(),
    };
    row.set("data_type", name);
    match sql_type {
        SqlType::Varchar(length) | SqlType::Bpchar(length) => {
            row.set("character_maximum_length", *length)
                .set("character_octet_length", length.map_or(OCTETS_MAX, i64::from));
        }
        SqlType::Text => {
            row.set("character_octet_length", OCTETS_MAX);
        }
        SqlType::Int2 => integer(row, 16),
        SqlType::Int4 => integer(row, 32),
        SqlType::Int8 => integer(row, 64),
        SqlType::Float4 => float(row, 24),
        SqlType::Float8 => float(row, 53),
        SqlType::Numeric { precision, scale } => {
            row.set("numeric_precision", i64::from(*precision))
                .set("numeric_precision_radix", 10_i64)
                .set("numeric_scale", i64::from(*scale));
        }
        SqlType::NumericAny => {
            row.set("numeric_precision_radix", 10_i64);
        }
        SqlType::Date => {
            row.set("datetime_precision", 0_i64);
        }
        SqlType::Time | SqlType::Timestamp | SqlType::Timestamptz | SqlType::Interval => {
            row.set("datetime_precision", 6_i64);
        }
        _ => {}
    }
}

fn integer(row: &mut Row<'_>, bits: i64) {
    row.set("numeric_precision", bits).set("numeric_precision_radix", 2_i64).set("numeric_scale", 0_i64);
}

fn float(row: &mut Row<'_>, bits: i64) {
    row.set("numeric_precision", bits).set("numeric_precision_radix", 2_i64);
}

/// `columns`.
pub(crate) fn columns(context: &SystemContext, rows: &mut Rows) -> Result<(), SqlError> {
    let database = context.database_name();
    for entry in visible_relations(context) {
        let schema = context.namespace_name(entry.namespace());
        for (column, position) in context.columns(entry).into_iter().zip(1_i64..) {
            let mut row = rows.add();
            row.set("table_catalog", &database)
                .set("table_schema", schema.clone())
                .set("table_name", entry.name())
                .set("column_name", &column.name)
                .set("ordinal_position", position)
                .set("is_nullable", if column.required { "NO" } else { "YES" })
                .set("udt_catalog", &database)
                .set("udt_schema", PG_CATALOG)
                .set("udt_name", datatype::by_oid(column.sql_type.oid()).map(|fact| fact.name))
                .set("dtd_identifier", position.to_string())
                .set("is_self_referencing", "NO")
                .set("is_identity", "NO")
                .set("identity_cycle", "NO")
                .set("is_generated", "NEVER")
                .set("is_updatable", if matches!(entry, Entry::Table(_)) { "YES" } else { "NO" });
            describe_type(&column.sql_type, &mut row);
            if let Entry::Table(table) = entry
                && let Some(stored) = table.columns.iter().find(|stored| stored.id.0 == column.number)
            {
                row.set("column_default", stored.default.clone());
                if let Some(identity) = stored.identity {
                    row.set("is_identity", "YES")
                        .set("identity_generation", if identity.by_default { "BY DEFAULT" } else { "ALWAYS" })
                        .set("identity_start", identity.seed.to_string())
                        .set("identity_increment", identity.step.to_string());
                }
            }
        }
    }
    Ok(())
}
