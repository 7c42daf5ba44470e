//! What the test targets share: a server process, a Postgres-wire client for SQL logic tests, paths, seeds.

pub mod logic;
pub mod process;

use std::path::PathBuf;

/// The folder `tests/` of the checkout.
pub fn tests_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The seed of a randomised test: `STOA_SEED`, else from the clock. Printed, so that a failure can be repeated.
pub fn seed() -> u64 {
    let seed = std::env::var("STOA_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        std::time::UNIX_EPOCH.elapsed().map(|elapsed| elapsed.as_nanos() as u64).unwrap_or_default()
    });
    println!("STOA_SEED={seed}");
    seed
}
