//! Who is it? The one place where passwords are checked, for both protocols.
//!
//! Nobody learns from here whether a user exists: an unknown user goes through the same exchange against a verifier
//! that no password fits, with a salt that stays the same from try to try, and gets the same words.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pgwire::api::auth::sasl::scram::{ScramSecret, ScramServerAuth, ScramServerAuthWaitingForClientFinal};
use stoa_query::{Engine, SqlError, SqlState, scram};

use crate::tls::Tls;

/// The superuser of every warehouse, whose verifier keys the mock exchange.
const SUPERUSER: &str = "admin";

/// Checks passwords.
#[derive(Debug)]
pub(crate) struct Authenticator {
    engine: Arc<Engine>,
    /// Used where the superuser has no password that a key could be made from.
    fallback_key: [u8; 32],
    scram: ScramServerAuth,
    scram_over_tls: ScramServerAuth,
}

/// Proof that somebody has logged in. Only this module can make one, and a session cannot be opened without.
#[derive(Debug)]
pub(crate) struct Authenticated {
    user: String,
}

impl Authenticated {
    /// The user that was authenticated.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }
}

/// 28P01: one text for a wrong password and for a user that does not exist.
pub(crate) fn refused(user: &str) -> SqlError {
    SqlError::new(SqlState::InvalidPassword, format!("password authentication failed for user \"{user}\"")).fatal()
}

impl Authenticator {
    /// A checker over the users of `engine`.
    pub(crate) fn new(engine: Arc<Engine>, tls: Option<&Tls>) -> Self {
        let mut scram_over_tls = ScramServerAuth::new();
        if let Some(tls) = tls {
            // Certificates with other signature algorithms have no defined channel binding; SCRAM works without.
            _ = scram_over_tls.configure_certificate(&tls.certificate_pem);
        }
        Self { engine, fallback_key: rand::random(), scram: ScramServerAuth::new(), scram_over_tls }
    }

    /// A SCRAM exchange for one login.
    pub(crate) fn exchange(&self, user: &str, over_tls: bool) -> Exchange {
        let scram = if over_tls { self.scram_over_tls.clone() } else { self.scram.clone() };
        Exchange { user: user.to_owned(), scram, verifier: self.engine.verifier(user), mock_key: self.mock_key() }
    }

    /// Checks a password that was handed over.
    pub(crate) fn check_password(&self, user: &str, password: &str) -> Result<Authenticated, SqlError> {
        let known = self.engine.verifier(user);
        // An unknown user costs the same work.
        let verifier = known.clone().unwrap_or_else(|| mock_verifier(&self.mock_key(), user));
        let matches = scram::verify(password, &verifier);
        if matches && known.is_some() { Ok(Authenticated { user: user.to_owned() }) } else { Err(refused(user)) }
    }

    /// The key of the mock exchange. It must outlive a restart, or salts that change would tell unknown users.
    fn mock_key(&self) -> [u8; 32] {
        match self.engine.verifier(SUPERUSER) {
            Some(verifier) => scram::hmac(verifier.as_bytes(), b"mock exchange"),
            None => self.fallback_key,
        }
    }
}

/// A verifier with a salt that depends on the user alone, and keys that no password has.
fn mock_verifier(key: &[u8; 32], user: &str) -> String {
    let salt = scram::hmac(key, user.as_bytes());
    let stored = scram::hmac(key, &salt);
    format!(
        "SCRAM-SHA-256${}:{}${}:{}",
        scram::ITERATIONS,
        STANDARD.encode(&salt[..16]),
        STANDARD.encode(stored),
        STANDARD.encode(stored)
    )
}

/// One SCRAM-SHA-256 exchange (RFC 5802), not begun.
#[derive(Debug)]
pub(crate) struct Exchange {
    user: String,
    scram: ScramServerAuth,
    verifier: Option<String>,
    mock_key: [u8; 32],
}

impl Exchange {
    /// The mechanisms to offer, the better one first.
    pub(crate) fn mechanisms(&self) -> Vec<String> {
        let plain = "SCRAM-SHA-256".to_owned();
        if self.scram.supports_channel_binding() { vec!["SCRAM-SHA-256-PLUS".to_owned(), plain] } else { vec![plain] }
    }

    /// Takes the client's first message; gives the server's first.
    pub(crate) fn first(self, mechanism: &str, message: &[u8]) -> Result<(String, ExchangeStarted), SqlError> {
        let wrong = |reason: &str| SqlError::new(SqlState::ProtocolViolation, reason.to_owned()).fatal();
        if !self.mechanisms().iter().any(|offered| offered == mechanism) {
            return Err(wrong("client selected an invalid SASL authentication mechanism"));
        }
        let bound = message.starts_with(b"p=");
        if bound != (mechanism == "SCRAM-SHA-256-PLUS") {
            return Err(wrong("the channel binding does not fit the SASL authentication mechanism"));
        }
        let known = self.verifier.is_some();
        let verifier = self.verifier.unwrap_or_else(|| mock_verifier(&self.mock_key, &self.user));
        let secret = secret(&verifier).ok_or_else(|| refused(&self.user))?;
        let (reply, state) = self
            .scram
            .on_client_first_message_with_secret(message, secret)
            .map_err(|_cause| wrong("malformed SCRAM message"))?;
        Ok((reply, ExchangeStarted { user: self.user, known, state }))
    }
}

/// An exchange that waits for the client's proof.
#[derive(Debug)]
pub(crate) struct ExchangeStarted {
    user: String,
    known: bool,
    state: ScramServerAuthWaitingForClientFinal,
}

impl ExchangeStarted {
    /// Takes the client's proof; gives the server's and who it is.
    pub(crate) fn last(self, message: &[u8]) -> Result<(String, Authenticated), SqlError> {
        // Every failure, malformed or wrong, ends the login with the same words.
        match self.state.on_client_final_message(message) {
            Ok(reply) if self.known => Ok((reply, Authenticated { user: self.user })),
            Ok(_) | Err(_) => Err(refused(&self.user)),
        }
    }
}

/// Reads a stored verifier: `SCRAM-SHA-256$iterations:salt$stored key:server key`.
fn secret(verifier: &str) -> Option<ScramSecret> {
    let (head, keys) = verifier.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
    let (iterations, salt) = head.split_once(':')?;
    let (stored_key, server_key) = keys.split_once(':')?;
    Some(ScramSecret::Verifier {
        salt: STANDARD.decode(salt).ok()?,
        iterations: iterations.parse().ok()?,
        stored_key: STANDARD.decode(stored_key).ok()?,
        server_key: STANDARD.decode(server_key).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mock_verifier_is_well_formed_and_stays_the_same() {
        let key = [7; 32];
        let mock = mock_verifier(&key, "nobody");
        assert!(scram::is_verifier(&mock));
        assert!(secret(&mock).is_some());
        assert_eq!(mock, mock_verifier(&key, "nobody"));
        assert_ne!(mock, mock_verifier(&key, "somebody"));
        assert!(!scram::verify("", &mock));
    }
}
