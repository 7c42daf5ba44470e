//! `stoa demo`: the main job on the embedded default. Starts a warehouse on a local folder, loads real retail data and
//! TPC-H at a small scale by COPY, runs analytical queries through both wires, and shows answers, timings and compression.

use std::path::{Path, PathBuf};
use std::time::Instant;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow_flight::sql::client::FlightSqlServiceClient;
use clap::Args;
use futures::TryStreamExt;
use tonic::transport::{Channel, Endpoint};

use super::child::{ServerProcess, directory_bytes};
use super::client::{Answer, Client};
use super::report::Progress;
use super::{Result, ToolError, report, tpch};

const RETAIL_SCHEMA: &str = include_str!("../../../benchmarks/retail/schema.sql");
/// Tables of the Complete Journey data set, smallest first.
const RETAIL_TABLES: [&str; 8] = [
    "campaign_descriptions",
    "demographics",
    "coupon_redemptions",
    "campaigns",
    "coupons",
    "products",
    "transactions",
    "promotions",
];

/// Questions that a retailer asks, over the Postgres wire.
const RETAIL_QUESTIONS: [(&str, &str); 5] = [
    (
        "Which departments sell most, and how much of it on discount?",
        "select p.department, sum(t.sales_value) as sales, count(distinct t.household_id) as households, \
         round(100 * sum(t.retail_disc) / (sum(t.sales_value) + sum(t.retail_disc)), 1) as discount_percent \
         from retail.transactions t join retail.products p on p.product_id = t.product_id \
         group by p.department order by sales desc limit 8",
    ),
    (
        "Does a display or a mailer lift sales of a product in a store and week?",
        "select case when pr.product_id is null then 'none' when pr.display_location <> '0' and pr.mailer_location <> '0' \
         then 'display and mailer' when pr.display_location <> '0' then 'display' else 'mailer' end as promotion, \
         count(*) as lines, sum(t.sales_value) as sales, round(avg(t.quantity), 2) as mean_quantity \
         from retail.transactions t left join retail.promotions pr \
         on pr.product_id = t.product_id and pr.store_id = t.store_id and pr.week = t.week \
         group by 1 order by sales desc",
    ),
    (
        "What do households of each income spend a basket?",
        "select d.income, count(distinct t.household_id) as households, count(distinct t.basket_id) as baskets, \
         round(sum(t.sales_value) / count(distinct t.basket_id), 2) as spend_per_basket \
         from retail.transactions t join retail.demographics d on d.household_id = t.household_id \
         group by d.income order by spend_per_basket desc limit 6",
    ),
    (
        "Which products are bought again most (households with two or more baskets)?",
        "select p.product_type, count(*) as repeat_buyers from (select household_id, product_id from retail.transactions \
         group by household_id, product_id having count(distinct basket_id) >= 2) r \
         join retail.products p on p.product_id = r.product_id group by p.product_type order by repeat_buyers desc limit 6",
    ),
    (
        "Which kind of campaign is redeemed?",
        "select c.campaign_type, count(distinct c.campaign_id) as campaigns, count(*) as redemptions \
         from retail.coupon_redemptions r join retail.campaign_descriptions c on c.campaign_id = r.campaign_id \
         group by c.campaign_type order by redemptions desc",
    ),
];

/// The same question through Flight SQL, where the answer stays in Arrow's columns.
const FLIGHT_QUESTION: (&str, &str) = (
    "Sales by month",
    "select cast(date_trunc('month', transaction_timestamp) as date) as month, count(distinct basket_id) as baskets, \
     sum(sales_value) as sales from retail.transactions group by 1 order by 1 limit 12",
);

/// Arguments of `stoa demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder of the warehouse; a second run finds its tables loaded.
    #[arg(long, default_value = "stoa-demo")]
    root: PathBuf,
    /// Folder with the Parquet files of the Complete Journey data set.
    #[arg(long)]
    retail: PathBuf,
    /// Scale of the TPC-H data.
    #[arg(long, default_value_t = 0.1)]
    scale: f64,
}

/// Runs `stoa demo`.
pub async fn run(args: DemoArgs) -> Result<()> {
    let started = Instant::now();
    std::fs::create_dir_all(&args.root).map_err(ToolError::while_doing(args.root.display()))?;
    let root = std::fs::canonicalize(&args.root).map_err(ToolError::while_doing(args.root.display()))?;
    let retail = std::fs::canonicalize(&args.retail).map_err(ToolError::while_doing(args.retail.display()))?;
    let files = root.join("files");
    let warehouse = root.join("warehouse");
    stage_files(&retail, &files, args.scale)?;
    println!("Starting a warehouse on {}", warehouse.display());
    let server = ServerProcess::start_own(&warehouse, &files).await?;
    let client = Client::connect(&server.target).await?;
    load(&client, &files).await?;
    show_compression(&client, &files, &warehouse).await?;
    ask_retail(&client).await?;
    ask_tpch(&client).await?;
    ask_flight(&server).await?;
    server.stop().await?;
    println!("\nDone in {}. To look around yourself:", report::time(started.elapsed()));
    println!("  stoa serve --root {}", warehouse.display());
    println!(
        "  PGPASSWORD=$(cat {}) psql 'host=127.0.0.1 port=5439 user=admin dbname=dev'",
        warehouse.with_extension("password").display()
    );
    Ok(())
}

/// Puts the retail files and TPC-H's below one folder that COPY may read.
fn stage_files(retail: &Path, files: &Path, scale: f64) -> Result<()> {
    let target = files.join("retail");
    std::fs::create_dir_all(&target).map_err(ToolError::while_doing(target.display()))?;
    for table in RETAIL_TABLES {
        let name = format!("{table}.parquet");
        let (from, to) = (retail.join(&name), target.join(&name));
        if !to.exists() {
            std::fs::copy(&from, &to).map_err(ToolError::while_doing(from.display()))?;
        }
    }
    tpch::generate(&files.join("tpch"), scale, |table| println!("making {table}.tbl at scale {scale}"))?;
    Ok(())
}

/// Creates and fills all tables in one transaction, unless an earlier run did.
async fn load(client: &Client, files: &Path) -> Result<()> {
    let present = client
        .query("select count(*) from information_schema.tables where table_schema = 'retail' and table_name = 'promotions'")
        .await?;
    if present.first().and_then(Answer::scalar) == Some("1") {
        println!("The tables are loaded from an earlier run.");
        return Ok(());
    }
    println!("Loading, as one transaction:");
    client.query("begin").await?;
    client.query(RETAIL_SCHEMA).await?;
    client.query("create schema tpch; set search_path to tpch").await?;
    client.query(tpch::SCHEMA).await?;
    let progress = Progress::new((RETAIL_TABLES.len() + tpch::TABLES.len()) as u64);
    for table in RETAIL_TABLES {
        let path = files.join("retail").join(format!("{table}.parquet"));
        copy(client, &progress, &format!("retail.{table}"), &path, "format parquet").await?;
    }
    for table in tpch::TABLES {
        let path = files.join("tpch").join(format!("{table}.tbl"));
        copy(client, &progress, &format!("tpch.{table}"), &path, "delimiter '|'").await?;
    }
    drop(progress);
    client.query("commit").await?;
    Ok(())
}

async fn copy(client: &Client, progress: &Progress, table: &str, path: &Path, options: &str) -> Result<()> {
    progress.step(table);
    let (answer, elapsed) = client.timed(&format!("copy {table} from '{}' {options}", path.display())).await?;
    let rate = answer.affected as f64 / elapsed.as_secs_f64() / 1e6;
    progress.done(&format!(
        "  {table:<30} {:>12} rows in {:>10}  ({rate:.2} million rows/s)",
        answer.affected,
        report::time(elapsed)
    ));
    Ok(())
}

async fn show_compression(client: &Client, files: &Path, warehouse: &Path) -> Result<()> {
    println!("\nOn disk:");
    let retail = directory_bytes(&files.join("retail"));
    let text = directory_bytes(&files.join("tpch"));
    println!("  sources: retail as Parquet {}, TPC-H as text {}", report::bytes(retail), report::bytes(text));
    println!("  warehouse: {}", report::bytes(directory_bytes(&warehouse.join("data"))));
    let (answer, _) = client
        .timed("select \"schema\", \"table\", tbl_rows as rows, size as megabytes from svv_table_info order by size desc limit 6")
        .await?;
    println!("{}", report::render(&answer));
    Ok(())
}

async fn ask_retail(client: &Client) -> Result<()> {
    for (question, sql) in RETAIL_QUESTIONS {
        let (answer, elapsed) = client.timed(sql).await.map_err(ToolError::while_doing(question))?;
        println!("\n{question}  [{}]", report::time(elapsed));
        println!("{}", report::render(&answer));
    }
    Ok(())
}

async fn ask_tpch(client: &Client) -> Result<()> {
    client.query("set search_path to tpch").await?;
    let mut line = String::from("\nTPC-H, milliseconds a query:");
    let started = Instant::now();
    for (index, sql) in tpch::QUERIES.iter().enumerate() {
        let (_, elapsed) = client.timed(sql).await.map_err(ToolError::while_doing(format!("query {}", index + 1)))?;
        line.push_str(&format!(" Q{} {:.0}", index + 1, elapsed.as_secs_f64() * 1e3));
    }
    println!("{line}\nAll 22 in {}.", report::time(started.elapsed()));
    Ok(())
}

async fn ask_flight(server: &ServerProcess) -> Result<()> {
    let (question, sql) = FLIGHT_QUESTION;
    let started = Instant::now();
    let channel: Channel = Endpoint::from_shared(format!("http://{}", server.flight))
        .map_err(ToolError::while_doing("the Flight address"))?
        .connect()
        .await
        .map_err(ToolError::while_doing("cannot connect to Flight SQL"))?;
    let mut client = FlightSqlServiceClient::new(channel);
    client
        .handshake(&server.target.user, &server.target.password)
        .await
        .map_err(ToolError::while_doing("Flight SQL login"))?;
    let info = client.execute(sql.to_owned(), None).await.map_err(ToolError::while_doing(question))?;
    let mut answer = Answer::default();
    for endpoint in info.endpoint {
        let ticket = endpoint.ticket.ok_or_else(|| ToolError::new("the server sent an endpoint without a ticket"))?;
        let stream = client.do_get(ticket).await.map_err(ToolError::while_doing(question))?;
        let batches: Vec<_> = stream.try_collect().await.map_err(ToolError::while_doing(question))?;
        for batch in &batches {
            append_text(batch, &mut answer).map_err(ToolError::while_doing(question))?;
        }
    }
    println!("\n{question}, over Flight SQL  [{}]", report::time(started.elapsed()));
    println!("{}", report::render(&answer));
    Ok(())
}

fn append_text(batch: &arrow::array::RecordBatch, answer: &mut Answer) -> Result<(), arrow::error::ArrowError> {
    answer.columns = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let options = FormatOptions::default();
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        answer.rows.push(formatters.iter().map(|column| Some(column.value(row).to_string())).collect());
    }
    Ok(())
}
