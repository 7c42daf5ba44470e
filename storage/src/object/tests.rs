//! One suite for every backend, and scripted faults for the retry layer.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::memory::InMemory;
use parking_lot::Mutex;

use super::backend::{Backend, Fault, FaultKind, Listed};
use super::local::LocalBackend;
use super::remote::RemoteBackend;
use super::{RetryPolicy, Root, Store, probe};
use crate::clock::Random;
use crate::error::Kind;

fn store_on(backend: Arc<dyn Backend>) -> Store {
    Store::new(backend, Arc::new(Random::new(Some(1))), RetryPolicy::default())
}

fn memory() -> Arc<dyn Backend> {
    Arc::new(RemoteBackend::new(InMemory::new(), "some/prefix"))
}

/// What every backend must do.
async fn check_conformance(backend: Arc<dyn Backend>) {
    let store = store_on(Arc::clone(&backend));
    store.put_if_absent("log/1/2", Bytes::from_static(b"abcdef")).await.unwrap();
    store.put_if_absent("log/1/2", Bytes::from_static(b"abcdef")).await.expect("equal bytes are our own success");
    let refused = store.put_if_absent("log/1/2", Bytes::from_static(b"other")).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Exists);
    assert_eq!(store.get("log/1/2").await.unwrap(), "abcdef");
    assert_eq!(store.get_range("log/1/2", 1..3).await.unwrap(), "bc");
    assert_eq!(store.get_ranges("log/1/2", &[0..1, 5..6]).await.unwrap(), ["a", "f"]);
    assert_eq!(store.get_range("log/1/2", 4..9).await.unwrap_err().kind(), Kind::Corrupt);
    assert_eq!(store.get("log/1/3").await.unwrap_err().kind(), Kind::NotFound);
    store.put_if_absent("logs/x", Bytes::new()).await.unwrap();
    store.put_if_absent("log/1/1", Bytes::from_static(b"xyz")).await.unwrap();
    let listed = |path: &str, bytes| Listed { path: path.to_owned(), bytes };
    assert_eq!(store.list("log").await.unwrap(), [listed("log/1/1", 3), listed("log/1/2", 6)]);
    assert_eq!(store.list("nothing").await.unwrap(), []);
    store.put_hint("hint", Bytes::from_static(b"1")).await.unwrap();
    store.put_hint("hint", Bytes::from_static(b"2")).await.unwrap();
    assert_eq!(store.get("hint").await.unwrap(), "2");
    store.delete("log/1/1").await.unwrap();
    store.delete("log/1/1").await.expect("what is gone is deleted");
    assert_eq!(store.get("log/1/1").await.unwrap_err().kind(), Kind::NotFound);
    assert!(store.metrics().put.requests >= 6);
    probe::probe(&backend, &store, &Random::new(Some(2))).await.unwrap();
}

#[tokio::test]
async fn a_folder_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("not/there/yet");
    check_conformance(Arc::new(LocalBackend::open(&root).unwrap())).await;
    // A second process on the same folder sees the same objects and is refused the same names.
    let again = store_on(Arc::new(LocalBackend::open(&root).unwrap()));
    assert_eq!(again.get("log/1/2").await.unwrap(), "abcdef");
    assert_eq!(again.put_if_absent("log/1/2", Bytes::new()).await.unwrap_err().kind(), Kind::Exists);
    assert_eq!(std::fs::read_dir(root.join(".tmp")).unwrap().count(), 0, "no temporary file stays");
}

#[tokio::test]
async fn memory_conforms() {
    check_conformance(memory()).await;
}

#[tokio::test]
async fn a_folder_refuses_paths_outside() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_on(Arc::new(LocalBackend::open(folder.path()).unwrap()));
    for path in ["../outside", "a/../../b", "/etc/passwd", "a//b", ".tmp/1", ""] {
        assert_eq!(store.get(path).await.unwrap_err().kind(), Kind::Unavailable, "{path}");
    }
}

#[test]
fn roots_are_read_as_written() {
    let bucket = |bucket: &str, prefix: &str| Root::Bucket { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
    assert_eq!(Root::parse("./data").unwrap(), Root::Folder("./data".into()));
    assert_eq!(Root::parse("file:///srv/stoa").unwrap(), Root::Folder("/srv/stoa".into()));
    assert_eq!(Root::parse("s3://b").unwrap(), bucket("b", ""));
    assert_eq!(Root::parse("s3://b/some/prefix/").unwrap(), bucket("b", "some/prefix"));
    assert_eq!(Root::parse("memory:").unwrap(), Root::Memory);
    for wrong in ["", "http://x/y", "s3://", "gs://b"] {
        assert_eq!(Root::parse(wrong).unwrap_err().kind(), Kind::Invalid, "{wrong}");
    }
}

/// Faults in order; then memory as it is.
#[derive(Debug)]
struct Scripted {
    inner: Arc<dyn Backend>,
    script: Mutex<VecDeque<Step>>,
    creates: Mutex<usize>,
}

/// What happens to one create.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Fails with this kind, without effect.
    Fail(FaultKind),
    /// Takes effect, then fails with this kind.
    Lose(FaultKind),
    /// Takes effect, and no answer ever comes.
    Hang,
    /// Overwrites, as a store without conditional puts would.
    Overwrite,
}

#[async_trait]
impl Backend for Scripted {
    async fn put_new(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        *self.creates.lock() += 1;
        let step = self.script.lock().pop_front();
        match step {
            None => self.inner.put_new(path, bytes).await,
            Some(Step::Fail(kind)) => Err(Fault::new(kind, "scripted")),
            Some(Step::Lose(kind)) => {
                self.inner.put_new(path, bytes).await?;
                Err(Fault::new(kind, "scripted"))
            }
            Some(Step::Hang) => {
                self.inner.put_new(path, bytes).await?;
                std::future::pending().await
            }
            Some(Step::Overwrite) => self.inner.put(path, bytes).await,
        }
    }
    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        self.inner.put(path, bytes).await
    }
    async fn get(&self, path: &str) -> Result<Bytes, Fault> {
        self.inner.get(path).await
    }
    async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, Fault> {
        self.inner.get_range(path, range).await
    }
    async fn list(&self, folder: &str) -> Result<Vec<Listed>, Fault> {
        self.inner.list(folder).await
    }
    async fn delete(&self, path: &str) -> Result<(), Fault> {
        self.inner.delete(path).await
    }
}

/// Puts an object through the retry layer; gives the outcome and the number of requests.
async fn put_through(script: &[Step]) -> (Option<Kind>, usize) {
    let scripted = Arc::new(Scripted {
        inner: memory(),
        script: Mutex::new(script.iter().copied().collect()),
        creates: Mutex::new(0),
    });
    let store = store_on(Arc::clone(&scripted) as Arc<dyn Backend>);
    let outcome = store.put_if_absent("log/1/1", Bytes::from_static(b"ours")).await;
    let creates = *scripted.creates.lock();
    (outcome.err().map(|error| error.kind()), creates)
}

#[tokio::test(start_paused = true)]
async fn a_put_is_sent_again_only_while_that_is_right() {
    use FaultKind::{Doubt, Exists, Full, Refused, Uncertain};
    assert_eq!(put_through(&[]).await, (None, 1));
    assert_eq!(put_through(&[Step::Fail(Uncertain)]).await, (None, 2));
    // The lost answer of a success comes back as "exists": our own bytes.
    assert_eq!(put_through(&[Step::Lose(Uncertain)]).await, (None, 2));
    assert_eq!(put_through(&[Step::Hang]).await, (None, 2));
    // A library below retried on its own.
    assert_eq!(put_through(&[Step::Lose(Exists)]).await, (None, 1));
    // S3's 409 with nothing there.
    assert_eq!(put_through(&[Step::Fail(Exists), Step::Fail(Exists)]).await, (None, 3));
    // Certainly not written: told at once.
    assert_eq!(put_through(&[Step::Fail(Full)]).await, (Some(Kind::Full), 1));
    assert_eq!(put_through(&[Step::Fail(Refused)]).await, (Some(Kind::Unavailable), 1));
    // After an unanswered request "full" settles nothing.
    assert_eq!(put_through(&[Step::Fail(Uncertain), Step::Fail(Full)]).await, (None, 3));
    let hopeless = [[Step::Fail(Uncertain)].as_slice(), &[Step::Fail(Full); 500]].concat();
    assert_eq!(put_through(&hopeless).await.0, Some(Kind::OutcomeUnknown));
    assert_eq!(put_through(&[Step::Fail(Uncertain); 500]).await.0, Some(Kind::OutcomeUnknown));
    // A failed fsync is never repeated as if nothing had happened.
    assert_eq!(put_through(&[Step::Lose(Doubt)]).await, (Some(Kind::OutcomeUnknown), 1));
}

#[tokio::test]
async fn a_store_that_overwrites_is_refused() {
    let scripted = Scripted {
        inner: memory(),
        script: Mutex::new([Step::Overwrite; 2].into_iter().collect()),
        creates: Mutex::new(0),
    };
    let backend: Arc<dyn Backend> = Arc::new(scripted);
    let error = probe::probe(&backend, &store_on(Arc::clone(&backend)), &Random::new(Some(1))).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.message().contains("conditional"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn requests_in_flight_are_bounded() {
    /// Counts how many reads are under way.
    #[derive(Debug, Default)]
    struct Slow(Mutex<(usize, usize)>);
    #[async_trait]
    impl Backend for Slow {
        async fn put_new(&self, _: &str, _: Bytes) -> Result<(), Fault> {
            Ok(())
        }
        async fn put(&self, _: &str, _: Bytes) -> Result<(), Fault> {
            Ok(())
        }
        async fn get(&self, _: &str) -> Result<Bytes, Fault> {
            {
                let mut seen = self.0.lock();
                seen.0 += 1;
                seen.1 = seen.1.max(seen.0);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.0.lock().0 -= 1;
            Ok(Bytes::new())
        }
        async fn get_range(&self, _: &str, _: Range<u64>) -> Result<Bytes, Fault> {
            Ok(Bytes::new())
        }
        async fn list(&self, _: &str) -> Result<Vec<Listed>, Fault> {
            Ok(Vec::new())
        }
        async fn delete(&self, _: &str) -> Result<(), Fault> {
            Ok(())
        }
    }
    let slow = Arc::new(Slow::default());
    let store = store_on(Arc::clone(&slow) as Arc<dyn Backend>);
    futures::future::join_all((0..1_000).map(|_| store.get("x"))).await;
    assert_eq!(slow.0.lock().1, super::REQUESTS_IN_FLIGHT_MAX);
}
