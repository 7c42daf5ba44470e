//! Password verifiers of SCRAM-SHA-256 (RFC 5802, RFC 7677), in the form in which Postgres stores them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngCore;
use sha2::{Digest, Sha256};

/// Rounds of PBKDF2 for new passwords (Postgres's default).
pub const ITERATIONS: u32 = 4096;
const SALT_BYTES: usize = 16;
const BLOCK_BYTES: usize = 64;
const PREFIX: &str = "SCRAM-SHA-256$";

/// A new verifier for a password, with a random salt: `SCRAM-SHA-256$4096:salt$stored key:server key`.
pub fn verifier(password: &str) -> String {
    let mut salt = [0u8; SALT_BYTES];
    rand::rng().fill_bytes(&mut salt);
    verifier_with(password, &salt, ITERATIONS)
}

/// Whether `text` has the form of a verifier (CREATE USER … PASSWORD takes one in place of a password).
pub fn is_verifier(text: &str) -> bool {
    parts(text).is_some()
}

/// Whether `password` is the one that `verifier` was made from.
pub fn verify(password: &str, verifier: &str) -> bool {
    match parts(verifier) {
        Some((iterations, salt)) => {
            constant_time_equal(verifier_with(password, &salt, iterations).as_bytes(), verifier.as_bytes())
        }
        None => false,
    }
}

/// The salted password (`Hi` of RFC 5802): PBKDF2 with HMAC-SHA-256 and one block.
pub fn salted_password(password: &str, salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut message = salt.to_vec();
    message.extend_from_slice(&1u32.to_be_bytes());
    let mut round = hmac(password.as_bytes(), &message);
    let mut result = round;
    for _ in 1..iterations {
        round = hmac(password.as_bytes(), &round);
        for (byte, other) in result.iter_mut().zip(round) {
            *byte ^= other;
        }
    }
    result
}

/// HMAC-SHA-256 (RFC 2104).
pub fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0u8; BLOCK_BYTES];
    if key.len() > BLOCK_BYTES {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

fn verifier_with(password: &str, salt: &[u8], iterations: u32) -> String {
    let salted = salted_password(password, salt, iterations);
    let stored_key = Sha256::digest(hmac(&salted, b"Client Key"));
    let server_key = hmac(&salted, b"Server Key");
    format!(
        "{PREFIX}{iterations}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored_key),
        STANDARD.encode(server_key)
    )
}

/// Iterations and salt of a well-formed verifier.
fn parts(text: &str) -> Option<(u32, Vec<u8>)> {
    let (head, keys) = text.strip_prefix(PREFIX)?.split_once('$')?;
    let (iterations, salt) = head.split_once(':')?;
    let (stored, server) = keys.split_once(':')?;
    let lengths_hold = [stored, server].iter().all(|key| STANDARD.decode(key).is_ok_and(|key| key.len() == 32));
    let iterations = iterations.parse().ok().filter(|iterations| (1..=10_000_000).contains(iterations))?;
    lengths_hold.then_some((iterations, STANDARD.decode(salt).ok()?))
}

fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_rfc_7677() {
        // The example of section 3: user "user", password "pencil".
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let salted = salted_password("pencil", &salt, 4096);
        let client_key = hmac(&salted, b"Client Key");
        let stored_key = Sha256::digest(client_key);
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                       s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = hmac(&stored_key, message.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, byte)| key ^ byte).collect();
        assert_eq!(STANDARD.encode(proof), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    }

    #[test]
    fn a_verifier_accepts_only_its_password() {
        let made = verifier("secret");
        assert!(is_verifier(&made));
        assert!(verify("secret", &made));
        assert!(!verify("Secret", &made));
        assert!(!is_verifier("secret"));
    }
}
