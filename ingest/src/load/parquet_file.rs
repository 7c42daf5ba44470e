//! A Parquet file: footer, and the bytes of one row group at a time, from a disk or a bucket.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::reader::{ChunkReader, Length};

use crate::error::{Error, Result};
use crate::limit::{FOOTER_BYTES_MAX, ROW_GROUP_BYTES_MAX};
use crate::load::progress::CopyProgress;
use crate::location::{InputFile, Place};
use crate::source::open::Waiter;

/// Runs decoding of untrusted bytes. The decoder reports most damage, but asserts some of it.
pub(crate) fn guarded<T>(name: &str, what: &str, decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T> {
    let damaged = || Error::corrupt(format!("file \"{name}\", {what}: the Parquet data is damaged"));
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(ParquetError::NYI(why))) => Err(Error::unsupported(format!("file \"{name}\", {what}: {why}"))),
        Ok(Err(error)) => Err(damaged().with_source(error)),
        Err(_panic) => Err(damaged()),
    }
}

/// Reads ranges of a file.
pub(crate) struct RangeReader {
    name: String,
    length: u64,
    place: OpenPlace,
    waiter: Waiter,
    progress: Arc<CopyProgress>,
}

enum OpenPlace {
    Local(File),
    Object { store: stoa_storage::ExternalStore, key: String },
}

impl RangeReader {
    pub(crate) fn open(input: &InputFile, waiter: Waiter, progress: Arc<CopyProgress>) -> Result<Self> {
        let place = match input.place() {
            Place::Local { path, identity } => OpenPlace::Local(input.open_local(path, *identity)?),
            Place::Object { store, key } => OpenPlace::Object { store: store.clone(), key: key.clone() },
        };
        Ok(Self { name: input.name().to_owned(), length: input.bytes(), place, waiter, progress })
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.waiter.check()?;
        self.progress.add_bytes(range.end - range.start);
        match &self.place {
            OpenPlace::Local(file) => {
                let length = usize::try_from(range.end - range.start)
                    .map_err(|error| Error::limit("the range is too long").with_source(error))?;
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, range.start).map_err(|error| Error::reading(&self.name, error))?;
                Ok(bytes.into())
            }
            OpenPlace::Object { store, key } => {
                let read = self.waiter.wait(store.get_range(key, range))?;
                read.map_err(|error| Error::unavailable(format!("could not read file \"{}\": {error}", self.name)))
            }
        }
    }

    /// Reads and checks the footer.
    pub(crate) fn footer(&self) -> Result<ArrowReaderMetadata> {
        const TAIL: u64 = 8;
        let not_parquet = || Error::corrupt(format!("file \"{}\" is not a Parquet file", self.name));
        let start = self.length.checked_sub(TAIL).ok_or_else(not_parquet)?;
        let tail = self.read(start..self.length)?;
        match tail.as_ref() {
            [.., b'P', b'A', b'R', b'1'] => {}
            [.., b'P', b'A', b'R', b'E'] => {
                return Err(Error::unsupported(format!("file \"{}\" is encrypted", self.name)));
            }
            _ => return Err(not_parquet()),
        }
        let length = u64::from(tail.as_ref().get_u32_le());
        let first = start.checked_sub(length).ok_or_else(not_parquet)?;
        if length > FOOTER_BYTES_MAX {
            return Err(Error::limit(format!("the footer of file \"{}\" is too long", self.name)));
        }
        let bytes = self.read(first..start)?;
        guarded(&self.name, "footer", || {
            let metadata = ParquetMetaDataReader::decode_metadata(&bytes)?;
            // The embedded Arrow schema is a hint of the writer; the Parquet types decide.
            ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new().with_skip_arrow_metadata(true))
        })
    }

    /// Reads the column chunks of a row group: those of the leaves that `wanted` accepts.
    pub(crate) fn row_group(
        &self,
        metadata: &ArrowReaderMetadata,
        group: usize,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<GroupBytes> {
        let damaged =
            || Error::corrupt(format!("file \"{}\", row group {group}: a column lies outside the file", self.name));
        let mut pieces = Vec::new();
        let mut total = 0_u64;
        for (leaf, column) in metadata.metadata().row_group(group).columns().iter().enumerate() {
            if !wanted(leaf) {
                continue;
            }
            // `byte_range` asserts that both numbers are positive.
            let (start, length) = guarded(&self.name, "footer", || Ok(column.byte_range()))?;
            let end = start.checked_add(length).filter(|end| *end <= self.length).ok_or_else(damaged)?;
            total = total.saturating_add(length);
            if total > ROW_GROUP_BYTES_MAX {
                return Err(Error::limit(format!(
                    "file \"{}\", row group {group}: longer than {ROW_GROUP_BYTES_MAX} bytes",
                    self.name
                )));
            }
            pieces.push((start, self.read(start..end)?));
        }
        pieces.sort_by_key(|(start, _)| *start);
        Ok(GroupBytes { length: self.length, pieces: Arc::new(pieces) })
    }
}

/// The parts of a file that are in memory, addressed as in the file.
#[derive(Clone)]
pub(crate) struct GroupBytes {
    length: u64,
    pieces: Arc<Vec<(u64, Bytes)>>,
}

impl GroupBytes {
    fn from(&self, start: u64) -> Result<Bytes, ParquetError> {
        let outside = || ParquetError::from(std::io::Error::from(ErrorKind::UnexpectedEof));
        let after = self.pieces.partition_point(|(piece, _)| *piece <= start);
        let (piece, bytes) = after.checked_sub(1).and_then(|at| self.pieces.get(at)).ok_or_else(outside)?;
        let offset = usize::try_from(start - piece).map_err(|_error| outside())?;
        if offset > bytes.len() { Err(outside()) } else { Ok(bytes.slice(offset..)) }
    }
}

impl Length for GroupBytes {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for GroupBytes {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(Box::new(self.from(start)?.reader()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        Ok(bytes.slice(..length))
    }
}
