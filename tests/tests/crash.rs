//! kill -9 under load: what was acknowledged is there after a restart, what was never sent is not, and a transaction over
//! two tables is there whole or not at all. The oracle is the journal that the writers keep outside the server.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use rand::{Rng, SeedableRng};
use stoa_server::tool::child::ServerProcess;
use stoa_server::tool::client::{Client, Target};

const KILLS: usize = 20;
const WRITERS: u64 = 4;

/// Keys a writer has sent and has had acknowledged.
#[derive(Debug, Default)]
struct Journal {
    sent: BTreeSet<i64>,
    acknowledged: BTreeSet<i64>,
    next: i64,
}

/// Writes until the server dies: single inserts, and transactions over both tables.
async fn write(target: Target, writer: u64, journal: Arc<Mutex<Journal>>, done: Arc<tokio::sync::Notify>) {
    let Ok(client) = Client::connect(&target).await else { return };
    loop {
        let key = {
            let mut journal = journal.lock().expect("no writer panics");
            journal.next += 1;
            let key = journal.next * WRITERS as i64 + writer as i64;
            journal.sent.insert(key);
            key
        };
        let sql = match key % 3 {
            0 => format!("begin; insert into a values ({key}, 'x'); insert into b values ({key}, 'y'); commit"),
            1 => format!("insert into a select {key}, 'x'; insert into b select {key}, 'y'"),
            _ => format!(
                "begin; insert into a values ({key}, 'old'); update a set v = 'new' where k = {key}; \
                 insert into b values ({key}, 'z'), (-{key}, 'gone'); delete from b where k = -{key}; commit"
            ),
        };
        if client.query(&sql).await.is_err() {
            return;
        }
        journal.lock().expect("no writer panics").acknowledged.insert(key);
        done.notify_one();
    }
}

async fn keys(client: &Client, table: &str) -> BTreeSet<i64> {
    let (answer, _) = client.timed(&format!("select k from {table}")).await.expect("the table is readable");
    let keys: Vec<i64> =
        answer.rows.iter().map(|row| row[0].as_deref().expect("a key").parse().expect("a number")).collect();
    let unique: BTreeSet<i64> = keys.iter().copied().collect();
    assert_eq!(keys.len(), unique.len(), "a key of {table} is there twice");
    unique
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_lose_nothing() {
    let mut random = rand::rngs::StdRng::seed_from_u64(stoa_tests::seed());
    let folder = tempfile::tempdir().expect("a folder");
    let (program, root) = (stoa_tests::process::stoa(), folder.path().join("root"));
    let journals: Vec<_> = (0..WRITERS).map(|_| Arc::new(Mutex::new(Journal::default()))).collect();
    let mut server = ServerProcess::start(&program, &root, folder.path()).await.expect("the server starts");
    let client = Client::connect(&server.target).await.expect("a connection");
    client
        .query("create table a (k bigint, v varchar(8)); create table b (k bigint, v varchar(8))")
        .await
        .expect("tables");
    drop(client);
    for kill in 0..KILLS {
        let done = Arc::new(tokio::sync::Notify::new());
        let writers: Vec<_> = journals
            .iter()
            .enumerate()
            .map(|(writer, journal)| {
                let (target, journal, done) = (server.target.clone(), Arc::clone(journal), Arc::clone(&done));
                tokio::spawn(write(target, writer as u64, journal, done))
            })
            .collect();
        // The kill comes after a random number of acknowledged statements, at whatever point the others are then.
        for _ in 0..random.random_range(5..60) {
            done.notified().await;
        }
        server.kill().await.expect("killed");
        for writer in writers {
            writer.await.expect("a writer ended");
        }
        server = ServerProcess::start(&program, &root, folder.path()).await.expect("the server starts again");
        let client = Client::connect(&server.target).await.expect("a connection");
        let (a, b) = (keys(&client, "a").await, keys(&client, "b").await);
        for journal in &journals {
            let journal = journal.lock().expect("no writer panics");
            let lost: Vec<_> = journal.acknowledged.difference(&a).chain(journal.acknowledged.difference(&b)).collect();
            assert!(lost.is_empty(), "kill {kill}: acknowledged and lost: {lost:?}");
        }
        let sent: BTreeSet<i64> =
            journals.iter().flat_map(|journal| journal.lock().expect("no writer panics").sent.clone()).collect();
        assert!(a.is_subset(&sent) && b.is_subset(&sent), "kill {kill}: rows that nobody sent");
        assert_eq!(a, b, "kill {kill}: a transaction is there in part");
        let (half_updated, _) = client.timed("select count(*) from a where v = 'old'").await.expect("readable");
        assert_eq!(half_updated.scalar(), Some("0"), "kill {kill}: an update is there in part");
    }
    let acknowledged: usize =
        journals.iter().map(|journal| journal.lock().expect("no writer panics").acknowledged.len()).sum();
    println!("{KILLS} kills, {acknowledged} acknowledged transactions, lost 0");
    server.stop().await.expect("the server stops");
}
