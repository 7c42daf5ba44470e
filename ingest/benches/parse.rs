//! How fast text becomes columns: TPC-H's lineitem as `|`-delimited text, as CSV with every string in quotes, as JSON.
//!
//! One worker, from memory, into nowhere: parsing alone, without storage. `cargo bench -p stoa-ingest --bench parse`.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run says so by panicking")]

#[path = "lineitem/mod.rs"]
mod lineitem;

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lineitem::columns;
use stoa_ingest::{CopyJob, CopyOptions, Discard, Format, Input};
use tpchgen::generators::LineItemGenerator;

const SCALE: f64 = 0.02;

/// Strings of the table: those columns are quoted in CSV and JSON.
const QUOTED: std::ops::RangeInclusive<usize> = 8..=15;

fn texts() -> Vec<(&'static str, Format, Bytes, u64)> {
    let (mut tbl, mut csv, mut json) = (String::new(), String::new(), String::new());
    let mut rows = 0;
    let names: Vec<String> = columns().into_iter().map(|column| column.name).collect();
    for row in LineItemGenerator::new(SCALE, 1, 1).iter() {
        let line = row.to_string();
        tbl.push_str(&line);
        tbl.push('\n');
        for (index, field) in line.trim_end_matches('|').split('|').enumerate() {
            let quote = if QUOTED.contains(&index) { "\"" } else { "" };
            let (comma, open) = if index > 0 { (",", "") } else { ("", "{") };
            write!(csv, "{comma}{quote}{field}{quote}").expect("memory");
            write!(json, "{comma}{open}\"{}\":{quote}{field}{quote}", names[index]).expect("memory");
        }
        csv.push('\n');
        json.push_str("}\n");
        rows += 1;
    }
    vec![
        ("delimited", Format::Delimited, tbl.into(), rows),
        ("csv", Format::Csv, csv.into(), rows),
        ("json", Format::Json { ignore_case: false }, json.into(), rows),
    ]
}

async fn load(format: Format, text: Bytes) -> u64 {
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let table_columns = columns();
    let job = CopyJob {
        input: Input::Upload(receiver),
        format,
        options: CopyOptions::new(format),
        columns: (0..table_columns.len()).collect(),
        table_columns,
        fills: Vec::new(),
        cancel: Default::default(),
        progress: Arc::default(),
    };
    let send = async move { sender.send(Ok(text)).await };
    let (_, done) = tokio::join!(send, job.run_into(vec![Discard]));
    done.expect("the text is valid").0.rows
}

fn parse(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let mut group = criterion.benchmark_group("parse_lineitem");
    group.sample_size(10);
    for (name, format, text, rows) in texts() {
        for (unit, throughput) in
            [("rows", Throughput::Elements(rows)), ("bytes", Throughput::Bytes(text.len() as u64))]
        {
            group.throughput(throughput);
            group.bench_function(format!("{name}/{unit}"), |bencher| {
                bencher.iter(|| assert_eq!(runtime.block_on(load(format, text.clone())), rows));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
