//! A file or an upload as one stream of decompressed bytes, read by a blocking thread.

use std::io::{Chain, Cursor, Read};
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::load::progress::CopyProgress;
use crate::location::{InputFile, Place};
use crate::options::Compression;

/// Waits for asynchronous work from a blocking thread, until it is done or the load is cancelled.
#[derive(Debug, Clone)]
pub(crate) struct Waiter {
    handle: Handle,
    cancel: CancellationToken,
}

impl Waiter {
    pub(crate) fn new(handle: Handle, cancel: CancellationToken) -> Self {
        Self { handle, cancel }
    }

    /// An error once the load is cancelled.
    pub(crate) fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(cancelled()) } else { Ok(()) }
    }

    /// The outcome of `work`, unless the load is cancelled first.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        self.handle.block_on(async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(cancelled()),
                done = work => Ok(done),
            }
        })
    }
}

fn cancelled() -> Error {
    Error::cancelled("the load was cancelled")
}

/// Bytes of a client, as they arrive.
pub(crate) type Upload = mpsc::Receiver<Result<Bytes>>;

/// Where bytes come from.
pub(crate) enum Source {
    File(InputFile),
    Upload(Upload),
}

/// What all sources of a load share.
#[derive(Debug, Clone)]
pub(crate) struct Opener {
    pub(crate) waiter: Waiter,
    pub(crate) compression: Compression,
    pub(crate) progress: Arc<CopyProgress>,
}

impl Opener {
    /// Opens a source and finds out how it is compressed.
    pub(crate) fn open(&self, source: Source) -> Result<Box<dyn Read + Send>> {
        let (name, raw) = match source {
            Source::Upload(receiver) => {
                ("STDIN".to_owned(), self.counted(Pieces::upload(receiver, self.waiter.clone())))
            }
            Source::File(file) => (file.name().to_owned(), self.open_file(&file)?),
        };
        self.decompressed(&name, raw)
    }

    fn open_file(&self, file: &InputFile) -> Result<Box<dyn Read + Send>> {
        Ok(match file.place() {
            Place::Local { path, identity } => self.counted(file.open_local(path, *identity)?),
            Place::Object { store, key } => {
                let opened = self.waiter.wait(store.stream(key))?;
                let stream = opened.map_err(|error| unreadable(file.name(), &error))?;
                self.counted(Pieces::object(file.name(), stream, self.waiter.clone()))
            }
        })
    }

    fn counted(&self, read: impl Read + Send + 'static) -> Box<dyn Read + Send> {
        Box::new(Counted { read, progress: Arc::clone(&self.progress) })
    }

    fn decompressed(&self, name: &str, mut raw: Box<dyn Read + Send>) -> Result<Box<dyn Read + Send>> {
        let mut start = Vec::with_capacity(4);
        (&mut raw).take(4).read_to_end(&mut start).map_err(|error| Error::reading(name, error))?;
        let compression = self.compression_of(name, &start)?;
        let whole: Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>> = Cursor::new(start).chain(raw);
        Ok(match compression {
            Compression::Gzip => Box::new(MultiGzDecoder::new(whole)),
            Compression::Zstd => {
                let decoder = zstd::stream::read::Decoder::new(whole);
                Box::new(decoder.map_err(|error| Error::reading(name, error))?)
            }
            Compression::Auto | Compression::None => Box::new(whole),
        })
    }

    fn compression_of(&self, name: &str, start: &[u8]) -> Result<Compression> {
        let found = match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
            _ => Compression::None,
        };
        let lower = name.to_ascii_lowercase();
        let promised = match self.compression {
            // An empty file is empty under every compression (also gzip's and zstd's tools make none, writers do).
            _ if start.is_empty() => return Ok(Compression::None),
            Compression::Auto if lower.ends_with(".gz") => Compression::Gzip,
            Compression::Auto if lower.ends_with(".zst") => Compression::Zstd,
            Compression::Auto => return Ok(found),
            Compression::None => return Ok(Compression::None),
            named @ (Compression::Gzip | Compression::Zstd) => named,
        };
        if found == promised {
            return Ok(found);
        }
        let what = if promised == Compression::Gzip { "gzip" } else { "zstd" };
        Err(Error::corrupt(format!("file \"{name}\" is not {what}-compressed")))
    }
}

fn unreadable(name: &str, error: &stoa_storage::Error) -> Error {
    match error.kind() {
        stoa_storage::Kind::NotFound => Error::not_found(format!("file \"{name}\" was not found")),
        stoa_storage::Kind::Corrupt => Error::corrupt(format!("file \"{name}\" changed while it was read: {error}")),
        _ => Error::unavailable(format!("could not read file \"{name}\": {error}")),
    }
}

/// Counts what is read, before decompression.
struct Counted<R> {
    read: R,
    progress: Arc<CopyProgress>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.read.read(buffer)?;
        self.progress.add_bytes(length as u64);
        Ok(length)
    }
}

/// Pieces that arrive asynchronously, as a blocking reader.
struct Pieces {
    arrivals: Arrivals,
    current: Bytes,
    waiter: Waiter,
}

enum Arrivals {
    Upload(Upload),
    Object { name: String, stream: BoxStream<'static, stoa_storage::Result<Bytes>> },
}

impl Pieces {
    fn upload(receiver: Upload, waiter: Waiter) -> Self {
        Self { arrivals: Arrivals::Upload(receiver), current: Bytes::new(), waiter }
    }

    fn object(name: &str, stream: BoxStream<'static, stoa_storage::Result<Bytes>>, waiter: Waiter) -> Self {
        Self { arrivals: Arrivals::Object { name: name.to_owned(), stream }, current: Bytes::new(), waiter }
    }

    fn next(&mut self) -> Result<Option<Bytes>> {
        match &mut self.arrivals {
            Arrivals::Upload(receiver) => self.waiter.wait(receiver.recv())?.transpose(),
            Arrivals::Object { name, stream } => {
                let next = self.waiter.wait(stream.next())?;
                next.transpose().map_err(|error| unreadable(name, &error))
            }
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.next()? {
                Some(piece) => self.current = piece,
                None => return Ok(0),
            }
        }
        let length = self.current.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}
