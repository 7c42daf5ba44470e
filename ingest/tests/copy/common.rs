//! Loads text and shows the rows.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch};
use arrow_cast::display::array_value_to_string;
use bytes::Bytes;
use stoa_ingest::*;
use stoa_storage::{Column, ColumnId, ColumnType, Identity};

/// How NULL is shown.
pub(crate) const NULL: &str = "∅";

pub(crate) const TEXT: ColumnType = ColumnType::Varchar { length: None };
pub(crate) const INT: ColumnType = ColumnType::Int32;

pub(crate) fn varchar(length: u32) -> ColumnType {
    ColumnType::Varchar { length: Some(length) }
}

pub(crate) fn decimal(precision: u8, scale: u8) -> ColumnType {
    ColumnType::Decimal { precision, scale }
}

/// Columns `a`, `b`, … of these types.
pub(crate) fn columns(types: &[ColumnType]) -> Vec<Column> {
    let column = |(index, column_type): (u32, &ColumnType)| Column {
        id: ColumnId(index + 1),
        name: char::from_u32('a' as u32 + index).unwrap().to_string(),
        column_type: *column_type,
        nullable: true,
        default: None,
        missing: None,
        identity: None,
        encode: None,
        comment: None,
    };
    (0..).zip(types).map(column).collect()
}

pub(crate) fn identity() -> Identity {
    Identity { seed: 1, step: 1, next: 1, by_default: false }
}

/// What a load gave.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) totals: CopyTotals,
    pub(crate) batches: Vec<RecordBatch>,
}

/// A load to be described step by step.
pub(crate) struct Load {
    pub(crate) format: Format,
    pub(crate) options: CopyOptions,
    pub(crate) table: Vec<Column>,
    pub(crate) targets: Option<Vec<usize>>,
    pub(crate) fills: Vec<Fill>,
    pub(crate) threads: usize,
}

impl Load {
    pub(crate) fn new(format: Format, types: &[ColumnType]) -> Self {
        Self {
            format,
            options: CopyOptions::new(format),
            table: columns(types),
            targets: None,
            fills: Vec::new(),
            threads: 1,
        }
    }

    pub(crate) fn with(mut self, set: impl FnOnce(&mut CopyOptions)) -> Self {
        set(&mut self.options);
        self
    }

    pub(crate) fn not_null(mut self, column: usize) -> Self {
        self.table[column].nullable = false;
        self
    }

    pub(crate) fn job(self, input: Input) -> (CopyJob, usize) {
        let all = (0..self.table.len()).collect();
        let job = CopyJob {
            input,
            format: self.format,
            options: self.options,
            columns: self.targets.unwrap_or(all),
            table_columns: self.table,
            fills: self.fills,
            cancel: Default::default(),
            progress: Arc::default(),
        };
        (job, self.threads)
    }

    pub(crate) fn try_input(self, input: Input) -> Result<Loaded> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (job, threads) = self.job(input);
        let (totals, sinks) = runtime.block_on(job.run_into(vec![Vec::new(); threads]))?;
        let batches: Vec<RecordBatch> = sinks.into_iter().flatten().collect();
        let rows = batches.iter().flat_map(shown).collect();
        Ok(Loaded { rows, totals, batches })
    }

    /// Loads an upload that arrives in one piece.
    pub(crate) fn try_text(self, text: impl AsRef<[u8]>) -> Result<Loaded> {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        sender.try_send(Ok(Bytes::copy_from_slice(text.as_ref()))).unwrap();
        drop(sender);
        self.try_input(Input::Upload(receiver))
    }

    pub(crate) fn text(self, text: impl AsRef<[u8]>) -> Loaded {
        self.try_text(text).unwrap()
    }

    /// Loads a file or a folder of files.
    pub(crate) fn try_path(self, path: &Path) -> Result<Loaded> {
        let files = files(path)?;
        self.try_input(Input::Files(files))
    }
}

pub(crate) fn files(path: &Path) -> Result<Vec<InputFile>> {
    let folder = path.parent().unwrap().to_owned();
    let access = FileAccess { folders: vec![folder], ..FileAccess::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(resolve(path.to_str().unwrap(), false, &access))
}

/// Rows of a batch as text.
pub(crate) fn shown(batch: &RecordBatch) -> Vec<Vec<String>> {
    let cell = |array: &dyn Array, row: usize| match array.as_primitive_opt::<TimestampMicrosecondType>() {
        _ if array.is_null(row) => NULL.to_owned(),
        Some(instants) if instants.timezone().is_some() => {
            format!("{}Z", array_value_to_string(&instants.clone().with_timezone_opt(None::<&str>), row).unwrap())
        }
        _ => array_value_to_string(array, row).unwrap(),
    };
    let row = |row: usize| batch.columns().iter().map(|array| cell(array.as_ref(), row)).collect();
    (0..batch.num_rows()).map(row).collect()
}

/// Rows written as `[["1", "x"]]`.
#[track_caller]
pub(crate) fn check<const N: usize>(loaded: &Loaded, expected: &[[&str; N]]) {
    let expected: Vec<Vec<String>> =
        expected.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect();
    assert_eq!(loaded.rows, expected);
}
