//! A store with every fault that a bucket and the network before it can have.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep, sleep_until};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::oracle::Oracle;
use crate::object::{Backend, Fault, FaultKind, Listed};

/// How likely each fault is, in thousandths of the requests of a run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    /// The request never arrives.
    pub(super) lost_request: u32,
    /// The request takes effect, the answer is lost.
    pub(super) lost_answer: u32,
    /// The client gives up early, the request takes effect later.
    pub(super) late: u32,
    /// The request takes effect now and once more later (a retrying proxy).
    pub(super) twice: u32,
    /// S3's 409 although nothing is there.
    pub(super) conflict: u32,
    /// No space.
    pub(super) full: u32,
}

impl Faults {
    /// Rates of one run: each fault is rare, common or absent ("swarm testing").
    pub(super) fn choose(random: &mut ChaCha8Rng) -> Self {
        let mut rate = |common: u32| match random.random_range(0..4) {
            0 => 0,
            1 => common * 3,
            _ => common,
        };
        Self {
            lost_request: rate(20),
            lost_answer: rate(40),
            late: rate(20),
            twice: rate(10),
            conflict: rate(20),
            full: rate(3),
        }
    }
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Normal,
    LostRequest,
    LostAnswer,
    Late,
    Twice,
    Conflict,
    Full,
}

/// A request.
#[derive(Debug, Clone)]
enum Request {
    PutNew(String, Bytes),
    Put(String, Bytes),
    Get(String),
    GetRange(String, Range<u64>),
    List(String),
    Delete(String),
}

impl Request {
    fn writes(&self) -> bool {
        matches!(self, Self::PutNew(..) | Self::Put(..) | Self::Delete(_))
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PutNew(path, bytes) => write!(f, "create {path} {}", bytes.len()),
            Self::Put(path, bytes) => write!(f, "put {path} {}", bytes.len()),
            Self::Get(path) => write!(f, "get {path}"),
            Self::GetRange(path, range) => write!(f, "get {path} {range:?}"),
            Self::List(path) => write!(f, "list {path}"),
            Self::Delete(path) => write!(f, "delete {path}"),
        }
    }
}

/// An answer.
enum Answer {
    Done,
    Object(Bytes),
    Listing(Vec<Listed>),
}

/// The store, shared by all processes of a run.
#[derive(Debug)]
pub(super) struct Cloud {
    state: Mutex<State>,
    began: Instant,
}

#[derive(Debug)]
struct State {
    objects: BTreeMap<String, Bytes>,
    random: ChaCha8Rng,
    faults: Faults,
    /// Until when the store is out of reach for everyone.
    fails_until: Instant,
    oracle: Oracle,
    /// Hash of everything that happened.
    trace: u64,
    print: bool,
}

impl Cloud {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        let state = State {
            objects: BTreeMap::new(),
            random: ChaCha8Rng::seed_from_u64(seed),
            faults: Faults::default(),
            fails_until: Instant::now(),
            oracle: Oracle::default(),
            trace: seed,
            print: std::env::var_os("STOA_SIMULATE_TRACE").is_some(),
        };
        Arc::new(Self { state: Mutex::new(state), began: Instant::now() })
    }

    /// Looks at or tells the oracle.
    pub(super) fn oracle<T>(&self, with: impl FnOnce(&mut Oracle) -> T) -> T {
        with(&mut self.state.lock().oracle)
    }

    /// Adds an event to the trace.
    pub(super) fn note(&self, event: impl fmt::Display) {
        let mut state = self.state.lock();
        let line = format!("{} {event}", self.began.elapsed().as_micros());
        state.trace = xxh3_64_with_seed(line.as_bytes(), state.trace);
        if state.print {
            eprintln!("{line}");
        }
    }

    /// Hash of all events so far.
    pub(super) fn trace(&self) -> u64 {
        self.state.lock().trace
    }

    /// A number below a bound, from the run's seed.
    pub(super) fn below(&self, bound: u64) -> u64 {
        self.state.lock().random.random_range(0..bound.max(1))
    }

    /// True once in so many times.
    pub(super) fn one_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Chooses the rates of faults, or ends all faults.
    pub(super) fn set_faults(&self, on: bool) {
        let mut state = self.state.lock();
        state.faults = if on { Faults::choose(&mut state.random) } else { Faults::default() };
    }

    /// An outage: no request is answered, though some take effect.
    pub(super) fn fail_for(&self, duration: Duration) {
        self.state.lock().fails_until = Instant::now() + duration;
    }

    fn fate(&self, request: &Request) -> Fate {
        let mut state = self.state.lock();
        if Instant::now() < state.fails_until {
            return if state.random.random_range(0..4) == 0 { Fate::LostAnswer } else { Fate::LostRequest };
        }
        let mut left = state.random.random_range(0..1000);
        let faults = state.faults;
        let mut hit = |rate: u32| {
            let hit = left < rate;
            left = left.saturating_sub(rate);
            // Once a fault is chosen the others are out of reach.
            if hit {
                left = u32::MAX;
            }
            hit
        };
        if hit(faults.lost_request) {
            Fate::LostRequest
        } else if hit(faults.lost_answer) {
            Fate::LostAnswer
        } else if hit(faults.late) && request.writes() {
            Fate::Late
        } else if hit(faults.twice) && request.writes() {
            Fate::Twice
        } else if hit(faults.conflict) && matches!(request, Request::PutNew(..)) {
            Fate::Conflict
        } else if hit(faults.full) && matches!(request, Request::PutNew(..)) {
            Fate::Full
        } else {
            Fate::Normal
        }
    }

    /// The effect of a request, at this very moment.
    fn apply(&self, request: &Request) -> Result<Answer, Fault> {
        self.note(request);
        let mut state = self.state.lock();
        let State { objects, oracle, .. } = &mut *state;
        let absent = || Fault::new(FaultKind::NotFound, "no such object");
        match request {
            Request::PutNew(path, bytes) => {
                if objects.contains_key(path) {
                    return Err(Fault::new(FaultKind::Exists, "412"));
                }
                oracle.created(path, bytes);
                objects.insert(path.clone(), bytes.clone());
                Ok(Answer::Done)
            }
            Request::Put(path, bytes) => {
                oracle.overwritten(path, objects.get(path), bytes);
                objects.insert(path.clone(), bytes.clone());
                Ok(Answer::Done)
            }
            Request::Get(path) => objects.get(path).cloned().map(Answer::Object).ok_or_else(absent),
            Request::GetRange(path, range) => {
                let bytes = objects.get(path).ok_or_else(absent)?;
                let clamp = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Ok(Answer::Object(bytes.slice(clamp(range.start)..clamp(range.end))))
            }
            Request::List(folder) => {
                let prefix = format!("{folder}/");
                let listed = objects.iter().filter(|(path, _)| path.starts_with(&prefix));
                let listed = listed.map(|(path, bytes)| Listed { path: path.clone(), bytes: bytes.len() as u64 });
                Ok(Answer::Listing(listed.collect()))
            }
            Request::Delete(path) => {
                if objects.remove(path).is_some() {
                    oracle.deleted(path);
                }
                Ok(Answer::Done)
            }
        }
    }

    fn apply_later(self: &Arc<Self>, request: Request, seconds_max: u64) {
        let after = Duration::from_micros(self.below(seconds_max * 1_000_000));
        let cloud = Arc::clone(self);
        // Not part of any process: it happens even if the sender is long dead.
        tokio::spawn(async move {
            sleep(after).await;
            let _nobody_listens = cloud.apply(&request);
        });
    }
}

/// A process's way to the store.
#[derive(Debug)]
pub(super) struct Wire {
    cloud: Arc<Cloud>,
    /// Until when the process hangs (as under SIGSTOP): it neither sends nor hears.
    hangs_until: Mutex<Instant>,
}

impl Wire {
    pub(super) fn new(cloud: &Arc<Cloud>) -> Arc<Self> {
        Arc::new(Self { cloud: Arc::clone(cloud), hangs_until: Mutex::new(Instant::now()) })
    }

    /// Makes the process hang for a while.
    pub(super) fn hang(&self, duration: Duration) {
        *self.hangs_until.lock() = Instant::now() + duration;
    }

    async fn travel(&self) {
        sleep(Duration::from_micros(500 + self.cloud.below(8_000))).await;
        loop {
            let until = *self.hangs_until.lock();
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    /// No answer: sometimes an error, sometimes silence until the client's own time-out.
    async fn silence(&self) -> Fault {
        if self.cloud.one_in(2) {
            sleep(Duration::from_secs(3600)).await;
        }
        Fault::new(FaultKind::Uncertain, "503")
    }

    async fn perform(&self, request: Request) -> Result<Answer, Fault> {
        let fate = self.cloud.fate(&request);
        self.travel().await;
        let answer = match fate {
            Fate::Normal => self.cloud.apply(&request),
            Fate::LostRequest => return Err(self.silence().await),
            Fate::LostAnswer => {
                let _lost = self.cloud.apply(&request);
                return Err(self.silence().await);
            }
            Fate::Late => {
                self.cloud.apply_later(request, 20);
                return Err(self.silence().await);
            }
            Fate::Twice => {
                let answer = self.cloud.apply(&request);
                self.cloud.apply_later(request, 40);
                answer
            }
            Fate::Conflict => return Err(Fault::new(FaultKind::Exists, "409")),
            Fate::Full => return Err(Fault::new(FaultKind::Full, "no space left")),
        };
        self.travel().await;
        answer
    }

    async fn done(&self, request: Request) -> Result<(), Fault> {
        self.perform(request).await.map(|_| ())
    }

    async fn object(&self, request: Request) -> Result<Bytes, Fault> {
        match self.perform(request).await? {
            Answer::Object(bytes) => Ok(bytes),
            _ => Err(Fault::new(FaultKind::Refused, "not an object")),
        }
    }
}

#[async_trait]
impl Backend for Wire {
    async fn put_new(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        self.done(Request::PutNew(path.to_owned(), bytes)).await
    }

    async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        self.done(Request::Put(path.to_owned(), bytes)).await
    }

    async fn get(&self, path: &str) -> Result<Bytes, Fault> {
        self.object(Request::Get(path.to_owned())).await
    }

    async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, Fault> {
        self.object(Request::GetRange(path.to_owned(), range)).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Listed>, Fault> {
        match self.perform(Request::List(folder.to_owned())).await? {
            Answer::Listing(listed) => Ok(listed),
            _ => Err(Fault::new(FaultKind::Refused, "not a listing")),
        }
    }

    async fn delete(&self, path: &str) -> Result<(), Fault> {
        self.done(Request::Delete(path.to_owned())).await
    }
}
