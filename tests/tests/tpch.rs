//! The 22 TPC-H queries at scale 0.1, loaded by COPY and asked over the wire, against DuckDB's answers on the same files.

use std::path::Path;

use stoa_server::tool::child::ServerProcess;
use stoa_server::tool::client::Client;
use stoa_server::tool::tpch;

/// Texts must be equal; numbers must agree to the last decimal place that Stoa shows (an average of decimals keeps the
/// scale of its argument here, as in Redshift, and is a double in DuckDB).
fn agree(ours: Option<&str>, theirs: Option<&str>) -> bool {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return ours == theirs };
    if ours.trim_end() == theirs.trim_end() {
        return true;
    }
    let (Ok(left), Ok(right)) = (ours.parse::<f64>(), theirs.parse::<f64>()) else { return false };
    let decimals = ours.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let half_a_unit = 0.5 * 10f64.powi(-(decimals as i32));
    (left - right).abs() <= half_a_unit * 1.0001 + right.abs() * 1e-12
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_equal_duckdbs() {
    let files = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tpch-0.1");
    tpch::generate(&files, 0.1, |_| ()).expect("data files");
    let folder = tempfile::tempdir().expect("a folder");
    let server = ServerProcess::start(&stoa_tests::process::stoa(), &folder.path().join("root"), &files)
        .await
        .expect("the server starts");
    let client = Client::connect(&server.target).await.expect("a connection");
    client.query(tpch::SCHEMA).await.expect("the schema");
    for table in tpch::TABLES {
        let path = files.join(format!("{table}.tbl"));
        client.query(&format!("copy {table} from '{}' delimiter '|'", path.display())).await.expect(table);
    }
    let sql = stoa_tests::tests_folder().join("../benchmarks/tpch");
    let output = std::process::Command::new(std::env::var("STOA_PYTHON").unwrap_or_else(|_| "python3".to_owned()))
        .arg(stoa_tests::tests_folder().join("scripts/duckdb_answers.py"))
        .args([&files, &sql])
        .output()
        .expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected: Vec<Vec<Vec<Option<String>>>> = serde_json::from_slice(&output.stdout).expect("answers as JSON");
    let mut differences = Vec::new();
    for (index, sql) in tpch::QUERIES.iter().enumerate() {
        let name = format!("query {}", index + 1);
        let answer = match client.timed(sql).await {
            Ok((answer, _)) => answer,
            Err(error) => {
                differences.push(format!("{name}: {error}"));
                continue;
            }
        };
        let same = answer.rows.len() == expected[index].len()
            && answer.rows.iter().zip(&expected[index]).all(|(ours, theirs)| {
                ours.len() == theirs.len()
                    && ours.iter().zip(theirs).all(|(ours, theirs)| agree(ours.as_deref(), theirs.as_deref()))
            });
        if !same {
            let first = answer.rows.iter().zip(&expected[index]).find(|(ours, theirs)| {
                ours.iter().zip(*theirs).any(|(ours, theirs)| !agree(ours.as_deref(), theirs.as_deref()))
            });
            let counts = (answer.rows.len(), expected[index].len());
            differences.push(format!("{name}: rows {counts:?}, first difference {first:?}"));
        }
    }
    server.stop().await.expect("the server stops");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
