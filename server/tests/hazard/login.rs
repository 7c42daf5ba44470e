//! Nobody gets at statements without a password.

use crate::raw::{Raw, config, error, frame, server, zero_ended};

#[tokio::test(flavor = "multi_thread")]
async fn no_message_but_the_password_is_taken_before_login() {
    let (server, address) = server(config()).await;
    for kind in *b"QPBDECSHdcfX" {
        let mut raw = Raw::connect(address).await;
        raw.startup("admin", "dev").await;
        let request = raw.answer().await.expect("an authentication request");
        assert_eq!(request.kind, b'R');
        raw.send(&frame(kind, &zero_ended("create table hazard (a int)"))).await;
        let answer = raw.answer().await.expect("an error");
        assert_eq!(answer.error(), error("FATAL", "08P01"), "message {}", kind as char);
        raw.assert_closed().await;
    }
    assert_no_hazard(&server).await;
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_login_is_fatal_and_what_follows_in_the_same_packet_is_not_run() {
    let (server, address) = server(config()).await;
    for (user, password) in [("admin", "wrong"), ("nobody", "wrong"), ("admin", "")] {
        let mut raw = Raw::connect(address).await;
        raw.startup(user, "dev").await;
        let mut bytes = raw.proof(password).await.expect("a challenge, also for who does not exist");
        bytes.extend(frame(b'Q', &zero_ended("create table hazard (a int)")));
        bytes.extend(frame(b'S', &[]));
        raw.send(&bytes).await;
        let answer = raw.answer().await.expect("an error");
        assert_eq!(answer.error(), error("FATAL", "28P01"));
        assert_eq!(answer.field(b'M'), format!("password authentication failed for user \"{user}\""));
        raw.assert_closed().await;
    }
    assert_no_hazard(&server).await;
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_exchanges_are_fatal() {
    let (server, address) = server(config()).await;
    let initial = |mechanism: &str, message: &str| {
        let mut body = zero_ended(mechanism);
        body.extend(u32::try_from(message.len()).expect("short").to_be_bytes());
        body.extend(message.as_bytes());
        frame(b'p', &body)
    };
    let messages = [
        initial("SCRAM-SHA-1", "n,,n=,r=abc"),
        initial("SCRAM-SHA-256", ""),
        initial("SCRAM-SHA-256", "nonsense"),
        initial("SCRAM-SHA-256", "p=tls-unique,,n=,r=abc"),
        initial("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=abc"),
        frame(b'p', b""),
        frame(b'p', &[0xff; 64]),
        frame(b'p', &[zero_ended("SCRAM-SHA-256"), vec![0x7f, 0xff, 0xff, 0xff]].concat()),
    ];
    for message in messages {
        let mut raw = Raw::connect(address).await;
        raw.startup("admin", "dev").await;
        raw.answer().await.expect("an authentication request");
        raw.send(&message).await;
        let (severity, code) = raw.answer().await.expect("an error").error();
        assert_eq!(severity, "FATAL", "{code}");
        raw.assert_closed().await;
    }
    for proof in ["c=biws,r=clientnonce,p=AAAA", "c=biws,r=other,p=AAAA", "p=", "", "c=biws,r=x,p=====", "\u{fffd}"] {
        let mut raw = Raw::connect(address).await;
        raw.startup("admin", "dev").await;
        raw.proof("wrong").await.expect("a challenge");
        raw.send(&frame(b'p', proof.as_bytes())).await;
        assert_eq!(raw.answer().await.expect("an error").error(), error("FATAL", "28P01"));
        raw.assert_closed().await;
    }
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_cannot_be_used_again() {
    let (server, address) = server(config()).await;
    let mut first = Raw::connect(address).await;
    first.startup("admin", "dev").await;
    let proof = first.proof(crate::raw::PASSWORD).await.expect("a challenge");
    let mut second = Raw::connect(address).await;
    second.startup("admin", "dev").await;
    second.proof(crate::raw::PASSWORD).await.expect("a challenge");
    second.send(&proof).await;
    assert_eq!(second.answer().await.expect("an error").error(), error("FATAL", "28P01"));
    second.assert_closed().await;
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_exist_is_told_after_login_only() {
    let (server, address) = server(config()).await;
    let mut raw = Raw::connect(address).await;
    raw.startup("admin", "nowhere").await;
    let mut bytes = raw.proof(crate::raw::PASSWORD).await.expect("a challenge");
    bytes.extend(frame(b'Q', &zero_ended("select 1")));
    raw.send(&bytes).await;
    let mut answer = raw.answer().await.expect("an answer");
    while answer.kind == b'R' {
        answer = raw.answer().await.expect("an answer");
    }
    assert_eq!(answer.error(), error("FATAL", "3D000"));
    assert_eq!(answer.field(b'M'), "database \"nowhere\" does not exist");
    raw.assert_closed().await;
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_greeting_is_what_drivers_wait_for() {
    let (server, address) = server(config()).await;
    let mut raw = Raw::connect(address).await;
    raw.startup("admin", "dev").await;
    let greeting = raw.authenticate(crate::raw::PASSWORD).await.expect("logged in");
    let text: Vec<String> = greeting
        .iter()
        .filter(|answer| answer.kind == b'S')
        .map(|answer| String::from_utf8_lossy(&answer.body).replace('\0', "=").trim_end_matches('=').to_owned())
        .collect();
    for expected in ["server_encoding=UTF8", "client_encoding=UTF8", "DateStyle=ISO, MDY", "integer_datetimes=on"] {
        assert!(text.iter().any(|status| status == expected), "{expected} in {text:?}");
    }
    assert!(greeting.iter().any(|answer| answer.kind == b'K' && answer.body.len() == 8));
    assert_eq!(greeting.last().map(|answer| answer.body.clone()), Some(b"I".to_vec()));
    server.shutdown().await.expect("stopped");
}

/// No statement that a test has sent before login was run.
async fn assert_no_hazard(server: &stoa_server::Server) {
    let snapshot = server.engine().warehouse().snapshot();
    assert!(snapshot.tables.values().all(|table| table.name != "hazard"));
}
