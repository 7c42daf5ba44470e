//! A wrapper that sends again what may be sent again, and finds out what became of a put that got no answer.
//!
//! A create that is sent twice can be refused because of its own first success (a lost answer, or a client library that
//! retries on its own). So "exists" is never believed: the object is read, and equal bytes are our own success. S3 also
//! answers "conflict" while nothing is there; then the same bytes are sent again. This is safe because every object that
//! two writers could race for carries a nonce.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use super::backend::{Backend, Fault, FaultKind, Listed};
use crate::clock::Random;
use crate::planted::planted;

/// How long to insist.
#[derive(Debug, Clone)]
pub(crate) struct RetryPolicy {
    /// After this long without an answer a request is sent again; large writes get more.
    pub(crate) attempt: Duration,
    /// After this long no further request is sent.
    pub(crate) give_up: Duration,
    /// Greatest pause between two requests; the first pause is a sixty-fourth of it.
    pub(crate) pause_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempt: Duration::from_secs(20), give_up: Duration::from_secs(60), pause_max: Duration::from_secs(3) }
    }
}

impl RetryPolicy {
    /// Impatient, for the first contact with a store: a wrong address should be told at once.
    pub(crate) fn first_contact() -> Self {
        Self { attempt: Duration::from_secs(5), give_up: Duration::from_secs(10), ..Self::default() }
    }

    /// One mebibyte a second is the slowest line that is waited for.
    fn attempt_for(&self, bytes: usize) -> Duration {
        self.attempt + Duration::from_secs((bytes >> 20) as u64)
    }
}

/// The wrapper.
#[derive(Debug)]
pub(super) struct Retrying {
    inner: Arc<dyn Backend>,
    random: Arc<Random>,
    policy: RetryPolicy,
}

/// One operation's patience.
struct Patience<'a> {
    owner: &'a Retrying,
    deadline: Instant,
    pause: Duration,
}

impl Patience<'_> {
    /// Waits before the next attempt; `false` when there is to be none.
    async fn next(&mut self) -> bool {
        if Instant::now() + self.pause >= self.deadline {
            return false;
        }
        let micros = u64::try_from(self.pause.as_micros()).unwrap_or(u64::MAX);
        // Half fixed, half chance: clients that failed together do not come back together.
        sleep(self.pause / 2 + Duration::from_micros(self.owner.random.below(micros / 2 + 1))).await;
        self.pause = (self.pause * 2).min(self.owner.policy.pause_max);
        true
    }
}

/// What is at a path, compared with what was to be put there.
enum Found {
    Ours,
    Other,
    Nothing,
}

impl Retrying {
    pub(super) fn new(inner: Arc<dyn Backend>, random: Arc<Random>, policy: RetryPolicy) -> Self {
        Self { inner, random, policy }
    }

    fn patience(&self) -> Patience<'_> {
        Patience { owner: self, deadline: Instant::now() + self.policy.give_up, pause: self.policy.pause_max / 64 }
    }

    /// Repeats an idempotent request until it gets an answer.
    async fn insist<T, F>(&self, attempt: Duration, request: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut patience = self.patience();
        loop {
            let fault = match timeout(attempt, request()).await {
                Ok(Err(fault)) if fault.kind == FaultKind::Uncertain => fault,
                Ok(answer) => return answer,
                Err(elapsed) => Fault::new(FaultKind::Uncertain, elapsed),
            };
            if !patience.next().await {
                return Err(fault);
            }
        }
    }

    async fn compare(&self, path: &str, bytes: &Bytes) -> Result<Found, Fault> {
        match self.insist(self.policy.attempt_for(bytes.len()), || self.inner.get(path)).await {
            Ok(found) if found == *bytes => Ok(Found::Ours),
            Ok(_) => Ok(Found::Other),
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(Found::Nothing),
            Err(fault) => Err(Fault::new(FaultKind::Uncertain, fault.source)),
        }
    }

    /// One attempt to create: `None` means send again after a pause.
    async fn create(&self, path: &str, bytes: &Bytes, in_doubt: &mut Option<Fault>) -> Option<Result<(), Fault>> {
        let fault = match timeout(self.policy.attempt_for(bytes.len()), self.inner.put_new(path, bytes.clone())).await {
            Ok(Ok(())) => return Some(Ok(())),
            Ok(Err(fault)) => fault,
            Err(elapsed) => Fault::new(FaultKind::Uncertain, elapsed),
        };
        match fault.kind {
            FaultKind::Exists if planted!(ExistsIsConflict) => Some(Err(fault)),
            FaultKind::Exists => match self.compare(path, bytes).await {
                Ok(Found::Ours) => Some(Ok(())),
                Ok(Found::Other) => Some(Err(fault)),
                // S3's 409: another request was under way and may have come to nothing.
                Ok(Found::Nothing) => None,
                Err(unread) => {
                    *in_doubt = Some(unread);
                    None
                }
            },
            FaultKind::Uncertain if planted!(TimeoutIsSuccess) && path.starts_with("log/") => Some(Ok(())),
            FaultKind::Uncertain if planted!(TimeoutIsFailure) && path.starts_with("log/") => {
                Some(Err(Fault::new(FaultKind::Refused, fault.source)))
            }
            FaultKind::Uncertain => {
                *in_doubt = Some(fault);
                None
            }
            FaultKind::Doubt => Some(Err(fault)),
            // This request did nothing, but an earlier one may have: only an answer about the object settles that.
            FaultKind::Full | FaultKind::Refused | FaultKind::NotFound => {
                if in_doubt.is_some() {
                    None
                } else {
                    Some(Err(fault))
                }
            }
        }
    }
}

#[async_trait]
impl Backend for Retrying {
    async fn put_new(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        let mut patience = self.patience();
        let mut in_doubt = None;
        loop {
            if let Some(answer) = self.create(path, &bytes, &mut in_doubt).await {
                return answer;
            }
            if !patience.next().await {
                let fault = in_doubt.unwrap_or_else(|| Fault::new(FaultKind::Uncertain, "the store keeps refusing"));
                return Err(Fault::new(FaultKind::Uncertain, fault.source));
            }
        }
    }

    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        self.insist(self.policy.attempt_for(bytes.len()), || self.inner.put(path, bytes.clone())).await
    }

    async fn get(&self, path: &str) -> Result<Bytes, Fault> {
        // The size is not known; segments are read by range, so this is a log entry or a checkpoint.
        self.insist(self.policy.attempt * 3, || self.inner.get(path)).await
    }

    async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, Fault> {
        let bytes = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        self.insist(self.policy.attempt_for(bytes), || self.inner.get_range(path, range.clone())).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, Fault> {
        // A large listing is many requests to S3.
        self.insist(self.policy.attempt * 10, || self.inner.list(folder)).await
    }

    async fn delete(&self, path: &str) -> Result<(), Fault> {
        self.insist(self.policy.attempt, || self.inner.delete(path)).await
    }
}
