//! Reading buckets that are not the warehouse's own: where COPY takes its files from.
//!
//! Nothing here writes, and nothing here goes through the warehouse's retry stack: reads may be repeated freely, so
//! `object_store`'s own retries serve.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt};
use url::Url;

use crate::error::{Error, Kind, Result};

/// A bucket to read from. Credentials and endpoint come from the environment (`AWS_…`). Cheap to clone.
#[derive(Clone)]
pub struct ExternalStore {
    store: Arc<dyn ObjectStore>,
    bucket: String,
}

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalObject {
    /// Its whole key within the bucket.
    pub key: String,
    /// Size in bytes.
    pub bytes: u64,
    /// The store's mark of this version of the object, where it has one.
    pub etag: Option<String>,
}

impl ExternalStore {
    /// Opens the bucket of an `s3://bucket/key` URL; also gives the key, which may be empty or a prefix.
    /// `region` overrides the environment's.
    pub fn open(url: &str, region: Option<&str>) -> Result<(Self, String)> {
        let invalid = || Error::invalid(format!("\"{url}\" is not a URL of the form s3://bucket/key"));
        let parsed = Url::parse(url).map_err(|error| invalid().with_source(error))?;
        let bucket =
            parsed.host_str().filter(|host| parsed.scheme() == "s3" && !host.is_empty()).ok_or_else(invalid)?;
        // The key is taken as written: S3 keys are not percent-encoded in s3:// URLs.
        let key = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, key)| key);
        let mut client =
            ClientOptions::new().with_timeout(Duration::from_secs(300)).with_connect_timeout(Duration::from_secs(5));
        if std::env::var("AWS_ALLOW_HTTP").is_ok_and(|value| value.eq_ignore_ascii_case("true")) {
            client = client.with_allow_http(true);
        }
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_client_options(client);
        if let Some(region) = region {
            builder = builder.with_region(region);
        }
        let store = builder
            .build()
            .map_err(|error| Error::invalid(format!("cannot configure bucket \"{bucket}\"")).with_source(error))?;
        Ok((Self { store: Arc::new(store), bucket: bucket.to_owned() }, key.to_owned()))
    }

    /// A store of objects in memory, for tests of what reads from buckets.
    pub fn in_memory(bucket: &str, objects: Vec<(String, Bytes)>) -> impl Future<Output = Result<Self>> + Send {
        let store = Arc::new(object_store::memory::InMemory::new());
        let bucket = bucket.to_owned();
        async move {
            for (key, bytes) in objects {
                let path = Path::parse(&key).map_err(|error| Error::invalid("not a key").with_source(error))?;
                let put = store.put(&path, bytes.into()).await;
                put.map_err(|error| Error::internal("could not fill a store in memory").with_source(error))?;
            }
            let store: Arc<dyn ObjectStore> = store;
            Ok(Self { store, bucket })
        }
    }

    /// Name of the bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// All objects whose key starts with `prefix`, byte by byte as S3 has it, sorted by key.
    pub async fn list(&self, prefix: &str) -> Result<Vec<ExternalObject>> {
        // `object_store` lists whole folders only: list the folder and look at the rest of the prefix here.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = (!folder.is_empty()).then(|| self.path(folder)).transpose()?;
        let mut found: Vec<ExternalObject> = self
            .store
            .list(folder.as_ref())
            .try_filter(|meta| std::future::ready(meta.location.as_ref().starts_with(prefix)))
            .map_ok(ExternalObject::from)
            .try_collect()
            .await
            .map_err(|error| self.failed("list", prefix, error))?;
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// Size and version of one object.
    pub async fn head(&self, key: &str) -> Result<ExternalObject> {
        let meta = self.store.head(&self.path(key)?).await.map_err(|error| self.failed("read", key, error))?;
        Ok(meta.into())
    }

    /// Part of an object; fewer bytes than asked for are an error.
    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let expected = range.end - range.start;
        let read = self.store.get_range(&self.path(key)?, range).await;
        let bytes = read.map_err(|error| self.failed("read", key, error))?;
        if bytes.len() as u64 == expected {
            Ok(bytes)
        } else {
            Err(Error::corrupt(format!("object \"s3://{}/{key}\" became shorter while it was read", self.bucket)))
        }
    }

    /// An object from its start to its end, piece by piece.
    pub async fn stream(&self, key: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        let found = self.store.get(&self.path(key)?).await.map_err(|error| self.failed("read", key, error))?;
        let (this, key) = (self.clone(), key.to_owned());
        Ok(found.into_stream().map_err(move |error| this.failed("read", &key, error)).boxed())
    }

    fn path(&self, key: &str) -> Result<Path> {
        Path::parse(key)
            .map_err(|error| Error::invalid(format!("\"{key}\" is not a key of an object")).with_source(error))
    }

    fn failed(&self, what: &str, key: &str, error: object_store::Error) -> Error {
        use object_store::Error as E;
        let kind = match &error {
            E::NotFound { .. } => Kind::NotFound,
            E::InvalidPath { .. } | E::PermissionDenied { .. } | E::Unauthenticated { .. } => Kind::Invalid,
            _ => Kind::Unavailable,
        };
        Error::new(kind, format!("cannot {what} \"s3://{}/{key}\"", self.bucket)).with_source(error)
    }
}

impl fmt::Debug for ExternalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalStore").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

impl From<ObjectMeta> for ExternalObject {
    fn from(meta: ObjectMeta) -> Self {
        Self { key: meta.location.as_ref().to_owned(), bytes: meta.size, etag: meta.e_tag }
    }
}
