//! `stoa serve`.

use std::io::Write;

use clap::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::CommandError;
use crate::config::{Config, Listen};
use crate::server::{Server, Service};

const ABOUT: &str = "Serve a warehouse over the Postgres wire protocol and Arrow Flight SQL";
const AFTER: &str = "\
A line \"stoa ready\" on standard output says that clients can connect. A new warehouse gets the database dev and the \
superuser admin, whose password is STOA_ADMIN_PASSWORD, or is made and printed once.
SIGTERM and SIGINT stop the server: it takes no more work, running statements may finish within the grace period.

Exit codes: 0 stopped as asked, 1 could not start or stop, 2 wrong usage.";

/// The command line of `stoa serve`.
pub(crate) fn command() -> Command {
    Config::arguments(Command::new("stoa serve").no_binary_name(true).about(ABOUT).after_help(AFTER))
}

/// Runs `stoa serve` with the arguments that follow these words, until it is asked to stop.
pub fn serve(arguments: &[String]) -> Result<(), CommandError> {
    let matches = command().try_get_matches_from(arguments)?;
    let config = Config::load(&matches, |name| std::env::var(name).ok())?;
    crate::log::start(&config)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = config.threads {
        runtime.worker_threads(threads.max(1));
    }
    // Expressions are evaluated by recursion over their depth, which the parser bounds: this fits the deepest.
    runtime.enable_all().thread_name("stoa").thread_stack_size(16 << 20).build()?.block_on(run(config))
}

async fn run(config: Config) -> Result<(), CommandError> {
    // Signals are caught before the start, so that none is lost while a large warehouse is recovered.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let asked_to_stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::pin!(asked_to_stop);
    let server = tokio::select! {
        server = Server::start(config.clone()) => server?,
        () = &mut asked_to_stop => return Ok(()),
    };
    announce(&server, &config)?;
    asked_to_stop.await;
    tracing::info!("stopping");
    server
        .shutdown()
        .await
        .map_err(|error| CommandError::Failed(format!("the warehouse did not stop well: {}", error.message)))
}

/// Prints the addresses, the password of a new warehouse, and the line that scripts wait for.
fn announce(server: &Server, config: &Config) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "stoa {} serves {}", env!("CARGO_PKG_VERSION"), config.root)?;
    let services = [
        (Service::Postgres, "postgres", &config.pg),
        (Service::Flight, "flight", &config.flight),
        (Service::Http, "http", &config.http),
    ];
    for (service, name, listen) in services {
        match (server.address(service), listen) {
            (Some(address), _) => writeln!(out, "{name:<8} {address}")?,
            (None, Listen::Off | Listen::On(_)) => writeln!(out, "{name:<8} off")?,
        }
    }
    if let Some(password) = server.new_admin_password() {
        writeln!(out, "password of admin (shown only now): {password}")?;
    }
    writeln!(out, "stoa ready")?;
    out.flush()
}
