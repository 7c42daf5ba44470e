//! The meaning of COPY's options.

use stoa_ingest::{
    Compression, CopyOptions, DateFormat, ExportFormat, ExportOptions, Format, Rounding, TimeFormat, Zone,
};

use crate::error::{SqlError, SqlState};
use crate::statement::copy::{CopyOption, OptionValue};

/// What the options of COPY FROM say.
pub(super) struct Import {
    pub(super) format: Format,
    pub(super) options: CopyOptions,
    pub(super) manifest: bool,
    pub(super) region: Option<String>,
    pub(super) no_load: bool,
    pub(super) explicit_ids: bool,
}

/// Settles the options of COPY FROM.
pub(super) fn import(options: &[CopyOption], from_stdin: bool, time_zone: &str) -> Result<Import, SqlError> {
    no_repetition(options)?;
    let format = format(options, from_stdin)?;
    let mut import = Import {
        format,
        options: CopyOptions::new(format),
        manifest: false,
        region: None,
        no_load: false,
        explicit_ids: false,
    };
    import.options.time_zone = Zone::parse(time_zone)?;
    for option in options {
        apply(option, &mut import)?;
    }
    import.options.validate(format)?;
    Ok(import)
}

fn no_repetition(options: &[CopyOption]) -> Result<(), SqlError> {
    for (index, option) in options.iter().enumerate() {
        if options.iter().take(index).any(|earlier| earlier.name == option.name) {
            return Err(SqlError::syntax(format!("conflicting or redundant option {}", option.name)));
        }
    }
    Ok(())
}

/// STDIN speaks Postgres, files speak Redshift.
fn format(options: &[CopyOption], from_stdin: bool) -> Result<Format, SqlError> {
    let mut found: Option<Format> = None;
    for option in options {
        let this = match (option.name, text(&option.value)) {
            ("FORMAT", Some(name)) => named_format(name, from_stdin)?,
            ("CSV", _) => csv(from_stdin),
            ("JSON", argument) => json(argument)?,
            ("PARQUET", _) => Format::Parquet,
            ("TEXT", _) => Format::PostgresText,
            ("BINARY", _) => return Err(SqlError::unsupported("COPY in binary format")),
            _ => continue,
        };
        if found.replace(this).is_some_and(|other| other != this) {
            return Err(SqlError::syntax("COPY takes one format only"));
        }
    }
    Ok(found.unwrap_or(if from_stdin { Format::PostgresText } else { Format::Delimited }))
}

fn csv(from_stdin: bool) -> Format {
    if from_stdin { Format::PostgresCsv } else { Format::Csv }
}

fn named_format(name: &str, from_stdin: bool) -> Result<Format, SqlError> {
    match name.to_ascii_lowercase().as_str() {
        "csv" => Ok(csv(from_stdin)),
        "text" if from_stdin => Ok(Format::PostgresText),
        "text" => Ok(Format::Delimited),
        "parquet" => Ok(Format::Parquet),
        "json" => Ok(Format::Json { ignore_case: false }),
        "binary" => Err(SqlError::unsupported("COPY in binary format")),
        other => Err(SqlError::new(SqlState::InvalidParameterValue, format!("COPY format \"{other}\" not recognized"))),
    }
}

fn json(argument: Option<&str>) -> Result<Format, SqlError> {
    match argument.unwrap_or("auto").to_ascii_lowercase().as_str() {
        "auto" => Ok(Format::Json { ignore_case: false }),
        "auto ignorecase" => Ok(Format::Json { ignore_case: true }),
        "noshred" => Err(SqlError::unsupported("JSON 'noshred'")),
        _ => Err(SqlError::unsupported("JSON with a file of paths")),
    }
}

fn text(value: &OptionValue) -> Option<&str> {
    match value {
        OptionValue::Text(text) => Some(text),
        OptionValue::None | OptionValue::Number(_) | OptionValue::Names(_) => None,
    }
}

fn apply(option: &CopyOption, import: &mut Import) -> Result<(), SqlError> {
    let CopyOption { name, value, parenthesised } = option;
    let string = text(value).unwrap_or_default();
    let options = &mut import.options;
    match *name {
        "DELIMITER" => options.delimiter = delimiter(string)?,
        "NULL" => options.null = Some(string.replace("\\0", "\0").into_bytes()),
        "QUOTE" => options.quote = byte(name, string)?,
        "ESCAPE" if string.is_empty() => options.escape = Some(b'\\'),
        "ESCAPE" => options.escape = Some(byte(name, string)?),
        "HEADER" => options.skip_records = header(string)?,
        "IGNOREHEADER" => options.skip_records = count(name, value)?,
        "MAXERROR" => options.max_errors = count(name, value)?,
        "IGNOREALLERRORS" => options.max_errors = u64::MAX,
        "GZIP" => options.compression = Compression::Gzip,
        "ZSTD" => options.compression = Compression::Zstd,
        "DATEFORMAT" => options.date_format = DateFormat::parse(string)?,
        "TIMEFORMAT" => options.time_format = TimeFormat::parse(string)?,
        "ACCEPTINVCHARS" => options.replace_invalid = Some(if string.is_empty() { b'?' } else { byte(name, string)? }),
        "BLANKSASNULL" => options.blanks_as_null = true,
        "EMPTYASNULL" => options.empty_as_null = true,
        "TRUNCATECOLUMNS" => options.truncate_columns = true,
        "TRIMBLANKS" => options.trim_blanks = true,
        "FILLRECORD" => options.fill_record = true,
        "IGNOREBLANKLINES" => options.ignore_blank_lines = true,
        "REMOVEQUOTES" => options.remove_quotes = true,
        "ROUNDEC" => options.rounding = Rounding::HalfAway,
        "ACCEPTANYDATE" => options.accept_any_date = true,
        "EXPLICIT_IDS" => import.explicit_ids = true,
        "MANIFEST" => import.manifest = true,
        "REGION" => import.region = Some(string.to_owned()),
        "NOLOAD" => import.no_load = true,
        "ENCODING" => encoding(string)?,
        // Encodings are chosen and statistics kept on every write, and nothing else can be asked for.
        "COMPUPDATE" | "STATUPDATE" | "COMPROWS" | "PARALLEL" => {}
        "FORMAT" | "CSV" | "JSON" | "PARQUET" | "TEXT" => {}
        // Buckets are opened with the server's own credentials.
        "IAM_ROLE" if string.eq_ignore_ascii_case("default") => {}
        "IAM_ROLE" | "CREDENTIALS" | "ACCESS_KEY_ID" | "SECRET_ACCESS_KEY" | "SESSION_TOKEN" => {
            return Err(SqlError::unsupported(format!("COPY … {name}")).with_hint(
                "Buckets are read with the credentials of the server; leave the clause out or say IAM_ROLE default.",
            ));
        }
        "FREEZE" if !*parenthesised || string.eq_ignore_ascii_case("false") => {}
        "ON_ERROR" if string.eq_ignore_ascii_case("stop") => {}
        "ON_ERROR" if string.eq_ignore_ascii_case("ignore") => options.max_errors = u64::MAX,
        other => return Err(SqlError::unsupported(format!("COPY … {other}"))),
    }
    Ok(())
}

fn encoding(name: &str) -> Result<(), SqlError> {
    match name.to_ascii_uppercase().replace(['-', '_'], "").as_str() {
        "UTF8" | "UNICODE" => Ok(()),
        _ => Err(SqlError::unsupported(format!("COPY … ENCODING {name}"))),
    }
}

/// One or several bytes; `\t` and octal escapes as Redshift writes them.
fn delimiter(text: &str) -> Result<Vec<u8>, SqlError> {
    match text {
        "" => Err(SqlError::new(SqlState::InvalidParameterValue, "COPY delimiter must not be empty")),
        "\\t" => Ok(b"\t".to_vec()),
        _ => match text.strip_prefix('\\').and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => Ok(vec![byte]),
            None => Ok(text.as_bytes().to_vec()),
        },
    }
}

fn byte(name: &str, text: &str) -> Result<u8, SqlError> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        _ => Err(SqlError::new(
            SqlState::InvalidParameterValue,
            format!("COPY {} must be a single one-byte character", name.to_lowercase()),
        )),
    }
}

fn count(name: &str, value: &OptionValue) -> Result<u64, SqlError> {
    match value {
        OptionValue::Number(number) => u64::try_from(*number)
            .ok()
            .ok_or_else(|| SqlError::new(SqlState::InvalidParameterValue, format!("{name} must not be negative"))),
        OptionValue::None | OptionValue::Text(_) | OptionValue::Names(_) => {
            Err(SqlError::syntax(format!("{name} needs a number")))
        }
    }
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "" | "true" | "on" | "1" => Some(true),
        "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn header(text: &str) -> Result<u64, SqlError> {
    if text.eq_ignore_ascii_case("match") {
        return Err(SqlError::unsupported("COPY … HEADER MATCH"));
    }
    let on = flag(text).ok_or_else(|| SqlError::syntax("header requires a Boolean value or \"match\""))?;
    Ok(on.into())
}

/// Settles the options of COPY TO STDOUT.
pub(super) fn export(options: &[CopyOption]) -> Result<ExportOptions, SqlError> {
    no_repetition(options)?;
    let is_csv = options.iter().any(|option| {
        option.name == "CSV"
            || (option.name == "FORMAT" && text(&option.value).is_some_and(|name| name.eq_ignore_ascii_case("csv")))
    });
    let mut export = ExportOptions::new(if is_csv { ExportFormat::Csv } else { ExportFormat::Text });
    for option in options {
        let string = text(&option.value).unwrap_or_default();
        match option.name {
            "CSV" | "TEXT" => {}
            "FORMAT" if is_csv || string.eq_ignore_ascii_case("text") => {}
            "FORMAT" | "BINARY" => {
                return Err(SqlError::unsupported(format!("COPY TO in format {}", string.to_lowercase())));
            }
            "DELIMITER" => export.delimiter = one(&delimiter(string)?)?,
            "NULL" => export.null = string.as_bytes().to_vec(),
            "HEADER" => export.header = header(string)? > 0,
            "QUOTE" if is_csv => export.quote = byte(option.name, string)?,
            "ESCAPE" if is_csv => export.escape = byte(option.name, string)?,
            "FORCE_QUOTE" if is_csv && option.value == OptionValue::Names(vec!["*".to_owned()]) => {
                export.force_quote = true;
            }
            "ENCODING" => encoding(string)?,
            other => return Err(SqlError::unsupported(format!("COPY TO … {other}"))),
        }
    }
    if options.iter().any(|option| option.name == "QUOTE") && !options.iter().any(|option| option.name == "ESCAPE") {
        export.escape = export.quote;
    }
    Ok(export)
}

fn one(bytes: &[u8]) -> Result<u8, SqlError> {
    match bytes {
        [byte] => Ok(*byte),
        _ => Err(SqlError::new(SqlState::InvalidParameterValue, "COPY delimiter must be a single one-byte character")),
    }
}
