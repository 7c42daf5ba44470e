//! The columns of TPC-H's lineitem.

use stoa_storage::{Column, ColumnId, ColumnType};

/// All columns, NOT NULL, in the order of the .tbl file.
pub(crate) fn columns() -> Vec<Column> {
    let decimal = ColumnType::Decimal { precision: 15, scale: 2 };
    let text = |length| ColumnType::Varchar { length: Some(length) };
    let types = [
        ("l_orderkey", ColumnType::Int64),
        ("l_partkey", ColumnType::Int64),
        ("l_suppkey", ColumnType::Int64),
        ("l_linenumber", ColumnType::Int32),
        ("l_quantity", decimal),
        ("l_extendedprice", decimal),
        ("l_discount", decimal),
        ("l_tax", decimal),
        ("l_returnflag", text(1)),
        ("l_linestatus", text(1)),
        ("l_shipdate", ColumnType::Date),
        ("l_commitdate", ColumnType::Date),
        ("l_receiptdate", ColumnType::Date),
        ("l_shipinstruct", text(25)),
        ("l_shipmode", text(10)),
        ("l_comment", text(44)),
    ];
    let column = |(id, (name, column_type)): (u32, (&str, ColumnType))| Column {
        id: ColumnId(id),
        name: name.to_owned(),
        column_type,
        nullable: false,
        default: None,
        missing: None,
        identity: None,
        encode: None,
        comment: None,
    };
    (1..).zip(types).map(column).collect()
}
