//! Every file below `tests/slt`, each on an empty warehouse, in process (memory) and over the wire (the shipped binary on a
//! folder).
//!
//! `STOA_SLT_COMPLETE=1` rewrites the expected results from what the wire answers; `STOA_SLT_REFERENCE=<connection text>`
//! runs against another server that speaks the protocol (a real PostgreSQL), which is how results that must equal
//! Postgres's were made. Read the difference before you commit it.

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use sqllogictest::{DefaultColumnType, Runner, default_validator};
use stoa_server::tool::child::ServerProcess;
use stoa_server::{Config, Directories, Listen, Secret, Server, Service};
use stoa_tests::logic::WireDatabase;

fn main() {
    let arguments = Arguments::from_args();
    let folder = stoa_tests::tests_folder().join("slt");
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    let mut trials = Vec::new();
    for file in files {
        let name = file.strip_prefix(&folder).expect("below the folder").with_extension("");
        let name = name.display().to_string().replace('/', "::");
        if std::env::var_os("STOA_SLT_REFERENCE").is_none() {
            let path = file.clone();
            trials.push(Trial::test(format!("memory::{name}"), move || in_process(&path)));
        }
        trials.push(Trial::test(format!("wire::{name}"), move || over_the_wire(&file)));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("tests/slt is readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

async fn run(file: &Path, settings: String) -> Result<(), Failed> {
    let mut runner = Runner::new(move || {
        let settings = settings.clone();
        async move { WireDatabase::connect(&settings).await }
    });
    runner.set_var("DATA".to_owned(), stoa_tests::tests_folder().join("data").display().to_string());
    if std::env::var_os("STOA_SLT_COMPLETE").is_some() {
        runner
            .update_test_file(
                file,
                "\t",
                default_validator,
                |value: &String| value.trim_end().to_owned(),
                |_: &Vec<DefaultColumnType>, _: &Vec<DefaultColumnType>| true,
            )
            .await
            .map_err(|error| Failed::from(error.to_string()))
    } else {
        runner.run_file_async(file).await.map_err(|error| Failed::from(error.display(false).to_string()))
    }
}

fn in_process(file: &Path) -> Result<(), Failed> {
    runtime().block_on(async {
        let config = Config {
            root: "memory:".to_owned(),
            pg: Listen::On("127.0.0.1:0".to_owned()),
            flight: Listen::Off,
            http: Listen::Off,
            admin_password: Some(Secret::new("secret")),
            copy_directories: Directories(vec![stoa_tests::tests_folder().join("data")]),
            ..Config::default()
        };
        let server = Server::start(config).await?;
        let port = server.address(Service::Postgres).ok_or("no address")?.port();
        let settings = format!("host=127.0.0.1 port={port} user=admin password=secret dbname=dev");
        let outcome = run(file, settings).await;
        server.shutdown().await.map_err(|error| error.message)?;
        outcome
    })
}

fn over_the_wire(file: &Path) -> Result<(), Failed> {
    runtime().block_on(async {
        if let Ok(settings) = std::env::var("STOA_SLT_REFERENCE") {
            return run(file, settings).await;
        }
        let folder = tempfile::tempdir()?;
        let files = stoa_tests::tests_folder().join("data");
        let server = ServerProcess::start(&stoa_tests::process::stoa(), &folder.path().join("root"), &files).await?;
        let target = &server.target;
        let settings = format!(
            "host={} port={} user={} password={} dbname={}",
            target.host, target.port, target.user, target.password, target.database
        );
        let outcome = run(file, settings).await;
        server.stop().await?;
        outcome
    })
}
