//! A wrapper that bounds the number of requests in flight.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::backend::{Backend, Fault, FaultKind, Listed};

/// Lets at most so many requests through at a time.
#[derive(Debug)]
pub(super) struct Limited {
    inner: Arc<dyn Backend>,
    permits: Semaphore,
}

impl Limited {
    pub(super) fn new(inner: Arc<dyn Backend>, requests_max: usize) -> Self {
        Self { inner, permits: Semaphore::new(requests_max) }
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, Fault> {
        // The semaphore is never closed; were it, no request would have been sent.
        self.permits.acquire().await.map_err(|error| Fault::new(FaultKind::Refused, error))
    }
}

#[async_trait]
impl Backend for Limited {
    async fn put_new(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        let _permit = self.permit().await?;
        self.inner.put_new(path, bytes).await
    }

    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        let _permit = self.permit().await?;
        self.inner.put(path, bytes).await
    }

    async fn get(&self, path: &str) -> Result<Bytes, Fault> {
        let _permit = self.permit().await?;
        self.inner.get(path).await
    }

    async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, Fault> {
        let _permit = self.permit().await?;
        self.inner.get_range(path, range).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, Fault> {
        let _permit = self.permit().await?;
        self.inner.list(folder).await
    }

    async fn delete(&self, path: &str) -> Result<(), Fault> {
        let _permit = self.permit().await?;
        self.inner.delete(path).await
    }
}
