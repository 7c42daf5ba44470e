//! The program `stoa`.

use std::io::Write;
use std::process::ExitCode;

use stoa_server::{CommandError, tool};

const HELP: &str = "\
Stoa: a columnar data warehouse on object storage

Usage: stoa <COMMAND> [OPTIONS]

Commands:
  serve  Serve a warehouse over the Postgres wire protocol and Arrow Flight SQL
  check  Verify every object of a warehouse, checksums included
  sql    Run SQL against a server: -c SQL, -f FILE, or a prompt
  demo   Load real retail data and TPC-H, run queries, print answers and timings
  bench  Measure: bench tpch --scale N

Options:
  -h, --help     Print help; after a command, its options
  -V, --version  Print the version

Exit codes: 0 done, 1 failed (the reason is on standard error), 2 wrong usage, 3 check found problems.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<(), CommandError> {
    let (command, rest) = arguments.split_first().map_or(("--help", arguments), |(first, rest)| (first.as_str(), rest));
    match command {
        "serve" => stoa_server::serve(rest),
        "check" => stoa_server::check(rest),
        "sql" => run_tool("stoa sql", rest, tool::sql::run),
        "demo" => run_tool("stoa demo", rest, tool::demo::run),
        "bench" => run_tool("stoa bench", rest, tool::bench::run),
        "-h" | "--help" | "help" => print(HELP),
        "-V" | "--version" | "version" => print(concat!("stoa ", env!("CARGO_PKG_VERSION"), "\n")),
        other => {
            let message = format!("there is no command \"{other}\"; stoa --help lists them\n");
            Err(CommandError::Usage(clap::Error::raw(clap::error::ErrorKind::InvalidSubcommand, message)))
        }
    }
}

/// Reads the arguments of a tool and runs it.
fn run_tool<A: clap::Args>(
    name: &'static str,
    arguments: &[String],
    run: impl AsyncFnOnce(A) -> tool::Result<()>,
) -> Result<(), CommandError> {
    let command = A::augment_args(clap::Command::new(name).no_binary_name(true));
    let matches = command.try_get_matches_from(arguments)?;
    let arguments = A::from_arg_matches(&matches)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(arguments)).map_err(|error| CommandError::Failed(error.to_string()))
}

fn print(text: &str) -> Result<(), CommandError> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

fn report(error: &CommandError) {
    let mut stderr = std::io::stderr();
    // Where standard error is closed there is nobody to tell.
    _ = match error {
        CommandError::Failed(reason) => writeln!(stderr, "stoa: {reason}"),
        CommandError::Usage(error) => error.print(),
        CommandError::Problems(count) => writeln!(stderr, "stoa: {count} problems found"),
    };
}
