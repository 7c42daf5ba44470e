//! Queries from text to rows over an in-memory warehouse.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use sqlparser::ast;
use sqlparser::parser::Parser;
use stoa_storage::{
    Acl, Change, Column, ColumnId, ColumnType, Distribution, OpenOptions, SchemaId, SortKey, Table, TableId,
    TemporarySpace, Version, Warehouse,
};
use tokio_util::sync::CancellationToken;

use super::{run_query, write};
use crate::engine::{Engine, EngineOptions};
use crate::error::SqlError;
use crate::plan::query::plan_query;
use crate::plan::{Cancel, ExecContext, PlanContext, write as plan_write};
use crate::session::SessionFacts;
use crate::statement::dialect::StoaDialect;

/// An engine over an empty warehouse in memory.
pub(crate) struct Fixture {
    pub(crate) engine: Arc<Engine>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let mut options = OpenOptions::new("memory:");
        options.background = false;
        let warehouse = Warehouse::open(options).await.unwrap();
        let engine = Engine::open(warehouse, EngineOptions { threads: 2, ..EngineOptions::default() }).await.unwrap();
        Self { engine }
    }

    pub(crate) fn warehouse(&self) -> &Arc<Warehouse> {
        self.engine.warehouse()
    }

    fn facts(&self) -> Arc<SessionFacts> {
        let snapshot = self.warehouse().snapshot();
        let admin = snapshot.role_named("admin").unwrap();
        let now = 1_700_000_000_000_000;
        Arc::new(SessionFacts {
            user: "admin".into(),
            role: admin.id,
            session_role: admin.id,
            database: "dev".into(),
            database_id: snapshot.database_named("dev").unwrap().id,
            process_id: 1,
            client_address: String::new(),
            settings: Arc::default(),
            search_path: vec!["public".into()],
            temporary_schema: None,
            transaction_started_micros: now,
            statement_started_micros: now,
            last_query_id: -1,
            last_copy: (0, -1),
        })
    }

    pub(crate) fn planning(&self, source: &str) -> PlanContext {
        PlanContext {
            engine: Arc::clone(&self.engine),
            snapshot: self.warehouse().snapshot(),
            facts: self.facts(),
            declared: vec![],
            source: source.into(),
        }
    }

    pub(crate) fn running(&self) -> ExecContext {
        ExecContext {
            engine: Arc::clone(&self.engine),
            facts: self.facts(),
            cancel: Cancel::child_of(&CancellationToken::new()),
        }
    }

    pub(crate) async fn batches(&self, sql: &str) -> Result<Vec<RecordBatch>, SqlError> {
        let query = Parser::new(&StoaDialect).try_with_sql(sql).unwrap().parse_query().unwrap();
        let planned = plan_query(&query, &self.planning(sql))?;
        run_query(&planned, &[], &self.running()).await?.try_collect().await
    }

    /// The rows as text, columns separated by `|`.
    pub(crate) async fn rows(&self, sql: &str) -> Result<Vec<String>, SqlError> {
        let batches = self.batches(sql).await?;
        let options = FormatOptions::default().with_null("NULL");
        let mut rows = vec![];
        for batch in &batches {
            let columns: Vec<ArrayFormatter<'_>> =
                batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
            for row in 0..batch.num_rows() {
                let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
                rows.push(values.join("|"));
            }
        }
        Ok(rows)
    }

    /// The result columns' types.
    pub(crate) fn types(&self, sql: &str) -> Vec<String> {
        let query = Parser::new(&StoaDialect).try_with_sql(sql).unwrap().parse_query().unwrap();
        let planned = plan_query(&query, &self.planning(sql)).unwrap();
        planned.columns.iter().map(|column| format!("{} {}", column.name, column.sql_type)).collect()
    }

    pub(crate) async fn create(&self, name: &str, columns: &[(&str, ColumnType)]) {
        let mut transaction = self.warehouse().begin(&TemporarySpace::default());
        let snapshot = transaction.snapshot();
        let database = snapshot.database_named("dev").unwrap().id;
        let schema: SchemaId = snapshot.schema_named(database, "public").unwrap().id;
        let columns: Vec<Column> = columns
            .iter()
            .enumerate()
            .map(|(place, (name, column_type))| Column {
                id: ColumnId(u32::try_from(place).unwrap() + 1),
                name: (*name).to_owned(),
                column_type: *column_type,
                nullable: true,
                default: None,
                missing: None,
                identity: None,
                encode: None,
                comment: None,
            })
            .collect();
        let table = Table {
            id: TableId(transaction.new_id()),
            schema,
            name: name.to_owned(),
            owner: snapshot.role_named("admin").unwrap().id,
            next_column: ColumnId(u32::try_from(columns.len()).unwrap() + 1),
            columns,
            distribution: Distribution::Auto,
            sort_key: SortKey::default(),
            constraints: vec![],
            acl: Acl::default(),
            comment: None,
            definition_version: Version(0),
            parts: Default::default(),
        };
        transaction.stage(Change::CreateTable(Arc::new(table))).unwrap();
        transaction.commit().await.unwrap();
    }

    /// Runs INSERT, UPDATE or DELETE; how many rows.
    pub(crate) async fn change(&self, sql: &str) -> Result<u64, SqlError> {
        let statement = Parser::parse_sql(&StoaDialect, sql).unwrap().remove(0);
        let mut transaction = self.warehouse().begin(&TemporarySpace::default());
        let (planning, running) = (self.planning(sql), self.running());
        let rows = match statement {
            ast::Statement::Insert(insert) => {
                let planned = plan_write::plan_insert(&insert, &planning)?;
                write::insert(&planned, &[], &mut transaction, &running).await?
            }
            ast::Statement::Update(update) => {
                let planned = plan_write::plan_update(&update, &planning)?;
                write::update(&planned, &[], &mut transaction, &running).await?
            }
            ast::Statement::Delete(delete) => {
                let planned = plan_write::plan_delete(&delete, &planning)?;
                write::delete(&planned, &[], &mut transaction, &running).await?
            }
            other => panic!("not a write: {other}"),
        };
        transaction.commit().await?;
        Ok(rows)
    }
}

async fn check(fixture: &Fixture, cases: &[(&str, &str)]) {
    let mut failures = vec![];
    for (sql, expect) in cases {
        let shown = match fixture.rows(&format!("SELECT {sql}")).await {
            Ok(rows) => rows.join(";"),
            Err(error) => error.state.code().to_string(),
        };
        if shown != *expect {
            let detail = fixture.rows(&format!("SELECT {sql}")).await.err().map(|e| e.message).unwrap_or_default();
            failures.push(format!("{sql}\n    gives {shown} {detail}\n    not   {expect}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[tokio::test]
async fn numbers_behave_as_in_postgres() {
    let fixture = Fixture::new().await;
    check(
        &fixture,
        &[
            ("7 / 2", "3"),
            ("-7 / 2", "-3"),
            ("-7 % 3", "-1"),
            ("1 / 0", "22012"),
            ("1.0 / 0", "22012"),
            ("1::float8 / 0", "22012"),
            ("2147483647 + 1", "22003"),
            ("2147483648 + 1", "2147483649"),
            ("9223372036854775807 + 1", "22003"),
            ("-2147483648", "-2147483648"),
            ("1 + 2 * 3", "7"),
            ("0.1 + 0.2", "0.3"),
            ("1.5 * 2", "3.0"),
            ("10 / 4.0", "2.5000"),
            ("1::numeric(10,2) / 3", "0.3333333333333"),
            ("'5'::int + 1", "6"),
            ("'x'::int", "22P02"),
            ("2.5::int", "3"),
            ("2.5::float8::int", "2"),
            ("-2.5::numeric(3,1)::int", "-3"),
            ("round(2.567, 2)", "2.57"),
            ("trunc(-2.567, 1)", "-2.5"),
            ("-(-2147483648)::integer", "22003"),
            ("~5", "-6"),
            ("ceil(2.1)", "3"),
            ("floor(-2.1)", "-3"),
            ("mod(7, 3)", "1"),
            ("abs(-5)", "5"),
            ("power(2, 10)", "1024.0"),
            ("sqrt(16)", "4.0"),
            ("sign(-2.5)", "-1.0"),
            ("5 = 5.0", "true"),
            ("1 = '1'", "true"),
            ("1 < 1.5", "true"),
            ("greatest(1, 2.5)", "2.5"),
            ("coalesce(null, 3)", "3"),
            ("case when true then 1 else 2.5 end", "1.0"),
            ("nullif(1, 1)", "NULL"),
            ("decode(2, 1, 'a', 2, 'b', 'c')", "b"),
            ("nvl(null, 'x')", "x"),
            ("nvl2(null, 1, 2)", "2"),
            ("99999999999999999999 + 1", "100000000000000000000"),
        ],
    )
    .await;
}

#[tokio::test]
async fn text_behaves_as_in_postgres() {
    let fixture = Fixture::new().await;
    check(
        &fixture,
        &[
            ("'a' || 'b'", "ab"),
            ("'a' || 1", "a1"),
            ("'a' || null", "NULL"),
            ("length('häuser')", "6"),
            ("upper('abc')", "ABC"),
            ("substring('abcdef' from 2 for 3)", "bcd"),
            ("substring('abcdef', 3)", "cdef"),
            ("left('abc', 2)", "ab"),
            ("right('abc', 2)", "bc"),
            ("trim('  a ')", "a"),
            ("trim(leading 'x' from 'xxa')", "a"),
            ("position('c' in 'abc')", "3"),
            ("charindex('c', 'abc')", "3"),
            ("strpos('abc', 'z')", "0"),
            ("replace('aXb', 'X', '-')", "a-b"),
            ("split_part('a,b,c', ',', 2)", "b"),
            ("lpad('7', 3, '0')", "007"),
            ("initcap('hello world')", "Hello World"),
            ("'abc' LIKE 'a%'", "true"),
            ("'a%c' LIKE 'a!%c' ESCAPE '!'", "true"),
            ("'abc' LIKE 'a!%c' ESCAPE '!'", "false"),
            ("sum('a'::text)", "42883"),
            ("'a'::text + 1", "42883"),
            ("'abc' ILIKE 'A_C'", "true"),
            ("'abc' SIMILAR TO '(a|b)%'", "true"),
            ("'abc' ~ '^a'", "true"),
            ("'abc' !~* 'X'", "true"),
            ("'abc'::varchar(2)", "ab"),
            ("'ab  '::char(4) = 'ab'", "true"),
            ("md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
            ("regexp_replace('abc', 'b', 'x')", "axc"),
            ("regexp_substr('a1b22', '[0-9]+', 1, 2)", "22"),
            ("true::text", "true"),
            ("1.50::text", "1.50"),
            ("1e20::float8::text", "1e+20"),
            ("'t'::bool", "true"),
            ("concat('a', null, 'b')", "ab"),
            ("'a' < 'b'", "true"),
            ("no_such(1)", "42883"),
            ("'x' + 1", "22P02"),
        ],
    )
    .await;
}

#[tokio::test]
async fn dates_behave_as_in_postgres() {
    let fixture = Fixture::new().await;
    check(
        &fixture,
        &[
            ("date '2024-02-29' + 1", "2024-03-01"),
            ("date '2024-03-01' - date '2024-02-01'", "29"),
            ("(date '2024-01-31' + interval '1 month')::text", "2024-02-29 00:00:00"),
            ("date '1998-12-01' - interval '90' day", "1998-09-02T00:00:00"),
            ("date '2024-01-01' < '2024-02-01'", "true"),
            ("extract(year from date '2024-05-06')", "2024"),
            ("date_part('month', date '2024-05-06')", "5.0"),
            ("date_trunc('month', timestamp '2024-05-06 10:11:12')::text", "2024-05-01 00:00:00"),
            ("dateadd(month, 1, date '2024-01-31')::text", "2024-02-29 00:00:00"),
            ("datediff(day, '2024-01-01', '2024-02-01')", "31"),
            ("datediff(year, date '2023-12-31', date '2024-01-01')", "1"),
            ("last_day(date '2024-02-05')", "2024-02-29"),
            ("add_months(date '2024-02-29', 12)::text", "2025-02-28 00:00:00"),
            ("months_between(date '2024-03-01', date '2024-01-01')", "2.0"),
            ("to_char(date '2024-03-05', 'DD Mon YYYY')", "05 Mar 2024"),
            ("to_char(1234.5, 'FM9,999.00')", "1,234.50"),
            ("to_date('05/03/2024', 'DD/MM/YYYY')", "2024-03-05"),
            ("to_number('1,234.5', '9,999.9')::numeric(10,1)", "1234.5"),
            ("(timestamp '2024-01-02' - timestamp '2024-01-01')::text", "1 day"),
            ("(interval '1 day' * 2)::text", "2 days"),
            ("'2024-13-01'::date", "22008"),
            ("'abc'::date", "22007"),
            ("(timestamptz '2024-06-01 12:00+00' at time zone 'Europe/Berlin')::text", "2024-06-01 14:00:00"),
            ("current_date", "2023-11-14"),
            ("cast('2024-01-01' as timestamp) = date '2024-01-01'", "true"),
            ("age(date '2024-03-01', date '2023-01-15')::text", "1 year 1 mon 17 days"),
        ],
    )
    .await;
}

#[tokio::test]
async fn columns_have_postgres_names_and_types() {
    let fixture = Fixture::new().await;
    let sum = |input| format!("SELECT sum(x) FROM (SELECT {input} AS x) t");
    assert_eq!(
        fixture.types("SELECT 1, 'a', 1.5, true"),
        ["?column? integer", "?column? text", "?column? numeric(2,1)", "bool boolean"]
    );
    assert_eq!(fixture.types("SELECT x, t.*, 1 AS x FROM (SELECT 1 AS x) t"), ["x integer", "x integer", "x integer"]);
    assert_eq!(fixture.types(&sum("1")), ["sum bigint"]);
    assert_eq!(fixture.types(&sum("1::bigint")), ["sum numeric(38,0)"]);
    assert_eq!(fixture.types(&sum("1.25")), ["sum numeric(38,2)"]);
    assert_eq!(fixture.types("SELECT count(*), avg(x) FROM (SELECT 1 AS x) t"), ["count bigint", "avg numeric(38,6)"]);
    assert_eq!(
        fixture.types("SELECT 'a'::varchar(5), now(), date '2024-01-01' - 1"),
        ["varchar character varying(5)", "now timestamp with time zone", "?column? date"]
    );
    assert_eq!(fixture.types("SELECT row_number() over () FROM (SELECT 1) t"), ["row_number bigint"]);
}

#[tokio::test]
async fn rows_are_written_and_read() {
    let fixture = Fixture::new().await;
    fixture
        .create(
            "t",
            &[
                ("id", ColumnType::Int32),
                ("name", ColumnType::Varchar { length: Some(10) }),
                ("price", ColumnType::Decimal { precision: 10, scale: 2 }),
                ("day", ColumnType::Date),
            ],
        )
        .await;
    let sql =
        "INSERT INTO t VALUES (1, 'one', 1.5, '2024-01-01'), (2, 'two', 2.005, '2024-01-02'), (3, null, null, null)";
    assert_eq!(fixture.change(sql).await.unwrap(), 3);
    let rows = fixture.rows("SELECT * FROM t ORDER BY id").await.unwrap();
    assert_eq!(rows, ["1|one|1.50|2024-01-01", "2|two|2.01|2024-01-02", "3|NULL|NULL|NULL"]);
    assert_eq!(fixture.rows("SELECT id FROM t WHERE price > 1.5 AND day >= '2024-01-02'").await.unwrap(), ["2"]);
    assert_eq!(fixture.rows("SELECT count(*) FROM t").await.unwrap(), ["3"]);
    assert_eq!(
        fixture.rows("SELECT sum(price), avg(price), max(day) FROM t").await.unwrap(),
        ["3.51|1.755000|2024-01-02"]
    );
    assert_eq!(fixture.rows("SELECT name FROM t ORDER BY price DESC").await.unwrap(), ["NULL", "two", "one"]);
    assert_eq!(fixture.change("UPDATE t SET price = price * 2, name = 'x' || id WHERE id < 3").await.unwrap(), 2);
    assert_eq!(fixture.rows("SELECT name, price FROM t WHERE id = 2").await.unwrap(), ["x2|4.02"]);
    assert_eq!(fixture.change("DELETE FROM t WHERE id = 1").await.unwrap(), 1);
    assert_eq!(fixture.rows("SELECT count(*) FROM t").await.unwrap(), ["2"]);
    let too_long = fixture.change("INSERT INTO t VALUES (4, 'much too long for it', 1, null)").await.unwrap_err();
    assert_eq!(too_long.state.code(), "22001");
    let missing = fixture.rows("SELECT nope FROM t").await.unwrap_err();
    assert_eq!((missing.state.code(), missing.position), ("42703", Some(8)));
    assert_eq!(fixture.rows("SELECT * FROM nope").await.unwrap_err().state.code(), "42P01");
}
