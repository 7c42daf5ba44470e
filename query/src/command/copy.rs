//! COPY: files, buckets and clients into tables; queries out to clients.

mod options;
mod report;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use sqlparser::ast;
use sqlparser::ast::helpers::attached_token::AttachedToken;
use stoa_ingest::{
    CopyJob, CopyOptions, CopyProgress, CopyReport, ExportOptions, FileAccess, Fill, Format, Input, TextExport,
    target_columns,
};
use stoa_storage::{Appender, ColumnId, Table};
use tokio::sync::{mpsc, oneshot};

use super::{Context, Upload, write};
use crate::cancel::Cancel;
use crate::error::{NoticeSeverity, SqlError, SqlState};
use crate::execute;
use crate::outcome::{CopyOut, Outcome};
use crate::plan::name::{self, fold};
use crate::plan::query::{PlannedQuery, plan_query};
use crate::plan::{Plan, PlanContext};
use crate::statement::copy::{Copy, End, Subject};

/// COPY FROM.
pub(crate) struct CopyFrom {
    pub(crate) table: Arc<Table>,
    /// Places of the target columns in the table, in the order of the file.
    pub(crate) columns: Vec<usize>,
    pub(crate) source: Source,
    pub(crate) format: Format,
    pub(crate) options: CopyOptions,
    pub(crate) manifest: bool,
    pub(crate) region: Option<String>,
    /// NOLOAD: check only.
    pub(crate) no_load: bool,
}

/// Where COPY FROM reads.
pub(crate) enum Source {
    Stdin,
    Location(String),
}

impl Source {
    /// Whether it is a file of the server.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Stdin => false,
            Self::Location(url) => !url.starts_with("s3://"),
        }
    }
}

/// COPY TO STDOUT.
pub(crate) struct CopyTo {
    pub(crate) query: PlannedQuery,
    pub(crate) options: ExportOptions,
}

/// Plans COPY.
pub(crate) fn plan(node: &Copy, context: &PlanContext) -> Result<Plan, SqlError> {
    let Copy { subject, end, options } = node;
    let source = match end {
        End::ToStdout => {
            let query = plan_query(&source_query(subject), context)?;
            return Ok(Plan::CopyTo(Box::new(CopyTo { query, options: options::export(options)? })));
        }
        End::FromStdin => Source::Stdin,
        End::FromLocation(url) => Source::Location(url.clone()),
    };
    let Subject::Table { name, columns } = subject else {
        return Err(SqlError::syntax("COPY (query) FROM does not exist"));
    };
    let table = name::table(&context.snapshot, &context.facts, &name::qualified(name, &context.facts)?)?;
    let settled = options::import(options, matches!(source, Source::Stdin), context.facts.settings.time_zone())?;
    let list: Option<Vec<String>> = (!columns.is_empty()).then(|| columns.iter().map(fold).collect());
    if let Some(absent) = list.iter().flatten().find(|name| table.column_named(name).is_none()) {
        let message = format!("column \"{absent}\" of relation \"{}\" does not exist", table.name);
        return Err(SqlError::new(SqlState::UndefinedColumn, message));
    }
    let columns = target_columns(&table.columns, list.as_deref(), settled.explicit_ids)?;
    Ok(Plan::CopyFrom(Box::new(CopyFrom {
        table,
        columns,
        source,
        format: settled.format,
        options: settled.options,
        manifest: settled.manifest,
        region: settled.region,
        no_load: settled.no_load,
    })))
}

/// COPY table (columns) TO is COPY (SELECT columns FROM table) TO.
fn source_query(subject: &Subject) -> ast::Query {
    let (name, columns) = match subject {
        Subject::Query(query) => return ast::Query::clone(query),
        Subject::Table { name, columns } => (name, columns),
    };
    let projection = if columns.is_empty() {
        vec![ast::SelectItem::Wildcard(ast::WildcardAdditionalOptions::default())]
    } else {
        columns.iter().map(|column| ast::SelectItem::UnnamedExpr(ast::Expr::Identifier(column.clone()))).collect()
    };
    let relation = ast::TableFactor::Table {
        name: name.clone(),
        alias: None,
        args: None,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    };
    let select = ast::Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: vec![],
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection,
        exclude: None,
        into: None,
        from: vec![ast::TableWithJoins { relation, joins: vec![] }],
        lateral_views: vec![],
        prewhere: None,
        selection: None,
        connect_by: vec![],
        group_by: ast::GroupByExpr::Expressions(vec![], vec![]),
        cluster_by: vec![],
        distribute_by: vec![],
        sort_by: vec![],
        having: None,
        named_window: vec![],
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: ast::SelectFlavor::Standard,
    };
    let mut query = crate::session::block::as_query(&[]);
    query.body = Box::new(ast::SetExpr::Select(Box::new(select)));
    query
}

/// Runs COPY FROM.
pub(crate) async fn run_from(plan: CopyFrom, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let CopyFrom { table, columns, source, format, options, manifest, region, no_load } = plan;
    let on_stdin = matches!(source, Source::Stdin);
    let input = input(source, manifest, region, columns.len(), context).await?;
    let (reservations, requests) = mpsc::unbounded_channel();
    let fills = fills(&table, &columns, &reservations, (&context.plan, &context.cancel)).await?;
    // The job's own clones are the last ones: the channel closes when the job ends.
    drop(reservations);
    let progress = Arc::new(CopyProgress::default());
    let job = CopyJob {
        input,
        format,
        options,
        table_columns: table.columns.clone(),
        columns,
        fills,
        cancel: context.cancel.token().child_token(),
        progress: Arc::clone(&progress),
    };
    let threads = context.plan.engine.options().threads.max(1);
    let loaded = if no_load {
        let sinks = (0..threads).map(|_| stoa_ingest::Discard).collect();
        job.run_into(sinks).await.map(|(totals, _)| CopyReport { appended: vec![], totals })
    } else {
        let appenders = appenders(&table, threads, context)?;
        with_reservations(job.run(appenders), requests, &table, context).await
    };
    let CopyReport { appended, totals } = match loaded {
        Ok(report) => report,
        Err(error) => {
            report::record(error.rejected(), &table, context);
            context.cancel.check()?;
            return Err(error.into());
        }
    };
    report::record(&totals.rejected, &table, context);
    for appended in appended {
        context.transaction()?.finish_append(appended)?;
    }
    if !on_stdin {
        let rows = totals.rows;
        let done = if no_load { "check only, " } else { "" };
        context.notice(
            NoticeSeverity::Info,
            format!("{done}Load into table '{}' completed, {rows} record(s) loaded successfully.", table.name),
        );
    }
    if totals.rejected_count > 0 {
        let count = totals.rejected_count;
        context.notice(
            NoticeSeverity::Info,
            format!("{count} record(s) could not be loaded.  Check 'stl_load_errors' system table for details."),
        );
    }
    Ok(Outcome::command(format!("COPY {}", if no_load { 0 } else { totals.rows })))
}

async fn input(
    source: Source,
    manifest: bool,
    region: Option<String>,
    columns: usize,
    context: &mut Context<'_>,
) -> Result<Input, SqlError> {
    let url = match source {
        Source::Stdin => {
            let upload = context.upload.take();
            let Upload { data, ready } =
                upload.ok_or_else(|| SqlError::internal("COPY FROM STDIN without a client"))?;
            // Where the client is gone the load ends at once: its channel is closed.
            let _told = ready.send(columns);
            return Ok(Input::Upload(translated(data)));
        }
        Source::Location(url) => url,
    };
    let access = FileAccess { region, ..context.plan.engine.file_access() };
    let files = context.cancel.run(async { Ok(stoa_ingest::resolve(&url, manifest, &access).await?) }).await?;
    Ok(Input::Files(files))
}

/// The client's chunks as the load takes them.
fn translated(mut data: mpsc::Receiver<Result<Bytes, SqlError>>) -> mpsc::Receiver<Result<Bytes, stoa_ingest::Error>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(chunk) = data.recv().await {
            let chunk = chunk.map_err(|error| stoa_ingest::Error::cancelled(error.message));
            if sender.send(chunk).await.is_err() {
                break;
            }
        }
    });
    receiver
}

fn appenders(table: &Table, threads: usize, context: &mut Context<'_>) -> Result<Vec<Appender>, SqlError> {
    let transaction = context.transaction()?;
    (0..threads).map(|_| Ok(transaction.appender(table.id)?)).collect()
}

/// A request for identity values: column, how many, answer.
type Reservation = (ColumnId, u64, oneshot::Sender<Result<i64, stoa_storage::Error>>);

/// What the columns get that are not in the file.
async fn fills(
    table: &Table,
    columns: &[usize],
    reservations: &mpsc::UnboundedSender<Reservation>,
    (plan, cancel): (&PlanContext, &Cancel),
) -> Result<Vec<Fill>, SqlError> {
    let mut fills = Vec::with_capacity(table.columns.len());
    for (index, column) in table.columns.iter().enumerate() {
        let fill = match (&column.identity, &column.default) {
            _ if columns.contains(&index) => Fill::Null,
            (Some(identity), _) => {
                let (sender, id) = (reservations.clone(), column.id);
                let reserve = move |count: u64| reserve(&sender, id, count);
                Fill::Identity { step: identity.step, reserve: Arc::new(reserve) }
            }
            (None, Some(default)) => {
                let value = write::default_scalar(default, column.column_type, plan, cancel).await?;
                Fill::Value(value.to_array_of_size(1)?)
            }
            (None, None) => Fill::Null,
        };
        fills.push(fill);
    }
    Ok(fills)
}

/// Asks the transaction for values, from a worker's thread.
fn reserve(
    sender: &mpsc::UnboundedSender<Reservation>,
    column: ColumnId,
    count: u64,
) -> Result<i64, stoa_ingest::Error> {
    let (answer, answered) = oneshot::channel();
    let gone = || stoa_ingest::Error::cancelled("the statement has ended");
    if sender.send((column, count, answer)).is_err() {
        return Err(gone());
    }
    match answered.blocking_recv() {
        Ok(first) => Ok(first?),
        // The sender was dropped without an answer.
        Err(_) => Err(gone()),
    }
}

/// Runs the load, and answers its workers' requests for identity values meanwhile.
async fn with_reservations(
    load: impl Future<Output = Result<CopyReport, stoa_ingest::Error>>,
    mut requests: mpsc::UnboundedReceiver<Reservation>,
    table: &Table,
    context: &mut Context<'_>,
) -> Result<CopyReport, stoa_ingest::Error> {
    let mut load = std::pin::pin!(load);
    loop {
        tokio::select! {
            loaded = &mut load => return loaded,
            Some((column, count, answer)) = requests.recv() => {
                let first = match context.transaction() {
                    Ok(transaction) => transaction.reserve_identity(table.id, column, count),
                    Err(error) => Err(stoa_storage::Error::internal(error.message)),
                };
                // A worker that has gone needs no answer.
                let _unused = answer.send(first);
            }
        }
    }
}

/// Cuts the text of a batch into its rows, without copying it.
fn lines_of(text: Bytes, ends: Vec<usize>) -> impl Iterator<Item = Bytes> {
    let mut start = 0;
    ends.into_iter().map(move |end| text.slice(std::mem::replace(&mut start, end)..end))
}

/// Runs COPY TO STDOUT.
pub(crate) async fn run_to(plan: CopyTo, context: &mut Context<'_>) -> Result<Outcome, SqlError> {
    let CopyTo { query, options } = plan;
    if let Some(column) = query.columns.iter().find(|column| !TextExport::supports(&column.sql_type.arrow())) {
        return Err(SqlError::new(
            SqlState::FeatureNotSupported,
            format!("COPY of column \"{}\" of type {} is not supported", column.name, column.sql_type.name()),
        ));
    }
    let mut export = TextExport::new(options)?;
    let mut header = Vec::new();
    export.header(query.columns.iter().map(|column| column.name.as_str()), &mut header);
    let stream = execute::run_query(&query, &context.parameters, &context.exec()).await?;
    let rows = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&rows);
    let lines = stream.and_then(move |batch| {
        counter.fetch_add(u64::try_from(batch.num_rows()).unwrap_or(u64::MAX), Ordering::SeqCst);
        let mut text = Vec::new();
        let encoded = export.encode(&batch, &mut text).map_err(SqlError::from);
        std::future::ready(encoded.map(|ends| futures::stream::iter(lines_of(Bytes::from(text), ends)).map(Ok)))
    });
    let first = futures::stream::iter((!header.is_empty()).then(|| Ok(Bytes::from(header))));
    let stream = first.chain(lines.try_flatten()).boxed();
    Ok(Outcome::CopyOut(CopyOut { columns: query.columns.len(), binary: false, stream, rows }))
}
