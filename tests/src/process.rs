//! The shipped binary as a child process, found beside the test binaries.

use std::path::PathBuf;

/// The `stoa` binary of this build (`cargo build --release --bin stoa` comes first; the test command does that).
///
/// # Panics
/// When the binary is not there.
pub fn stoa() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("tests run from target/<profile>/deps");
    let program = folder.join("stoa");
    assert!(program.exists(), "build the binary first: cargo build --release --bin stoa ({})", program.display());
    program
}
