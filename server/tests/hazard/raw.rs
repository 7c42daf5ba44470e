//! A client made of bytes: it sends what no driver would.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use stoa_query::scram;
use stoa_server::{Config, Listen, Secret, Server, Service};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Password of the superuser in these tests.
pub(crate) const PASSWORD: &str = "correct horse";
/// Nothing in these tests takes longer; what does hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A configuration for a server in memory on free ports.
pub(crate) fn config() -> Config {
    Config {
        root: "memory:".to_owned(),
        pg: Listen::On("127.0.0.1:0".to_owned()),
        flight: Listen::On("127.0.0.1:0".to_owned()),
        http: Listen::Off,
        admin_password: Some(Secret::new(PASSWORD)),
        memory_limit: Some(stoa_server::ByteSize(256 << 20)),
        log_level: "off".to_owned(),
        ..Config::default()
    }
}

/// A server with that configuration and the address of its Postgres port.
pub(crate) async fn server(config: Config) -> (Server, SocketAddr) {
    let server = Server::start(config).await.expect("the server starts");
    let address = server.address(Service::Postgres).expect("the port is open");
    (server, address)
}

/// A message from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A field of an error: `S` severity, `C` code, `M` message.
    pub(crate) fn field(&self, code: u8) -> String {
        let mut fields = self.body.split(|byte| *byte == 0);
        let field = fields.find(|field| field.first() == Some(&code));
        field.map(|field| String::from_utf8_lossy(&field[1..]).into_owned()).unwrap_or_default()
    }

    /// Severity and SQLSTATE of an error.
    pub(crate) fn error(&self) -> (String, String) {
        assert_eq!(self.kind as char, 'E', "{self:?}");
        (self.field(b'S'), self.field(b'C'))
    }
}

/// The pair that [`Answer::error`] gives.
pub(crate) fn error(severity: &str, code: &str) -> (String, String) {
    (severity.to_owned(), code.to_owned())
}

/// A connection.
pub(crate) struct Raw<S> {
    pub(crate) stream: S,
}

impl Raw<TcpStream> {
    /// Connects and says nothing.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("connected") }
    }

    /// Connects and logs in as the superuser.
    pub(crate) async fn log_in(address: SocketAddr) -> Self {
        let mut raw = Self::connect(address).await;
        raw.startup("admin", "dev").await;
        raw.authenticate(PASSWORD).await.expect("logged in");
        raw
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    /// Sends bytes. The server may have closed already, which is for the test to see when it reads.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        _ = self.stream.write_all(bytes).await;
        _ = self.stream.flush().await;
    }

    /// Sends the startup packet.
    pub(crate) async fn startup(&mut self, user: &str, database: &str) {
        let mut body = 196_608_i32.to_be_bytes().to_vec();
        for text in ["user", user, "database", database] {
            body.extend(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        let mut packet = length(body.len());
        packet.extend(body);
        self.send(&packet).await;
    }

    /// The next message; `None` when the server has closed.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let read = async {
            let mut head = [0_u8; 5];
            self.stream.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            let mut body = vec![0; length - 4];
            self.stream.read_exact(&mut body).await.ok()?;
            Some(Answer { kind: head[0], body })
        };
        tokio::time::timeout(PATIENCE, read).await.expect("an answer in time")
    }

    /// The messages up to ReadyForQuery, that one included.
    pub(crate) async fn until_ready(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        loop {
            let answer = self.answer().await.expect("the connection is open");
            let ready = answer.kind == b'Z';
            answers.push(answer);
            if ready {
                return answers;
            }
        }
    }

    /// Runs a simple query; its messages as their types.
    pub(crate) async fn query(&mut self, text: &str) -> Vec<Answer> {
        self.send(&frame(b'Q', &zero_ended(text))).await;
        self.until_ready().await
    }

    /// Checks that the server closes and says nothing more.
    pub(crate) async fn assert_closed(&mut self) {
        let answer = self.answer().await;
        assert_eq!(answer, None, "the connection must be closed");
    }

    /// Answers the SASL request with a password; the error if there is one.
    pub(crate) async fn authenticate(&mut self, password: &str) -> Result<Vec<Answer>, Answer> {
        let proof = self.proof(password).await?;
        self.send(&proof).await;
        let last = self.answer().await.expect("an answer to the proof");
        if last.kind == b'E' {
            return Err(last);
        }
        Ok(self.until_ready().await)
    }

    /// Does the exchange up to the proof, which is given back instead of sent.
    pub(crate) async fn proof(&mut self, password: &str) -> Result<Vec<u8>, Answer> {
        let request = self.answer().await.expect("an authentication request");
        if request.kind == b'E' {
            return Err(request);
        }
        let bare = "n=,r=clientnonce";
        let first = format!("n,,{bare}");
        let mut body = zero_ended("SCRAM-SHA-256");
        body.extend(u32::try_from(first.len()).expect("short").to_be_bytes());
        body.extend(first.as_bytes());
        self.send(&frame(b'p', &body)).await;
        let challenge = self.answer().await.expect("a challenge");
        if challenge.kind == b'E' {
            return Err(challenge);
        }
        let challenge = String::from_utf8_lossy(&challenge.body[4..]).into_owned();
        let part = |name: &str| {
            challenge.split(',').find_map(|part| part.strip_prefix(name)).expect("a complete challenge").to_owned()
        };
        let salt = STANDARD.decode(part("s=")).expect("base64");
        let salted = scram::salted_password(password, &salt, part("i=").parse().expect("a number"));
        let client_key = scram::hmac(&salted, b"Client Key");
        let without_proof = format!("c=biws,r={}", part("r="));
        let message = format!("{bare},{challenge},{without_proof}");
        let signature = scram::hmac(&Sha256::digest(client_key), message.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, byte)| key ^ byte).collect();
        Ok(frame(b'p', format!("{without_proof},p={}", STANDARD.encode(proof)).as_bytes()))
    }
}

fn length(body: usize) -> Vec<u8> {
    u32::try_from(body + 4).expect("short").to_be_bytes().to_vec()
}

/// A frame with a type byte.
pub(crate) fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(length(body.len()));
    bytes.extend(body);
    bytes
}

/// Text with its zero byte.
pub(crate) fn zero_ended(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// Parse, Bind and Execute of the unnamed statement and portal, without parameters, and without Sync.
pub(crate) fn extended(query: &str, rows_max: i32) -> Vec<u8> {
    let parse = [vec![0], zero_ended(query), vec![0, 0]].concat();
    let execute = [vec![0], rows_max.to_be_bytes().to_vec()].concat();
    [frame(b'P', &parse), frame(b'B', &[0; 8]), frame(b'E', &execute)].concat()
}

/// The types of messages as text: `TDCZ`.
pub(crate) fn kinds(answers: &[Answer]) -> String {
    answers.iter().map(|answer| answer.kind as char).collect()
}
