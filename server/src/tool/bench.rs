//! `stoa bench`: whole-system benchmarks through the wire, beside DuckDB in the same run.
//!
//! TPC-H data comes from the `tpchgen` crate, is loaded by COPY, and each query is warmed once and timed five times over the
//! Postgres wire with the result cache off. The server is a child process, so that its processor time and peak memory can be
//! told apart from the client's.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::child::{ServerProcess, Usage, directory_bytes};
use super::client::Client;
use super::{Result, ToolError, report, tpch};

/// How often each query is timed, after one run to warm up.
const RUNS: usize = 5;
/// The other side of the comparison, run by a Python that has the `duckdb` package.
const DUCKDB_SCRIPT: &str = include_str!("../../../benchmarks/duckdb_tpch.py");

/// Arguments of `stoa bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    suite: Suite,
}

#[derive(Debug, Subcommand)]
enum Suite {
    /// The 22 TPC-H queries.
    Tpch(TpchArgs),
}

/// Arguments of `stoa bench tpch`.
#[derive(Debug, Args)]
struct TpchArgs {
    /// Scale factor: 1 is about 1 GB of text.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Folder for data files and databases; files of the same scale are used again.
    #[arg(long, default_value = "stoa-bench")]
    root: PathBuf,
    /// Also run this system, on the same files and threads.
    #[arg(long)]
    compare: Option<Opponent>,
    /// The Python that has the `duckdb` package.
    #[arg(long, env = "STOA_PYTHON", default_value = "python3")]
    python: PathBuf,
    /// Append one line of JSON here.
    #[arg(long)]
    results: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Opponent {
    Duckdb,
}

/// What was measured of one system.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Measurement {
    version: String,
    /// Seconds a table, plus `checkpoint` where the system has one.
    load_seconds: std::collections::BTreeMap<String, f64>,
    /// [`RUNS`] times a query.
    milliseconds: Vec<Vec<f64>>,
    /// Rows of each answer.
    rows: Vec<usize>,
    /// Greatest resident size of the process that ran the queries, in bytes.
    peak_memory: u64,
    /// Size of the database on disk, in bytes.
    bytes: u64,
}

impl Measurement {
    /// Median of the runs of one query.
    fn median(&self, query: usize) -> f64 {
        let mut times = self.milliseconds.get(query).cloned().unwrap_or_default();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn total(&self) -> f64 {
        (0..self.milliseconds.len()).map(|query| self.median(query)).sum()
    }

    fn load(&self) -> f64 {
        self.load_seconds.values().sum()
    }
}

/// One line of `benchmarks/results/tpch.jsonl`.
#[derive(Debug, Serialize)]
struct ResultLine<'a> {
    unix_seconds: u64,
    commit: String,
    suite: &'static str,
    scale: f64,
    threads: usize,
    stoa: &'a Measurement,
    duckdb: Option<&'a Measurement>,
    geometric_mean_ratio: Option<f64>,
}

/// Runs `stoa bench`.
pub async fn run(args: BenchArgs) -> Result<()> {
    match args.suite {
        Suite::Tpch(args) => tpch_suite(args).await,
    }
}

async fn tpch_suite(args: TpchArgs) -> Result<()> {
    if !(args.scale > 0.0 && args.scale <= 1000.0) {
        return Err(ToolError::new("--scale must be above 0 and at most 1000"));
    }
    std::fs::create_dir_all(&args.root).map_err(ToolError::while_doing(args.root.display()))?;
    let root = std::fs::canonicalize(&args.root).map_err(ToolError::while_doing(args.root.display()))?;
    let files = root.join(format!("tpch-{}", args.scale));
    tpch::generate(&files, args.scale, |table| println!("making {table}.tbl at scale {}", args.scale))?;
    let stoa = measure_stoa(&root, &files).await?;
    let duckdb = match args.compare {
        Some(Opponent::Duckdb) => Some(measure_duckdb(&args.python, &root, &files).await?),
        None => None,
    };
    let ratio = duckdb.as_ref().map(|duckdb| geometric_mean_ratio(&stoa, duckdb));
    print_table(&stoa, duckdb.as_ref());
    if let Some(path) = &args.results {
        let line = ResultLine {
            unix_seconds: std::time::UNIX_EPOCH.elapsed().map(|elapsed| elapsed.as_secs()).unwrap_or_default(),
            commit: commit(),
            suite: "tpch",
            scale: args.scale,
            threads: threads(),
            stoa: &stoa,
            duckdb: duckdb.as_ref(),
            geometric_mean_ratio: ratio,
        };
        append_line(path, &line)?;
    }
    if let Some(ratio) = ratio {
        println!("geometric mean ratio to duckdb: {ratio:.2}");
    }
    Ok(())
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

async fn measure_stoa(root: &Path, files: &Path) -> Result<Measurement> {
    let database = root.join("stoa");
    if database.exists() {
        std::fs::remove_dir_all(&database).map_err(ToolError::while_doing(database.display()))?;
    }
    let server = ServerProcess::start_own(&database, files).await?;
    let client = Client::connect(&server.target).await?;
    client.query(tpch::SCHEMA).await?;
    let mut measured = Measurement { version: env!("CARGO_PKG_VERSION").to_owned(), ..Measurement::default() };
    for table in tpch::TABLES {
        let path = files.join(format!("{table}.tbl"));
        let (_, elapsed) = client.timed(&format!("copy {table} from '{}' delimiter '|'", path.display())).await?;
        println!("stoa loads {table}: {}", report::time(elapsed));
        measured.load_seconds.insert(table.to_owned(), elapsed.as_secs_f64());
    }
    client.query("analyze").await?;
    measured.bytes = directory_bytes(&database);
    client.query("set enable_result_cache_for_session to off").await?;
    for (index, sql) in tpch::QUERIES.iter().enumerate() {
        let (answer, _) = client.timed(sql).await.map_err(ToolError::while_doing(format!("query {}", index + 1)))?;
        measured.rows.push(answer.rows.len());
        let mut times = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            times.push(client.timed(sql).await?.1.as_secs_f64() * 1e3);
        }
        measured.milliseconds.push(times);
    }
    let Usage { peak_memory, .. } = server.usage();
    measured.peak_memory = peak_memory;
    server.stop().await?;
    Ok(measured)
}

async fn measure_duckdb(python: &Path, root: &Path, files: &Path) -> Result<Measurement> {
    println!("running duckdb on the same files");
    let sql = root.join("sql");
    std::fs::create_dir_all(&sql).map_err(ToolError::while_doing(sql.display()))?;
    let script = root.join("duckdb_tpch.py");
    let mut texts = vec![(script.clone(), DUCKDB_SCRIPT), (sql.join("schema.sql"), tpch::SCHEMA)];
    for (index, query) in tpch::QUERIES.iter().enumerate() {
        texts.push((sql.join(format!("q{:02}.sql", index + 1)), query));
    }
    for (path, text) in texts {
        std::fs::write(&path, text).map_err(ToolError::while_doing(path.display()))?;
    }
    let output = tokio::process::Command::new(python)
        .arg(&script)
        .args([files, &root.join("duckdb.db")])
        .arg(threads().to_string())
        .arg(&sql)
        .output()
        .await
        .map_err(ToolError::while_doing(format!("cannot run {}", python.display())))?;
    if !output.status.success() {
        return Err(ToolError::new(format!("duckdb failed: {}", String::from_utf8_lossy(&output.stderr))));
    }
    serde_json::from_slice(&output.stdout).map_err(ToolError::while_doing("the answer of the duckdb script"))
}

/// Geometric mean over queries of Stoa's median by DuckDB's.
fn geometric_mean_ratio(stoa: &Measurement, duckdb: &Measurement) -> f64 {
    let count = stoa.milliseconds.len().min(duckdb.milliseconds.len());
    let logarithms: f64 = (0..count).map(|query| (stoa.median(query) / duckdb.median(query)).ln()).sum();
    (logarithms / count as f64).exp()
}

fn print_table(stoa: &Measurement, duckdb: Option<&Measurement>) {
    println!("\n{:>8} {:>10} {:>12} {:>12} {:>8}", "query", "rows", "stoa ms", "duckdb ms", "ratio");
    for query in 0..stoa.milliseconds.len() {
        let mine = stoa.median(query);
        let rows = stoa.rows.get(query).copied().unwrap_or_default();
        match duckdb {
            Some(duckdb) => {
                let theirs = duckdb.median(query);
                let differs = if duckdb.rows.get(query) == Some(&rows) { "" } else { "  DIFFERENT NUMBER OF ROWS" };
                println!("{:>8} {rows:>10} {mine:>12.1} {theirs:>12.1} {:>8.2}{differs}", query + 1, mine / theirs);
            }
            None => println!("{:>8} {rows:>10} {mine:>12.1}", query + 1),
        }
    }
    print_totals("total ms", stoa.total(), duckdb.map(Measurement::total));
    print_totals("load s", stoa.load(), duckdb.map(Measurement::load));
    const MB: f64 = 1e6;
    print_totals("peak MB", stoa.peak_memory as f64 / MB, duckdb.map(|duckdb| duckdb.peak_memory as f64 / MB));
    print_totals("disk MB", stoa.bytes as f64 / MB, duckdb.map(|duckdb| duckdb.bytes as f64 / MB));
}

fn print_totals(name: &str, mine: f64, theirs: Option<f64>) {
    match theirs {
        Some(theirs) => println!("{name:>8} {:>10} {mine:>12.1} {theirs:>12.1} {:>8.2}", "", mine / theirs),
        None => println!("{name:>8} {:>10} {mine:>12.1}", ""),
    }
}

/// The commit of the working folder, where it is a checkout.
fn commit() -> String {
    std::process::Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

fn append_line(path: &Path, line: &ResultLine<'_>) -> Result<()> {
    let text = serde_json::to_string(line).map_err(ToolError::while_doing("the result line"))?;
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(ToolError::while_doing(path.display()))?;
    writeln!(file, "{text}").map_err(ToolError::while_doing(path.display()))
}
