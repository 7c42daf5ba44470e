//! Messages that are malformed, out of place, or out of order.

use crate::raw::{Raw, config, error, extended, frame, kinds, server, zero_ended};

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_message_costs_itself_only() {
    let (server, address) = server(config()).await;
    let mut raw = Raw::log_in(address).await;
    let bad = [
        frame(b'B', b""),
        frame(b'B', &[0, 0, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff]),
        frame(b'B', &[0, 0, 0xff, 0xff]),
        frame(b'P', b"no zero byte"),
        frame(b'E', &[0, 1]),
        frame(b'D', b"?x\0"),
        frame(b'C', b""),
    ];
    for message in bad {
        raw.send(&message).await;
        // Everything up to Sync is skipped, this statement, too.
        raw.send(&extended("select 1", 0)).await;
        raw.send(&frame(b'S', &[])).await;
        let answers = raw.until_ready().await;
        assert_eq!(kinds(&answers), "EZ");
        assert_eq!(answers[0].error(), error("ERROR", "08P01"));
    }
    raw.send(&frame(b'Q', b"select 1")).await;
    assert_eq!(kinds(&raw.until_ready().await), "EZ");
    assert_eq!(kinds(&raw.query("select 1").await), "TDCZ");
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_of_message_that_does_not_exist_ends_the_connection() {
    let (server, address) = server(config()).await;
    let mut raw = Raw::log_in(address).await;
    raw.send(&frame(b'~', b"")).await;
    assert_eq!(raw.answer().await.expect("an error").error(), error("FATAL", "08P01"));
    raw.assert_closed().await;
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_utf8_is_refused_and_the_connection_lives() {
    let (server, address) = server(config()).await;
    let mut raw = Raw::log_in(address).await;
    raw.send(&frame(b'Q', b"select '\xff'\0")).await;
    let answers = raw.until_ready().await;
    assert_eq!(answers[0].error(), error("ERROR", "22021"));
    assert_eq!(kinds(&raw.query("select 1").await), "TDCZ");
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_a_pipeline_rolls_back_what_came_before() {
    let (server, address) = server(config()).await;
    let mut raw = Raw::log_in(address).await;
    raw.query("create table pipeline (a int)").await;
    let pipeline = [
        extended("insert into pipeline values (1)", 0),
        extended("select 1 / 0", 0),
        extended("insert into pipeline values (2)", 0),
        frame(b'S', &[]),
    ];
    raw.send(&pipeline.concat()).await;
    let answers = raw.until_ready().await;
    let failure = answers.iter().find(|answer| answer.kind == b'E').expect("an error");
    assert_eq!(failure.error(), error("ERROR", "22012"));
    assert_eq!(answers.iter().filter(|answer| answer.kind == b'E').count(), 1);
    let rows = raw.query("select a from pipeline").await;
    assert_eq!(kinds(&rows), "TCZ");
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_string_of_statements_is_one_transaction() {
    let (server, address) = server(config()).await;
    let mut raw = Raw::log_in(address).await;
    let answers = raw.query("create table one (a int); insert into one values (1); select 1 / 0; select 2").await;
    // The error comes before or after the columns of its statement; nothing runs after it.
    assert!(["CCEZ", "CCTEZ"].contains(&kinds(&answers).as_str()), "{}", kinds(&answers));
    let answers = raw.query("select * from one").await;
    assert_eq!(answers[0].error(), error("ERROR", "42P01"));
    assert_eq!(kinds(&raw.query("").await), "IZ");
    assert_eq!(kinds(&raw.query(" ; ").await), "IZ");
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_statements_and_portals_are_kept() {
    let (server, address) = server(config()).await;
    let mut raw = Raw::log_in(address).await;
    let parse = |name: &str, query: &str| frame(b'P', &[zero_ended(name), zero_ended(query), vec![0, 0]].concat());
    let sync = frame(b'S', &[]);
    raw.send(&[parse("s", "select 1"), parse("s", "select 2"), sync.clone()].concat()).await;
    let answers = raw.until_ready().await;
    assert_eq!(answers[1].error(), error("ERROR", "42P05"));
    raw.send(&[frame(b'D', b"Sgone\0"), sync.clone()].concat()).await;
    assert_eq!(raw.until_ready().await[0].error(), error("ERROR", "26000"));
    raw.send(&[frame(b'E', b"gone\0\0\0\0\0"), sync.clone()].concat()).await;
    assert_eq!(raw.until_ready().await[0].error(), error("ERROR", "34000"));
    raw.send(&[parse("", "select 1; select 2"), sync.clone()].concat()).await;
    assert_eq!(raw.until_ready().await[0].error(), error("ERROR", "42601"));
    raw.send(&[frame(b'C', b"Ss\0"), frame(b'C', b"Ss\0"), parse("s", "select 3"), sync].concat()).await;
    assert_eq!(kinds(&raw.until_ready().await), "331Z");
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_before_startup_are_answered() {
    let (server, address) = server(config()).await;
    let mut raw = Raw::connect(address).await;
    for code in [80_877_103_i32, 80_877_104] {
        raw.send(&[8_i32.to_be_bytes(), code.to_be_bytes()].concat()).await;
        let mut answer = [0];
        tokio::io::AsyncReadExt::read_exact(&mut raw.stream, &mut answer).await.expect("a byte");
        assert_eq!(answer, *b"N");
    }
    raw.startup("admin", "dev").await;
    raw.authenticate(crate::raw::PASSWORD).await.expect("logged in");
    assert_eq!(kinds(&raw.query("select 1").await), "TDCZ");

    // Without the right secret nothing is cancelled, and nobody is told.
    let mut cancel = Raw::connect(address).await;
    cancel.send(&[16_i32, 80_877_102, 1, 2].map(i32::to_be_bytes).concat()).await;
    cancel.assert_closed().await;

    let mut old = Raw::connect(address).await;
    old.send(&[8_i32.to_be_bytes(), (2_i32 << 16).to_be_bytes()].concat()).await;
    assert_eq!(old.answer().await.expect("an error").error(), error("FATAL", "0A000"));

    let mut newer = Raw::connect(address).await;
    let mut body = 196_610_i32.to_be_bytes().to_vec();
    body.extend(b"user\0admin\0database\0dev\0_pq_.nonsense\x001\0\0");
    let length = i32::try_from(body.len() + 4).expect("short").to_be_bytes();
    newer.send(&[&length[..], &body].concat()).await;
    let negotiate = newer.answer().await.expect("a version");
    assert_eq!(negotiate.kind, b'v');
    assert!(String::from_utf8_lossy(&negotiate.body).contains("_pq_.nonsense"));
    server.shutdown().await.expect("stopped");
}
