//! Refused rows: where they are, what they look like, how many are too many.

use crate::common::*;
use stoa_ingest::*;
use stoa_storage::ColumnType;

#[test]
fn the_place_of_a_refused_row_is_exact() {
    let load = Load::new(Format::Csv, &[INT, TEXT, ColumnType::Date]).with(|options| {
        options.max_errors = 10;
        options.skip_records = 1;
    });
    let loaded = load.text("id,text,day\n1,\"two\nlines\",2020-01-01\n2x,b,2020-01-01\n3,c,2020-13-01\n4,d\n5,e,2020-01-05,f\n6,g,2020-01-06\n");
    check(&loaded, &[["1", "two\nlines", "2020-01-01"], ["6", "g", "2020-01-06"]]);
    let found: Vec<_> =
        loaded.totals.rejected.iter().map(|row| (row.line, row.column.as_deref(), row.position, row.code)).collect();
    assert_eq!(found, [(4, Some("a"), 1, 1207), (5, Some("c"), 0, 1205), (6, Some("c"), 0, 1214), (7, None, 0, 1202)]);
    let first = &loaded.totals.rejected[0];
    assert_eq!(first.file, "STDIN");
    assert_eq!(first.raw_field, "2x");
    assert_eq!(first.raw_line, "2x,b,2020-01-01");
    assert_eq!(first.column_type, Some("int4"));
    assert_eq!(first.reason, "Invalid digit, Value 'x', Pos 1, Type: Integer");
    assert_eq!(first.message, "invalid input syntax for type integer: \"2x\"");
    assert_eq!((loaded.totals.rows, loaded.totals.rejected_count), (2, 4));
}

#[test]
fn places_do_not_depend_on_chunks() {
    let text = "1\n2\nx\n4\n\"y\nz\"\n6\n";
    for chunk_bytes in 1..text.len() {
        let load = Load::new(Format::Csv, &[INT]).with(|options| {
            options.max_errors = u64::MAX;
            options.chunk_bytes = chunk_bytes;
        });
        let loaded = load.text(text);
        check(&loaded, &[["1"], ["2"], ["4"], ["6"]]);
        let found: Vec<_> = loaded.totals.rejected.iter().map(|row| (row.line, row.raw_line.as_str())).collect();
        assert_eq!(found, [(3, "x"), (5, "\"y\nz\"")], "{chunk_bytes}");
    }
}

#[test]
fn as_many_errors_as_maxerror_fail_the_load() {
    let load = |max_errors| Load::new(Format::Csv, &[INT]).with(move |options| options.max_errors = max_errors);
    let text = "1\nx\n2\ny\n";
    for max_errors in [0, 1, 2] {
        let error = load(max_errors).try_text(text).unwrap_err();
        assert_eq!(error.kind(), Kind::Rejected);
        assert_eq!(error.rejected()[0].line, 2);
        assert!(error.message().contains("Invalid digit, Value 'x'"), "{error}");
    }
    assert_eq!(load(3).text(text).rows.len(), 2);
    assert_eq!(load(u64::MAX).text(text).totals.rejected_count, 2);
    assert_eq!(load(100_001).try_text(text).unwrap_err().kind(), Kind::Invalid);
}

#[test]
fn a_row_is_refused_once_for_its_first_bad_column() {
    let load = Load::new(Format::Csv, &[INT, INT]).with(|options| options.max_errors = 9);
    let loaded = load.text("x,y\n1,2\n");
    check(&loaded, &[["1", "2"]]);
    assert_eq!(loaded.totals.rejected.len(), 1);
    assert_eq!(loaded.totals.rejected[0].column.as_deref(), Some("a"));
}

#[test]
fn nulls_in_not_null_columns_are_refused() {
    for column_type in [INT, TEXT, ColumnType::Bool, ColumnType::Bytes, ColumnType::Date] {
        let load = Load::new(Format::Csv, &[column_type, INT]).not_null(0);
        let error = load.try_text("\\N,1\n").unwrap_err();
        let row = &error.rejected()[0];
        assert_eq!((row.code, row.cause), (1213, Cause::NullViolation));
        assert_eq!(row.message, "null value in column \"a\" violates not-null constraint");
    }
}

#[test]
fn numbers_out_of_range() {
    let refused = |column_type, text: &str, cause| {
        let error = Load::new(Format::PostgresCsv, &[column_type]).try_text(text).unwrap_err();
        assert_eq!(error.rejected()[0].cause, cause, "{column_type:?} {text}");
    };
    refused(ColumnType::Int16, "32768", Cause::OutOfRange);
    refused(ColumnType::Int32, "-2147483649", Cause::OutOfRange);
    refused(ColumnType::Int64, "9223372036854775808", Cause::OutOfRange);
    refused(ColumnType::Int64, "99999999999999999999999999999999999", Cause::OutOfRange);
    refused(ColumnType::Float32, "1e39", Cause::OutOfRange);
    refused(ColumnType::Float64, "1e309", Cause::OutOfRange);
    refused(ColumnType::Float64, "1e-400", Cause::OutOfRange);
    refused(decimal(18, 2), "12345678901234567.00", Cause::OutOfRange);
    refused(decimal(38, 0), "100000000000000000000000000000000000000", Cause::OutOfRange);
    refused(decimal(10, 2), "1e30", Cause::OutOfRange);
    refused(decimal(10, 2), "1.2.3", Cause::InvalidText);
    refused(ColumnType::Int32, "1.0", Cause::InvalidText);
    refused(ColumnType::Bool, "o", Cause::InvalidText);
    refused(ColumnType::Date, "2021-02-29", Cause::DateTimeRange);
    refused(ColumnType::Time, "25:00", Cause::DateTimeRange);
}

#[test]
fn damaged_json_lines_are_refused_one_by_one() {
    let load = Load::new(Format::Json { ignore_case: false }, &[INT]).with(|options| options.max_errors = u64::MAX);
    let deep = format!("{{\"z\":{}1{}}}", "[".repeat(300), "]".repeat(300));
    let text = format!(
        "{{\"a\":1}}\n{{\"a\":\n[1]\n{{\"a\":1}} x\n{{\"a\":tru}}\n{deep}\n{{\"b\":\"\\q\",\"a\":1}}\n{{\"a\":\"\\q\"}}\n{{\"a\":2}}\n"
    );
    let loaded = load.text(text);
    check(&loaded, &[["1"], ["1"], ["2"]]);
    let reasons: Vec<_> = loaded.totals.rejected.iter().map(|row| (row.line, row.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [
            (2, "Invalid JSON: the object does not end"),
            (3, "Invalid JSON: expected an object"),
            (4, "Invalid JSON: unexpected text after the object"),
            (5, "Invalid JSON: unexpected character"),
            (6, "Invalid JSON: nested too deeply"),
            (8, "Invalid JSON: invalid escape sequence in a string"),
        ]
    );
}

#[test]
fn an_open_quote_is_refused_and_not_swallowed() {
    let error = Load::new(Format::Csv, &[INT, TEXT]).try_text("1,a\n2,\"b\n3,c\n").unwrap_err();
    let row = &error.rejected()[0];
    assert_eq!((row.line, row.code, row.message.as_str()), (2, 1216, "unterminated CSV quoted field"));
}

#[test]
fn rows_of_the_wrong_form_in_postgres_words() {
    let message =
        |text: &str| Load::new(Format::PostgresText, &[INT, TEXT]).try_text(text).unwrap_err().message().to_owned();
    assert_eq!(message("1\n"), "missing data for column \"b\"");
    assert_eq!(message("\n"), "missing data for column \"b\"");
    assert_eq!(message("1\tx\ty\n"), "extra data after last expected column");
    assert_eq!(message("99999999999\tx\n"), "value \"99999999999\" is out of range for type integer");
}
