//! How the tools show answers: aligned tables, human sizes and times, bars where the output is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::client::Answer;

/// Renders an answer as psql would: header, rule, rows, row count.
pub fn render(answer: &Answer) -> String {
    if answer.columns.is_empty() {
        return format!("({} rows affected)", answer.affected);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).load_preset("     --            ").set_header(&answer.columns);
    for row in &answer.rows {
        table.add_row(row.iter().map(|value| value.clone().unwrap_or_default()));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        if is_numeric(answer, index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let plural = if answer.rows.len() == 1 { "row" } else { "rows" };
    format!("{}\n({} {plural})", table.trim_fmt(), answer.rows.len())
}

/// Whether every value of a column reads as a number.
fn is_numeric(answer: &Answer, column: usize) -> bool {
    let mut values = answer.rows.iter().filter_map(|row| row.get(column)?.as_deref()).peekable();
    values.peek().is_some() && values.all(|value| value.parse::<f64>().is_ok())
}

/// `1.5 MB`.
pub fn bytes(count: u64) -> String {
    indicatif::DecimalBytes(count).to_string()
}

/// `12.3 ms` or `1.234 s`.
pub fn time(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1e3;
    if milliseconds < 1000.0 { format!("{milliseconds:.1} ms") } else { format!("{:.3} s", milliseconds / 1e3) }
}

/// Progress of `total` steps: a bar on a terminal, one plain line a finished step elsewhere.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts counting towards `total`.
    pub fn new(total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("  {bar:30} {pos}/{len} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar }
    }

    /// Names what is being worked on.
    pub fn step(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
    }

    /// One step is done; `line` says how it went.
    pub fn done(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| println!("{line}")),
            None => println!("{line}"),
        }
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
