//! The runs that `cargo test` makes. `STOA_SIMULATE_SEEDS=from..to` chooses others, `STOA_SIMULATE_TRACE=1` prints events.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::Mutant;
use super::oracle::Events;
use super::run::{Layer, Report, run};

/// Threads that seeds are spread over.
const THREADS: usize = 2;

/// Runs seeds on all threads until one fails; gives the failures and the sums of events.
fn run_seeds(seeds: std::ops::Range<u64>, mutant: Option<Mutant>, layer: Layer) -> (Vec<(u64, Report)>, Vec<Events>) {
    let next = AtomicU64::new(seeds.start);
    let failed = AtomicBool::new(false);
    let failures = Mutex::new(Vec::new());
    let events = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let report = run(seed, mutant, layer);
                    events.lock().push(report.events);
                    if report.violation.is_some() {
                        failed.store(true, Ordering::Relaxed);
                        failures.lock().push((seed, report));
                    }
                }
            });
        }
    });
    (failures.into_inner(), events.into_inner())
}

fn seeds_to_run(default: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let chosen = std::env::var("STOA_SIMULATE_SEEDS").ok();
    let parsed = chosen.as_deref().and_then(|text| {
        let (from, to) = text.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    parsed.unwrap_or(default)
}

#[test]
fn no_seed_violates_an_invariant_of_the_log() {
    check_seeds(seeds_to_run(0..2_000), Layer::Log);
}

#[test]
fn no_seed_violates_an_invariant_of_the_warehouse() {
    check_seeds(seeds_to_run(0..100), Layer::Warehouse);
}

fn check_seeds(seeds: std::ops::Range<u64>, layer: Layer) {
    let began = std::time::Instant::now();
    let (failures, events) = run_seeds(seeds, None, layer);
    for (seed, report) in &failures {
        eprintln!("seed {seed}: {}", report.violation.as_deref().unwrap_or_default());
    }
    assert!(
        failures.is_empty(),
        "run STOA_SIMULATE_TRACE=1 STOA_SIMULATE_SEEDS=N..N+1 cargo test for one of the seeds"
    );
    let sum = |of: fn(&Events) -> u64| events.iter().map(of).sum::<u64>();
    eprintln!(
        "{layer:?}: {} runs in {:?}: {} acknowledged, {} conflicts, {} refused, {} unknown, {} crashes, {} take-overs, {} fenced, \
         {} objects and {} entries deleted, {} snapshots checked, {} too old",
        events.len(),
        began.elapsed(),
        sum(|events| events.acknowledged),
        sum(|events| events.conflicts),
        sum(|events| events.refused),
        sum(|events| events.unknown),
        sum(|events| events.crashes),
        sum(|events| events.take_overs),
        sum(|events| events.fenced),
        sum(|events| events.objects_deleted),
        sum(|events| events.entries_deleted),
        sum(|events| events.snapshots_checked),
        sum(|events| events.too_old),
    );
    // A run in which nothing happens proves nothing.
    if events.len() >= 100 {
        for (name, count) in [
            ("acknowledged", sum(|events| events.acknowledged)),
            ("conflicts", sum(|events| events.conflicts)),
            ("unknown", sum(|events| events.unknown)),
            ("fenced", sum(|events| events.fenced)),
            ("objects deleted", sum(|events| events.objects_deleted)),
            ("entries deleted", sum(|events| events.entries_deleted)),
            ("snapshots", sum(|events| events.snapshots_checked)),
        ] {
            assert!(count > 0, "no run had any {name}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..5 {
        for layer in [Layer::Log, Layer::Warehouse] {
            assert_eq!(run(seed, None, layer).trace, run(seed, None, layer).trace, "seed {seed} of {layer:?}");
        }
    }
    assert_ne!(run(1, None, Layer::Log).trace, run(2, None, Layer::Log).trace);
}

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        let (failures, events) = run_seeds(0..500, Some(mutant), Layer::Log);
        match failures.first() {
            Some((seed, report)) => eprintln!(
                "{mutant:?}: found after {} runs, seed {seed}: {}",
                events.len(),
                report.violation.as_deref().unwrap_or_default()
            ),
            None => missed.push(mutant),
        }
    }
    assert!(missed.is_empty(), "not found within 500 seeds: {missed:?}");
}
