//! Damaged and hostile input: an error or rows, never a panic, never an endless load.

use crate::common::*;
use crate::parquet::write;
use proptest::prelude::*;
use std::sync::Arc;
use stoa_ingest::*;
use stoa_storage::ColumnType;

const ALL: [ColumnType; 15] = [
    ColumnType::Bool,
    ColumnType::Int16,
    ColumnType::Int32,
    ColumnType::Int64,
    ColumnType::Float32,
    ColumnType::Float64,
    ColumnType::Decimal { precision: 9, scale: 3 },
    ColumnType::Decimal { precision: 38, scale: 10 },
    ColumnType::Char { length: 3 },
    ColumnType::Varchar { length: Some(9) },
    ColumnType::Date,
    ColumnType::Time,
    ColumnType::Timestamp,
    ColumnType::TimestampTz,
    ColumnType::Interval,
];

fn formats() -> impl Strategy<Value = Format> {
    prop_oneof![
        Just(Format::Delimited),
        Just(Format::Csv),
        Just(Format::PostgresText),
        Just(Format::PostgresCsv),
        Just(Format::Json { ignore_case: true }),
    ]
}

/// Bytes that matter to parsers, mostly.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        8 => prop::sample::select(b"0123456789|,\t\"'\\\n\r{}[]:.-+eETZ /xN\xc3\xa9\xff\0".to_vec()).prop_map(|byte| vec![byte]),
        1 => prop::sample::select(vec!["2001-02-03", " 04:05:06", "+02", "1e5", "true", "null", "{\"a\":", "\\u00e9", "Jan", "1 day", "\\N", "\\.\n"]).prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(pieces, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn soup_is_loaded_or_refused(
        format in formats(), text in soup(), column in prop::sample::select(ALL.to_vec()), chunk_bytes in 1_usize..40,
        flags in any::<u8>(),
    ) {
        let load = |chunk_bytes| {
            let mut load = Load::new(format, &[column, TEXT]).with(|options| {
                options.max_errors = u64::MAX;
                options.chunk_bytes = chunk_bytes;
                options.fill_record = flags & 1 > 0 && !matches!(format, Format::Json { .. });
                options.ignore_blank_lines = flags & 2 > 0;
                options.replace_invalid = (flags & 4 > 0).then_some(b'?');
                options.accept_any_date = flags & 8 > 0;
                options.remove_quotes = flags & 16 > 0 && format == Format::Delimited;
                options.truncate_columns = flags & 32 > 0;
                options.escape = if flags & 64 > 0 && format != Format::PostgresText { Some(b'\\') } else { options.escape };
                options.compression = Compression::None;
            });
            load.table[1].name = "b".to_owned();
            load.try_text(&text)
        };
        let whole = load(usize::MAX);
        let pieces = load(chunk_bytes);
        match (whole, pieces) {
            (Ok(whole), Ok(pieces)) => {
                prop_assert_eq!(whole.rows, pieces.rows);
                prop_assert_eq!(whole.totals.rejected, pieces.totals.rejected);
            }
            (whole, pieces) => prop_assert_eq!(whole.map(|_| ()).map_err(|error| error.kind()), pieces.map(|_| ()).map_err(|error| error.kind())),
        }
    }

    #[test]
    fn any_bytes_as_a_value(bytes in prop::collection::vec(any::<u8>(), 0..40), column in prop::sample::select(ALL.to_vec())) {
        let load = Load::new(Format::PostgresCsv, &[column]).with(|options| options.max_errors = u64::MAX);
        let _ = load.try_text(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn mutated_parquet_is_loaded_or_refused(
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<Option<prop::sample::Index>>(),
        near_footer in any::<bool>(),
    ) {
        let mut bytes = parquet_sample();
        for (index, byte) in &mutations {
            let length = bytes.len();
            // The footer is where structure lies; values elsewhere only change values.
            let at = if near_footer { length - 1 - index.index(length.min(700)) } else { index.index(length) };
            bytes[at] = *byte;
        }
        if let Some(cut) = cut.filter(|_| !near_footer) {
            bytes.truncate(cut.index(bytes.len()));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        std::fs::write(&path, bytes).unwrap();
        let load = Load::new(Format::Parquet, &[ColumnType::Int64, TEXT, ColumnType::Float64]).with(|options| options.max_errors = u64::MAX);
        if let Err(error) = load.try_path(&path) {
            prop_assert!(matches!(error.kind(), Kind::Corrupt | Kind::Invalid | Kind::Unsupported | Kind::Limit), "{:?}", error);
        }
    }

    #[test]
    fn mutated_compressed_text_is_loaded_or_refused(
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), gz in any::<bool>(),
    ) {
        use std::io::Write;
        let text: String = (0..200).map(|row| format!("{row}\n")).collect();
        let mut bytes = if gz {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        } else {
            zstd::encode_all(text.as_bytes(), 1).unwrap()
        };
        for (index, byte) in &mutations {
            let at = index.index(bytes.len());
            bytes[at] = *byte;
        }
        let _ = Load::new(Format::Csv, &[INT]).try_text(&bytes);
    }
}

fn parquet_sample() -> Vec<u8> {
    use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
    static SAMPLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let make = || {
        let rows = 0..300_i64;
        let columns: [(&str, ArrayRef, bool); 3] = [
            ("a", Arc::new(rows.clone().map(|row| (row % 7 > 0).then_some(row)).collect::<Int64Array>()), true),
            ("b", Arc::new(rows.clone().map(|row| Some(format!("text {}", row % 13))).collect::<StringArray>()), true),
            (
                "c",
                Arc::new(rows.map(|row| Some(f64::from(i32::try_from(row).unwrap()))).collect::<Float64Array>()),
                true,
            ),
        ];
        let (_folder, path) = write(&RecordBatch::try_from_iter_with_nullable(columns).unwrap(), 100);
        std::fs::read(path).unwrap()
    };
    SAMPLE.get_or_init(make).clone()
}

#[test]
fn an_endless_record_is_refused() {
    let text = format!("1,\"{}", "x".repeat(65 << 20));
    let error = Load::new(Format::Csv, &[INT, TEXT]).try_text(text).unwrap_err();
    assert_eq!(error.kind(), Kind::Limit);
}
