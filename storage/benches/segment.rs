//! Size and decode speed of segments on TPC-H, beside Parquet with ZSTD(1) on the same columns.
//!
//! `cargo bench --profile release -p stoa-storage --bench segment` measures with criterion; with `-- table` it prints
//! sizes and speeds a column. `STOA_BENCH_SCALE` is the scale factor (0.1 unless set).
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a benchmark may fail and print")]

mod tpch;

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use criterion::{Criterion, Throughput};
use stoa_storage::{ColumnId, Comparison, Predicate, Value};

use crate::tpch::{Table, read_parquet, read_segments, tables};

fn main() {
    let scale = std::env::var("STOA_BENCH_SCALE").map_or(0.1, |scale| scale.parse().unwrap());
    let tables = tables(scale);
    if std::env::args().any(|argument| argument == "table") {
        return print_table(scale, &tables);
    }
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    decode(&mut criterion, &tables);
    filter(&mut criterion, &tables);
    encode(&mut criterion, &tables);
    criterion.final_summary();
}

fn arrow_bytes(table: &Table) -> u64 {
    (0..table.types.len()).map(|column| table.arrow_bytes(column) as u64).sum()
}

/// Full scans, table by table.
fn decode(criterion: &mut Criterion, tables: &[Table]) {
    for table in tables.iter().filter(|table| table.parts[0].num_rows() > 1000) {
        let segments = table.segments();
        let parquet = table.parquet(None);
        let mut group = criterion.benchmark_group(format!("decode/{}", table.name));
        group.throughput(Throughput::Bytes(arrow_bytes(table)));
        group.bench_function("segment", |bencher| {
            bencher.iter(|| black_box(read_segments(&segments)));
        });
        group.bench_function("parquet-zstd1", |bencher| bencher.iter(|| black_box(read_parquet(&parquet))));
        group.finish();
    }
}

/// `l_shipdate < date` on encoded data, then one other column for the rows that pass.
fn filter(criterion: &mut Criterion, tables: &[Table]) {
    let lineitem = tables.iter().find(|table| table.name == "lineitem").unwrap();
    let segments = lineitem.segments();
    let (shipdate, price) = (10, 5);
    for (name, days) in [("1%", 8100), ("50%", 9300)] {
        let predicate =
            Predicate::Compare { column: ColumnId(shipdate + 1), op: Comparison::Less, value: Value::Int(days) };
        criterion.bench_function(&format!("filter/l_shipdate {name}"), |bencher| {
            bencher.iter(|| {
                for segment in &segments {
                    black_box(segment.filter(shipdate as usize, &predicate, Some(price)).unwrap());
                }
            });
        });
    }
}

/// Encoding of the largest table.
fn encode(criterion: &mut Criterion, tables: &[Table]) {
    let lineitem = tables.iter().find(|table| table.name == "lineitem").unwrap();
    let mut group = criterion.benchmark_group("encode/lineitem");
    group.throughput(Throughput::Bytes(arrow_bytes(lineitem)));
    group.bench_function("segment", |bencher| bencher.iter(|| black_box(lineitem.segments())));
    group.bench_function("parquet-zstd1", |bencher| bencher.iter(|| black_box(lineitem.parquet(None))));
    group.finish();
}

/// Seconds of one run, averaged over as many as take a fifth of a second.
fn average<T>(mut run: impl FnMut() -> T) -> f64 {
    black_box(run());
    let (start, mut runs) = (thread_seconds(), 0);
    loop {
        black_box(run());
        runs += 1;
        let elapsed = thread_seconds() - start;
        if elapsed > 0.2 {
            return elapsed / f64::from(runs);
        }
    }
}

/// Seconds that this thread has run; where the system does not tell, seconds of the wall clock.
fn thread_seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    match schedule.split_whitespace().next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()) {
        Some(nanoseconds) => nanoseconds / 1e9,
        None => START.elapsed().as_secs_f64(),
    }
}

/// One line a column: bytes and decode speed of both formats.
fn print_table(scale: f64, tables: &[Table]) {
    println!(
        "TPC-H scale {scale}: segments beside Parquet ZSTD(1); speeds are Arrow bytes decoded a second, one thread"
    );
    println!(
        "{:<24}{:>11} {:<11}{:>11}{:>7}{:>9}{:>9}{:>7}{:>9}",
        "column", "bytes", "encoding", "parquet", "ratio", "GB/s", "parquet", "times", "enc MB/s"
    );
    let mut total = Line::default();
    for table in tables {
        let start = thread_seconds();
        let segments = table.segments();
        let encode = thread_seconds() - start;
        let mut sum = Line::default();
        let schema = table.parts[0].schema();
        for (column, field) in schema.fields().iter().enumerate() {
            let parquet = table.parquet(Some(column));
            let sizes: Vec<_> = segments.iter().map(|segment| segment.column_size(column).unwrap()).collect();
            let line = Line {
                bytes: sizes.iter().map(|size| size.0 as f64).sum(),
                parquet_bytes: parquet.len() as f64,
                arrow: table.arrow_bytes(column) as f64,
                decode: average(|| segments.iter().map(|segment| segment.scan_column(column).unwrap()).sum::<usize>()),
                parquet_decode: average(|| read_parquet(&parquet)),
                encode: 0.0,
            };
            line.print(field.name(), sizes[0].1);
            sum.add(&line);
        }
        let parquet = table.parquet(None);
        sum.encode = encode;
        sum.bytes = segments.iter().map(|segment| segment.len() as f64).sum();
        sum.parquet_bytes = parquet.len() as f64;
        sum.decode = average(|| read_segments(&segments));
        sum.parquet_decode = average(|| read_parquet(&parquet));
        sum.print(&format!("= {}", table.name), "");
        total.add(&sum);
    }
    total.print("= all tables", "");
}

/// Sizes in bytes, times in seconds.
#[derive(Default)]
struct Line {
    bytes: f64,
    parquet_bytes: f64,
    arrow: f64,
    decode: f64,
    parquet_decode: f64,
    encode: f64,
}

impl Line {
    fn add(&mut self, other: &Self) {
        self.bytes += other.bytes;
        self.parquet_bytes += other.parquet_bytes;
        self.arrow += other.arrow;
        self.decode += other.decode;
        self.parquet_decode += other.parquet_decode;
        self.encode += other.encode;
    }

    fn print(&self, name: &str, encoding: &str) {
        println!(
            "{name:<24}{:>11} {encoding:<11}{:>11}{:>7.2}{:>9.2}{:>9.2}{:>7.2}{:>9.0}",
            self.bytes,
            self.parquet_bytes,
            self.bytes / self.parquet_bytes,
            self.arrow / self.decode / 1e9,
            self.arrow / self.parquet_decode / 1e9,
            self.parquet_decode / self.decode,
            if self.encode > 0.0 { self.arrow / self.encode / 1e6 } else { 0.0 },
        );
    }
}
