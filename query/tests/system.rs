//! What clients ask of catalogs, over a warehouse in memory: every query of psql's backslash commands, and functions.

#![expect(clippy::unwrap_used, reason = "a helper that fails, fails its test")]

use std::sync::Arc;

use arrow::util::pretty::pretty_format_batches;
use stoa_query::{Collected, ConnectRequest, Engine, EngineOptions, Protocol, Session, SqlError};
use stoa_storage::{OpenOptions, Warehouse};

async fn engine() -> Arc<Engine> {
    let warehouse = Warehouse::open(OpenOptions::new("memory:")).await.unwrap();
    let options = EngineOptions { admin_password: Some("secret".to_owned()), threads: 2, ..EngineOptions::default() };
    Engine::open(warehouse, options).await.unwrap()
}

fn connect(engine: &Arc<Engine>, user: &str) -> Arc<Session> {
    let request = ConnectRequest {
        user: user.to_owned(),
        database: "dev".to_owned(),
        client_address: "127.0.0.1:4711".to_owned(),
        application_name: "test".to_owned(),
        settings: vec![],
        protocol: Protocol::Internal,
    };
    engine.connect(request).unwrap()
}

/// The statements and queries of a logic test file, without their results.
fn records(file: &str) -> Vec<String> {
    let mut records = Vec::new();
    for record in file.split("\n\n") {
        let lines = record.lines().skip_while(|line| line.starts_with('#') || line.is_empty());
        let mut lines = lines.take_while(|line| *line != "----");
        if lines.next().is_some_and(|head| head.starts_with("query") || head.starts_with("statement ok")) {
            records.push(lines.collect::<Vec<_>>().join("\n"));
        }
    }
    records
}

fn print(result: Result<Vec<Collected>, SqlError>) -> Result<String, String> {
    let outcomes = result.map_err(|error| format!("{error} {:?} {:?}", error.detail, error.hint))?;
    let tables = outcomes.iter().map(|collected| pretty_format_batches(&collected.batches));
    let tables = tables.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    Ok(tables.iter().map(ToString::to_string).collect())
}

async fn run_all(file: &str) {
    let engine = engine().await;
    let session = connect(&engine, "admin");
    let mut failures = Vec::new();
    for sql in records(file) {
        let started = std::time::Instant::now();
        match print(session.query(&sql).await) {
            Ok(_) => assert!(started.elapsed().as_secs() < 5, "{sql} took {:?}", started.elapsed()),
            Err(error) => failures.push(format!("{error}\n{sql}")),
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_psqls_lists_runs() {
    run_all(include_str!("../../tests/slt/system/psql_list.slt")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_psqls_descriptions_runs() {
    run_all(include_str!("../../tests/slt/system/psql_describe.slt")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_and_casts_of_the_catalog_run() {
    run_all(include_str!("../../tests/slt/system/functions.slt")).await;
}
