//! Configuration: one declared table of options.
//!
//! Each row of the table below gives a field of [`Config`], a command-line flag, an environment variable, a key of the
//! TOML file and a paragraph of `stoa serve --help`. What is set closest to the process wins:
//! flag, then environment, then file, then default.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command};

/// Why a configuration cannot be used, as one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// An error that reads `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// A type that an option can have: how it is written, and how it is named in the help.
trait OptionValue: Sized {
    /// The placeholder of the value in the help.
    const PLACEHOLDER: &'static str;
    /// Reads the written form.
    fn parse(text: &str) -> Result<Self, String>;
}

impl OptionValue for String {
    const PLACEHOLDER: &'static str = "TEXT";
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl OptionValue for bool {
    const PLACEHOLDER: &'static str = "true|false";
    fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Ok(true),
            "false" | "off" | "no" | "0" => Ok(false),
            _ => Err("expected true or false".to_owned()),
        }
    }
}

impl OptionValue for usize {
    const PLACEHOLDER: &'static str = "NUMBER";
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_cause| "expected a whole number".to_owned())
    }
}

impl<T: OptionValue> OptionValue for Option<T> {
    const PLACEHOLDER: &'static str = T::PLACEHOLDER;
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::parse(text).map(Some) }
    }
}

/// An address to listen on, `host:port`; port 0 lets the system choose one. `off` in a file or flag turns a listener off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// Listen on this address.
    On(String),
    /// Do not open this listener.
    Off,
}

impl OptionValue for Listen {
    const PLACEHOLDER: &'static str = "HOST:PORT";
    fn parse(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let valid = text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if valid { Ok(Self::On(text.to_owned())) } else { Err("expected host:port, or off".to_owned()) }
    }
}

/// A number of bytes, written with an optional unit: `512MiB`, `4GiB`, `1000000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub usize);

impl OptionValue for ByteSize {
    const PLACEHOLDER: &'static str = "BYTES";
    fn parse(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let shift = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0_u32,
            "k" | "kb" | "kib" => 10,
            "m" | "mb" | "mib" => 20,
            "g" | "gb" | "gib" => 30,
            "t" | "tb" | "tib" => 40,
            _ => return Err("expected a number of bytes such as 512MiB".to_owned()),
        };
        let number: usize = number.parse().map_err(|_cause| "expected a number of bytes such as 512MiB".to_owned())?;
        number.checked_mul(1 << shift).map(Self).ok_or_else(|| "the number is too large".to_owned())
    }
}

/// A length of time, written with an optional unit: `250ms`, `30s`, `5min`, `1h`; a bare number is seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl OptionValue for Span {
    const PLACEHOLDER: &'static str = "TIME";
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "expected a time such as 30s or 5min".to_owned();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_cause| wrong())?;
        let milliseconds = match unit.trim() {
            "ms" => 1,
            "" | "s" => 1_000,
            "min" | "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        number.checked_mul(milliseconds).map(|total| Self(Duration::from_millis(total))).ok_or_else(wrong)
    }
}

/// Folders, written with a `:` or `,` between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directories(pub Vec<PathBuf>);

impl OptionValue for Directories {
    const PLACEHOLDER: &'static str = "DIR,DIR";
    fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split([',', ':']).map(str::trim).filter(|part| !part.is_empty());
        Ok(Self(parts.map(PathBuf::from).collect()))
    }
}

/// A value that never appears in logs or debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The hidden text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl OptionValue for Secret {
    const PLACEHOLDER: &'static str = "TEXT";
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line an event.
    Text,
    /// One JSON object an event.
    Json,
}

impl OptionValue for LogFormat {
    const PLACEHOLDER: &'static str = "text|json";
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("expected text or json".to_owned()),
        }
    }
}

/// One row of the table, for help and documentation.
#[derive(Debug, Clone, Copy)]
pub struct OptionRow {
    /// Name of the field and of the TOML key, `snake_case`.
    pub name: &'static str,
    /// The default in its written form; empty for "not set".
    pub default: &'static str,
    /// What the value looks like.
    pub placeholder: &'static str,
    /// What it does.
    pub doc: &'static str,
}

impl OptionRow {
    /// The command-line flag, without the dashes in front.
    pub fn flag(&self) -> &'static str {
        FLAGS.get(self.name).map_or(self.name, String::as_str)
    }

    /// The environment variable.
    pub fn environment(&self) -> String {
        format!("STOA_{}", self.name.to_ascii_uppercase())
    }
}

/// Flags by name of the option, made once: the parser of the command line wants names that live as long as the program.
static FLAGS: LazyLock<BTreeMap<&'static str, String>> =
    LazyLock::new(|| OPTIONS.iter().map(|row| (row.name, row.name.replace('_', "-"))).collect());

/// Declares the table: the struct, its rows, and how it is filled from written values.
macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:literal;)+) => {
        /// All that can be configured. [`Config::default`] is the table's defaults.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $name: $kind,)+
        }

        /// The rows of the table in the order of the help.
        pub const OPTIONS: &[OptionRow] = &[$(OptionRow {
            name: stringify!($name),
            default: $default,
            placeholder: <$kind as OptionValue>::PLACEHOLDER,
            doc: concat!($($doc, "\n"),+),
        },)+];

        impl Config {
            /// Fills the fields from written values; a field without one takes the default.
            fn from_written(values: &BTreeMap<&'static str, Written>) -> Result<Self, ConfigError> {
                Ok(Self { $($name: read::<$kind>(values, stringify!($name), $default)?,)+ })
            }
        }
    };
}

options! {
    /// Where the warehouse lives: a folder, file:///folder, s3://bucket/prefix, or memory: (lost at exit).
    root: String = "";
    /// Address of the Postgres wire protocol; port 0 picks a free one, off closes it.
    pg: Listen = "127.0.0.1:5439";
    /// Address of Arrow Flight SQL; port 0 picks a free one, off closes it.
    flight: Listen = "127.0.0.1:32010";
    /// Address of the health and metrics pages; port 0 picks a free one, off closes it.
    http: Listen = "127.0.0.1:8439";
    /// PEM file with the server's certificate chain. Together with tls_key it turns TLS on for both protocols.
    tls_certificate: Option<String> = "";
    /// PEM file with the private key of the certificate.
    tls_key: Option<String> = "";
    /// Refuse clients that do not use TLS.
    tls_required: bool = "false";
    /// Accept passwords in clear from clients whose SCRAM is broken; only ever over TLS.
    cleartext_passwords: bool = "false";
    /// Password of the superuser admin, used once, when a new warehouse is made. Prefer the environment variable to the flag: flags are visible to other users.
    admin_password: Option<Secret> = "";
    /// Folders that COPY may read local files from; none unless set.
    copy_directories: Directories = "";
    /// Memory for queries; empty means 60 % of the machine's.
    memory_limit: Option<ByteSize> = "";
    /// Memory for the cache of blocks read from the store; empty means the store's own default.
    cache_memory: Option<ByteSize> = "";
    /// Folder for what queries spill; empty means the system's folder for temporary files.
    temp_directory: Option<String> = "";
    /// Worker threads; empty means one a processor.
    threads: Option<usize> = "";
    /// Sessions at the same time, over all protocols.
    max_connections: usize = "200";
    /// Time within which a client must have logged in.
    startup_timeout: Span = "15s";
    /// Time after which an idle session is closed; 0 means never.
    idle_timeout: Span = "0s";
    /// Time that running statements get to finish when the server is asked to stop.
    grace_period: Span = "10s";
    /// Time that a Flight SQL token lives after its last use.
    token_lifetime: Span = "1h";
    /// Longest message a logged-in client may send.
    message_limit: ByteSize = "256MiB";
    /// What is logged: error, warn, info, debug, trace, or a filter such as info,stoa_server=debug.
    log_level: String = "info";
    /// How it is logged, on standard error.
    log_format: LogFormat = "text";
}

impl Default for Config {
    fn default() -> Self {
        // The defaults are literals of the table, and a test reads each of them; there is no input that could fail.
        Self::from_written(&BTreeMap::new()).unwrap_or_else(|error| unreachable!("a default is wrong: {error}"))
    }
}

/// A value as somebody wrote it, and where.
#[derive(Debug, Clone)]
struct Written {
    text: String,
    place: String,
}

fn read<T: OptionValue>(
    values: &BTreeMap<&'static str, Written>,
    name: &'static str,
    default: &str,
) -> Result<T, ConfigError> {
    match values.get(name) {
        Some(Written { text, place }) => {
            T::parse(text).map_err(|reason| ConfigError::new(format!("{place}: {reason}, not \"{text}\"")))
        }
        None => T::parse(default).map_err(|reason| ConfigError::new(format!("default of {name}: {reason}"))),
    }
}

impl Config {
    /// Adds every option of the table, and `--config`, to `command`.
    pub fn arguments(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .help("TOML file with any of these options, keys written with underscores [env: STOA_CONFIG]");
        OPTIONS.iter().fold(command.arg(file), |command, row| {
            let default = if row.default.is_empty() { String::new() } else { format!(" [default: {}]", row.default) };
            let help = format!("{} [env: {}]{default}", row.doc.trim().replace("\n ", " "), row.environment());
            command.arg(Arg::new(row.name).long(row.flag()).value_name(row.placeholder).help(help))
        })
    }

    /// Reads flags, environment and file in their order of precedence.
    pub fn load(matches: &ArgMatches, environment: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let file = matches.get_one::<String>("config").cloned().or_else(|| environment("STOA_CONFIG"));
        let mut values = match file {
            Some(path) => read_file(&path)?,
            None => BTreeMap::new(),
        };
        for row in OPTIONS {
            let variable = row.environment();
            if let Some(text) = environment(&variable) {
                values.insert(row.name, Written { text, place: variable });
            }
            if let Some(text) = matches.get_one::<String>(row.name) {
                values.insert(row.name, Written { text: text.clone(), place: format!("--{}", row.flag()) });
            }
        }
        let config = Self::from_written(&values)?;
        config.validate()?;
        Ok(config)
    }

    /// What no single option can check by itself.
    fn validate(&self) -> Result<(), ConfigError> {
        let refuse = |message: &str| Err(ConfigError::new(message));
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return refuse("tls_certificate and tls_key must be set together");
        }
        if self.tls_required && self.tls_certificate.is_none() {
            return refuse("tls_required needs tls_certificate and tls_key");
        }
        if self.cleartext_passwords && self.tls_certificate.is_none() {
            return refuse("cleartext_passwords needs tls_certificate and tls_key");
        }
        if self.max_connections == 0 {
            return refuse("max_connections must be at least 1");
        }
        if self.startup_timeout.0.is_zero() {
            return refuse("startup_timeout must be longer than 0");
        }
        if self.message_limit.0 < 64 << 10 || self.message_limit.0 > 1 << 30 {
            return refuse("message_limit must lie between 64KiB and 1GiB");
        }
        Ok(())
    }
}

/// Reads a TOML file into written values; keys outside the table are refused by name.
fn read_file(path: &str) -> Result<BTreeMap<&'static str, Written>, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::new(format!("the configuration file \"{path}\" cannot be read: {error}")))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error| ConfigError::new(format!("the configuration file \"{path}\" is not valid TOML: {error}")))?;
    let mut values = BTreeMap::new();
    for (key, value) in table {
        let Some(row) = OPTIONS.iter().find(|row| row.name == key) else {
            return Err(ConfigError::new(format!(
                "the configuration file \"{path}\" has an option \"{key}\" that does not exist"
            )));
        };
        let place = format!("{key} in \"{path}\"");
        let text =
            written(&value).ok_or_else(|| ConfigError::new(format!("{place}: expected a plain value or a list")))?;
        values.insert(row.name, Written { text, place });
    }
    Ok(values)
}

/// The written form of a TOML value; lists become comma-separated text.
fn written(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            items.map(|items| items.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On(address) => address,
            Self::Off => "off",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let command = Config::arguments(Command::new("serve").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).map_err(|error| ConfigError::new(error.to_string()))?;
        Config::load(&matches, |name| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn defaults_are_readable() {
        let config = Config::default();
        assert_eq!(config.pg, Listen::On("127.0.0.1:5439".to_owned()));
        assert_eq!(config.message_limit, ByteSize(256 << 20));
        assert_eq!(config.validate().map_err(|error| error.to_string()), Ok(()));
    }

    #[test]
    fn flag_beats_environment_beats_file_beats_default() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("stoa.toml");
        std::fs::write(&path, "pg = \"127.0.0.1:1\"\nflight = \"127.0.0.1:2\"\nhttp = \"off\"\nmax_connections = 7\n")
            .expect("written");
        let path = path.to_str().expect("a readable path");
        let environment = [("STOA_PG", "127.0.0.1:3"), ("STOA_FLIGHT", "127.0.0.1:4")];
        let config = load(&["--config", path, "--pg", "127.0.0.1:5"], &environment).expect("valid");
        assert_eq!(config.pg, Listen::On("127.0.0.1:5".to_owned()));
        assert_eq!(config.flight, Listen::On("127.0.0.1:4".to_owned()));
        assert_eq!(config.http, Listen::Off);
        assert_eq!(config.max_connections, 7);
        assert_eq!(config.startup_timeout, Span(Duration::from_secs(15)));
    }

    #[test]
    fn an_option_that_does_not_exist_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("stoa.toml");
        std::fs::write(&path, "maxconnections = 7\n").expect("written");
        let error = load(&["--config", path.to_str().expect("a readable path")], &[]).expect_err("refused");
        assert!(error.to_string().contains("\"maxconnections\""), "{error}");
    }

    #[test]
    fn a_wrong_value_names_its_place() {
        let error = load(&[], &[("STOA_STARTUP_TIMEOUT", "soon")]).expect_err("refused");
        assert_eq!(error.to_string(), "STOA_STARTUP_TIMEOUT: expected a time such as 30s or 5min, not \"soon\"");
        assert!(load(&["--pg", "5439"], &[]).is_err());
        assert!(load(&["--tls-key", "k.pem"], &[]).is_err());
    }

    #[test]
    fn units_are_read() {
        assert_eq!(ByteSize::parse("4GiB"), Ok(ByteSize(4 << 30)));
        assert_eq!(ByteSize::parse("12"), Ok(ByteSize(12)));
        assert!(ByteSize::parse("99999999999999999999").is_err());
        assert_eq!(Span::parse("250ms"), Ok(Span(Duration::from_millis(250))));
        assert_eq!(Directories::parse("/a,/b"), Ok(Directories(vec!["/a".into(), "/b".into()])));
    }
}
