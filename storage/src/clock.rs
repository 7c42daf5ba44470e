//! Time and chance, handed in from outside so that the real modules run under a seeded simulator.
//!
//! Waiting goes through `tokio::time` (whose clock a test can pause); the wall clock and random numbers go through
//! here. Neither is ever used for safety: a wrong clock or a repeated seed costs time, never an acknowledged commit.

use std::fmt::Debug;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

/// The wall clock.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Microseconds since 1970-01-01 UTC.
    fn now_micros(&self) -> i64;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_micros(&self) -> i64 {
        // A clock before 1970 or after the year 294,000 reads as 0: timestamps are shown to people, nothing rests on them.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_micros()).unwrap_or(0)
    }
}

/// A source of random numbers that many tasks share.
#[derive(Debug)]
pub(crate) struct Random {
    generator: Mutex<ChaCha8Rng>,
}

impl Random {
    /// From the operating system's entropy, or, for a run that can be repeated, from a seed.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let generator = seed.map_or_else(ChaCha8Rng::from_os_rng, ChaCha8Rng::seed_from_u64);
        Self { generator: Mutex::new(generator) }
    }

    /// A number below `bound`; 0 where the bound is 0.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.generator.lock().random_range(0..bound) }
    }

    /// A random (version 4) UUID.
    pub(crate) fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.generator.lock().random()).into_uuid()
    }
}
