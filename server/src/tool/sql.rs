//! `stoa sql`: a small client with history, aligned output and timing. psql is the main one; this is for where it is missing.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use rustyline::error::ReadlineError;

use super::client::{Client, Target};
use super::{Result, ToolError, report};

/// Arguments of `stoa sql`.
#[derive(Debug, Args)]
pub struct SqlArgs {
    #[command(flatten)]
    target: Target,
    /// Run this text and leave.
    #[arg(short = 'c', long = "command", conflicts_with = "file")]
    command: Option<String>,
    /// Run this file and leave.
    #[arg(short = 'f', long = "file")]
    file: Option<PathBuf>,
    /// Do not show how long statements took.
    #[arg(long)]
    no_timing: bool,
}

/// Runs `stoa sql`. An error of a statement ends `-c` and `-f`, and is only shown when interactive.
pub async fn run(args: SqlArgs) -> Result<()> {
    let client = Client::connect(&args.target).await?;
    if let Some(sql) = &args.command {
        return answer(&client, sql, !args.no_timing).await;
    }
    if let Some(path) = &args.file {
        let sql = std::fs::read_to_string(path).map_err(ToolError::while_doing(path.display()))?;
        return answer(&client, &sql, !args.no_timing).await;
    }
    if !std::io::stdin().is_terminal() {
        let sql = std::io::read_to_string(std::io::stdin()).map_err(ToolError::while_doing("standard input"))?;
        return answer(&client, &sql, !args.no_timing).await;
    }
    interact(&client, &args).await
}

async fn answer(client: &Client, sql: &str, timing: bool) -> Result<()> {
    let started = std::time::Instant::now();
    for answer in client.query(sql).await? {
        println!("{}", report::render(&answer));
    }
    if timing {
        println!("Time: {}", report::time(started.elapsed()));
    }
    Ok(())
}

async fn interact(client: &Client, args: &SqlArgs) -> Result<()> {
    let mut editor = rustyline::DefaultEditor::new().map_err(ToolError::while_doing("cannot use this terminal"))?;
    let history = std::env::home_dir().map(|home| home.join(".stoa_history"));
    if let Some(path) = &history {
        // A first session has no history file; that is no error.
        let _ = editor.load_history(path);
    }
    println!("stoa {}: end a statement with a semicolon; \\q leaves.", env!("CARGO_PKG_VERSION"));
    let mut statement = String::new();
    loop {
        let prompt = format!("{}{} ", args.target.database, if statement.is_empty() { "=>" } else { "->" });
        match editor.readline(&prompt) {
            Ok(line) if statement.is_empty() && matches!(line.trim(), "\\q" | "exit" | "quit") => break,
            Ok(line) => {
                statement.push_str(&line);
                statement.push('\n');
                if line.trim_end().ends_with(';') {
                    let _ = editor.add_history_entry(statement.trim());
                    run_interruptible(client, &statement, !args.no_timing).await;
                    statement.clear();
                }
            }
            Err(ReadlineError::Interrupted) => statement.clear(),
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(ToolError::new(format!("cannot read from this terminal: {error}"))),
        }
    }
    if let Some(path) = &history {
        editor.save_history(path).map_err(ToolError::while_doing(path.display()))?;
    }
    Ok(())
}

/// Runs one statement; Ctrl-C cancels it on the server and waits for the server's answer.
async fn run_interruptible(client: &Client, sql: &str, timing: bool) {
    let work = answer(client, sql, timing);
    tokio::pin!(work);
    let outcome = tokio::select! {
        outcome = &mut work => outcome,
        _ = tokio::signal::ctrl_c() => {
            if let Err(error) = client.cancel_token().cancel_query(tokio_postgres::NoTls).await {
                eprintln!("cannot cancel: {error}");
            }
            work.await
        }
    };
    if let Err(error) = outcome {
        eprintln!("{error}");
    }
}
