//! Loads TPC-H's lineitem into a fresh warehouse and says how long it took.
//!
//! `cargo run --release -p stoa-ingest --example load_lineitem -- FILE [THREADS] [ROOT]`. The file is delimited text
//! (`.tbl`), CSV or Parquet by its name; `generate:SCALE:FILE` writes a `.tbl` first.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

#[path = "../benches/lineitem/mod.rs"]
mod columns;

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use columns::columns;
use stoa_ingest::{CopyJob, CopyOptions, Discard, FileAccess, Format, Input};
use stoa_storage::{
    Acl, Change, ColumnId, Database, DatabaseId, Distribution, OpenOptions, RoleId, Schema, SchemaId, SortKey, Table,
    TableId, TemporarySpace, Version, Warehouse,
};
use tpchgen::generators::LineItemGenerator;

fn lineitem(id: u32, schema: SchemaId) -> Table {
    Table {
        id: TableId(id),
        schema,
        name: "lineitem".to_owned(),
        owner: RoleId(1),
        columns: columns(),
        next_column: ColumnId(17),
        distribution: Distribution::Auto,
        sort_key: SortKey::default(),
        constraints: Vec::new(),
        acl: Acl::default(),
        comment: None,
        definition_version: Version(0),
        parts: Default::default(),
    }
}

fn generate(scale: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    for row in LineItemGenerator::new(scale.parse()?, 1, 1).iter() {
        writeln!(out, "{row}")?;
    }
    Ok(out.flush()?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("which file?")?;
    if let Some((scale, file)) = file.strip_prefix("generate:").and_then(|rest| rest.split_once(':')) {
        return generate(scale, file);
    }
    let threads: usize = arguments.next().map_or(Ok(2), |threads| threads.parse())?;
    let root = arguments.next();
    let folder = std::path::Path::new(&file).parent().ok_or("a folder")?.to_owned();
    let access = FileAccess { folders: vec![folder], ..FileAccess::default() };
    let format = if file.ends_with(".parquet") { Format::Parquet } else { Format::Delimited };
    let start = Instant::now();
    let table_columns = columns();
    let job = CopyJob {
        input: Input::Files(stoa_ingest::resolve(&file, false, &access).await?),
        format,
        options: CopyOptions::new(format),
        columns: (0..table_columns.len()).collect(),
        table_columns,
        fills: Vec::new(),
        cancel: Default::default(),
        progress: Arc::default(),
    };
    let rows = match root {
        None => job.run_into(vec![Discard; threads]).await?.0.rows,
        Some(root) => append(job, root, threads).await?,
    };
    println!("{rows} rows in {:.2} s", start.elapsed().as_secs_f64());
    Ok(())
}

async fn append(job: CopyJob, root: String, threads: usize) -> Result<u64, Box<dyn Error>> {
    let warehouse = Warehouse::open(OpenOptions::new(root)).await?;
    let mut transaction = warehouse.begin(&TemporarySpace::default());
    let (database, schema, table) = (transaction.new_id(), SchemaId(transaction.new_id()), transaction.new_id());
    let database = DatabaseId(database);
    let owner = RoleId(1);
    transaction.stage(Change::CreateDatabase(Arc::new(Database {
        id: database,
        name: "bench".to_owned(),
        owner,
        acl: Acl::default(),
        comment: None,
    })))?;
    transaction.stage(Change::CreateSchema(Arc::new(Schema {
        id: schema,
        database,
        name: "bench".to_owned(),
        owner,
        acl: Acl::default(),
        comment: None,
    })))?;
    transaction.stage(Change::CreateTable(Arc::new(lineitem(table, schema))))?;
    let appenders = (0..threads).map(|_| transaction.appender(TableId(table))).collect::<Result<Vec<_>, _>>()?;
    let report = job.run(appenders).await?;
    for appended in report.appended {
        transaction.finish_append(appended)?;
    }
    transaction.commit().await?;
    warehouse.shutdown().await?;
    Ok(report.totals.rows)
}
