//! Real clients against the shipped binary: psql, psycopg, ADBC and pyarrow over Flight, tokio-postgres.

use std::process::{Command, Output};

use stoa_server::tool::child::ServerProcess;
use tokio_postgres::NoTls;

struct Warehouse {
    server: ServerProcess,
    _folder: tempfile::TempDir,
}

async fn warehouse() -> Warehouse {
    let folder = tempfile::tempdir().expect("a folder");
    let server = ServerProcess::start(&stoa_tests::process::stoa(), &folder.path().join("root"), folder.path())
        .await
        .expect("the server starts");
    Warehouse { server, _folder: folder }
}

impl Warehouse {
    fn command(&self, program: &str) -> Command {
        let target = &self.server.target;
        let mut command = Command::new(program);
        command
            .env("PGHOST", &target.host)
            .env("PGPORT", target.port.to_string())
            .env("PGUSER", &target.user)
            .env("PGPASSWORD", &target.password)
            .env("PGDATABASE", &target.database)
            .env("STOA_FLIGHT_URI", format!("grpc://{}", self.server.flight))
            .env("STOA_USER", &target.user)
            .env("STOA_PASSWORD", &target.password);
        command
    }

    fn psql(&self, input: &str) -> Output {
        self.command("psql").args(["-X", "-v", "ON_ERROR_STOP=1", "-c", input]).output().expect("psql runs")
    }

    fn python(&self, script: &str) {
        let python = std::env::var("STOA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let path = stoa_tests::tests_folder().join("../clients/python").join(script);
        let output = self.command(&python).arg(path).output().expect("python runs");
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_describes_what_is_there() {
    let warehouse = warehouse().await;
    let setup = "create table sales (id integer primary key, day date not null sortkey, item varchar(20) distkey default 'x'); \
                 create view big as select * from sales where id > 10; comment on table sales is 'what was sold'";
    let output = warehouse.psql(setup);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for (command, expected) in [
        ("\\d", vec!["sales", "big", "view", "table"]),
        ("\\dt", vec!["sales"]),
        ("\\dv", vec!["big"]),
        ("\\d sales", vec!["character varying(20)", "not null", "id", "integer"]),
        ("\\d+ sales", vec!["item", "date", "DISTKEY", "SORTKEY"]),
        ("\\d+ big", vec!["View definition"]),
        ("\\dt+", vec!["what was sold"]),
        ("\\l", vec!["dev"]),
        ("\\dn", vec!["public"]),
        ("\\du", vec!["admin", "Superuser"]),
        ("\\dp", vec!["sales"]),
        ("\\conninfo", vec!["dev"]),
    ] {
        let output = warehouse.psql(command);
        let answer = text(&output.stdout);
        assert!(output.status.success() && output.stderr.is_empty(), "{command}: {}", text(&output.stderr));
        for part in expected {
            assert!(answer.to_lowercase().contains(&part.to_lowercase()), "{command} lacks {part:?}:\n{answer}");
        }
    }
    warehouse.server.stop().await.expect("the server stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_copies_both_ways() {
    let warehouse = warehouse().await;
    assert!(warehouse.psql("create table t (a integer, b varchar(20))").status.success());
    let file = warehouse._folder.path().join("in.csv");
    std::fs::write(&file, "a,b\n1,one\n2,\"two, quoted\"\n3,\n").expect("a file");
    let output = warehouse.psql(&format!("\\copy t from '{}' with (format csv, header true)", file.display()));
    assert_eq!(text(&output.stdout).trim(), "COPY 3", "{}", text(&output.stderr));
    let output = warehouse.psql("\\copy (select * from t order by a) to stdout with (format csv)");
    assert_eq!(text(&output.stdout), "1,one\n2,\"two, quoted\"\n3,\n", "{}", text(&output.stderr));
    let output = warehouse.command("pg_isready").output().expect("pg_isready runs");
    assert!(output.status.success());
    warehouse.server.stop().await.expect("the server stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn psycopg_works() {
    let warehouse = warehouse().await;
    warehouse.python("psycopg_example.py");
    warehouse.server.stop().await.expect("the server stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn flight_clients_work() {
    let warehouse = warehouse().await;
    warehouse.python("flight_example.py");
    warehouse.server.stop().await.expect("the server stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokio_postgres_works() {
    let warehouse = warehouse().await;
    let target = &warehouse.server.target;
    let settings = format!(
        "host={} port={} user={} password={} dbname={}",
        target.host, target.port, target.user, target.password, target.database
    );
    let (mut client, connection) = tokio_postgres::connect(&settings, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client.batch_execute("create table t (id bigint, name text, score double precision)").await.expect("a table");
    let insert = client.prepare("insert into t values ($1, $2, $3)").await.expect("prepared");
    for id in 0..20_i64 {
        client.execute(&insert, &[&id, &format!("name {id}"), &(id as f64 / 4.0)]).await.expect("inserted");
    }
    let rows = client
        .query("select id, name, score from t where id >= $1 order by id limit $2", &[&5_i64, &3_i64])
        .await
        .expect("rows");
    let found: Vec<(i64, String, f64)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    assert_eq!(found, [(5, "name 5".into(), 1.25), (6, "name 6".into(), 1.5), (7, "name 7".into(), 1.75)]);
    let transaction = client.transaction().await.expect("a transaction");
    transaction.execute("delete from t", &[]).await.expect("deleted");
    let portal = transaction.bind("select generate_series from generate_series(1, 10)", &[]).await.expect("a portal");
    let first = transaction.query_portal(&portal, 4).await.expect("four rows");
    let second = transaction.query_portal(&portal, 100).await.expect("the rest");
    assert_eq!((first.len(), second.len()), (4, 6));
    transaction.rollback().await.expect("rolled back");
    let count: i64 = client.query_one("select count(*) from t", &[]).await.expect("a count").get(0);
    assert_eq!(count, 20);
    let token = client.cancel_token();
    let sleeping = client
        .simple_query("select count(*) from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b");
    tokio::pin!(sleeping);
    // A cancel that arrives before the statement has begun is lost, as in Postgres: ask until it counts.
    let cancelled = loop {
        tokio::select! {
            outcome = &mut sleeping => break outcome,
            _ = token.cancel_query(NoTls) => {}
        }
    };
    let error = cancelled.expect_err("cancelled");
    assert_eq!(error.code().map(|code| code.code()), Some("57014"));
    warehouse.server.stop().await.expect("the server stops");
}
