//! Sessions over a warehouse in memory: statements in, rows, tags, states and errors out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails, fails its test")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use stoa_query::{
    Collected, ConnectRequest, Engine, EngineOptions, Outcome, Protocol, ScalarValue, Session, SqlState, SqlType,
    StatementKind, TransactionStatus, compatibility_page,
};
use stoa_storage::{OpenOptions, Warehouse};

async fn engine() -> Arc<Engine> {
    let warehouse = Warehouse::open(OpenOptions::new("memory:")).await.unwrap();
    let options = EngineOptions { admin_password: Some("secret".to_owned()), threads: 2, ..EngineOptions::default() };
    Engine::open(warehouse, options).await.unwrap()
}

fn connect(engine: &Arc<Engine>, user: &str) -> Arc<Session> {
    engine
        .connect(ConnectRequest {
            user: user.to_owned(),
            database: "dev".to_owned(),
            client_address: "127.0.0.1:1".to_owned(),
            application_name: "test".to_owned(),
            settings: vec![],
            protocol: Protocol::Internal,
        })
        .unwrap()
}

async fn session() -> Arc<Session> {
    connect(&engine().await, "admin")
}

async fn last(session: &Session, sql: &str) -> Collected {
    match session.query(sql).await {
        Ok(mut outcomes) => outcomes.pop().unwrap(),
        Err(error) => panic!("{sql}: {error} {:?} {:?}", error.detail, error.hint),
    }
}

async fn tag(session: &Session, sql: &str) -> String {
    last(session, sql).await.tag
}

/// Rows as text: fields separated by `|`, rows by a blank.
async fn rows(session: &Session, sql: &str) -> String {
    let collected = last(session, sql).await;
    let options = FormatOptions::default().with_null("NULL");
    let mut lines = vec![];
    for batch in &collected.batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let fields: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            lines.push(fields.join("|"));
        }
    }
    lines.join(" ")
}

async fn error(session: &Session, sql: &str) -> stoa_query::SqlError {
    match session.query(sql).await {
        Ok(outcomes) => panic!("{sql} gave {:?}", outcomes.iter().map(|outcome| &outcome.tag).collect::<Vec<_>>()),
        Err(error) => error,
    }
}

async fn state(session: &Session, sql: &str) -> SqlState {
    error(session, sql).await.state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_insert_select_and_change() {
    let s = session().await;
    assert_eq!(tag(&s, "create table t (a int, b varchar(10) default 'x', c decimal(10,2))").await, "CREATE TABLE");
    assert_eq!(tag(&s, "insert into t values (1, 'one', 1.5), (2, default, null)").await, "INSERT 0 2");
    assert_eq!(tag(&s, "insert into t (a) values (3)").await, "INSERT 0 1");
    assert_eq!(rows(&s, "select a, b, c from t order by a").await, "1|one|1.50 2|x|NULL 3|x|NULL");
    assert_eq!(tag(&s, "update t set c = a * 2 where a > 1").await, "UPDATE 2");
    assert_eq!(tag(&s, "delete from t where a = 1").await, "DELETE 1");
    assert_eq!(rows(&s, "select a, c from t order by a").await, "2|4.00 3|6.00");
    assert_eq!(tag(&s, "select * from t").await, "SELECT 2");
    assert_eq!(tag(&s, "create table u as select a, b from t").await, "SELECT 2");
    assert_eq!(tag(&s, "truncate u").await, "TRUNCATE TABLE");
    assert_eq!(rows(&s, "select count(*) from u").await, "0");
    assert_eq!(tag(&s, "drop table t, u").await, "DROP TABLE");
    assert_eq!(state(&s, "select * from t").await, SqlState::UndefinedTable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redshift_attributes_are_kept() {
    let s = session().await;
    tag(
        &s,
        "create table sales (id bigint identity(1,1), day date encode az64 not null sortkey, shop int distkey, \
         note varchar(20) encode zstd, primary key (id)) diststyle key",
    )
    .await;
    tag(&s, "insert into sales (day, shop) values ('2026-01-01', 7), ('2026-01-02', 8)").await;
    assert_eq!(rows(&s, "select count(distinct id) from sales").await, "2");
    assert_eq!(state(&s, "insert into sales (shop) values (1)").await, SqlState::NotNullViolation);
    tag(&s, "create table c (a int, b int) diststyle even compound sortkey (a, b)").await;
    tag(&s, "create temp table d distkey (a) sortkey (b) as select * from c").await;
    assert_eq!(state(&s, "create table e (a int, check (a > 1))").await, SqlState::FeatureNotSupported);
    assert_eq!(state(&s, "create table e (a int) diststyle key").await, SqlState::InvalidTableDefinition);
    assert_eq!(state(&s, "create table e (a int, a int)").await, SqlState::DuplicateColumn);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_altered() {
    let s = session().await;
    tag(&s, "create table t (a int, b varchar(5)); insert into t values (1, 'x')").await;
    tag(&s, "alter table t add column c int default 7").await;
    assert_eq!(rows(&s, "select * from t").await, "1|x|7");
    tag(&s, "alter table t rename column b to bb").await;
    tag(&s, "alter table t alter column bb type varchar(50)").await;
    tag(&s, "alter table t drop column a").await;
    assert_eq!(rows(&s, "select bb, c from t").await, "x|7");
    tag(&s, "alter table t rename to tt; create schema s; alter table tt set schema s").await;
    assert_eq!(rows(&s, "select c from s.tt").await, "7");
    assert_eq!(state(&s, "alter table s.tt add column c int").await, SqlState::DuplicateColumn);
    assert_eq!(state(&s, "drop schema s").await, SqlState::DependentObjectsExist);
    assert_eq!(tag(&s, "drop schema s cascade").await, "DROP SCHEMA");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_are_snapshots_and_roll_back_definitions() {
    let engine = engine().await;
    let (a, b) = (connect(&engine, "admin"), connect(&engine, "admin"));
    tag(&a, "create table t (x int); insert into t values (1)").await;
    assert_eq!(tag(&a, "begin").await, "BEGIN");
    assert_eq!(a.status(), TransactionStatus::Open);
    assert_eq!(rows(&a, "select count(*) from t").await, "1");
    tag(&b, "insert into t values (2)").await;
    assert_eq!(rows(&a, "select count(*) from t").await, "1");
    tag(&a, "create table u (y int)").await;
    assert_eq!(state(&b, "select * from u").await, SqlState::UndefinedTable);
    assert_eq!(tag(&a, "rollback").await, "ROLLBACK");
    assert_eq!(state(&a, "select * from u").await, SqlState::UndefinedTable);
    assert_eq!(rows(&a, "select count(*) from t").await, "2");
    assert_eq!(a.status(), TransactionStatus::Idle);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_transaction_takes_only_its_end() {
    let s = session().await;
    tag(&s, "begin").await;
    assert_eq!(state(&s, "select 1/0").await, SqlState::DivisionByZero);
    assert_eq!(s.status(), TransactionStatus::Failed);
    assert_eq!(state(&s, "select 1").await, SqlState::InFailedTransaction);
    assert_eq!(tag(&s, "commit").await, "ROLLBACK");
    assert_eq!(rows(&s, "select 1").await, "1");
    tag(&s, "begin; create table t (a int); savepoint p").await;
    assert_eq!(state(&s, "select * from missing").await, SqlState::UndefinedTable);
    tag(&s, "rollback to p").await;
    tag(&s, "insert into t values (1); release p; commit").await;
    assert_eq!(rows(&s, "select * from t").await, "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_string_of_statements_is_one_transaction() {
    let s = session().await;
    tag(&s, "create table t (a int)").await;
    assert_eq!(state(&s, "insert into t values (1); select * from nowhere").await, SqlState::UndefinedTable);
    assert_eq!(rows(&s, "select count(*) from t").await, "0");
    tag(&s, "insert into t values (1); insert into t values (2)").await;
    assert_eq!(rows(&s, "select count(*) from t").await, "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_changes_of_one_row_conflict() {
    let engine = engine().await;
    let (a, b) = (connect(&engine, "admin"), connect(&engine, "admin"));
    tag(&a, "create table t (x int); insert into t values (1)").await;
    tag(&a, "begin; update t set x = 2").await;
    tag(&b, "update t set x = 3").await;
    assert_eq!(state(&a, "commit").await, SqlState::SerializationFailure);
    assert_eq!(rows(&a, "select x from t").await, "3");
    // Statements that stand alone are tried again.
    let sessions: Vec<_> = (0..4).map(|_| connect(&engine, "admin")).collect();
    let updates = sessions.iter().map(|session| session.query("update t set x = x + 1"));
    for result in futures::future::join_all(updates).await {
        result.unwrap();
    }
    assert_eq!(rows(&a, "select x from t").await, "7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn temporary_tables_belong_to_their_session() {
    let engine = engine().await;
    let (a, b) = (connect(&engine, "admin"), connect(&engine, "admin"));
    tag(&a, "create temp table t (x int); insert into t values (1), (2)").await;
    assert_eq!(rows(&a, "select sum(x) from t").await, "3");
    assert_eq!(state(&b, "select * from t").await, SqlState::UndefinedTable);
    tag(&a, "discard all").await;
    assert_eq!(state(&a, "select * from t").await, SqlState::UndefinedTable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_read_and_bind() {
    let s = session().await;
    tag(&s, "create table t (a int, b int); insert into t values (1, 2)").await;
    tag(&s, "create view v (x) as select a, b + 1 as y from t").await;
    assert_eq!(rows(&s, "select x, y from v").await, "1|3");
    assert_eq!(state(&s, "drop table t").await, SqlState::DependentObjectsExist);
    tag(&s, "create or replace view v as select b from t").await;
    assert_eq!(rows(&s, "select * from v").await, "2");
    tag(&s, "create view late as select * from not_yet with no schema binding").await;
    assert_eq!(state(&s, "select * from late").await, SqlState::UndefinedTable);
    tag(&s, "create table not_yet as select 5 as n").await;
    assert_eq!(rows(&s, "select * from late").await, "5");
    tag(&s, "drop table t cascade").await;
    assert_eq!(state(&s, "select * from v").await, SqlState::UndefinedTable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_live_and_roll_back() {
    let s = session().await;
    assert_eq!(rows(&s, "show search_path").await, "\"$user\", public");
    tag(&s, "set statement_timeout to 5000").await;
    assert_eq!(rows(&s, "show statement_timeout").await, "5s");
    tag(&s, "begin; set local statement_timeout = '1min'").await;
    assert_eq!(rows(&s, "show statement_timeout").await, "1min");
    tag(&s, "commit").await;
    assert_eq!(rows(&s, "show statement_timeout").await, "5s");
    tag(&s, "begin; set timezone to 'Europe/Berlin'; rollback").await;
    assert_eq!(rows(&s, "show timezone").await, "UTC");
    tag(&s, "set time zone 'Asia/Tokyo'").await;
    assert!(s.take_parameter_changes().contains(&("TimeZone".to_owned(), "Asia/Tokyo".to_owned())));
    assert_eq!(state(&s, "set no_such_setting to 1").await, SqlState::UndefinedObject);
    assert_eq!(state(&s, "set datafusion.execution.batch_size to 1").await, SqlState::UndefinedObject);
    tag(&s, "set app.tenant to 'x'; reset all").await;
    assert_eq!(state(&s, "show app.tenant").await, SqlState::UndefinedObject);
    tag(&s, "alter user admin set query_group to 'etl'").await;
    let again = connect(s.engine(), "admin");
    assert_eq!(rows(&again, "show query_group").await, "etl");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_are_checked() {
    let engine = engine().await;
    let admin = connect(&engine, "admin");
    tag(&admin, "create user ann password 'Secret1'; create table t (a int); insert into t values (1)").await;
    tag(&admin, "create view v as select a from t").await;
    assert!(engine.verify_password("ann", "Secret1"));
    assert!(engine.verifier("ann").unwrap().starts_with("SCRAM-SHA-256$4096:"));
    let ann = connect(&engine, "ann");
    let denied = error(&ann, "select * from t").await;
    assert_eq!(denied.state, SqlState::InsufficientPrivilege);
    assert_eq!(denied.message, "permission denied for table t");
    assert_eq!(error(&ann, "drop table t").await.message, "must be owner of table t");
    tag(&admin, "grant select on v to ann").await;
    assert_eq!(rows(&ann, "select * from v").await, "1");
    tag(&admin, "create group readers; grant select on t to group readers; alter group readers add user ann").await;
    assert_eq!(rows(&ann, "select * from t").await, "1");
    tag(&admin, "revoke select on t from group readers").await;
    assert_eq!(state(&ann, "select * from t").await, SqlState::InsufficientPrivilege);
    for sql in [
        "insert into t values (1)",
        "update t set a = 1",
        "delete from t",
        "truncate t",
        "alter table t add column b int",
        "copy t from '/etc/passwd'",
        "create user eve",
        "create database x",
        "grant select on t to ann",
        "create schema s",
        "set session authorization admin",
        "comment on table t is 'x'",
        "alter user admin password 'x'",
    ] {
        assert_eq!(state(&ann, sql).await, SqlState::InsufficientPrivilege, "{sql}");
    }
    tag(&ann, "create table own (a int); alter user ann password 'Other'").await;
    assert!(engine.verify_password("ann", "Other"));
    assert_eq!(state(&admin, "drop user ann").await, SqlState::DependentObjectsExist);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prepared_statements_take_parameters() {
    let s = session().await;
    tag(&s, "create table t (a int, b varchar(10)); insert into t values (1, 'x'), (2, 'y')").await;
    let parsed = s.parse("select b from t where a = $1").unwrap().remove(0);
    let prepared = s.prepare(&parsed, &[]).await.unwrap();
    assert_eq!(prepared.parameters, [SqlType::Int4]);
    assert_eq!(prepared.columns.as_ref().unwrap().len(), 1);
    let outcome = s.run(&prepared, vec![ScalarValue::Int32(Some(2))]).await.unwrap();
    let Outcome::Rows(answer) = outcome else { panic!("no rows") };
    let batches: Vec<_> = futures::TryStreamExt::try_collect(answer.stream).await.unwrap();
    assert_eq!(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 1);
    let parsed = s.parse("insert into t values ($1, $2)").unwrap().remove(0);
    let prepared = s.prepare(&parsed, &[]).await.unwrap();
    s.run(&prepared, vec![ScalarValue::Int32(Some(3)), ScalarValue::from("z")]).await.unwrap();
    tag(&s, "prepare p (int) as select b from t where a = $1").await;
    assert_eq!(rows(&s, "execute p (3)").await, "z");
    assert_eq!(state(&s, "execute p").await, SqlState::SyntaxError);
    tag(&s, "deallocate p").await;
    assert_eq!(state(&s, "execute p (1)").await, SqlState::InvalidStatementName);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_copy_in_and_out() {
    let s = session().await;
    tag(&s, "create table t (a int, b varchar(10) default 'dflt', id bigint identity(1,1))").await;
    let parsed = s.parse("copy t (a, b) from stdin with (format csv)").unwrap().remove(0);
    let Outcome::CopyIn(copy) = s.execute(&parsed).await.unwrap() else { panic!("no copy") };
    assert_eq!(copy.columns, 2);
    copy.sender.send(Ok(Bytes::from_static(b"1,one\n2,two\n"))).await.unwrap();
    assert_eq!(copy.finish().await.unwrap(), "COPY 2");
    let Outcome::CopyIn(copy) = s.execute(&parsed).await.unwrap() else { panic!("no copy") };
    copy.sender.send(Ok(Bytes::from_static(b"3,three\n"))).await.unwrap();
    assert_eq!(copy.fail("enough").await.state, SqlState::QueryCanceled);
    assert_eq!(rows(&s, "select count(*), count(distinct id) from t").await, "2|2");
    let parsed = s.parse("copy (select a, b from t order by a) to stdout").unwrap().remove(0);
    let Outcome::CopyOut(copy) = s.execute(&parsed).await.unwrap() else { panic!("no copy") };
    let tag = copy.tag();
    let chunks: Vec<Bytes> = futures::TryStreamExt::try_collect(copy.stream).await.unwrap();
    assert_eq!(chunks.concat(), b"1\tone\n2\ttwo\n");
    assert_eq!(tag(), "COPY 2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_copied_and_bad_rows_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.tbl"), "1|one|\n2|two|\nx|bad|\n").unwrap();
    let warehouse = Warehouse::open(OpenOptions::new("memory:")).await.unwrap();
    let options = EngineOptions { copy_directories: vec![folder.path().to_owned()], ..EngineOptions::default() };
    let engine = Engine::open(warehouse, options).await.unwrap();
    let s = connect(&engine, "admin");
    tag(&s, "create table t (a int, b varchar(10))").await;
    let path = folder.path().join("t.tbl");
    let refused = error(&s, &format!("copy t from '{}' delimiter '|'", path.display())).await;
    assert_eq!(refused.state, SqlState::InvalidTextRepresentation, "{refused}");
    assert_eq!(tag(&s, &format!("copy t from '{}' delimiter '|' maxerror 5", path.display())).await, "COPY 2");
    assert!(s.take_notices().iter().any(|notice| notice.message.contains("2 record(s) loaded successfully")));
    assert_eq!(rows(&s, "select sum(a) from t").await, "3");
    assert_eq!(rows(&s, "select raw_field_value from stl_load_errors limit 1").await.trim(), "x");
    assert_eq!(state(&s, "copy t from '/etc/passwd'").await, SqlState::InsufficientPrivilege);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_fetch_bit_by_bit() {
    let s = session().await;
    tag(&s, "create table t (a int); insert into t values (1), (2), (3)").await;
    tag(&s, "begin; declare c cursor for select a from t order by a").await;
    assert_eq!(rows(&s, "fetch 2 from c").await, "1 2");
    assert_eq!(rows(&s, "fetch all c").await, "3");
    assert_eq!(tag(&s, "fetch next from c").await, "FETCH 0");
    tag(&s, "close c; commit").await;
    assert_eq!(state(&s, "fetch 1 from c").await, SqlState::InvalidCursorName);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancel_and_timeout_stop_within_a_second() {
    let s = session().await;
    tag(&s, "create table t as select 1 as a").await;
    for _ in 0..13 {
        tag(&s, "insert into t select * from t").await;
    }
    let slow = "select count(*) from t a, t b, t c where a.a + b.a + c.a > 4";
    tag(&s, "set statement_timeout to 300").await;
    let started = Instant::now();
    assert_eq!(state(&s, slow).await, SqlState::QueryCanceled);
    assert!(started.elapsed() < Duration::from_millis(1_300), "{:?}", started.elapsed());
    tag(&s, "set statement_timeout to 0").await;
    let canceller = Arc::clone(&s);
    let cancel = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (process_id, secret) = (canceller.process_id(), canceller.secret());
        assert!(!canceller.engine().cancel(process_id, secret.wrapping_add(1)));
        assert!(canceller.engine().cancel(process_id, secret));
    });
    let started = Instant::now();
    let stopped = error(&s, slow).await;
    assert_eq!(stopped.message, "canceling statement due to user request");
    assert!(started.elapsed() < Duration::from_millis(1_300), "{:?}", started.elapsed());
    cancel.await.unwrap();
    assert_eq!(rows(&s, "select count(*) from t").await, "8192");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shapes_that_would_overflow_a_stack_end_in_an_answer_or_an_error() {
    let s = session().await;
    tag(&s, "create table t as select 1 as a").await;
    let many = |count: usize, item: &str, separator: &str| vec![item; count].join(separator);
    for sql in [
        format!("select * from t where {}", many(10_000, "a = 1", " or ")),
        format!("select {}", many(10_000, "'x'", " || ")),
        format!("select {}", many(10_000, "1", " + ")),
        format!("select {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("select {} 1", "not ".repeat(10_000)),
        many(5_000, "select 1", " union all "),
        format!("select {}1{}", "abs(".repeat(3_000), ")".repeat(3_000)),
    ] {
        let failed = error(&s, &sql).await;
        assert_eq!(failed.state, SqlState::StatementTooComplex, "{}: {failed}", &sql[..40]);
    }
    let list: Vec<String> = (0..100_000).map(|number: i32| number.to_string()).collect();
    assert_eq!(rows(&s, &format!("select count(*) from t where a in ({})", list.join(","))).await, "1");
    for sql in [
        format!("select count(*) from t where {}", many(900, "a = 1", " or ")),
        format!("select {}1{}", "(".repeat(100), ")".repeat(100)),
    ] {
        assert_eq!(rows(&s, &sql).await, "1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_carry_state_and_position() {
    let s = session().await;
    tag(&s, "create table t (amount int)").await;
    let typo = error(&s, "selec 1").await;
    assert_eq!((typo.state, typo.position), (SqlState::SyntaxError, Some(1)));
    let missing = error(&s, "select amuont from t").await;
    assert_eq!((missing.state, missing.position), (SqlState::UndefinedColumn, Some(8)));
    assert!(missing.hint.unwrap().contains("amount"));
    assert_eq!(state(&s, "select nothing(1)").await, SqlState::UndefinedFunction);
    assert_eq!(state(&s, "select 'x'::int").await, SqlState::InvalidTextRepresentation);
    assert_eq!(state(&s, "create table t (a int)").await, SqlState::DuplicateTable);
    assert_eq!(state(&s, "create schema public").await, SqlState::DuplicateSchema);
    assert_eq!(state(&s, "select * from nowhere.t").await, SqlState::UndefinedTable);
    assert_eq!(state(&s, "create table nowhere.t (a int)").await, SqlState::InvalidSchemaName);
    assert_eq!(state(&s, "create external table x (a int)").await, SqlState::FeatureNotSupported);
    assert_eq!(state(&s, "copy t to '/tmp/x'").await, SqlState::FeatureNotSupported);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_and_comments() {
    let s = session().await;
    tag(&s, "create database shop").await;
    assert_eq!(state(&s, "begin; create database x").await, SqlState::ActiveTransaction);
    tag(&s, "rollback").await;
    assert_eq!(state(&s, "drop database dev").await, SqlState::ObjectInUse);
    tag(&s, "drop database shop").await;
    tag(&s, "create table t (a int); comment on table t is 'rows'; comment on column t.a is $$it's$$").await;
    assert_eq!(tag(&s, "vacuum t").await, "VACUUM");
    assert_eq!(tag(&s, "analyze t").await, "ANALYZE");
    assert_eq!(tag(&s, "lock table t in access share mode").await, "LOCK TABLE");
    assert!(rows(&s, "explain select * from t").await.contains("can"));
}

#[test]
fn the_compatibility_page_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../COMPATIBILITY.md");
    let page = compatibility_page();
    if std::env::var_os("STOA_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), page, "run the test with STOA_BLESS=1");
    assert!(StatementKind::ALL.len() > 40);
}
