//! A COPY from its resolved description to a report.

use std::sync::Arc;

use futures::future::join_all;
use stoa_storage::{Appended, Appender, Column};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use bytes::Bytes;

use crate::convert::column::Conventions;
use crate::error::{Error, Kind, Result};
use crate::limit::ERRORS_MAX;
use crate::load::batch::{Assembly, Fill};
use crate::load::feed::Feed;
use crate::load::parquet::{ParquetLoad, ParquetWorker};
use crate::load::progress::CopyProgress;
use crate::load::rejects::Rejects;
use crate::load::sink::{Append, Sink};
use crate::load::text::{TextLoad, TextWorker};
use crate::location::InputFile;
use crate::options::{CopyOptions, Format};
use crate::reject::RejectedRow;
use crate::source::open::{Opener, Source, Waiter};
use crate::text::json::Keys;
use crate::text::split::Rules;

/// Where the bytes come from.
#[derive(Debug)]
pub enum Input {
    /// Files, read in parallel.
    Files(Vec<InputFile>),
    /// Bytes of a client (COPY … FROM STDIN). The end is the end of the channel; an error ends the load with it.
    Upload(mpsc::Receiver<Result<Bytes, Error>>),
}

/// A load that is ready to run: everything that needs the catalog or the network to be understood is decided.
#[derive(Debug)]
pub struct CopyJob {
    /// Where the bytes come from.
    pub input: Input,
    /// Their form.
    pub format: Format,
    /// How to read it.
    pub options: CopyOptions,
    /// All live columns of the table, in its order.
    pub table_columns: Vec<Column>,
    /// The columns that the file has, as places in `table_columns`, in the order of the file's fields.
    /// [`crate::target_columns`] makes them from a column list.
    pub columns: Vec<usize>,
    /// What the other columns get: one for each of `table_columns`; missing ones are NULL.
    pub fills: Vec<Fill>,
    /// Stops the load within a second.
    pub cancel: CancellationToken,
    /// Counts as the load goes.
    pub progress: Arc<CopyProgress>,
}

/// What a load did.
#[derive(Debug)]
pub struct CopyReport {
    /// What each appender wrote, for `Transaction::finish_append`.
    pub appended: Vec<Appended>,
    /// Counts and refused rows.
    pub totals: CopyTotals,
}

/// Counts of a load, and what it refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyTotals {
    /// Rows loaded.
    pub rows: u64,
    /// Bytes read, before decompression.
    pub bytes: u64,
    /// Files read.
    pub files: u64,
    /// Rows refused.
    pub rejected_count: u64,
    /// Refused rows in the order of files and lines, at most [`crate::REJECTED_ROWS_KEPT`].
    pub rejected: Vec<RejectedRow>,
}

impl CopyJob {
    /// Loads through as many workers as there are appenders, each with its own. The rows are the table's once the
    /// caller has handed the report's parts to its transaction and committed; after an error nothing is.
    pub async fn run(self, appenders: Vec<Appender>) -> Result<CopyReport> {
        let waiter = Waiter::new(Handle::current(), self.cancel.clone());
        let sinks = appenders.into_iter().map(|appender| Append { appender, waiter: waiter.clone() }).collect();
        let (totals, appended) = self.run_into(sinks).await?;
        Ok(CopyReport { appended, totals })
    }

    /// Loads into sinks of any kind, one a worker, and gives what is left of them.
    pub async fn run_into<S: Sink>(mut self, sinks: Vec<S>) -> Result<(CopyTotals, Vec<S::Output>)> {
        self.validate(sinks.len())?;
        if !S::KEEPS_ROWS {
            self.fills.iter_mut().for_each(Fill::reserve_nothing);
        }
        let postgres = self.format.is_postgres();
        let progress = Arc::clone(&self.progress);
        // A worker that fails stops the others; a caller that goes away stops all.
        let stop = self.cancel.child_token();
        let _stop_when_dropped = stop.clone().drop_guard();
        let opener = Opener {
            waiter: Waiter::new(Handle::current(), stop.clone()),
            compression: self.options.compression,
            progress: Arc::clone(&progress),
        };
        let load = self.prepare(opener)?;
        let outcomes = join_all(sinks.into_iter().map(|sink| load.start(sink, &stop))).await;
        let rejected = load.rejects().take();
        let mut outputs = Vec::with_capacity(outcomes.len());
        let mut failure: Option<Error> = None;
        for outcome in outcomes {
            match outcome {
                Ok(output) => outputs.push(output),
                // Workers that were stopped because another failed have nothing to say.
                Err(error) if failure.as_ref().is_none_or(|first| first.kind() == Kind::Cancelled) => {
                    failure = Some(error);
                }
                Err(_) => {}
            }
        }
        match failure {
            None => {}
            Some(error) if error.kind() == Kind::Rejected => return Err(Rejects::failure(rejected, postgres)),
            Some(error) => return Err(error.with_rejected(rejected)),
        }
        let totals = CopyTotals {
            rows: progress.rows(),
            bytes: progress.bytes(),
            files: progress.files(),
            rejected_count: progress.rejected(),
            rejected,
        };
        Ok((totals, outputs))
    }

    fn validate(&self, workers: usize) -> Result<()> {
        self.options.validate(self.format)?;
        if workers == 0 {
            return Err(Error::internal("a load needs a worker"));
        }
        if self.columns.is_empty() {
            return Err(Error::invalid("COPY needs at least one column that it can load"));
        }
        if self.options.max_errors > ERRORS_MAX && self.options.max_errors != u64::MAX {
            return Err(Error::invalid(format!("MAXERROR must be between 0 and {ERRORS_MAX}")));
        }
        let mut seen = vec![false; self.table_columns.len()];
        for target in &self.columns {
            match seen.get_mut(*target) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(Error::internal("the columns to load are not columns of the table")),
            }
        }
        Ok(())
    }

    fn prepare(self, opener: Opener) -> Result<Load> {
        let assembly = Assembly::new(&self.table_columns, &self.columns, &self.fills)?;
        let targets: Vec<Column> =
            self.columns.iter().filter_map(|target| self.table_columns.get(*target).cloned()).collect();
        let rejects = Rejects::new(self.options.max_errors, Arc::clone(&self.progress));
        if self.format == Format::Parquet {
            let Input::Files(files) = self.input else {
                return Err(Error::unsupported("COPY FROM STDIN does not take parquet"));
            };
            return Ok(Load::Parquet(Arc::new(ParquetLoad {
                feed: Feed::new(files),
                options: self.options,
                targets,
                assembly,
                rejects,
                progress: self.progress,
                waiter: opener.waiter,
            })));
        }
        let ignore_case = self.format == Format::Json { ignore_case: true };
        let sources = match self.input {
            Input::Files(files) => files.into_iter().map(Source::File).collect(),
            Input::Upload(receiver) => vec![Source::Upload(receiver)],
        };
        Ok(Load::Text(Arc::new(TextLoad {
            feed: Feed::new(sources),
            format: self.format,
            rules: Rules::new(self.format, &self.options),
            keys: Keys::new(targets.iter().map(|column| column.name.as_str()), ignore_case),
            conventions: Conventions::new(self.format, &self.options),
            options: self.options,
            targets,
            assembly,
            rejects,
            progress: self.progress,
            opener,
        })))
    }
}

/// What workers share, by family of formats.
enum Load {
    Text(Arc<TextLoad>),
    Parquet(Arc<ParquetLoad>),
}

impl Load {
    fn rejects(&self) -> &Rejects {
        match self {
            Self::Text(load) => &load.rejects,
            Self::Parquet(load) => &load.rejects,
        }
    }

    /// Starts a worker on a thread for blocking work: parsing and encoding must not hold up the network.
    fn start<S: Sink>(&self, sink: S, stop: &CancellationToken) -> impl Future<Output = Result<S::Output>> + use<S> {
        let stop = stop.clone();
        let work: Box<dyn FnOnce() -> Result<S::Output> + Send> = match self {
            Self::Text(load) => {
                let load = Arc::clone(load);
                Box::new(move || TextWorker::new(load, sink).run())
            }
            Self::Parquet(load) => {
                let load = Arc::clone(load);
                Box::new(move || ParquetWorker::new(load, sink).run())
            }
        };
        let task = tokio::task::spawn_blocking(move || {
            let outcome = work();
            if outcome.is_err() {
                stop.cancel();
            }
            outcome
        });
        async move { task.await.map_err(|error| Error::internal("a worker of the load failed").with_source(error))? }
    }
}

/// The columns that a file has: those of the list, or all of the table without identity columns (unless EXPLICIT_IDS).
pub fn target_columns(table: &[Column], list: Option<&[String]>, explicit_ids: bool) -> Result<Vec<usize>> {
    let Some(list) = list else {
        let loaded = |column: &Column| explicit_ids || column.identity.is_none();
        return Ok((0..table.len()).filter(|index| loaded(&table[*index])).collect());
    };
    let mut targets = Vec::with_capacity(list.len());
    for name in list {
        let target = table
            .iter()
            .position(|column| column.name == *name)
            .ok_or_else(|| Error::not_found(format!("column \"{name}\" does not exist")))?;
        let identity = table[target].identity;
        if identity.is_some_and(|identity| !identity.by_default) && !explicit_ids {
            return Err(Error::invalid(format!(
                "column \"{name}\" is an identity column; use EXPLICIT_IDS to load it"
            )));
        }
        if targets.contains(&target) {
            return Err(Error::invalid(format!("column \"{name}\" specified more than once")));
        }
        targets.push(target);
    }
    let has_identity = |index: &usize| table[*index].identity.is_some();
    if explicit_ids && (0..table.len()).any(|index| has_identity(&index)) && !targets.iter().any(has_identity) {
        return Err(Error::invalid("EXPLICIT_IDS needs the identity column in the column list"));
    }
    Ok(targets)
}
