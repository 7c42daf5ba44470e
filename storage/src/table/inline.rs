//! Small batches of rows that ride inside the log: an Arrow IPC stream, LZ4 compressed, fields named by column id.

use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{Field, Schema};

use crate::catalog::part::InlineChunk;
use crate::catalog::table::Column;
use crate::error::{Error, Result};

/// Packs rows (all live columns in table order) into a chunk.
pub(crate) fn encode_chunk(columns: &[Column], rows: &RecordBatch) -> Result<InlineChunk> {
    let fields: Vec<Field> =
        columns.iter().map(|column| Field::new(column.id.to_string(), column.column_type.arrow(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), rows.columns().to_vec())?;
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options)?;
    writer.write(&batch)?;
    let ipc = writer.into_inner()?;
    // The rows are kept decoded as they are; recovery fills them again on first use.
    Ok(InlineChunk { ipc, decoded: OnceLock::from(batch) })
}

/// The rows of a chunk; fields are named by column id.
pub(crate) fn decode_chunk(chunk: &InlineChunk, rows: u32) -> Result<RecordBatch> {
    if let Some(batch) = chunk.decoded.get() {
        return Ok(batch.clone());
    }
    let batch = read_stream(&chunk.ipc)
        .map_err(|error| Error::corrupt("an inline chunk of rows is damaged").with_source(error))?;
    if batch.num_rows() != rows as usize {
        return Err(Error::corrupt("an inline chunk holds another number of rows than its catalog entry says"));
    }
    Ok(chunk.decoded.get_or_init(|| batch).clone())
}

fn read_stream(ipc: &[u8]) -> Result<RecordBatch> {
    let reader = StreamReader::try_new(ipc, None)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    Ok(arrow_select::concat::concat_batches(&schema, &batches)?)
}
