//! How values of each type are written.

use crate::common::*;
use stoa_ingest::parse::*;
use stoa_ingest::*;
use stoa_storage::ColumnType;

#[track_caller]
fn takes(column_type: ColumnType, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let loaded = Load::new(Format::PostgresText, &[column_type]).text(format!("{text}\n"));
        assert_eq!(loaded.rows, [[(*expected).to_owned()]], "{text}");
    }
}

#[track_caller]
fn refuses(column_type: ColumnType, cases: &[&str]) {
    for text in cases {
        let load = Load::new(Format::PostgresText, &[column_type]);
        assert_eq!(load.try_text(format!("{text}\n")).unwrap_err().kind(), Kind::Rejected, "{text}");
    }
}

#[test]
fn integers() {
    takes(ColumnType::Int16, &[("-32768", "-32768"), (" +7 ", "7"), ("007", "7")]);
    takes(ColumnType::Int64, &[("-9223372036854775808", "-9223372036854775808"), ("0000000000000000000001", "1")]);
    refuses(ColumnType::Int32, &["", "-", "+", "1 2", "0x1", "1e3", "१"]);
}

#[test]
fn decimals() {
    takes(
        decimal(18, 4),
        &[
            ("1", "1.0000"),
            ("-.5", "-0.5000"),
            ("5.", "5.0000"),
            ("1.5e2", "150.0000"),
            ("25e-1", "2.5000"),
            ("+0.00005", "0.0001"),
        ],
    );
    takes(decimal(38, 2), &[("-123456789012345678901234567890123456.78", "-123456789012345678901234567890123456.78")]);
    takes(decimal(3, 0), &[("999.4", "999"), ("1e-100000000000", "0"), ("0e99999", "0")]);
    refuses(decimal(3, 0), &["999.5", ".", "", "-", "1e", "e1", "NaN", "1,5", "--1"]);
}

#[test]
fn floats_and_booleans() {
    takes(
        ColumnType::Float64,
        &[
            ("1.5", "1.5"),
            ("-1e-3", "-0.001"),
            ("NaN", "NaN"),
            ("-Infinity", "-inf"),
            ("inf", "inf"),
            ("0e-999", "0.0"),
        ],
    );
    refuses(ColumnType::Float64, &["", "1.5x", "0x1p3", "1_0"]);
    takes(
        ColumnType::Bool,
        &[
            ("t", "true"),
            ("TRUE", "true"),
            ("yes", "true"),
            ("1", "true"),
            ("on", "true"),
            ("f", "false"),
            ("No", "false"),
            ("of", "false"),
            ("0", "false"),
        ],
    );
    refuses(ColumnType::Bool, &["", "o", "2", "truely", "nope"]);
}

#[test]
fn dates() {
    let day = "1999-01-08";
    for text in [
        "1999-01-08",
        "January 8, 1999",
        "1/8/1999",
        "01/08/99",
        "1999-Jan-08",
        "Jan-08-1999",
        "08-Jan-1999",
        "19990108",
        "990108",
        "1999.008",
        "J2451187",
        "1999/1/8",
        "1999-01-08 23:59:59+05",
        "1999-01-08T01:02",
    ] {
        takes(ColumnType::Date, &[(text, day)]);
    }
    takes(ColumnType::Date, &[("2000-02-29", "2000-02-29"), ("0001-01-01", "0001-01-01")]);
    refuses(
        ColumnType::Date,
        &["", "1999", "1999-02-29", "1999-13-01", "0000-00-00", "13/13/1999", "tomorrow", "1999-01", "1999-01-08x"],
    );
}

#[test]
fn times() {
    takes(
        ColumnType::Time,
        &[
            ("04:05", "04:05:00"),
            ("04:05:06.789", "04:05:06.789"),
            ("040506", "04:05:06"),
            ("04:05 PM", "16:05:00"),
            ("12:00 am", "00:00:00"),
        ],
    );
    refuses(ColumnType::Time, &["", "24:01", "04:60", "13:00 pm", "x"]);
}

#[test]
fn timestamps() {
    let at = "2001-02-03T04:05:06";
    for text in [
        "2001-02-03 04:05:06",
        "2001-02-03T04:05:06",
        "2001-02-03T04:05:06Z",
        "2/3/2001 04:05:06",
        "20010203T040506",
        "Feb 3, 2001 4:05:06 am",
        "2001-02-03 04:05:06 Europe/Berlin",
    ] {
        takes(ColumnType::Timestamp, &[(text, at)]);
    }
    takes(
        ColumnType::Timestamp,
        &[("2001-02-03", "2001-02-03T00:00:00"), ("2001-02-03 04:05:06.1234567", "2001-02-03T04:05:06.123457")],
    );
    takes(
        ColumnType::TimestampTz,
        &[
            ("2001-02-03 04:05:06", "2001-02-03T04:05:06Z"),
            ("2001-02-03 04:05:06+02", "2001-02-03T02:05:06Z"),
            ("2001-02-03 04:05:06-0530", "2001-02-03T09:35:06Z"),
            ("2001-07-03 04:05:06 europe/berlin", "2001-07-03T02:05:06Z"),
            ("2001-02-03T04:05:06.5 EST", "2001-02-03T09:05:06.500Z"),
        ],
    );
    refuses(
        ColumnType::Timestamp,
        &["", "2001-02-03 25:00", "2001-02-03 04:05:06 Nowhere/City", "2001-02-03 04:05:06 UTC UTC", "infinity"],
    );
    let load = Load::new(Format::PostgresCsv, &[ColumnType::TimestampTz])
        .with(|options| options.time_zone = Zone::parse("America/New_York").unwrap());
    check(
        &load.text("2001-07-03 00:00:00\n2001-07-03 00:00:00+00\n"),
        &[["2001-07-03T04:00:00Z"], ["2001-07-03T00:00:00Z"]],
    );
}

#[test]
fn every_day_of_four_centuries_is_read_back() {
    let mut expected = parse_date(b"1799-12-31", &DateFormat::Auto).unwrap();
    for year in 1800..2200 {
        for month in 1..=12 {
            for day in 1..=31 {
                if let Ok(days) = parse_date(format!("{year}-{month:02}-{day:02}").as_bytes(), &DateFormat::Auto) {
                    expected += 1;
                    assert_eq!(days, expected);
                }
            }
        }
    }
    assert_eq!(expected, parse_date(b"2199-12-31", &DateFormat::Auto).unwrap());
    assert_eq!(parse_date(b"1970-01-01", &DateFormat::Auto), Ok(0));
}

#[test]
fn intervals() {
    let parts = |text: &str| parse_interval(text.as_bytes()).map(|value| (value.months, value.days, value.nanoseconds));
    let hour = 3_600_000_000_000;
    assert_eq!(parts("1 year 2 mons 3 days 04:00:00"), Ok((14, 3, 4 * hour)));
    assert_eq!(parts("P1Y2M3DT4H"), Ok((14, 3, 4 * hour)));
    assert_eq!(parts("-1 days +02:00"), Ok((0, -1, 2 * hour)));
    assert_eq!(parts("1.5 months 1.5 days"), Ok((1, 16, 12 * hour)));
    assert_eq!(parts("2 weeks ago"), Ok((0, -14, 0)));
    assert_eq!(parts("90"), Ok((0, 0, 90_000_000_000)));
    for text in ["", "P", "1 fortnight", "one day", "1:2:3:4", "99999999999 years", "days"] {
        assert!(parts(text).is_err(), "{text}");
    }
}

#[test]
fn byte_strings() {
    takes(ColumnType::Bytes, &[("\\\\x00ff", "00ff"), ("a\\\\\\\\b\\\\001", "615c6201")]);
    refuses(ColumnType::Bytes, &["\\\\x0", "\\\\xzz", "\\\\9"]);
    check(&Load::new(Format::Csv, &[ColumnType::Bytes]).text("00FF\n"), &[["00ff"]]);
}
