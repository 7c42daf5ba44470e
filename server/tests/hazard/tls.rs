//! TLS on the Postgres port.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::raw::{PASSWORD, Raw, config, error, kinds, server};

struct Certificate {
    _folder: tempfile::TempDir,
    config: stoa_server::Config,
    connector: TlsConnector,
}

fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("server.crt"), made.cert.pem()).expect("written");
    std::fs::write(path("server.key"), made.signing_key.serialize_pem()).expect("written");
    let mut roots = rustls::RootCertStore::empty();
    let authority =
        rustls::pki_types::CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).expect("a certificate");
    roots.add(authority).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"postgresql".to_vec()];
    let config = stoa_server::Config {
        tls_certificate: Some(path("server.crt")),
        tls_key: Some(path("server.key")),
        ..config()
    };
    Certificate { _folder: folder, config, connector: TlsConnector::from(Arc::new(client)) }
}

async fn over_tls(certificate: &Certificate, socket: TcpStream) -> Raw<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").expect("a name");
    Raw { stream: certificate.connector.connect(name, socket).await.expect("TLS") }
}

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

#[tokio::test(flavor = "multi_thread")]
async fn login_works_through_tls_asked_for_or_begun_at_once() {
    let certificate = certificate();
    let (server, address) = server(stoa_server::Config { tls_required: true, ..certificate.config.clone() }).await;
    for ask in [true, false] {
        let mut raw = Raw::connect(address).await;
        if ask {
            raw.send(&SSL_REQUEST).await;
            let mut answer = [0];
            tokio::io::AsyncReadExt::read_exact(&mut raw.stream, &mut answer).await.expect("a byte");
            assert_eq!(answer, *b"S");
        }
        let mut raw = over_tls(&certificate, raw.stream).await;
        raw.startup("admin", "dev").await;
        raw.authenticate(PASSWORD).await.expect("logged in");
        assert_eq!(kinds(&raw.query("select 1").await), "TDCZ");
    }
    let mut clear = Raw::connect(address).await;
    clear.startup("admin", "dev").await;
    assert_eq!(clear.answer().await.expect("an error").error(), error("FATAL", "28000"));
    clear.assert_closed().await;
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_put_before_tls_are_refused() {
    let certificate = certificate();
    let (server, address) = server(certificate.config.clone()).await;
    let mut raw = Raw::connect(address).await;
    raw.send(&[&SSL_REQUEST[..], b"\0\0\0\x10smuggled bytes"].concat()).await;
    assert_eq!(raw.answer().await.expect("an error").error(), error("FATAL", "08P01"));
    raw.assert_closed().await;
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn clear_passwords_are_taken_over_tls_only() {
    let certificate = certificate();
    let (server, address) =
        server(stoa_server::Config { cleartext_passwords: true, ..certificate.config.clone() }).await;
    let mut clear = Raw::connect(address).await;
    clear.startup("admin", "dev").await;
    let request = clear.answer().await.expect("a request");
    assert_eq!(request.body[..4], [0, 0, 0, 10], "SCRAM where there is no TLS");

    let raw = Raw::connect(address).await;
    let mut raw = over_tls(&certificate, raw.stream).await;
    raw.startup("admin", "dev").await;
    assert_eq!(raw.answer().await.expect("a request").body, [0, 0, 0, 3]);
    raw.send(&crate::raw::frame(b'p', &crate::raw::zero_ended(PASSWORD))).await;
    assert_eq!(raw.answer().await.expect("an answer").body, [0, 0, 0, 0]);
    raw.until_ready().await;
    server.shutdown().await.expect("stopped");
}
