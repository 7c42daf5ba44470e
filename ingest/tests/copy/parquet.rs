//! Parquet: columns by name and by position, casts, refused rows, row groups.

use std::fs::File;
use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::*;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

use crate::common::*;
use stoa_ingest::*;
use stoa_storage::ColumnType;

pub(crate) fn write(batch: &RecordBatch, group_rows: usize) -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    (folder, path)
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn array(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

#[test]
fn columns_are_matched_by_name_or_by_position() {
    let named = batch(vec![
        ("B", array(StringArray::from(vec!["x", "y"]))),
        ("c", array(Int32Array::from(vec![9, 9]))),
        ("a", array(Int32Array::from(vec![1, 2]))),
    ]);
    let (_folder, path) = write(&named, 10);
    check(&Load::new(Format::Parquet, &[INT, TEXT]).try_path(&path).unwrap(), &[["1", "x"], ["2", "y"]]);
    let other = batch(vec![("x", array(Int32Array::from(vec![1]))), ("y", array(StringArray::from(vec!["x"])))]);
    let (_folder, path) = write(&other, 10);
    check(&Load::new(Format::Parquet, &[INT, TEXT]).try_path(&path).unwrap(), &[["1", "x"]]);
    assert_eq!(Load::new(Format::Parquet, &[INT, TEXT, INT]).try_path(&path).unwrap_err().kind(), Kind::Invalid);
    assert_eq!(Load::new(Format::Parquet, &[TEXT, TEXT]).try_path(&path).unwrap_err().kind(), Kind::Invalid);
}

#[test]
fn row_groups_are_shared_by_workers() {
    let values: Vec<i64> = (0..100_000).collect();
    let (_folder, path) = write(&batch(vec![("a", array(Int64Array::from(values.clone())))]), 7000);
    let mut load = Load::new(Format::Parquet, &[ColumnType::Int64]);
    load.threads = 3;
    let loaded = load.try_path(&path).unwrap();
    let mut found: Vec<i64> = loaded.rows.iter().map(|row| row[0].parse().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, values);
    assert_eq!(loaded.totals.files, 1);
}

#[test]
fn every_type_arrives_as_its_column_type() {
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    dictionary.append_value("word");
    dictionary.append_null();
    let cases: Vec<(ColumnType, ArrayRef, [&str; 2])> = vec![
        (ColumnType::Bool, array(BooleanArray::from(vec![Some(true), None])), ["true", NULL]),
        (ColumnType::Int16, array(Int8Array::from(vec![Some(-1), None])), ["-1", NULL]),
        (ColumnType::Int32, array(UInt16Array::from(vec![Some(65_535), None])), ["65535", NULL]),
        (ColumnType::Int64, array(UInt32Array::from(vec![Some(7), None])), ["7", NULL]),
        (ColumnType::Float32, array(Float64Array::from(vec![Some(1.5), None])), ["1.5", NULL]),
        (ColumnType::Float64, array(Float32Array::from(vec![Some(1.5), None])), ["1.5", NULL]),
        (
            decimal(15, 2),
            array(Decimal128Array::from(vec![Some(150), None]).with_precision_and_scale(15, 2).unwrap()),
            ["1.50", NULL],
        ),
        (
            decimal(18, 3),
            array(Decimal128Array::from(vec![Some(150), None]).with_precision_and_scale(9, 2).unwrap()),
            ["1.500", NULL],
        ),
        (
            decimal(30, 2),
            array(Decimal128Array::from(vec![Some(150), None]).with_precision_and_scale(30, 2).unwrap()),
            ["1.50", NULL],
        ),
        (decimal(10, 0), array(Int32Array::from(vec![Some(5), None])), ["5", NULL]),
        (varchar(10), array(dictionary.finish()), ["word", NULL]),
        (TEXT, array(LargeStringArray::from(vec![Some("large"), None])), ["large", NULL]),
        (TEXT, array(BinaryArray::from(vec![Some(&b"bytes"[..]), None])), ["bytes", NULL]),
        (ColumnType::Bytes, array(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), None])), ["00ff", NULL]),
        (ColumnType::Date, array(Date32Array::from(vec![Some(1), None])), ["1970-01-02", NULL]),
        (ColumnType::Time, array(Time32MillisecondArray::from(vec![Some(1500), None])), ["00:00:01.500", NULL]),
        (
            ColumnType::Timestamp,
            array(TimestampNanosecondArray::from(vec![Some(1_500_000_000), None])),
            ["1970-01-01T00:00:01.500", NULL],
        ),
        (
            ColumnType::Timestamp,
            array(TimestampMillisecondArray::from(vec![Some(1500), None]).with_timezone("UTC")),
            ["1970-01-01T00:00:01.500", NULL],
        ),
        (
            ColumnType::TimestampTz,
            array(TimestampMicrosecondArray::from(vec![Some(1), None])),
            ["1970-01-01T00:00:00.000001Z", NULL],
        ),
    ];
    for (column_type, values, expected) in cases {
        let source = values.data_type().clone();
        let (_folder, path) = write(&batch(vec![("a", values)]), 10);
        let loaded = Load::new(Format::Parquet, &[column_type]).try_path(&path).unwrap();
        assert_eq!(loaded.rows, [[expected[0]], [expected[1]]], "{source} to {column_type:?}");
        assert_eq!(*loaded.batches[0].column(0).data_type(), column_type.arrow());
    }
}

#[test]
fn values_without_a_place_are_refused_with_their_row() {
    let load = |column_type| Load::new(Format::Parquet, &[column_type]).with(|options| options.max_errors = 10);
    let refused = |loaded: Loaded| {
        loaded.totals.rejected.iter().map(|row| (row.line, row.cause, row.raw_field.clone())).collect::<Vec<_>>()
    };
    let (_folder, path) = write(&batch(vec![("a", array(Int64Array::from(vec![1, 99_999, 3, -99_999])))]), 2);
    let loaded = load(ColumnType::Int16).try_path(&path).unwrap();
    check(&loaded, &[["1"], ["3"]]);
    assert_eq!(
        refused(loaded),
        [(2, Cause::OutOfRange, "99999".to_owned()), (4, Cause::OutOfRange, "-99999".to_owned())]
    );
    let (_folder, path) =
        write(&batch(vec![("a", array(StringArray::from(vec![Some("short"), Some("too long"), None])))]), 10);
    let loaded = load(varchar(5)).not_null(0).try_path(&path).unwrap();
    check(&loaded, &[["short"]]);
    assert_eq!(refused(loaded), [(2, Cause::TooLong, "too long".to_owned()), (3, Cause::NullViolation, String::new())]);
    let cut = load(varchar(5)).with(|options| options.truncate_columns = true).try_path(&path).unwrap();
    check(&cut, &[["short"], ["too l"], [NULL]]);
    let (_folder, path) = write(&batch(vec![("a", array(BinaryArray::from(vec![&b"ok"[..], &b"\xff"[..]])))]), 10);
    assert_eq!(refused(load(TEXT).try_path(&path).unwrap())[0].1, Cause::Encoding);
}

#[test]
fn what_is_not_parquet_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("short", b"PAR1"),
        ("text", b"1,2,3\n4,5,6\n7,8,9\n"),
        ("footer", b"PAR1....\xff\xff\xff\x7fPAR1"),
        ("zero", b"PAR1\0\0\0\0PAR1"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = Load::new(Format::Parquet, &[INT]).try_path(&path).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt, "{name}: {error}");
        assert!(error.message().contains(name), "{error}");
    }
    let (_sender, receiver) = tokio::sync::mpsc::channel(1);
    assert_eq!(
        Load::new(Format::Parquet, &[INT]).try_input(Input::Upload(receiver)).unwrap_err().kind(),
        Kind::Unsupported
    );
}
