//! An `object_store` (S3, memory) as a backend.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use super::backend::{Backend, Fault, FaultKind, Listed};

/// The backend: a store and a prefix within it.
#[derive(Debug)]
pub(crate) struct RemoteBackend<S> {
    store: S,
    prefix: String,
}

impl<S: ObjectStore> RemoteBackend<S> {
    /// Objects of `store` below `prefix` (without slashes at its ends; may be empty).
    pub(crate) fn new(store: S, prefix: &str) -> Self {
        Self { store, prefix: prefix.trim_matches('/').to_owned() }
    }

    fn path(&self, path: &str) -> Result<Path, Fault> {
        let whole = if self.prefix.is_empty() { path.to_owned() } else { format!("{}/{path}", self.prefix) };
        Path::parse(whole).map_err(|error| Fault::new(FaultKind::Refused, error))
    }

    fn relative(&self, path: &Path) -> String {
        let whole = path.as_ref();
        whole.strip_prefix(self.prefix.as_str()).unwrap_or(whole).trim_start_matches('/').to_owned()
    }
}

impl From<object_store::Error> for Fault {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error as E;
        let kind = match &error {
            E::NotFound { .. } => FaultKind::NotFound,
            E::AlreadyExists { .. } | E::Precondition { .. } => FaultKind::Exists,
            E::InvalidPath { .. }
            | E::NotSupported { .. }
            | E::NotImplemented { .. }
            | E::PermissionDenied { .. }
            | E::Unauthenticated { .. }
            | E::UnknownConfigurationKey { .. } => FaultKind::Refused,
            // Time-outs, resets and server errors come as Generic: nobody knows what they left behind.
            _ => FaultKind::Uncertain,
        };
        Self::new(kind, error)
    }
}

#[async_trait]
impl<S: ObjectStore> Backend for RemoteBackend<S> {
    async fn put_new(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        self.store.put_opts(&self.path(path)?, PutPayload::from_bytes(bytes), options).await?;
        Ok(())
    }

    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        self.store.put(&self.path(path)?, PutPayload::from_bytes(bytes)).await?;
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<Bytes, Fault> {
        Ok(self.store.get(&self.path(path)?).await?.bytes().await?)
    }

    async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, Fault> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        Ok(self.store.get_range(&self.path(path)?, range).await?)
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, Fault> {
        let listed = self
            .store
            .list(Some(&self.path(folder)?))
            .map_ok(|object| Listed { path: self.relative(&object.location), bytes: object.size });
        Ok(listed.try_collect().await?)
    }

    async fn delete(&self, path: &str) -> Result<(), Fault> {
        match self.store.delete(&self.path(path)?).await {
            Err(error) if !matches!(error, object_store::Error::NotFound { .. }) => Err(error.into()),
            _ => Ok(()),
        }
    }
}
