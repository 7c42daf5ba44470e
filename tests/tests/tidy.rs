//! Rules of the code base that no compiler checks: which crate may use which, lengths, leftovers.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    stoa_tests::tests_folder().parent().expect("the checkout").to_path_buf()
}

/// Direct dependencies of each member: name → (normal, all kinds).
fn dependencies() -> Vec<(String, Vec<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages").clone();
    packages
        .iter()
        .map(|package| {
            let names = package["dependencies"]
                .as_array()
                .expect("dependencies")
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| dependency["name"].as_str().expect("a name").to_owned())
                .collect();
            (package["name"].as_str().expect("a name").to_owned(), names)
        })
        .collect()
}

#[test]
fn crates_depend_in_one_direction() {
    let allowed: &[(&str, &[&str])] = &[
        ("stoa-storage", &[]),
        ("stoa-ingest", &["stoa-storage"]),
        ("stoa-query", &["stoa-ingest", "stoa-storage"]),
        ("stoa-server", &["stoa-query", "stoa-storage"]),
    ];
    for (name, dependencies) in dependencies() {
        let Some((_, allowed)) = allowed.iter().find(|(member, _)| *member == name) else { continue };
        for dependency in dependencies.iter().filter(|dependency| dependency.starts_with("stoa-")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn external_crates_have_one_owner() {
    let owners: &[(&str, &[&str])] = &[
        ("object_store", &["stoa-storage"]),
        ("lz4_flex", &["stoa-storage"]),
        ("datafusion", &["stoa-query"]),
        ("sqlparser", &["stoa-query"]),
        ("pgwire", &["stoa-server"]),
        ("axum", &["stoa-server"]),
        ("rustls", &["stoa-server"]),
    ];
    for (name, dependencies) in dependencies() {
        if name == "stoa-tests" || name == "stoa-benchmarks" {
            continue;
        }
        for (external, owners) in owners {
            let uses = dependencies.iter().any(|dependency| dependency == external);
            assert!(!uses || owners.contains(&name.as_str()), "{name} must not use {external} itself");
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Lines before the unit tests of a file.
fn production_lines(text: &str) -> usize {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count()
}

#[test]
fn files_are_short_and_hold_no_leftovers() {
    /// A file may be this long, its unit tests aside.
    const LINES_MAX: usize = 600;
    let mut problems = Vec::new();
    for member in ["storage", "ingest", "query", "server"] {
        let mut found = Vec::new();
        sources(&root().join(member).join("src"), &mut found);
        for path in found {
            let text = std::fs::read_to_string(&path).expect("readable");
            let lines = production_lines(&text);
            if lines > LINES_MAX {
                problems.push(format!("{}: {lines} lines, at most {LINES_MAX}", path.display()));
            }
            for leftover in ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("] {
                if text.lines().any(|line| line.contains(leftover)) {
                    problems.push(format!("{}: {leftover}", path.display()));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_module_that_the_architecture_names_exists() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut missing = Vec::new();
    for word in text.split(|symbol: char| symbol.is_whitespace() || "`()|,;".contains(symbol)) {
        let is_path = word.ends_with(".rs") && word.contains('/') && !word.contains('{') && !word.contains('*');
        if is_path && !root().join(word).exists() {
            missing.push(word.to_owned());
        }
    }
    assert!(missing.is_empty(), "ARCHITECTURE.md names files that do not exist: {missing:?}");
}
