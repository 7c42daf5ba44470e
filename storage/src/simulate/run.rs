//! One run: starts, crashes, hangs and replaces processes for a while, then checks what is left.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::actor::Process;
use super::cloud::{Cloud, Wire};
use super::oracle::Events;
use super::rows::bootstrap;
use super::warehouse;
use super::{Mutant, PLANTED};
use crate::clock::{Clock, Random};
use crate::commit::{CommitLog, CommitRequest, LogOptions, recover};
use crate::error::{Error, Kind, Result};
use crate::object::{RetryPolicy, Store};
use crate::warehouse::{OpenOptions, Warehouse};

/// Processes that may run at a time.
const PROCESSES: usize = 3;

/// How much of the crate runs in the processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// The log and what is below it; rows are the simulator's own. Fast.
    Log,
    /// Everything.
    Warehouse,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub(super) struct Report {
    /// The first violation of an invariant.
    pub(super) violation: Option<String>,
    /// Hash of everything that happened.
    pub(super) trace: u64,
    /// How eventful it was.
    pub(super) events: Events,
}

/// The wall clock of a run.
#[derive(Debug)]
struct SimulatedClock(Instant);

impl Clock for SimulatedClock {
    fn now_micros(&self) -> i64 {
        i64::try_from(self.0.elapsed().as_micros()).unwrap_or_default()
    }
}

/// Runs a seed, with a bug or without.
pub(super) fn run(seed: u64, mutant: Option<Mutant>, layer: Layer) -> Report {
    PLANTED.set(mutant);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let report = match runtime {
        Ok(runtime) =>
        // Made inside, where the clock is the paused one.
        {
            runtime.block_on(async { Run::new(seed, layer).run().await })
        }
        Err(error) => {
            let violation = Some(format!("no runtime: {error}"));
            Report { violation, trace: 0, events: Events::default() }
        }
    };
    PLANTED.set(None);
    report
}

/// A process and its tasks.
struct Running {
    process: Arc<Process>,
    tasks: JoinSet<()>,
}

struct Run {
    cloud: Arc<Cloud>,
    clock: Arc<dyn Clock>,
    layer: Layer,
    running: Vec<Running>,
    /// Processes ever started.
    started: usize,
}

impl Run {
    fn new(seed: u64, layer: Layer) -> Self {
        let clock = Arc::new(SimulatedClock(Instant::now()));
        Self { cloud: Cloud::new(seed), clock, layer, running: Vec::new(), started: 0 }
    }

    async fn run(mut self) -> Report {
        let outcome = self.history().await;
        let violation = self.cloud.oracle(|oracle| {
            if let Err(error) = outcome {
                oracle.violate(format!("the end could not be checked: {error}"));
            }
            oracle.violation().map(str::to_owned)
        });
        Report { violation, trace: self.cloud.trace(), events: self.cloud.oracle(|oracle| oracle.events) }
    }

    async fn history(&mut self) -> Result<()> {
        self.found().await?;
        self.cloud.set_faults(true);
        for _ in 0..30 + self.cloud.below(30) {
            self.step().await;
            sleep(Duration::from_millis(100 + self.cloud.below(4_000))).await;
            if self.cloud.oracle(|oracle| oracle.violation().is_some()) {
                return Ok(());
            }
        }
        while !self.running.is_empty() {
            self.crash(0);
        }
        self.cloud.set_faults(false);
        // Until the last late request has taken effect.
        sleep(Duration::from_secs(60)).await;
        self.check_end().await
    }

    /// The first process makes the tables, on a store without faults.
    async fn found(&mut self) -> Result<()> {
        let process = self.open().await?;
        match &process.warehouse {
            Some(warehouse) => warehouse::found(warehouse).await?,
            None => {
                let changes = bootstrap(&process.random);
                process.log.commit(CommitRequest { transaction: process.log.begin(), changes }).await?;
            }
        }
        process.log.crash();
        Ok(())
    }

    async fn open(&mut self) -> Result<Arc<Process>> {
        self.started += 1;
        let wire = Wire::new(&self.cloud);
        let random = Arc::new(Random::new(Some(self.cloud.below(u64::MAX))));
        let policy = RetryPolicy {
            attempt: Duration::from_secs(1),
            give_up: Duration::from_secs(4),
            pause_max: Duration::from_millis(640),
        };
        let backend = Arc::clone(&wire);
        let store = Store::new(backend, Arc::clone(&random), policy);
        let (log, warehouse) = match self.layer {
            Layer::Log => {
                let options = LogOptions { checkpoints_kept: 1 + usize::from(self.cloud.one_in(3)) };
                let clock = Arc::clone(&self.clock);
                (CommitLog::open(store.clone(), clock, Arc::clone(&random), options).await?, None)
            }
            Layer::Warehouse => {
                // Without background jobs (the simulator calls them) and with a cache too small to hide missing objects.
                let clock = Arc::clone(&self.clock);
                let options = OpenOptions { clock, background: false, cache_bytes: 1, ..OpenOptions::new("memory:") };
                let warehouse = Warehouse::open_on(store.clone(), Arc::clone(&random), options).await?;
                (Arc::clone(warehouse.log()), Some(warehouse))
            }
        };
        let (number, epoch) = (self.started, log.epoch());
        self.cloud.note(format_args!("process {number} owns epoch {epoch}"));
        self.cloud.oracle(|oracle| oracle.owns(number, epoch));
        Ok(Arc::new(Process { number, cloud: Arc::clone(&self.cloud), wire, store, random, log, warehouse }))
    }

    async fn step(&mut self) {
        if self.running.is_empty() {
            return self.start().await;
        }
        let chosen = usize::try_from(self.cloud.below(self.running.len() as u64)).unwrap_or_default();
        match self.cloud.below(10) {
            0..=2 => self.crash(chosen),
            3..=4 => {
                let seconds = self.cloud.below(15);
                self.running[chosen].process.wire.hang(Duration::from_secs(seconds));
                // Somebody notices, and takes over while the other only hangs.
                if self.cloud.one_in(2) {
                    self.start().await;
                }
            }
            5..=6 => self.start().await,
            7 => self.cloud.set_faults(true),
            8 => self.cloud.fail_for(Duration::from_millis(self.cloud.below(9_000))),
            _ => {}
        }
        self.reap();
    }

    async fn start(&mut self) {
        if self.running.len() >= PROCESSES {
            self.crash(0);
        }
        match self.open().await {
            Ok(process) => {
                let mut tasks = JoinSet::new();
                process.start(&mut tasks);
                self.running.push(Running { process, tasks });
            }
            Err(error) if matches!(error.kind(), Kind::Corrupt | Kind::Internal | Kind::Invalid) => {
                self.cloud.oracle(|oracle| oracle.violate(format!("I11: a process cannot start: {error}")));
            }
            // The store was out of reach for too long; somebody will try again.
            Err(_) => {}
        }
    }

    fn crash(&mut self, chosen: usize) {
        let mut running = self.running.remove(chosen);
        running.process.log.crash();
        running.tasks.abort_all();
        self.cloud.note(format_args!("process {} crashes", running.process.number));
        self.cloud.oracle(|oracle| oracle.events.crashes += 1);
    }

    /// Notes who was fenced and who panicked.
    fn reap(&mut self) {
        for running in &mut self.running {
            while let Some(ended) = running.tasks.try_join_next() {
                if let Err(error) = ended {
                    self.cloud.oracle(|oracle| oracle.violate(format!("a task panicked: {error}")));
                }
            }
        }
        let (fenced, rest) = std::mem::take(&mut self.running).into_iter().partition(|one| one.process.log.is_fenced());
        self.running = rest;
        let fenced: Vec<Running> = fenced;
        self.cloud.oracle(|oracle| oracle.events.fenced += fenced.len() as u64);
    }

    /// On a healthy store: what recovery finds, what the tables hold, and that no garbage is left.
    async fn check_end(&mut self) -> Result<()> {
        let wire = Wire::new(&self.cloud);
        let store = Store::new(wire, Arc::new(Random::new(Some(0))), RetryPolicy::default());
        let (once, again) = (recover(&store).await?, recover(&store).await?);
        self.cloud.oracle(|oracle| {
            if once.snapshot != again.snapshot || once.snapshot != oracle.tip.snapshot {
                oracle.violate(format!(
                    "I11: recovery finds version {}, the log is at {}",
                    once.snapshot.version, oracle.tip.snapshot.version
                ));
            }
            oracle.sees(&once.snapshot);
        });
        let process = self.open().await?;
        let snapshot = process.log.snapshot();
        let contents = process.contents(&snapshot).await?;
        self.cloud.oracle(|oracle| oracle.check_contents(snapshot.version, &contents));
        drop(snapshot);
        process.log.collect_garbage().await?;
        let snapshot = process.log.snapshot();
        let parts = snapshot.tables.values().flat_map(|table| table.parts.values());
        let mut needed: Vec<&str> = parts.flat_map(|part| part.paths()).collect();
        needed.sort_unstable();
        let listed = store.list("data").await?;
        if !listed.iter().map(|object| object.path.as_str()).eq(needed.iter().copied()) {
            return Err(Error::internal(format!("{} objects are left, {} are needed", listed.len(), needed.len())));
        }
        process.log.shutdown().await
    }
}
