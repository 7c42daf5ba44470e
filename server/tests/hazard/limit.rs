//! Memory, time and places are limited, before login above all.

use std::time::{Duration, Instant};

use stoa_server::Span;

use crate::raw::{PASSWORD, Raw, config, error, extended, frame, kinds, server};

#[tokio::test(flavor = "multi_thread")]
async fn frames_before_login_are_short() {
    let (server, address) = server(config()).await;
    for kind in *b"pQBd" {
        for length in [70_000_u32, 1 << 30, u32::MAX, 0, 3] {
            let mut raw = Raw::connect(address).await;
            raw.startup("admin", "dev").await;
            raw.answer().await.expect("an authentication request");
            raw.send(&[&[kind][..], &length.to_be_bytes()].concat()).await;
            assert_eq!(raw.answer().await.expect("an error").error(), error("FATAL", "08P01"));
            raw.assert_closed().await;
        }
    }
    let mut raw = Raw::connect(address).await;
    raw.send(&(1_u32 << 29).to_be_bytes()).await;
    assert_eq!(raw.answer().await.expect("an error").error(), error("FATAL", "08P01"));
    raw.assert_closed().await;
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_after_login_have_the_configured_limit() {
    let limited = stoa_server::Config { message_limit: stoa_server::ByteSize(1 << 20), ..config() };
    let (server, address) = server(limited).await;
    let mut raw = Raw::log_in(address).await;
    raw.send(&[&b"Q"[..], &(2_u32 << 20).to_be_bytes()].concat()).await;
    assert_eq!(raw.answer().await.expect("an error").error(), error("FATAL", "08P01"));
    raw.assert_closed().await;
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_rows_may_be_asked_for() {
    let (server, address) = server(config()).await;
    let mut raw = Raw::log_in(address).await;
    for rows_max in [-1, i32::MIN, i32::MAX, 0] {
        raw.send(&extended("select 1 union all select 2", rows_max)).await;
        raw.send(&frame(b'S', &[])).await;
        assert_eq!(kinds(&raw.until_ready().await), "12DDCZ", "{rows_max}");
    }
    raw.query("begin").await;
    raw.send(&extended("select 1 union all select 2", 1)).await;
    let execute = frame(b'E', &[0, 0, 0, 0, 1]);
    raw.send(&[execute.clone(), execute, frame(b'S', &[])].concat()).await;
    // One row and suspended, one row and suspended (the end is not known yet), then the end.
    assert_eq!(kinds(&raw.until_ready().await), "12DsDsCZ");
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_limited() {
    let (server, address) = server(stoa_server::Config { max_connections: 2, ..config() }).await;
    let first = Raw::log_in(address).await;
    let _second = Raw::log_in(address).await;
    let mut third = Raw::connect(address).await;
    third.startup("admin", "dev").await;
    let proof = third.proof(PASSWORD).await.expect("a challenge");
    third.send(&proof).await;
    let mut answer = third.answer().await.expect("an answer");
    while answer.kind == b'R' {
        answer = third.answer().await.expect("an answer");
    }
    assert_eq!(answer.error(), error("FATAL", "53300"));
    third.assert_closed().await;
    drop(first);
    // The place of one that has left is free again, soon.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut raw = Raw::connect(address).await;
        raw.startup("admin", "dev").await;
        let proof = raw.proof(PASSWORD).await.expect("a challenge");
        raw.send(&proof).await;
        let mut answer = raw.answer().await.expect("an answer");
        while answer.kind == b'R' {
            answer = raw.answer().await.expect("an answer");
        }
        if answer.kind == b'S' {
            break;
        }
        assert!(Instant::now() < deadline, "the place is not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_log_in_is_dropped() {
    let hurried = stoa_server::Config { startup_timeout: Span(Duration::from_millis(300)), ..config() };
    let (server, address) = server(hurried).await;
    let mut silent = Raw::connect(address).await;
    let mut half = Raw::connect(address).await;
    half.send(&[0, 0, 0]).await;
    let mut waiting = Raw::connect(address).await;
    waiting.startup("admin", "dev").await;
    waiting.answer().await.expect("an authentication request");
    for raw in [&mut silent, &mut half, &mut waiting] {
        raw.assert_closed().await;
    }
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_is_closed_if_so_configured() {
    let impatient = stoa_server::Config { idle_timeout: Span(Duration::from_millis(300)), ..config() };
    let (server, address) = server(impatient).await;
    let mut raw = Raw::log_in(address).await;
    assert_eq!(raw.answer().await.expect("an error").error(), error("FATAL", "57P05"));
    raw.assert_closed().await;
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_sockets_keep_nobody_out() {
    let (server, address) = server(config()).await;
    let mut silent = Vec::new();
    for _ in 0..500 {
        silent.push(Raw::connect(address).await);
    }
    let mut raw = Raw::log_in(address).await;
    assert_eq!(kinds(&raw.query("select 1").await), "TDCZ");
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_told_to_idle_sessions() {
    let (server, address) = server(config()).await;
    let mut raw = Raw::log_in(address).await;
    let started = Instant::now();
    server.shutdown().await.expect("stopped");
    assert!(started.elapsed() < Duration::from_secs(5), "nothing ran, so nothing was to be waited for");
    assert_eq!(raw.answer().await.expect("an error").error(), error("FATAL", "57P01"));
    raw.assert_closed().await;
}
