//! `stoa check`: verifies every object that the catalog references, checksums included.

use std::io::Write;

use clap::Command;
use stoa_storage::Warehouse;

use crate::CommandError;
use crate::config::Config;
use crate::server::open_options;

const ABOUT: &str = "Verify every object that the warehouse references, checksums included, without writing";
const AFTER: &str =
    "Exit codes: 0 all is well, 1 the check could not run, 2 wrong usage, 3 problems were found (one a line).";

/// Runs `stoa check` with the arguments that follow these words.
pub fn check(arguments: &[String]) -> Result<(), CommandError> {
    let command = Command::new("stoa check").no_binary_name(true).about(ABOUT).after_help(AFTER);
    let matches = Config::arguments(command).try_get_matches_from(arguments)?;
    let config = Config::load(&matches, |name| std::env::var(name).ok())?;
    crate::log::start(&config)?;
    if config.root.is_empty() {
        return Err(CommandError::Failed("no root is given: set --root or STOA_ROOT".to_owned()));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(Warehouse::check(open_options(&config))).map_err(|error| {
        CommandError::Failed(format!("the warehouse at \"{}\" cannot be checked: {error}", config.root))
    })?;
    let mut out = std::io::stdout().lock();
    for problem in &report.problems {
        writeln!(out, "problem: {}: {}", problem.object, problem.message)?;
    }
    match report.version {
        Some(version) => writeln!(
            out,
            "version {version}: {} tables, {} rows, {} objects, {} bytes, {} problems",
            report.tables,
            report.rows,
            report.objects,
            report.bytes,
            report.problems.len()
        )?,
        None => writeln!(out, "no version can be recovered, {} problems", report.problems.len())?,
    }
    if report.problems.is_empty() { Ok(()) } else { Err(CommandError::Problems(report.problems.len())) }
}
