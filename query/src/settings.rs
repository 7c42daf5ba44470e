//! Settings of a session: one table declares each once.
//!
//! Names are those of Postgres and Redshift, because clients set them on connect. A setting that Stoa merely stores says so
//! in its description. Settings of the query engine are not among them and cannot be reached through SET.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::{SqlError, SqlState};

/// What values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// on, off, true, false, yes, no, 1, 0.
    Bool,
    /// An integer of that range.
    Int(i64, i64),
    /// Milliseconds, or a number with a unit.
    Duration,
    /// Anything.
    Text,
    /// A list of names.
    Names,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A time zone.
    TimeZone,
    /// `ISO` with an optional field order.
    DateStyle,
    /// `UTF8` in its spellings.
    Encoding,
    /// Cannot be set.
    ReadOnly,
}

/// One setting's declaration.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name in its canonical spelling.
    pub name: &'static str,
    /// Values.
    pub kind: SettingKind,
    /// Value in a new session.
    pub default: &'static str,
    /// Whether changes are reported to the client (ParameterStatus).
    pub reported: bool,
    /// One line of documentation.
    pub doc: &'static str,
}

/// `name: kind = default, doc;`, with `reported` before the name where clients are told.
macro_rules! settings {
    (@reported reported) => { true };
    (@reported) => { false };
    ($($($reported:ident)? [$name:literal: $kind:expr, $default:literal] $doc:literal;)*) => {
        /// Every setting, ordered as declared.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            name: $name, kind: $kind, default: $default, reported: settings!(@reported $($reported)?), doc: $doc,
        },)*];
    };
}

const MESSAGE_LEVELS: &[&str] =
    &["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error", "info"];
const ISOLATION_LEVELS: &[&str] =
    &["serializable", "repeatable read", "read committed", "read uncommitted", "snapshot"];

settings! {
    reported ["server_version": SettingKind::ReadOnly, "16.6"] "Version of Postgres whose dialect and catalog are spoken.";
    ["server_version_num": SettingKind::ReadOnly, "160006"] "The same as a number.";
    reported ["server_encoding": SettingKind::ReadOnly, "UTF8"] "Encoding of stored text.";
    reported ["client_encoding": SettingKind::Encoding, "UTF8"] "Encoding of text sent to the client; only UTF8.";
    reported ["DateStyle": SettingKind::DateStyle, "ISO, MDY"] "Format of dates; only ISO.";
    reported ["TimeZone": SettingKind::TimeZone, "UTC"] "Time zone in which timestamps with time zone are shown and read.";
    reported ["IntervalStyle": SettingKind::Word(&["postgres"]), "postgres"] "Format of intervals.";
    reported ["integer_datetimes": SettingKind::ReadOnly, "on"] "Timestamps are integers.";
    reported ["standard_conforming_strings": SettingKind::Word(&["on"]), "on"] "Backslashes in plain literals are characters.";
    reported ["application_name": SettingKind::Text, ""] "Name of the client program, shown in pg_stat_activity.";
    reported ["is_superuser": SettingKind::ReadOnly, "off"] "Whether the user passes every check.";
    reported ["session_authorization": SettingKind::ReadOnly, ""] "The user of the session.";
    reported ["in_hot_standby": SettingKind::ReadOnly, "off"] "Whether this is a standby.";
    reported ["default_transaction_read_only": SettingKind::Bool, "off"] "Whether new transactions refuse writes.";
    reported ["search_path": SettingKind::Names, "\"$user\", public"] "Schemas in which unqualified names are looked up.";
    ["statement_timeout": SettingKind::Duration, "0"] "Time after which a statement is cancelled; 0 is never.";
    ["lock_timeout": SettingKind::Duration, "0"] "Stored only: nothing waits for a lock.";
    ["idle_in_transaction_session_timeout": SettingKind::Duration, "0"] "Stored only.";
    ["idle_session_timeout": SettingKind::Duration, "0"] "Stored only.";
    ["extra_float_digits": SettingKind::Int(-15, 3), "1"] "Digits of floats; above 0 the shortest exact form.";
    ["bytea_output": SettingKind::Word(&["hex"]), "hex"] "Format of byte strings.";
    ["client_min_messages": SettingKind::Word(MESSAGE_LEVELS), "notice"] "Least severity of messages that are sent.";
    ["query_group": SettingKind::Text, ""] "Label of the statements that follow, in the query history.";
    ["wlm_query_slot_count": SettingKind::Int(1, 50), "1"] "Stored only.";
    ["enable_result_cache_for_session": SettingKind::Bool, "on"] "Stored only: results are not cached.";
    ["enable_case_sensitive_identifier": SettingKind::Word(&["off", "false"]), "off"] "Quoted names keep their case always.";
    ["describe_field_name_in_uppercase": SettingKind::Word(&["off", "false"]), "off"] "Column names in results are as declared.";
    ["datestyle_order": SettingKind::ReadOnly, "MDY"] "Order of fields in ambiguous dates.";
    ["transaction_isolation": SettingKind::Word(ISOLATION_LEVELS), "repeatable read"] "Every transaction runs on one snapshot.";
    ["default_transaction_isolation": SettingKind::Word(ISOLATION_LEVELS), "repeatable read"] "Every transaction runs on one snapshot.";
    ["transaction_read_only": SettingKind::Bool, "off"] "Whether the transaction refuses writes.";
    ["transaction_deferrable": SettingKind::Bool, "off"] "Stored only.";
    ["default_transaction_deferrable": SettingKind::Bool, "off"] "Stored only.";
    ["row_security": SettingKind::Bool, "on"] "Stored only: there are no row policies.";
    ["check_function_bodies": SettingKind::Bool, "on"] "Stored only.";
    ["xmloption": SettingKind::Word(&["content", "document"]), "content"] "Stored only.";
    ["default_table_access_method": SettingKind::Text, "columnar"] "Stored only.";
    ["default_tablespace": SettingKind::Text, ""] "Stored only.";
    ["synchronize_seqscans": SettingKind::Bool, "off"] "Stored only.";
    ["synchronous_commit": SettingKind::Word(&["on", "local", "remote_write", "remote_apply"]), "on"] "A commit is durable when it is answered.";
    ["jit": SettingKind::Bool, "off"] "Stored only.";
    ["geqo": SettingKind::Bool, "off"] "Stored only.";
    ["max_identifier_length": SettingKind::ReadOnly, "127"] "Length of names in bytes.";
    ["max_index_keys": SettingKind::ReadOnly, "32"] "Columns of a declared key.";
    ["lc_collate": SettingKind::ReadOnly, "C"] "Text is ordered by its bytes.";
    ["lc_ctype": SettingKind::ReadOnly, "C.UTF-8"] "Classes of characters are those of Unicode.";
    ["lc_messages": SettingKind::Text, "C"] "Stored only.";
    ["lc_monetary": SettingKind::Text, "C"] "Stored only.";
    ["lc_numeric": SettingKind::Text, "C"] "Stored only.";
    ["lc_time": SettingKind::Text, "C"] "Stored only.";
    ["ssl": SettingKind::ReadOnly, "on"] "Whether the server offers TLS.";
    ["password_encryption": SettingKind::Word(&["scram-sha-256"]), "scram-sha-256"] "How passwords are kept.";
    ["escape_string_warning": SettingKind::Bool, "on"] "Stored only.";
    ["array_nulls": SettingKind::Bool, "on"] "NULL in array literals is null.";
    ["autocommit": SettingKind::Word(&["on"]), "on"] "Statements outside of a block commit by themselves.";
    ["timezone_abbreviations": SettingKind::Text, "Default"] "Stored only.";
    ["max_connections": SettingKind::ReadOnly, "500"] "Greatest number of sessions.";
    ["default_text_search_config": SettingKind::Text, "pg_catalog.simple"] "Stored only.";
    ["analyze_threshold_percent": SettingKind::Int(0, 100), "10"] "Stored only: statistics are kept on write.";
    ["mv_enable_aqmv_for_session": SettingKind::Bool, "off"] "Stored only.";
}

/// The declaration of a setting; names are not case-sensitive.
pub(crate) fn declared(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name.eq_ignore_ascii_case(name))
}

/// The values of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Lower-case name → value as SHOW prints it. Declared settings are always present.
    values: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        let values = SETTINGS.iter().map(|setting| (setting.name.to_ascii_lowercase(), setting.default.to_owned()));
        Self { values: values.collect() }
    }
}

impl Settings {
    /// The value as SHOW prints it; `None` when there is no such setting (or custom name).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// Names and values in order of name; declared names in their canonical spelling.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(name, value)| (declared(name).map_or(name.as_str(), |setting| setting.name), value.as_str()))
    }

    /// Sets a value as SET does: checked and normalised.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), SqlError> {
        let value = normalise(name, value)?;
        self.values.insert(name.to_ascii_lowercase(), value);
        Ok(())
    }

    /// Sets a value that only the session itself may set (`is_superuser`); not checked.
    pub(crate) fn force(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_ascii_lowercase(), value.to_owned());
    }

    /// Back to the value in `defaults`; custom names disappear unless they are there.
    pub(crate) fn reset(&mut self, name: &str, defaults: &Self) -> Result<(), SqlError> {
        let key = name.to_ascii_lowercase();
        match defaults.values.get(&key) {
            Some(value) => self.values.insert(key, value.clone()),
            None if key.contains('.') => self.values.remove(&key),
            None => return Err(unrecognised(name)),
        };
        Ok(())
    }

    /// Puts an earlier value back; `None` removes a custom name.
    pub(crate) fn restore(&mut self, name: &str, value: Option<String>) {
        match value {
            Some(value) => self.values.insert(name.to_owned(), value),
            None => self.values.remove(name),
        };
    }

    /// `statement_timeout`; `None` when switched off.
    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        let millis = parse_duration(self.get("statement_timeout")?).ok()?;
        (millis > 0).then(|| Duration::from_millis(millis))
    }

    /// The session's time zone.
    pub(crate) fn time_zone(&self) -> &str {
        self.get("timezone").unwrap_or("UTC")
    }

    /// `search_path` as a list of names, `$user` replaced.
    pub(crate) fn search_path(&self, user: &str) -> Vec<String> {
        let names = split_names(self.get("search_path").unwrap_or_default());
        names.into_iter().map(|name| if name == "$user" { user.to_owned() } else { name }).collect()
    }

    /// Whether a setting is on.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.get(name) == Some("on")
    }
}

/// 42704.
pub(crate) fn unrecognised(name: &str) -> SqlError {
    SqlError::new(SqlState::UndefinedObject, format!("unrecognized configuration parameter \"{name}\""))
}

/// Checks a value and gives it the form that SHOW prints.
pub(crate) fn normalise(name: &str, value: &str) -> Result<String, SqlError> {
    let Some(setting) = declared(name) else {
        return if is_custom(name) { Ok(value.to_owned()) } else { Err(unrecognised(name)) };
    };
    let wrong = || {
        SqlError::new(
            SqlState::InvalidParameterValue,
            format!("invalid value for parameter \"{}\": \"{value}\"", setting.name),
        )
    };
    match setting.kind {
        SettingKind::ReadOnly => Err(SqlError::new(
            SqlState::CannotChangeRuntimeParameter,
            format!("parameter \"{}\" cannot be changed", setting.name),
        )),
        SettingKind::Text => Ok(value.to_owned()),
        SettingKind::Bool => parse_bool(value).map(|on| if on { "on" } else { "off" }.to_owned()).ok_or_else(wrong),
        SettingKind::Int(least, most) => match value.trim().parse::<i64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number.to_string()),
            Ok(number) => Err(SqlError::new(
                SqlState::InvalidParameterValue,
                format!("{number} is outside the valid range for parameter \"{}\" ({least} .. {most})", setting.name),
            )),
            Err(_) => Err(wrong()),
        },
        SettingKind::Duration => parse_duration(value).map(show_duration).map_err(|()| wrong()),
        SettingKind::Names => Ok(value.to_owned()),
        SettingKind::Word(words) => one_of(words, value).ok_or_else(wrong),
        SettingKind::TimeZone => time_zone(value).ok_or_else(wrong),
        SettingKind::DateStyle => date_style(value).ok_or_else(wrong),
        SettingKind::Encoding => match value.to_ascii_uppercase().replace(['-', '_'], "").as_str() {
            "UTF8" | "UNICODE" => Ok("UTF8".to_owned()),
            _ => Err(wrong()),
        },
    }
}

/// The word, or for on/off words one of their other spellings.
fn one_of(words: &[&str], value: &str) -> Option<String> {
    let lower = value.trim().to_ascii_lowercase();
    if words.contains(&lower.as_str()) {
        return Some(lower);
    }
    let spelled = if parse_bool(&lower)? { "on" } else { "off" };
    words.contains(&spelled).then(|| spelled.to_owned())
}

/// Postgres lets anybody make up names with a dot.
fn is_custom(name: &str) -> bool {
    match name.split_once('.') {
        Some((class, rest)) => !class.is_empty() && !rest.is_empty() && !class.eq_ignore_ascii_case("datafusion"),
        None => false,
    }
}

fn parse_bool(value: &str) -> Option<bool> {
    match value.trim().to_ascii_lowercase().as_str() {
        "on" | "true" | "t" | "yes" | "y" | "1" => Some(true),
        "off" | "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// Milliseconds of `5000`, `5s`, `1min`, `2h`, `1d`, `10ms`.
fn parse_duration(value: &str) -> Result<u64, ()> {
    let value = value.trim();
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let Ok(number) = number.parse::<u64>() else { return Err(()) };
    let factor = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(()),
    };
    number.checked_mul(factor).filter(|millis| *millis <= i32::MAX.unsigned_abs().into()).ok_or(())
}

fn show_duration(millis: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    if millis == 0 {
        return "0".to_owned();
    }
    match units.iter().find(|(factor, _)| millis.is_multiple_of(*factor)) {
        Some((factor, unit)) => format!("{}{unit}", millis / factor),
        None => format!("{millis}ms"),
    }
}

/// A zone of the IANA database in its spelling there, or a fixed offset.
fn time_zone(value: &str) -> Option<String> {
    let value = value.trim();
    if value.eq_ignore_ascii_case("default") || value.eq_ignore_ascii_case("local") {
        return Some("UTC".to_owned());
    }
    if let Some(zone) = chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(value)) {
        return Some(zone.name().to_owned());
    }
    offset(value)
}

/// `+02`, `-3`, `+05:30` as ISO offsets (positive is east).
fn offset(value: &str) -> Option<String> {
    let (sign, rest) = match value.as_bytes().first()? {
        b'-' => ('-', &value[1..]),
        b'+' => ('+', &value[1..]),
        _ => ('+', value),
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 15 && minutes < 60).then(|| format!("{sign}{hours:02}:{minutes:02}"))
}

fn date_style(value: &str) -> Option<String> {
    let mut order = "MDY";
    for word in value.split([',', ' ']).filter(|word| !word.is_empty()) {
        match word.to_ascii_uppercase().as_str() {
            "ISO" | "DEFAULT" => {}
            "MDY" | "US" | "NONEURO" | "NONEUROPEAN" => order = "MDY",
            "DMY" | "EURO" | "EUROPEAN" => order = "DMY",
            "YMD" => order = "YMD",
            _ => return None,
        }
    }
    Some(format!("ISO, {order}"))
}

/// Names of a comma-separated list; unquoted ones are folded to lower case.
pub(crate) fn split_names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut quoted = false;
    let mut characters = list.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                name.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => names.push(std::mem::take(&mut name)),
            _ if quoted => name.push(character),
            _ if character.is_whitespace() => {}
            _ => name.extend(character.to_lowercase()),
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty());
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_and_shown_as_postgres_shows_them() {
        let mut settings = Settings::default();
        settings.set("statement_timeout", "60000").unwrap();
        assert_eq!(settings.get("Statement_Timeout"), Some("1min"));
        assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(60)));
        settings.set("timezone", "europe/berlin").unwrap();
        assert_eq!(settings.time_zone(), "Europe/Berlin");
        settings.set("datestyle", "iso").unwrap();
        assert_eq!(settings.get("DateStyle"), Some("ISO, MDY"));
        assert_eq!(settings.set("datestyle", "german").unwrap_err().state, SqlState::InvalidParameterValue);
        assert_eq!(settings.set("nonsense", "1").unwrap_err().state, SqlState::UndefinedObject);
        assert_eq!(settings.set("datafusion.execution.batch_size", "1").unwrap_err().state, SqlState::UndefinedObject);
        settings.set("app.tenant", "7").unwrap();
        assert_eq!(settings.get("app.tenant"), Some("7"));
    }

    #[test]
    fn search_path_folds_and_replaces_the_user() {
        let mut settings = Settings::default();
        settings.set("search_path", "\"$user\", Sales, \"My Schema\"").unwrap();
        assert_eq!(settings.search_path("ann"), ["ann", "sales", "My Schema"]);
    }

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        for setting in SETTINGS.iter().filter(|setting| setting.kind != SettingKind::ReadOnly) {
            assert_eq!(normalise(setting.name, setting.default).as_deref(), Ok(setting.default), "{}", setting.name);
        }
    }
}
