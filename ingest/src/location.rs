//! Where COPY takes its files from: a path under a configured folder, or `s3://`; one file, a prefix, or a manifest.
//!
//! # Safety of local paths
//! The whole path is resolved first (symbolic links, `..`), and only then compared with the resolved folders of the
//! configuration. What was found is remembered by device and inode; opening it later compares both, so that a link
//! exchanged in between is noticed. Only regular files are read.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};

use stoa_storage::ExternalStore;

use crate::error::{Error, Kind, Result};
use crate::limit::{FILES_MAX, FOLDER_DEPTH_MAX, MANIFEST_BYTES_MAX};
use crate::manifest::{self, Entry};

/// What this server may read. The default is nothing local and every bucket that its credentials open.
#[derive(Debug, Clone)]
pub struct FileAccess {
    /// Folders whose files may be read.
    pub folders: Vec<PathBuf>,
    /// Folders that are never read, even below an allowed one: the warehouse's own root.
    pub hidden_folders: Vec<PathBuf>,
    /// Whether `s3://` may be read.
    pub buckets: bool,
    /// `s3://bucket/prefix` that are never read: the warehouse's own root.
    pub hidden_prefixes: Vec<String>,
    /// REGION, where COPY names one.
    pub region: Option<String>,
}

impl Default for FileAccess {
    fn default() -> Self {
        Self {
            folders: Vec::new(),
            hidden_folders: Vec::new(),
            buckets: true,
            hidden_prefixes: Vec::new(),
            region: None,
        }
    }
}

/// A file to load.
#[derive(Debug, Clone)]
pub struct InputFile {
    name: String,
    bytes: u64,
    place: Place,
}

#[derive(Debug, Clone)]
pub(crate) enum Place {
    Local { path: PathBuf, identity: (u64, u64) },
    Object { store: ExternalStore, key: String },
}

impl InputFile {
    /// The path or URL, as it is shown in errors and system tables.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Size in bytes when it was looked up.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// An object of a bucket.
    pub fn object(store: &ExternalStore, key: &str, bytes: u64) -> Self {
        let name = format!("s3://{}/{key}", store.bucket());
        Self { name, bytes, place: Place::Object { store: store.clone(), key: key.to_owned() } }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Opens a local file, if it is still the one that was looked up.
    pub(crate) fn open_local(&self, path: &Path, identity: (u64, u64)) -> Result<File> {
        let file = File::open(path).map_err(|error| Error::reading(&self.name, error))?;
        let metadata = file.metadata().map_err(|error| Error::reading(&self.name, error))?;
        if identity_of(&metadata) != identity || !metadata.is_file() {
            return Err(Error::denied(format!("file \"{}\" was exchanged while it was opened", self.name)));
        }
        Ok(file)
    }
}

#[cfg(unix)]
fn identity_of(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity_of(metadata: &Metadata) -> (u64, u64) {
    (metadata.len(), 0)
}

/// Finds the files that a COPY names: one file, every file below a folder, every file whose path starts with `url`, or
/// the entries of the manifest at `url`. In the order of their names; never empty.
pub async fn resolve(url: &str, is_manifest: bool, access: &FileAccess) -> Result<Vec<InputFile>> {
    let files = if is_manifest { resolve_manifest(url, access).await? } else { resolve_one(url, access).await? };
    if files.is_empty() {
        return Err(Error::not_found(format!("no file starts with \"{url}\"")));
    }
    if files.len() > FILES_MAX {
        return Err(Error::limit(format!("\"{url}\" names more than {FILES_MAX} files")));
    }
    Ok(files)
}

async fn resolve_one(url: &str, access: &FileAccess) -> Result<Vec<InputFile>> {
    if is_bucket(url) {
        let (store, prefix) = open_bucket(url, access)?;
        let objects = store.list(&prefix).await.map_err(|error| from_store(&error, url))?;
        // Objects of no bytes whose name ends in a slash are what consoles call folders.
        let is_file = |key: &str| !key.ends_with('/') && !is_hidden(key.rsplit('/').next().unwrap_or(key));
        let visible = |key: &str| is_file(key) || key == prefix;
        let listed = objects.iter().filter(|object| visible(&object.key));
        let files: Vec<_> = listed.map(|object| InputFile::object(&store, &object.key, object.bytes)).collect();
        files.iter().try_for_each(|file| check_bucket(&file.name, access))?;
        return Ok(files);
    }
    let path = local_path(url)?;
    let (access, url) = (access.clone(), url.to_owned());
    tokio::task::spawn_blocking(move || Folders::new(&access)?.matching(&path, &url))
        .await
        .map_err(|error| Error::internal("looking up files was interrupted").with_source(error))?
}

async fn resolve_manifest(url: &str, access: &FileAccess) -> Result<Vec<InputFile>> {
    let entries = manifest::parse(&read_manifest(url, access).await?, url)?;
    let mut files = Vec::with_capacity(entries.len());
    for entry in entries {
        match exact(&entry.url, access).await {
            Ok(file) => {
                check_length(&entry, &file)?;
                files.push(file);
            }
            Err(error) if error.kind() == Kind::NotFound && !entry.mandatory => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}

fn check_length(entry: &Entry, file: &InputFile) -> Result<()> {
    match entry.content_length {
        Some(length) if length != file.bytes => Err(Error::corrupt(format!(
            "file \"{}\" has {} bytes, but the manifest says {length}",
            file.name, file.bytes
        ))),
        _ => Ok(()),
    }
}

async fn read_manifest(url: &str, access: &FileAccess) -> Result<Vec<u8>> {
    let file = exact(url, access).await?;
    if file.bytes > MANIFEST_BYTES_MAX {
        return Err(Error::limit(format!("manifest \"{url}\" is longer than {MANIFEST_BYTES_MAX} bytes")));
    }
    match file.place.clone() {
        Place::Object { store, key } => {
            let bytes = store.get_range(&key, 0..file.bytes).await.map_err(|error| from_store(&error, url))?;
            Ok(bytes.to_vec())
        }
        Place::Local { path, identity } => {
            let name = url.to_owned();
            let read = move || {
                use std::io::Read;
                let mut bytes = Vec::new();
                let opened = file.open_local(&path, identity)?;
                opened
                    .take(MANIFEST_BYTES_MAX)
                    .read_to_end(&mut bytes)
                    .map_err(|error| Error::reading(&name, error))?;
                Ok(bytes)
            };
            tokio::task::spawn_blocking(read)
                .await
                .map_err(|error| Error::internal("reading a manifest was interrupted").with_source(error))?
        }
    }
}

/// The one file of exactly that name.
async fn exact(url: &str, access: &FileAccess) -> Result<InputFile> {
    if is_bucket(url) {
        let (store, key) = open_bucket(url, access)?;
        let found = store.head(&key).await.map_err(|error| from_store(&error, url))?;
        return Ok(InputFile::object(&store, &key, found.bytes));
    }
    let path = local_path(url)?;
    let (access, url) = (access.clone(), url.to_owned());
    let look = move || {
        let folders = Folders::new(&access)?;
        folders.file(&path)?.ok_or_else(|| Error::not_found(format!("file \"{url}\" was not found")))
    };
    tokio::task::spawn_blocking(look)
        .await
        .map_err(|error| Error::internal("looking up a file was interrupted").with_source(error))?
}

fn is_bucket(url: &str) -> bool {
    url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("s3://"))
}

fn open_bucket(url: &str, access: &FileAccess) -> Result<(ExternalStore, String)> {
    if !access.buckets {
        return Err(Error::denied("reading from s3:// is switched off in the configuration"));
    }
    check_bucket(url, access)?;
    ExternalStore::open(url, access.region.as_deref()).map_err(|error| from_store(&error, url))
}

/// The warehouse's own objects are not for COPY: they hold every table, whoever may read it.
fn check_bucket(url: &str, access: &FileAccess) -> Result<()> {
    let inside = |prefix: &String| {
        let prefix = prefix.trim_end_matches('/');
        url.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if access.hidden_prefixes.iter().any(inside) {
        return Err(Error::denied(format!("\"{url}\" belongs to the warehouse itself")));
    }
    Ok(())
}

fn from_store(error: &stoa_storage::Error, url: &str) -> Error {
    let kind = match error.kind() {
        stoa_storage::Kind::NotFound => Kind::NotFound,
        stoa_storage::Kind::Invalid => Kind::Invalid,
        stoa_storage::Kind::Corrupt => Kind::Corrupt,
        _ => Kind::Unavailable,
    };
    Error::new(kind, format!("could not look up \"{url}\": {error}"))
}

fn local_path(url: &str) -> Result<PathBuf> {
    let path = match url.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("file") => {
            let parsed = url::Url::parse(url).ok().and_then(|parsed| parsed.to_file_path().ok());
            parsed.ok_or_else(|| Error::invalid(format!("\"{url}\" is not a file URL")))?
        }
        Some((scheme, _)) => return Err(Error::unsupported(format!("COPY from \"{scheme}://\" is not supported"))),
        None => PathBuf::from(url),
    };
    if path.is_absolute() { Ok(path) } else { Err(Error::invalid(format!("path \"{url}\" is not absolute"))) }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

/// The resolved folders of the configuration.
struct Folders {
    allowed: Vec<PathBuf>,
    hidden: Vec<PathBuf>,
}

impl Folders {
    fn new(access: &FileAccess) -> Result<Self> {
        if access.folders.is_empty() {
            return Err(Error::denied("COPY from local files is switched off: no folder is configured for it"));
        }
        // A configured folder that does not exist allows nothing; it is no reason to refuse the others.
        let resolve = |folders: &[PathBuf]| folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
        Ok(Self { allowed: resolve(&access.folders), hidden: resolve(&access.hidden_folders) })
    }

    /// The resolved path if it may be read. Outside the folders the answer does not depend on whether a file exists.
    fn admit(&self, path: &Path) -> Result<Option<PathBuf>> {
        let inside = |path: &Path| {
            self.allowed.iter().any(|folder| path.starts_with(folder))
                && !self.hidden.iter().any(|folder| path.starts_with(folder))
        };
        let denied =
            || Error::denied(format!("path \"{}\" is outside the folders configured for COPY", path.display()));
        match path.canonicalize() {
            Ok(real) if inside(&real) => Ok(Some(real)),
            Ok(_) => Err(denied()),
            // What does not exist cannot be resolved: the nearest folder that does must lie inside.
            Err(_) => {
                let parent = path.ancestors().skip(1).find_map(|parent| parent.canonicalize().ok());
                if parent.is_some_and(|parent| inside(&parent)) { Ok(None) } else { Err(denied()) }
            }
        }
    }

    /// The file of exactly that path.
    fn file(&self, path: &Path) -> Result<Option<InputFile>> {
        let Some(real) = self.admit(path)? else {
            return Ok(None);
        };
        let name = path.display().to_string();
        let metadata = std::fs::metadata(&real).map_err(|error| Error::reading(&name, error))?;
        if !metadata.is_file() {
            return Err(Error::invalid(format!("\"{name}\" is not a regular file")));
        }
        let place = Place::Local { path: real, identity: identity_of(&metadata) };
        Ok(Some(InputFile { name, bytes: metadata.len(), place }))
    }

    fn matching(&self, path: &Path, url: &str) -> Result<Vec<InputFile>> {
        let mut files = Vec::new();
        match self.admit(path)? {
            Some(real) if real.is_dir() => self.descend(path, &mut files, 0)?,
            Some(_) => files.extend(self.file(path)?),
            None if url.ends_with('/') => {}
            None => self.siblings(path, &mut files)?,
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// Files and folders whose names start with the last component of `path`.
    fn siblings(&self, path: &Path, files: &mut Vec<InputFile>) -> Result<()> {
        let (Some(folder), Some(start)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Ok(());
        };
        if self.admit(folder)?.is_some() {
            self.entries(folder, files, 0, |name| name.starts_with(start))?;
        }
        Ok(())
    }

    fn descend(&self, folder: &Path, files: &mut Vec<InputFile>, depth: usize) -> Result<()> {
        if depth > FOLDER_DEPTH_MAX {
            return Err(Error::limit(format!("folder \"{}\" is nested too deeply", folder.display())));
        }
        self.entries(folder, files, depth, |_| true)
    }

    fn entries(
        &self,
        folder: &Path,
        files: &mut Vec<InputFile>,
        depth: usize,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let failed = |error| Error::reading(&folder.display().to_string(), error);
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !is_hidden(name) && wanted(name)) else {
                continue;
            };
            let path = folder.join(name);
            let Some(real) = self.admit(&path)? else {
                continue;
            };
            if real.is_dir() {
                // Linked folders are left out: they would load files twice, or for ever.
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    self.descend(&path, files, depth + 1)?;
                }
            } else {
                files.extend(self.file(&path)?);
            }
            if files.len() > FILES_MAX {
                return Err(Error::limit(format!("\"{}\" holds more than {FILES_MAX} files", folder.display())));
            }
        }
        Ok(())
    }
}
