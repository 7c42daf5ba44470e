//! A folder as a store. `object_store`'s own (0.13) never calls fsync, so a commit could vanish with the power; this one
//! returns only when the bytes and the directory entry are on the disk.
//!
//! Creation is write to a temporary file, fsync, hard link (which fails where the name exists), fsync of the folder.
//! Deletions are not synced: an object that comes back after a crash is garbage that the next collection finds.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use super::backend::{Backend, Fault, FaultKind, Listed};
use crate::error::{Error, Result as StorageResult};

/// Folder for files that are being written. Its name cannot be an object's.
const TEMPORARY: &str = ".tmp";

/// The backend.
#[derive(Debug)]
pub(super) struct LocalBackend {
    folder: Arc<Folder>,
}

#[derive(Debug)]
struct Folder {
    root: PathBuf,
    /// Folders known to exist durably.
    durable: Mutex<HashSet<PathBuf>>,
    /// Makes names of temporary files differ within the process.
    next_temporary: AtomicU64,
}

impl LocalBackend {
    /// Opens or makes the folder.
    pub(super) fn open(root: &Path) -> StorageResult<Self> {
        let cannot =
            |error| Error::unavailable(format!("cannot use \"{}\" as a root", root.display())).with_source(error);
        fs::create_dir_all(root.join(TEMPORARY)).map_err(cannot)?;
        let root_absolute = fs::canonicalize(root).map_err(cannot)?;
        let folder =
            Folder { root: root_absolute, durable: Mutex::new(HashSet::new()), next_temporary: AtomicU64::new(0) };
        folder.remove_stale_temporaries();
        Ok(Self { folder: Arc::new(folder) })
    }

    /// Runs file system calls where they may block.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let folder = Arc::clone(&self.folder);
        match tokio::task::spawn_blocking(move || work(&folder)).await {
            Ok(outcome) => outcome,
            Err(error) => Err(Fault::new(FaultKind::Uncertain, error)),
        }
    }
}

/// The fault of a call that certainly left the object as it was.
fn before_effect(error: io::Error) -> Fault {
    let kind = match error.kind() {
        ErrorKind::NotFound => FaultKind::NotFound,
        ErrorKind::AlreadyExists => FaultKind::Exists,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => FaultKind::Full,
        _ => FaultKind::Refused,
    };
    Fault::new(kind, error)
}

/// A failed fsync: the kernel may have dropped the pages and will not say so again.
fn after_sync(error: io::Error) -> Fault {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Fault::new(FaultKind::Full, error),
        _ => Fault::new(FaultKind::Doubt, error),
    }
}

impl Folder {
    fn path(&self, path: &str) -> Result<PathBuf, Fault> {
        let simple = path.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains('\\'));
        if simple {
            Ok(self.root.join(path))
        } else {
            Err(Fault::new(FaultKind::Refused, format!("\"{path}\" is not a path below the root")))
        }
    }

    /// Makes a folder and its parents, durably.
    fn ensure(&self, folder: &Path) -> Result<(), Fault> {
        if folder == self.root || self.durable.lock().contains(folder) {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.ensure(parent)?;
            match fs::create_dir(folder) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(before_effect(error)),
                // Another thread may have made it and not synced it yet.
                _ => File::open(parent).and_then(|parent| parent.sync_all()).map_err(after_sync)?,
            }
        }
        self.durable.lock().insert(folder.to_owned());
        Ok(())
    }

    fn temporary(&self) -> PathBuf {
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        self.root.join(TEMPORARY).join(format!("{}-{number}", std::process::id()))
    }

    /// Files of writers that died. Another process may be at work here, so only old ones go.
    fn remove_stale_temporaries(&self) {
        let Ok(entries) = fs::read_dir(self.root.join(TEMPORARY)) else { return };
        for entry in entries.flatten() {
            let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age.as_secs() > 3600) {
                let _unremovable_is_harmless = fs::remove_file(entry.path());
            }
        }
    }

    /// Writes the bytes to a temporary file, and hands it to `publish` to give it its name.
    fn write(
        &self,
        path: &str,
        bytes: &[u8],
        publish: impl FnOnce(&Path, &Path) -> Result<(), Fault>,
        durable: bool,
    ) -> Result<(), Fault> {
        let target = self.path(path)?;
        let parent = target.parent().unwrap_or(&self.root);
        self.ensure(parent)?;
        let temporary = self.temporary();
        let written = (|| {
            let mut file = File::create(&temporary).map_err(before_effect)?;
            file.write_all(bytes).map_err(before_effect)?;
            if durable {
                file.sync_all().map_err(after_sync)?;
            }
            publish(&temporary, &target)
        })();
        // After a rename there is nothing to remove, after a failure it must not stay.
        let _absent_is_fine = fs::remove_file(&temporary);
        written?;
        if durable {
            // The name is visible from here on: a failure now leaves its durability in doubt, whatever the error is.
            let synced = File::open(parent).and_then(|folder| folder.sync_all());
            synced.map_err(|error| Fault::new(FaultKind::Doubt, error))?;
        }
        Ok(())
    }

    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, Fault> {
        let mut file = File::open(self.path(path)?).map_err(before_effect)?;
        file.seek(SeekFrom::Start(range.start)).map_err(before_effect)?;
        let length = range.end.saturating_sub(range.start);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.take(length).read_to_end(&mut bytes).map_err(before_effect)?;
        Ok(bytes.into())
    }

    fn list(&self, folder: &Path, found: &mut Vec<Listed>) -> Result<(), Fault> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(before_effect(error)),
        };
        for entry in entries {
            let entry = entry.map_err(before_effect)?;
            let kind = entry.file_type().map_err(before_effect)?;
            let path = entry.path();
            if kind.is_dir() {
                self.list(&path, found)?;
            } else if let Some(relative) = path.strip_prefix(&self.root).ok().and_then(Path::to_str) {
                match entry.metadata() {
                    Ok(data) => found.push(Listed { path: relative.replace('\\', "/"), bytes: data.len() }),
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(before_effect(error)),
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Backend for LocalBackend {
    async fn put_new(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        let path = path.to_owned();
        let link = |from: &Path, to: &Path| fs::hard_link(from, to).map_err(before_effect);
        self.run(move |folder| folder.write(&path, &bytes, link, true)).await
    }

    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        let path = path.to_owned();
        let rename = |from: &Path, to: &Path| fs::rename(from, to).map_err(before_effect);
        self.run(move |folder| folder.write(&path, &bytes, rename, false)).await
    }

    async fn get(&self, path: &str) -> Result<Bytes, Fault> {
        let path = path.to_owned();
        self.run(move |folder| Ok(fs::read(folder.path(&path)?).map_err(before_effect)?.into())).await
    }

    async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, Fault> {
        let path = path.to_owned();
        self.run(move |folder| folder.read_range(&path, range)).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, Fault> {
        let path = folder.to_owned();
        self.run(move |folder| {
            let mut found = Vec::new();
            folder.list(&folder.path(&path)?, &mut found)?;
            Ok(found)
        })
        .await
    }

    async fn delete(&self, path: &str) -> Result<(), Fault> {
        let path = path.to_owned();
        self.run(move |folder| match fs::remove_file(folder.path(&path)?) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(before_effect(error)),
            _ => Ok(()),
        })
        .await
    }
}
