//! System tables over a hand-made catalog.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::util::pretty::pretty_format_batches;
use stoa_storage::{
    Acl, Column, ColumnId, ColumnType, Constraint, ConstraintKind, Database, DatabaseId, Distribution, Identity,
    Privilege, Relation, Role, RoleId, Schema, SchemaId, Snapshot, SortKey, Table, TableId, Version, View, ViewId,
};

use crate::system::context::SystemContext;
use crate::system::table::{all, lookup};
use crate::types::SqlType;

pub(crate) const ADMIN: RoleId = RoleId(16_384);
pub(crate) const ANN: RoleId = RoleId(16_385);
const ANALYSTS: RoleId = RoleId(16_386);
const DEV: DatabaseId = DatabaseId(16_390);
const PUBLIC_SCHEMA: SchemaId = SchemaId(16_391);

fn role(id: RoleId, name: &str, superuser: bool, login: bool) -> Role {
    Role {
        id,
        name: name.to_owned(),
        superuser,
        login,
        create_database: superuser,
        create_role: superuser,
        verifier: login.then(|| "SCRAM-SHA-256$secret".to_owned()),
        member_of: BTreeSet::new(),
        connection_limit: None,
    }
}

fn column(id: u32, name: &str, column_type: ColumnType, nullable: bool) -> Column {
    Column {
        id: ColumnId(id),
        name: name.to_owned(),
        column_type,
        nullable,
        default: None,
        missing: None,
        identity: None,
        encode: None,
        comment: None,
    }
}

fn table(id: u32, name: &str, columns: Vec<Column>) -> Table {
    Table {
        id: TableId(id),
        schema: PUBLIC_SCHEMA,
        name: name.to_owned(),
        owner: ADMIN,
        next_column: ColumnId(100),
        columns,
        distribution: Distribution::Auto,
        sort_key: SortKey::default(),
        constraints: vec![],
        acl: Acl::default(),
        comment: None,
        definition_version: Version(1),
        parts: Default::default(),
    }
}

fn customers() -> Table {
    let mut customers = table(
        16_400,
        "customers",
        vec![
            Column {
                identity: Some(Identity { seed: 1, step: 1, next: 1, by_default: false }),
                ..column(1, "id", ColumnType::Int64, false)
            },
            Column {
                default: Some("'anonymous'".to_owned()),
                comment: Some("Full name".to_owned()),
                ..column(2, "name", ColumnType::Varchar { length: Some(40) }, false)
            },
            Column { encode: Some("ZSTD".to_owned()), ..column(4, "joined", ColumnType::Date, true) },
        ],
    );
    customers.comment = Some("Who buys".to_owned());
    customers.distribution = Distribution::Key(ColumnId(1));
    customers.sort_key = SortKey { columns: vec![ColumnId(4), ColumnId(1)], interleaved: false, auto: false };
    customers.constraints = vec![Constraint {
        name: "customers_pkey".to_owned(),
        id: 16_401,
        kind: ConstraintKind::PrimaryKey(vec![ColumnId(1)]),
    }];
    customers.acl.grant(ANALYSTS, Privilege::Select, false);
    customers
}

fn orders() -> Table {
    let mut orders = table(
        16_410,
        "orders",
        vec![
            column(1, "id", ColumnType::Int32, false),
            column(2, "customer", ColumnType::Int64, true),
            column(3, "price", ColumnType::Decimal { precision: 12, scale: 2 }, true),
        ],
    );
    orders.constraints = vec![Constraint {
        name: "orders_customer_fkey".to_owned(),
        id: 16_411,
        kind: ConstraintKind::ForeignKey {
            columns: vec![ColumnId(2)],
            references: TableId(16_400),
            referenced: vec![ColumnId(1)],
        },
    }];
    orders
}

/// A database with two tables, a view and three roles.
pub(crate) fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let mut ann = role(ANN, "ann", false, true);
    ann.member_of.insert(ANALYSTS);
    for role in [role(ADMIN, "admin", true, true), ann, role(ANALYSTS, "analysts", false, false)] {
        snapshot.roles.insert(role.id, Arc::new(role));
    }
    let database = Database { id: DEV, name: "dev".to_owned(), owner: ADMIN, acl: Acl::default(), comment: None };
    snapshot.databases.insert(DEV, Arc::new(database));
    let schema = Schema {
        id: PUBLIC_SCHEMA,
        database: DEV,
        name: "public".to_owned(),
        owner: ADMIN,
        acl: Acl::default(),
        comment: Some("Everybody's".to_owned()),
    };
    snapshot.schema_names.insert((DEV, schema.name.clone()), schema.id);
    snapshot.schemas.insert(schema.id, Arc::new(schema));
    for table in [customers(), orders()] {
        snapshot.relation_names.insert((PUBLIC_SCHEMA, table.name.clone()), Relation::Table(table.id));
        snapshot.tables.insert(table.id, Arc::new(table));
    }
    let view = View {
        id: ViewId(16_420),
        schema: PUBLIC_SCHEMA,
        name: "names".to_owned(),
        owner: ADMIN,
        query: "SELECT id, name FROM customers".to_owned(),
        column_names: vec![],
        late_binding: false,
        depends_on: vec![Relation::Table(TableId(16_400))],
        search_path: vec!["public".to_owned()],
        acl: Acl::default(),
        comment: None,
    };
    snapshot.relation_names.insert((PUBLIC_SCHEMA, view.name.clone()), Relation::View(view.id));
    snapshot.views.insert(view.id, Arc::new(view));
    snapshot
}

/// The catalog as a user sees it.
pub(crate) fn context(role: RoleId) -> SystemContext {
    let mut context = SystemContext::new(Arc::new(snapshot()), DEV, role);
    context.search_path = vec![PUBLIC_SCHEMA];
    context.view_columns = Some(Arc::new(|_| {
        Some(vec![("id".to_owned(), SqlType::Int8), ("name".to_owned(), SqlType::Varchar(Some(40)))])
    }));
    context
}

fn rows(context: &SystemContext, schema: &str, name: &str) -> RecordBatch {
    lookup(schema, name).unwrap().rows(context).unwrap()
}

/// The rows of a table in which `filter` has that value, as `column|column` lines.
fn lines(batch: &RecordBatch, filter: (&str, &str), columns: &[&str]) -> Vec<String> {
    let text = |name: &str| {
        arrow::compute::cast(batch.column_by_name(name).unwrap(), &arrow::datatypes::DataType::Utf8).unwrap()
    };
    let wanted = text(filter.0);
    let shown: Vec<_> = columns.iter().map(|name| text(name)).collect();
    let rows = (0..batch.num_rows()).filter(|row| wanted.as_string::<i32>().value(*row) == filter.1);
    rows.map(|row| {
        let cells = shown.iter().map(|array| {
            let array = array.as_string::<i32>();
            if array.is_null(row) { "-" } else { array.value(row) }
        });
        cells.collect::<Vec<_>>().join("|")
    })
    .collect()
}

#[test]
fn every_table_gives_rows_that_fit_its_declaration() {
    for user in [ADMIN, ANN] {
        let context = context(user);
        for table in all() {
            let batch = table.rows(&context).unwrap_or_else(|error| panic!("{}: {error}", table.name));
            assert_eq!(batch.schema(), table.arrow_schema(), "{}", table.name);
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                assert!(field.is_nullable() || column.null_count() == 0, "{}.{}", table.name, field.name());
            }
            pretty_format_batches(&[batch]).unwrap();
        }
    }
}

#[test]
fn relations_columns_and_keys_refer_to_one_another() {
    let context = context(ADMIN);
    let classes = rows(&context, "pg_catalog", "pg_class");
    let shown = ["oid", "relkind", "relhasindex", "relhastriggers", "relnatts", "reldiststyle", "reloptions", "relacl"];
    assert_eq!(
        lines(&classes, ("relname", "customers"), &shown),
        ["16400|r|true|true|3|1|[DISTSTYLE=KEY, DISTKEY=(id), SORTKEY=(joined, id)]|\
          [admin=arwdDx/admin, analysts=r/admin]"]
    );
    assert_eq!(lines(&classes, ("relname", "customers_pkey"), &["oid", "relkind"]), ["16401|i"]);
    let attributes = rows(&context, "pg_catalog", "pg_attribute");
    let shown =
        ["attname", "attnum", "atttypid", "atttypmod", "attnotnull", "atthasdef", "attidentity", "attsortkeyord"];
    assert_eq!(
        lines(&attributes, ("attrelid", "16400"), &shown),
        ["id|1|20|-1|true|false|a|2", "name|2|1043|44|true|true||0", "joined|4|1082|-1|false|false||1"]
    );
    let keys = rows(&context, "pg_catalog", "pg_constraint");
    assert_eq!(
        lines(&keys, ("conname", "orders_customer_fkey"), &["contype", "conkey", "confrelid", "confkey", "conindid"]),
        ["f|[2]|16400|[1]|16401"]
    );
}

#[test]
fn information_schema_speaks_the_standard() {
    let context = context(ADMIN);
    let columns = rows(&context, "information_schema", "columns");
    let shown =
        ["ordinal_position", "data_type", "character_maximum_length", "numeric_precision", "is_nullable", "udt_name"];
    assert_eq!(lines(&columns, ("column_name", "price"), &shown), ["3|numeric|-|12|YES|numeric"]);
    assert_eq!(
        lines(&columns, ("table_name", "names"), &["column_name", "data_type"]),
        ["id|bigint", "name|character varying"]
    );
    let usage = rows(&context, "information_schema", "key_column_usage");
    assert_eq!(
        lines(&usage, ("constraint_name", "orders_customer_fkey"), &["column_name", "position_in_unique_constraint"]),
        ["customer|1"]
    );
}

#[test]
fn users_see_what_they_have_rights_on() {
    let tables = rows(&context(ANN), "information_schema", "tables");
    assert_eq!(lines(&tables, ("table_schema", "public"), &["table_name"]), ["customers"]);
    let secrets = rows(&context(ANN), "pg_catalog", "pg_shadow");
    assert_eq!(lines(&secrets, ("usename", "admin"), &["passwd"]), ["********"]);
}

#[test]
fn names_resolve_along_the_search_path() {
    let context = context(ADMIN);
    assert_eq!(context.resolve("customers").unwrap().oid(), 16_400);
    assert_eq!(context.resolve("Public.\"customers\"").unwrap().oid(), 16_400);
    assert_eq!(context.resolve("pg_class").unwrap().oid(), 1259);
    assert!(context.resolve("\"Customers\"").is_none());
    assert_eq!(context.relation_text(16_400), "customers");
    assert_eq!(context.relation_text(1259), "pg_class");
    assert_eq!(context.relation_text(99), "99");
}
