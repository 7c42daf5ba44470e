//! The forms of text: delimited, CSV, Postgres's text, JSON.

use crate::common::*;
use stoa_ingest::*;

#[test]
fn delimited_text_has_bars_and_may_end_lines_with_one() {
    let load = || Load::new(Format::Delimited, &[INT, TEXT, decimal(15, 2)]);
    let expected = [["1", "one", "1.50"], ["2", "zwei", "-2.00"]];
    check(&load().text("1|one|1.5\n2|zwei|-2\n"), &expected);
    check(&load().text("1|one|1.5|\n2|zwei|-2|\n"), &expected);
    check(&load().text("1|one|1.5\r\n2|zwei|-2"), &expected);
}

#[test]
fn redshift_nulls_are_backslash_n_and_empty_fields_of_typed_columns() {
    let loaded = Load::new(Format::Delimited, &[INT, TEXT]).text("\\N|\\N\n|\n  |  \n");
    check(&loaded, &[[NULL, NULL], [NULL, ""], [NULL, "  "]]);
}

#[test]
fn csv_quotes_hold_delimiters_line_feeds_and_quotes() {
    let loaded =
        Load::new(Format::Csv, &[TEXT, TEXT]).text("\"a,b\",\"c\nd\"\r\n\"say \"\"hi\"\"\",\"\"\nx\"y,z\"w,plain\n");
    check(&loaded, &[["a,b", "c\nd"], ["say \"hi\"", ""], ["xy,zw", "plain"]]);
}

#[test]
fn csv_with_an_escape_of_its_own() {
    let load = Load::new(Format::PostgresCsv, &[TEXT, TEXT]).with(|options| options.escape = Some(b'\\'));
    check(&load.text("\"a\\\"b\\\\\",\"c\\d\"\n"), &[["a\"b\\", "c\\d"]]);
}

#[test]
fn postgres_csv_tells_empty_from_quoted_empty() {
    let loaded = Load::new(Format::PostgresCsv, &[TEXT, INT]).text(",\n\"\",1\n");
    check(&loaded, &[[NULL, NULL], ["", "1"]]);
    let error = Load::new(Format::PostgresCsv, &[TEXT, INT]).try_text("x,\"\"\n").unwrap_err();
    assert_eq!(error.message(), "invalid input syntax for type integer: \"\"");
}

#[test]
fn postgres_text_has_escapes_and_an_end_marker() {
    let text = "a\\tb\t\\N\n\\\\N\t1\n\\x41\\102\\n\t2\nline\\\nfeed\t3\n\\.\nignored\n";
    let loaded = Load::new(Format::PostgresText, &[TEXT, INT]).text(text);
    check(&loaded, &[["a\tb", NULL], ["\\N", "1"], ["AB\n", "2"], ["line\nfeed", "3"]]);
}

#[test]
fn redshift_escape_makes_the_next_byte_data() {
    let load = Load::new(Format::Delimited, &[TEXT, TEXT]).with(|options| options.escape = Some(b'\\'));
    check(&load.text("a\\|b|c\\\\\n\\N|d\\\ne\n"), &[["a|b", "c\\"], [NULL, "d\ne"]]);
}

#[test]
fn remove_quotes_follows_redshifts_examples() {
    let load = || Load::new(Format::Delimited, &[TEXT]).with(|options| options.remove_quotes = true);
    let text = "\"The delimiter is a pipe (|) character\"\n'Black'\nWhite\nBlue'\n' ''Black'' '\n";
    let expected = [["The delimiter is a pipe (|) character"], ["Black"], ["White"], ["Blue'"], [" ''Black'' "]];
    check(&load().text(text), &expected);
    assert_eq!(load().try_text("'Blue\n").unwrap_err().rejected()[0].code, 1216);
}

#[test]
fn delimiters_of_several_bytes() {
    let load = Load::new(Format::Delimited, &[TEXT, INT]).with(|options| options.delimiter = b"|~|".to_vec());
    check(&load.text("a|b|~|1\n~|~|2\n"), &[["a|b", "1"], ["~", "2"]]);
}

#[test]
fn json_lines_match_keys_with_columns() {
    let load = || Load::new(Format::Json { ignore_case: false }, &[INT, TEXT, TEXT]);
    let text = "{\"b\":\"x\\ny\\u00e9\\ud83d\\ude00\",\"a\":1}\n\n {\"c\": [1, {\"d\": \"}\"}], \"A\": 7, \"z\": null}\n{\"a\": null, \"b\": true}\n{}";
    check(
        &load().text(text),
        &[["1", "x\nyé😀", NULL], [NULL, NULL, "[1, {\"d\": \"}\"}]"], [NULL, "true", NULL], [NULL, NULL, NULL]],
    );
    let load = Load::new(Format::Json { ignore_case: true }, &[INT, TEXT]);
    check(&load.text("{\"A\":1,\"B\":\"x\"}"), &[["1", "x"]]);
}

#[test]
fn json_objects_may_spread_over_lines() {
    let load = Load::new(Format::Json { ignore_case: false }, &[INT, TEXT]);
    check(
        &load.text("{\n  \"a\": 1,\n  \"b\": \"}{\"\n}\n{\n\"a\": 2 }{\"a\":3}"),
        &[["1", "}{"], ["2", NULL], ["3", NULL]],
    );
}

#[test]
fn byte_order_marks_are_dropped_and_utf16_refused() {
    check(&Load::new(Format::Csv, &[INT]).text("\u{feff}1\n"), &[["1"]]);
    let error = Load::new(Format::Csv, &[INT]).try_text([0xff, 0xfe, b'1', 0]).unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
}

/// Cuts the same text into chunks of every size: the rows must not depend on it.
#[test]
fn chunks_may_end_anywhere() {
    let cases: [(Format, Option<u8>, &str); 6] = [
        (Format::Delimited, None, "1|a\n22|bb\n\n333|ccc|\n4|"),
        (Format::Delimited, Some(b'\\'), "1|a\\\nb\\\\\n2|\\|\\\\\\\n\n3|c"),
        (Format::Csv, None, "1,\"a\nb\"\n2,\"\"\"\n\"\"\"\n3,\"c,\"\n4,x\"\n\"y"),
        (Format::PostgresCsv, Some(b'\\'), "1,\"a\n\\\"b\"\n2,\"\\\\\"\n3,\"\n\\\\\\\"\n\"\n"),
        (Format::PostgresText, None, "1\ta\\\nb\n2\t\\\\\n3\tc\n\\.\n4\td\n"),
        (Format::Json { ignore_case: false }, None, "{\"a\":1,\n\"b\":\"}\\\"{\"}\n{\"a\":2}{\"a\":3,\"b\":\"x\\\\\"}"),
    ];
    for (format, escape, text) in cases {
        let load = |chunk_bytes: usize| {
            Load::new(format, &[INT, TEXT])
                .with(|options| {
                    options.escape = escape.or(options.escape);
                    options.ignore_blank_lines = true;
                    options.chunk_bytes = chunk_bytes;
                })
                .text(text)
        };
        let whole = load(usize::MAX);
        assert!(whole.rows.len() >= 3, "{format:?}");
        for chunk_bytes in 1..=text.len() {
            let pieces = load(chunk_bytes);
            assert_eq!(pieces.rows, whole.rows, "{format:?} in chunks of {chunk_bytes}");
        }
    }
}

/// The mask-based splitter works on blocks of 64 bytes: shift the interesting part over all places of a block.
#[test]
fn fields_may_lie_anywhere_in_a_block() {
    for shift in 0..140 {
        let filler = "x".repeat(shift);
        let text = format!("{filler},\"a,\"\"b\n\"\"\"\n\"\",{filler}\n");
        let loaded = Load::new(Format::Csv, &[TEXT, TEXT]).text(text);
        check(&loaded, &[[filler.as_str(), "a,\"b\n\""], ["", filler.as_str()]]);
        let text = format!("{filler}\\|\\\\|\\\n\n");
        let load = Load::new(Format::Delimited, &[TEXT, TEXT]).with(|options| options.escape = Some(b'\\'));
        check(&load.text(text), &[[format!("{filler}|\\").as_str(), "\n"]]);
    }
}
