//! Random tables are written in every format and loaded again: the same rows come back.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;

use crate::common::*;
use crate::parquet::write;
use stoa_ingest::*;
use stoa_storage::ColumnType;

type Row = (Option<i64>, Option<String>, Option<i64>);

const TYPES: [ColumnType; 3] =
    [ColumnType::Int64, ColumnType::Varchar { length: None }, ColumnType::Decimal { precision: 18, scale: 3 }];

fn table() -> impl Strategy<Value = Vec<Row>> {
    let text = prop_oneof![
        "[a-z]{0,20}",
        "[\"',|\\\\\n\r\t {}N.é😀x]{0,12}",
        Just(String::new()),
        Just("\\N".to_owned()),
        Just("\\.".to_owned()),
    ];
    let decimal = -999_999_999_999_999_999_i64..=999_999_999_999_999_999;
    let row = (any::<Option<i64>>(), proptest::option::weighted(0.8, text), proptest::option::of(decimal));
    prop::collection::vec(row, 1..40)
}

fn batch(rows: &[Row]) -> RecordBatch {
    let decimals =
        rows.iter().map(|row| row.2.map(i128::from)).collect::<Decimal128Array>().with_precision_and_scale(18, 3);
    let columns: [(&str, ArrayRef, bool); 3] = [
        ("a", Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()), true),
        ("b", Arc::new(rows.iter().map(|row| row.1.as_deref()).collect::<StringArray>()), true),
        ("c", Arc::new(decimals.unwrap()), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn export(options: ExportOptions, batch: &RecordBatch) -> Vec<u8> {
    let mut out = Vec::new();
    TextExport::new(options).unwrap().encode(batch, &mut out).unwrap();
    out
}

fn json(rows: &RecordBatch) -> Vec<u8> {
    let mut out = String::new();
    for row in shown(rows) {
        let member = |(name, value): (&str, &String)| match value.as_str() {
            NULL => format!("\"{name}\":null"),
            value => format!("\"{name}\":{}", serde_json::to_string(value).unwrap()),
        };
        let members: Vec<String> = ["a", "b", "c"].into_iter().zip(&row).map(member).collect();
        out.push_str(&format!("{{{}}}\n", members.join(", ")));
    }
    out.into_bytes()
}

/// CSV as Redshift reads it: NULL as a word that no value has.
fn redshift_csv(rows: &RecordBatch) -> Vec<u8> {
    let options =
        ExportOptions { null: b"<null>".to_vec(), force_quote: true, ..ExportOptions::new(ExportFormat::Csv) };
    export(options, rows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn rows_come_back(rows in table(), chunk_bytes in 1_usize..200, threads in 1_usize..3) {
        let batch = batch(&rows);
        let mut expected = shown(&batch);
        expected.sort();
        let texts: [(Format, Vec<u8>); 4] = [
            (Format::PostgresText, export(ExportOptions::new(ExportFormat::Text), &batch)),
            (Format::PostgresCsv, export(ExportOptions::new(ExportFormat::Csv), &batch)),
            (Format::Csv, redshift_csv(&batch)),
            (Format::Json { ignore_case: false }, json(&batch)),
        ];
        for (format, text) in texts {
            let mut load = Load::new(format, &TYPES).with(|options| {
                options.chunk_bytes = chunk_bytes;
                if format == Format::Csv {
                    options.null = Some(b"<null>".to_vec());
                }
            });
            load.threads = threads;
            let mut loaded = load.text(&text).rows;
            loaded.sort();
            prop_assert_eq!(&loaded, &expected, "{:?} {:?}", format, String::from_utf8_lossy(&text));
        }
        let (_folder, path) = write(&batch, 7);
        let mut loaded = Load::new(Format::Parquet, &TYPES).try_path(&path).unwrap().rows;
        loaded.sort();
        prop_assert_eq!(loaded, expected);
        prop_assert_eq!(batch.column(0).len(), rows.len());
    }
}
