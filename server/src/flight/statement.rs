//! Statements of Flight SQL on a session: prepare, bind, run.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use stoa_query::{Outcome, Prepared, ScalarValue, Session, SqlError};
use tonic::Status;

use super::error::status;
use super::result::{DataStream, encode, schema};
use super::ticket::{FlightSession, Handle};

/// A session has one transaction at a time; a statement that names another cannot be meant for it.
pub(super) fn check_transaction(session: &FlightSession, named: Option<&Bytes>) -> Result<(), Status> {
    match named.filter(|id| !id.is_empty()) {
        None => Ok(()),
        Some(id) if session.transaction.lock().as_ref() == Some(id) => Ok(()),
        Some(_) => Err(Status::not_found("transaction does not exist")),
    }
}

/// Prepares one statement.
pub(super) async fn prepare(session: &FlightSession, query: &str) -> Result<Handle, Status> {
    let parsed = session.session.parse(query).map_err(|error| status(&error))?;
    let [parsed] = parsed.as_slice() else {
        return Err(status(&SqlError::syntax("exactly one statement is needed here")));
    };
    let prepared = session.session.prepare(parsed, &[]).await.map_err(|error| status(&error))?;
    let schema = schema(prepared.columns.as_deref());
    Ok(Handle { prepared, schema, parameters: Vec::new(), done: false })
}

/// Checks that bound batches have as many columns as the statement has parameters.
pub(super) fn check_parameters(handle: &Handle, batches: &[RecordBatch]) -> Result<(), Status> {
    let expected = handle.prepared.parameters.len();
    match batches.iter().find(|batch| batch.num_columns() != expected) {
        None => Ok(()),
        Some(batch) => Err(Status::invalid_argument(format!(
            "{} parameters are bound, but the prepared statement requires {expected}",
            batch.num_columns()
        ))),
    }
}

/// The parameters of each run: one run for each bound row, and a single run where there are no parameters.
fn runs(handle: &Handle) -> Result<Vec<Vec<ScalarValue>>, SqlError> {
    let types = &handle.prepared.parameters;
    if types.is_empty() {
        return Ok(vec![Vec::new()]);
    }
    if handle.parameters.is_empty() {
        let message = format!("values for {} parameters are not bound", types.len());
        return Err(SqlError::new(stoa_query::SqlState::ProtocolViolation, message));
    }
    let wrong = |error: &dyn std::fmt::Display| {
        SqlError::new(stoa_query::SqlState::InvalidTextRepresentation, format!("a parameter cannot be used: {error}"))
    };
    let mut runs = Vec::new();
    for batch in &handle.parameters {
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().zip(types).map(|(column, sql_type)| {
                let value = ScalarValue::try_from_array(column, row).map_err(|error| wrong(&error))?;
                let target = sql_type.arrow();
                match value.data_type() {
                    from if from == target => Ok(value),
                    DataType::Null => ScalarValue::try_from(&target).map_err(|error| wrong(&error)),
                    _ => value.cast_to(&target).map_err(|error| wrong(&error)),
                }
            });
            runs.push(values.collect::<Result<Vec<_>, SqlError>>()?);
        }
    }
    Ok(runs)
}

/// Runs a prepared statement and streams its rows. The results of several bound rows follow one another.
pub(super) async fn stream(session: Arc<FlightSession>, handle: Handle) -> Result<DataStream, Status> {
    let runs = if handle.done { Vec::new() } else { runs(&handle).map_err(|error| status(&error))? };
    let mut runs = runs.into_iter();
    let schema = Arc::clone(&handle.schema);
    // The first run starts before the answer, so that its errors are the call's own status.
    let first = match runs.next() {
        Some(parameters) => {
            rows(&session.session, &handle.prepared, parameters).await.map_err(|error| status(&error))?
        }
        None => futures::stream::empty().boxed(),
    };
    let prepared = Arc::clone(&handle.prepared);
    let keep = Arc::clone(&session);
    let rest = futures::stream::iter(runs)
        .then(move |parameters| {
            let (session, prepared) = (Arc::clone(&session), Arc::clone(&prepared));
            async move { rows(&session.session, &prepared, parameters).await }
        })
        .try_flatten();
    // The stream holds its session, which therefore does not expire under it.
    let all = first.chain(rest).inspect(move |_| _ = &keep);
    Ok(encode(all, schema))
}

type Batches = futures::stream::BoxStream<'static, Result<RecordBatch, SqlError>>;

async fn rows(session: &Session, prepared: &Prepared, parameters: Vec<ScalarValue>) -> Result<Batches, SqlError> {
    match session.run(prepared, parameters).await? {
        Outcome::Rows(rows) => Ok(rows.stream),
        Outcome::Command { .. } | Outcome::Empty => Ok(futures::stream::empty().boxed()),
        Outcome::CopyIn(copy) => {
            let error = SqlError::unsupported("COPY from STDIN over Flight SQL");
            copy.fail(&error.message).await;
            Err(error)
        }
        Outcome::CopyOut(_) => Err(SqlError::unsupported("COPY to STDOUT over Flight SQL")),
    }
}

/// Runs a string of statements to its end; the number of rows that the last one touched.
pub(super) async fn update(session: &FlightSession, query: &str) -> Result<i64, Status> {
    let session = &session.session;
    let run = async {
        let statements = session.parse(query)?;
        let implicit = statements.len() > 1;
        if implicit {
            session.begin_implicit();
        }
        let mut result = Ok(0);
        for parsed in &statements {
            result = match session.execute(parsed).await {
                Ok(outcome) => finish(outcome).await,
                Err(error) => Err(error),
            };
            if result.is_err() {
                break;
            }
        }
        if implicit {
            let ended = session.end_implicit(result.is_ok()).await;
            result = result.and_then(|count| ended.map(|()| count));
        }
        result
    };
    run.await.map_err(|error: SqlError| status(&error))
}

/// Runs a prepared statement once for each bound row, all in one transaction; the number of rows touched.
pub(super) async fn update_prepared(session: &FlightSession, handle: &Handle) -> Result<i64, Status> {
    let runs = runs(handle).map_err(|error| status(&error))?;
    let session = &session.session;
    // A single run stands alone, so that it may be a statement that cannot run inside a transaction.
    let implicit = runs.len() > 1;
    if implicit {
        session.begin_implicit();
    }
    let mut total = Ok(0);
    for parameters in runs {
        let touched = match session.run(&handle.prepared, parameters).await {
            Ok(outcome) => finish(outcome).await,
            Err(error) => Err(error),
        };
        total = total.and_then(|sum: i64| touched.map(|count| sum.saturating_add(count)));
        if total.is_err() {
            break;
        }
    }
    if implicit {
        let ended = session.end_implicit(total.is_ok()).await;
        total = total.and_then(|count| ended.map(|()| count));
    }
    total.map_err(|error| status(&error))
}

/// Brings an outcome to its end; how many rows it touched or gave.
async fn finish(outcome: Outcome) -> Result<i64, SqlError> {
    match outcome {
        Outcome::Rows(mut rows) => {
            let mut count = 0;
            while let Some(batch) = rows.stream.try_next().await? {
                count += batch.num_rows();
            }
            Ok(i64::try_from(count).unwrap_or(i64::MAX))
        }
        Outcome::Command { tag } => Ok(rows_of_tag(&tag)),
        Outcome::Empty => Ok(0),
        Outcome::CopyIn(copy) => {
            let error = SqlError::unsupported("COPY from STDIN over Flight SQL");
            copy.fail(&error.message).await;
            Err(error)
        }
        Outcome::CopyOut(_) => Err(SqlError::unsupported("COPY to STDOUT over Flight SQL")),
    }
}

/// The number at the end of a command tag (`INSERT 0 5`); 0 for commands that touch no rows.
pub(super) fn rows_of_tag(tag: &str) -> i64 {
    tag.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_end_with_the_number_of_rows() {
        assert_eq!(rows_of_tag("INSERT 0 5"), 5);
        assert_eq!(rows_of_tag("DELETE 3"), 3);
        assert_eq!(rows_of_tag("CREATE TABLE"), 0);
    }
}
