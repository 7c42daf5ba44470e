//! COPY … TO: values as Postgres writes them.

use std::sync::Arc;

use arrow_array::types::{Int32Type, IntervalMonthDayNano};
use arrow_array::*;

use stoa_ingest::*;

fn text(array: impl Array + 'static) -> String {
    encode(ExportOptions::new(ExportFormat::Text), vec![Arc::new(array)])
}

fn encode(options: ExportOptions, columns: Vec<ArrayRef>) -> String {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|array| ("c", array, true))).unwrap();
    let mut out = Vec::new();
    TextExport::new(options).unwrap().encode(&batch, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn values_look_like_postgres() {
    assert_eq!(text(BooleanArray::from(vec![Some(true), Some(false), None])), "t\nf\n\\N\n");
    assert_eq!(text(Decimal64Array::from(vec![-5, 1234]).with_precision_and_scale(18, 2).unwrap()), "-0.05\n12.34\n");
    assert_eq!(text(Decimal128Array::from(vec![7]).with_precision_and_scale(38, 0).unwrap()), "7\n");
    assert_eq!(text(Date32Array::from(vec![0, 10_957, -719_163])), "1970-01-01\n2000-01-01\n0001-12-31 BC\n");
    assert_eq!(
        text(TimestampMicrosecondArray::from(vec![0, 1_500_000, -1])),
        "1970-01-01 00:00:00\n1970-01-01 00:00:01.5\n1969-12-31 23:59:59.999999\n"
    );
    assert_eq!(text(TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC")), "1970-01-01 00:00:00+00\n");
    assert_eq!(text(Time64MicrosecondArray::from(vec![3_723_000_001])), "01:02:03.000001\n");
    assert_eq!(text(BinaryViewArray::from(vec![&b"\x00\xfe"[..]])), "\\\\x00fe\n");
    let intervals = [(14, 3, 4_000_000_000), (0, 0, 0), (-12, 1, -500_000_000)];
    let intervals = intervals.map(|(months, days, nanoseconds)| IntervalMonthDayNano { months, days, nanoseconds });
    assert_eq!(
        text(IntervalMonthDayNanoArray::from(intervals.to_vec())),
        "1 year 2 mons 3 days 00:00:04\n00:00:00\n-1 years +1 day -00:00:00.5\n"
    );
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    assert_eq!(text(list), "{1,NULL}\n\\N\n");
    let words: DictionaryArray<Int32Type> = vec![Some("x"), None, Some("x")].into_iter().collect();
    assert_eq!(text(words), "x\n\\N\nx\n");
}

#[test]
fn floats_are_shortest_and_switch_to_exponents_where_postgres_does() {
    let doubles = [1.0, 0.1, 1e14, 1e15, 1.5e-4, 1.5e-5, -0.0, f64::NAN, f64::NEG_INFINITY, 123_456_789.125];
    assert_eq!(
        text(Float64Array::from(doubles.to_vec())),
        "1\n0.1\n100000000000000\n1e+15\n0.00015\n1.5e-05\n-0\nNaN\n-Infinity\n123456789.125\n"
    );
    assert_eq!(text(Float32Array::from(vec![0.1, 1e5, 1e6])), "0.1\n100000\n1e+06\n");
}

#[test]
fn text_escapes_and_csv_quotes() {
    let strings = || Arc::new(StringViewArray::from(vec![Some("a\tb\\\n"), None, Some("plain")])) as ArrayRef;
    assert_eq!(encode(ExportOptions::new(ExportFormat::Text), vec![strings()]), "a\\tb\\\\\\n\n\\N\nplain\n");
    let strings = Arc::new(StringArray::from(vec![Some("a,\"b\""), Some(""), None, Some("\\.")])) as ArrayRef;
    assert_eq!(
        encode(ExportOptions::new(ExportFormat::Csv), vec![strings.clone()]),
        "\"a,\"\"b\"\"\"\n\"\"\n\n\"\\.\"\n"
    );
    let forced = ExportOptions { force_quote: true, delimiter: b';', ..ExportOptions::new(ExportFormat::Csv) };
    let numbers = Arc::new(Int32Array::from(vec![1, 2, 3, 4])) as ArrayRef;
    assert_eq!(encode(forced, vec![numbers, strings]), "\"1\";\"a,\"\"b\"\"\"\n\"2\";\"\"\n\"3\";\n\"4\";\"\\.\"\n");
}

#[test]
fn headers_and_wrong_options() {
    let mut export = TextExport::new(ExportOptions { header: true, ..ExportOptions::new(ExportFormat::Csv) }).unwrap();
    let mut out = Vec::new();
    export.header(["a", "b,c"].into_iter(), &mut out);
    assert_eq!(out, b"a,\"b,c\"\n");
    let wrong = ExportOptions { delimiter: b'"', ..ExportOptions::new(ExportFormat::Csv) };
    assert_eq!(TextExport::new(wrong).unwrap_err().kind(), Kind::Invalid);
    assert!(!TextExport::supports(&arrow_schema::DataType::Duration(arrow_schema::TimeUnit::Second)));
}
