//! Rows that a load refused, for `stl_load_errors`.

use stoa_ingest::RejectedRow;
use stoa_storage::Table;

use crate::command::Context;
use crate::engine::now_micros;
use crate::system::LoadErrorFact;

/// Remembers refused rows.
pub(super) fn record(rejected: &[RejectedRow], table: &Table, context: &Context<'_>) {
    let at_micros = now_micros();
    let facts = rejected.iter().map(|row| LoadErrorFact {
        query_id: context.query_id,
        process_id: context.plan.facts.process_id,
        user: context.plan.facts.user.clone(),
        table: table.id.0,
        table_name: table.name.clone(),
        at_micros,
        file: row.file.clone(),
        line: row.line,
        column: row.column.clone().unwrap_or_default(),
        column_type: row.column_type.unwrap_or_default().to_owned(),
        position: row.position.into(),
        raw_line: row.raw_line.clone(),
        raw_field: row.raw_field.clone(),
        code: row.code,
        reason: row.reason.clone(),
    });
    context.session.engine().history().log_load_errors(facts);
}
