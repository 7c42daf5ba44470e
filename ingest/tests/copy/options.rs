//! COPY's options, one by one.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringViewArray};

use crate::common::*;
use stoa_ingest::*;
use stoa_storage::ColumnType;

#[test]
fn headers_are_records_of_each_file() {
    let load = |skip| Load::new(Format::Csv, &[TEXT]).with(|options| options.skip_records = skip);
    check(&load(1).text("\"head\ner\"\nx\n"), &[["x"]]);
    check(&load(2).text("one\ntwo\nx\n"), &[["x"]]);
    assert!(load(3).text("one\ntwo").rows.is_empty());
    let load = load(2).with(|options| options.chunk_bytes = 1);
    check(&load.text("one\ntwo\nx\n"), &[["x"]]);
}

#[test]
fn null_as() {
    let load = Load::new(Format::Csv, &[TEXT, INT]).with(|options| options.null = Some(b"nil".to_vec()));
    check(&load.text("nil,nil\n\"nil\",1\n\\N,\n"), &[[NULL, NULL], ["nil", "1"], ["\\N", NULL]]);
}

#[test]
fn blanks_and_empty_strings_as_null() {
    let load = Load::new(Format::Csv, &[TEXT]).with(|options| options.blanks_as_null = true);
    check(&load.text("  \n\"\"\nx\n"), &[[NULL], [""], ["x"]]);
    let load = Load::new(Format::Csv, &[TEXT]).with(|options| options.empty_as_null = true);
    check(&load.text("  \n\"\"\nx\n"), &[["  "], [NULL], ["x"]]);
}

#[test]
fn strings_are_cut_or_refused_by_bytes() {
    let load = || Load::new(Format::Csv, &[varchar(4)]);
    let error = load().try_text("abcde\n").unwrap_err();
    assert_eq!(error.rejected()[0].reason, "String length exceeds DDL length");
    let truncated = load().with(|options| options.truncate_columns = true).text("abcde\nabcé\nab\n");
    check(&truncated, &[["abcd"], ["abc"], ["ab"]]);
    check(&load().with(|options| options.trim_blanks = true).text("abc     \n"), &[["abc"]]);
    let char4 = ColumnType::Char { length: 4 };
    check(&Load::new(Format::Csv, &[char4]).text("ab        \n"), &[["ab"]]);
    assert_eq!(Load::new(Format::Csv, &[char4]).try_text("abcde\n").unwrap_err().rejected()[0].code, 1204);
}

#[test]
fn fill_record_adds_empty_fields() {
    let load = Load::new(Format::Csv, &[INT, TEXT, INT]).with(|options| options.fill_record = true);
    check(&load.text("1\n2,x\n"), &[["1", "", NULL], ["2", "x", NULL]]);
}

#[test]
fn blank_lines() {
    let load = || Load::new(Format::Csv, &[INT, TEXT]);
    assert_eq!(load().try_text("1,a\n\n2,b\n").unwrap_err().rejected()[0].code, 1211);
    let ignoring = load().with(|options| options.ignore_blank_lines = true);
    check(&ignoring.text("1,a\n\r\n\n2,b\n"), &[["1", "a"], ["2", "b"]]);
}

#[test]
fn invalid_characters() {
    let error = Load::new(Format::Csv, &[INT, TEXT]).try_text(b"1,a\xffb\n").unwrap_err();
    let row = &error.rejected()[0];
    assert_eq!((row.code, row.position, row.cause), (1220, 1, Cause::Encoding));
    let load = Load::new(Format::Csv, &[INT, TEXT]).with(|options| options.replace_invalid = Some(b'?'));
    check(&load.text(b"1,a\xff\xfeb\n2,\xc3\xa9\n"), &[["1", "a??b"], ["2", "é"]]);
    let error = Load::new(Format::Csv, &[TEXT]).try_text(b"a\0b\n").unwrap_err();
    assert_eq!(error.rejected()[0].cause, Cause::Encoding);
}

#[test]
fn decimals_are_truncated_rounded_or_refused() {
    let load = |rounding| Load::new(Format::Csv, &[decimal(5, 2)]).with(|options| options.rounding = rounding);
    check(&load(Rounding::Truncate).text("1.239\n-1.239\n"), &[["1.23"], ["-1.23"]]);
    check(&load(Rounding::HalfAway).text("1.235\n-1.235\n1.2349\n"), &[["1.24"], ["-1.24"], ["1.23"]]);
    assert_eq!(load(Rounding::Reject).try_text("1.239\n").unwrap_err().rejected()[0].code, 1204);
    check(&load(Rounding::Reject).text("1.2300\n"), &[["1.23"]]);
    assert_eq!(load(Rounding::HalfAway).try_text("999.995\n").unwrap_err().rejected()[0].cause, Cause::OutOfRange);
}

#[test]
fn date_and_time_formats() {
    let load = |text: &str| {
        Load::new(Format::Csv, &[ColumnType::Date])
            .with(|options| options.date_format = DateFormat::parse(text).unwrap())
    };
    check(&load("MM/DD/YYYY").text("12/31/1999\n1/2/2000\n"), &[["1999-12-31"], ["2000-01-02"]]);
    check(&load("YYYYMMDD").text("19991231\n"), &[["1999-12-31"]]);
    check(&load("DD-Mon-YY").text("31-dec-99\n01-JAN-01\n"), &[["1999-12-31"], ["2001-01-01"]]);
    assert_eq!(load("YYYY-MM-DD").try_text("12/31/1999\n").unwrap_err().rejected()[0].code, 1205);
    let load = |text: &str| {
        Load::new(Format::Csv, &[ColumnType::Timestamp])
            .with(|options| options.time_format = TimeFormat::parse(text).unwrap())
    };
    check(&load("YYYY-MM-DD HH24:MI:SS").text("2001-02-03 04:05:06.5\n"), &[["2001-02-03T04:05:06.500"]]);
    check(
        &load("MM.DD.YYYY HH12:MI AM").text("02.03.2001 12:05 am\n02.03.2001 1:05 PM\n"),
        &[["2001-02-03T00:05:00"], ["2001-02-03T13:05:00"]],
    );
    check(&load("epochsecs").text("1\n1.5\n"), &[["1970-01-01T00:00:01"], ["1970-01-01T00:00:01.500"]]);
    check(&load("epochmillisecs").text("1500\n"), &[["1970-01-01T00:00:01.500"]]);
    assert!(DateFormat::parse("nonsense").is_err());
}

#[test]
fn any_date_is_accepted_as_null() {
    let load = Load::new(Format::Csv, &[ColumnType::Date, ColumnType::Timestamp])
        .with(|options| options.accept_any_date = true);
    check(
        &load.text("00/00/0000,never\n2020-02-30,2020-01-01 00:00:00\n"),
        &[[NULL, NULL], [NULL, "2020-01-01T00:00:00"]],
    );
}

#[test]
fn columns_that_the_file_lacks_are_filled() {
    let mut load = Load::new(Format::Csv, &[ColumnType::Int64, TEXT, TEXT, INT]);
    load.targets = Some(vec![3]);
    let next = std::sync::atomic::AtomicI64::new(10);
    let reserve: ReserveIdentity = Arc::new(move |count| {
        Ok(next.fetch_add(2 * i64::try_from(count).unwrap(), std::sync::atomic::Ordering::Relaxed))
    });
    let value: ArrayRef = Arc::new(StringViewArray::from(vec!["a default longer than twelve bytes"]));
    load.fills = vec![Fill::Identity { step: 2, reserve }, Fill::Value(value), Fill::Null, Fill::Null];
    let default = "a default longer than twelve bytes";
    check(&load.text("7\n8\n"), &[["10", default, NULL, "7"], ["12", default, NULL, "8"]]);
    let mut load = Load::new(Format::Csv, &[TEXT, INT]).not_null(0);
    load.targets = Some(vec![1]);
    assert_eq!(load.try_text("1\n").unwrap_err().kind(), Kind::Invalid);
    let mut load = Load::new(Format::Csv, &[TEXT, INT]);
    load.targets = Some(vec![1]);
    load.fills = vec![Fill::Value(Arc::new(Int64Array::from(vec![1])))];
    assert_eq!(load.try_text("1\n").unwrap_err().kind(), Kind::Internal);
}

#[test]
fn column_lists_and_identity_columns() {
    let mut table = columns(&[ColumnType::Int64, TEXT, INT]);
    table[0].identity = Some(identity());
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(target_columns(&table, None, false).unwrap(), [1, 2]);
    assert_eq!(target_columns(&table, None, true).unwrap(), [0, 1, 2]);
    assert_eq!(target_columns(&table, Some(&list(&["c", "b"])), false).unwrap(), [2, 1]);
    assert_eq!(target_columns(&table, Some(&list(&["c", "a"])), true).unwrap(), [2, 0]);
    for (names, explicit) in [(&["a"][..], false), (&["b"], true), (&["b", "b"], false), (&["x"], false)] {
        assert!(target_columns(&table, Some(&list(names)), explicit).is_err(), "{names:?}");
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let refused = |format, set: fn(&mut CopyOptions)| {
        let mut options = CopyOptions::new(format);
        set(&mut options);
        assert_eq!(options.validate(format).unwrap_err().kind(), Kind::Invalid);
    };
    refused(Format::Csv, |options| options.delimiter = b"\"".to_vec());
    refused(Format::Csv, |options| options.delimiter = b"ab".to_vec());
    refused(Format::Csv, |options| options.remove_quotes = true);
    refused(Format::Delimited, |options| options.delimiter = Vec::new());
    refused(Format::Delimited, |options| options.null = Some(b"\n".to_vec()));
    refused(Format::Delimited, |options| options.escape = Some(b'|'));
    refused(Format::Parquet, |options| options.skip_records = 1);
    refused(Format::Parquet, |options| options.compression = Compression::Gzip);
    refused(Format::Json { ignore_case: false }, |options| options.fill_record = true);
    refused(Format::Csv, |options| options.replace_invalid = Some(b'\n'));
}

#[test]
fn checking_without_loading_takes_no_identity_values() {
    let mut load = Load::new(Format::Csv, &[ColumnType::Int64, INT]).not_null(0);
    load.targets = Some(vec![1]);
    let reserve: ReserveIdentity = Arc::new(|_count| Err(Error::internal("nothing may be reserved")));
    load.fills = vec![Fill::Identity { step: 1, reserve }, Fill::Null];
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    sender.try_send(Ok("7\n8\n".into())).unwrap();
    drop(sender);
    let (job, _) = load.job(Input::Upload(receiver));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(job.run_into(vec![Discard])).unwrap().0.rows, 2);
}
