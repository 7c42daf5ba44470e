//! The bytes of log entries and checkpoints.
//!
//! ```text
//! entry:       "STOALOG1" │ u32 length │ header │ (u32 length │ transaction)* │ u64 XXH3-64 of all before
//! checkpoint:  "STOACKP1" │ zstd(checkpoint) │ u64 XXH3-64 of all before
//! ```
//! Integers are little-endian; header, transaction and checkpoint are MessagePack maps with named fields, so that fields
//! can be added. The digit that ends the magic is the version of the format: a reader refuses what it does not know.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use crate::catalog::change::Change;
use crate::catalog::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::id::{TxnId, Version};
use crate::limit;

const ENTRY_MAGIC: &[u8; 8] = b"STOALOG1";
const CHECKPOINT_MAGIC: &[u8; 8] = b"STOACKP1";
const CHECKSUM_BYTES: usize = 8;
/// Room for the header and framing of an entry, taken off what transactions may fill.
const ENTRY_OVERHEAD_BYTES: usize = 1024;
/// A checkpoint that claims to be larger is damaged.
const CHECKPOINT_BYTES_MAX: usize = 4 << 30;

/// SHA-256 of an entry's bytes, or zeroes before the first.
pub(super) type Hash = [u8; 32];

/// A place in the log and what led there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The epoch.
    pub(crate) epoch: u64,
    /// The last slot applied; 0 directly after the seal that began the epoch.
    pub(crate) slot: u64,
    /// The last version applied.
    pub(crate) version: Version,
    /// Hash of the last entry applied.
    pub(crate) hash: Hash,
}

impl Position {
    /// Before the first entry. Epoch 0 has no leader: the first process seals it at once.
    pub(super) const START: Self = Self { epoch: 0, slot: 0, version: Version(0), hash: [0; 32] };
}

/// What stands before the transactions of an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct EntryHeader {
    pub(super) epoch: u64,
    pub(super) slot: u64,
    pub(super) version: Version,
    /// Makes the bytes of two writers (and of two tries with different content) differ.
    pub(super) nonce: Uuid,
    /// The process that wrote it.
    pub(super) writer: Uuid,
    pub(super) committed_at_micros: i64,
    /// Hash of the entry before.
    pub(super) previous: Hash,
    /// Whether the entry ends its epoch; it then holds no transaction.
    pub(super) seal: bool,
    /// Number of transactions that follow.
    pub(super) transactions: u32,
}

/// A transaction as it stands in an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LoggedTransaction {
    pub(super) txn: TxnId,
    /// The version it began at.
    pub(super) base: Version,
    pub(super) changes: Vec<Change>,
}

/// Everything recovery needs instead of the log up to a position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct CheckpointBody {
    pub(super) position: Position,
    pub(super) snapshot: Snapshot,
    /// Recently committed transactions, oldest first.
    pub(super) recent: Vec<(TxnId, Version)>,
}

/// Path of a log entry.
pub(super) fn entry_path(epoch: u64, slot: u64) -> String {
    format!("log/{epoch:08}/{slot:012}")
}

/// Path of a checkpoint.
pub(super) fn checkpoint_path(epoch: u64, slot: u64) -> String {
    format!("ckpt/{epoch:08}-{slot:012}")
}

/// Epoch and slot of a log entry's path.
pub(super) fn parse_entry_path(path: &str) -> Option<(u64, u64)> {
    let (epoch, slot) = path.strip_prefix("log/")?.split_once('/')?;
    Some((epoch.parse().ok()?, slot.parse().ok()?))
}

/// Epoch and slot of a checkpoint's path.
pub(super) fn parse_checkpoint_path(path: &str) -> Option<(u64, u64)> {
    let (epoch, slot) = path.strip_prefix("ckpt/")?.split_once('-')?;
    Some((epoch.parse().ok()?, slot.parse().ok()?))
}

/// The hash that the next entry must name.
pub(super) fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

fn pack<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    rmp_serde::to_vec_named(value).map_err(|error| Error::internal("cannot encode for the log").with_source(error))
}

fn unpack<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    rmp_serde::from_slice(bytes).map_err(|error| Error::corrupt(format!("{what} cannot be decoded")).with_source(error))
}

/// Encodes one transaction; refuses one that no entry can hold.
pub(super) fn encode_transaction(transaction: &LoggedTransaction) -> Result<Vec<u8>> {
    let bytes = pack(transaction)?;
    if bytes.len() > transactions_bytes_max() {
        return Err(Error::limit(format!(
            "the transaction needs {} bytes in the log, more than the {} that an entry holds",
            bytes.len(),
            limit::ENTRY_BYTES_MAX
        )));
    }
    Ok(bytes)
}

/// Bytes that the transactions of one entry may fill.
pub(super) fn transactions_bytes_max() -> usize {
    limit::ENTRY_BYTES_MAX - ENTRY_OVERHEAD_BYTES - 4 * limit::GROUP_TRANSACTIONS_MAX
}

fn length_prefix(length: usize) -> Result<[u8; 4]> {
    let length = u32::try_from(length)
        .map_err(|error| Error::limit("a part of a log entry is longer than 4 GiB").with_source(error))?;
    Ok(length.to_le_bytes())
}

/// Encodes an entry from transactions encoded before.
pub(super) fn encode_entry(header: &EntryHeader, transactions: &[Vec<u8>]) -> Result<Bytes> {
    let header = pack(header)?;
    let payload: usize = transactions.iter().map(|bytes| bytes.len() + 4).sum();
    let mut bytes = Vec::with_capacity(ENTRY_MAGIC.len() + 4 + header.len() + payload + CHECKSUM_BYTES);
    bytes.extend_from_slice(ENTRY_MAGIC);
    bytes.extend_from_slice(&length_prefix(header.len())?);
    bytes.extend_from_slice(&header);
    for transaction in transactions {
        bytes.extend_from_slice(&length_prefix(transaction.len())?);
        bytes.extend_from_slice(transaction);
    }
    bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
    Ok(bytes.into())
}

/// Checks magic and checksum, and gives what lies between.
fn verified<'a>(bytes: &'a [u8], magic: &[u8; 8], what: &str) -> Result<&'a [u8]> {
    let short = || Error::corrupt(format!("{what} is too short"));
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or_else(short)?;
    let (found, rest) = body.split_first_chunk::<8>().ok_or_else(short)?;
    if found != magic {
        let newer = found[..7] == magic[..7];
        return Err(if newer {
            Error::invalid(format!("{what} has a format that this version of stoa does not know"))
        } else {
            Error::corrupt(format!("{what} does not begin as it should"))
        });
    }
    if xxh3_64(body) == u64::from_le_bytes(*checksum) {
        Ok(rest)
    } else {
        Err(Error::corrupt(format!("the checksum of {what} does not match")))
    }
}

/// Takes a length-prefixed piece off the front.
fn take<'a>(bytes: &mut &'a [u8], what: &str) -> Result<&'a [u8]> {
    let truncated = || Error::corrupt(format!("{what} ends early"));
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(truncated)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let (piece, rest) = rest.split_at_checked(length).ok_or_else(truncated)?;
    *bytes = rest;
    Ok(piece)
}

/// Decodes an entry.
pub(super) fn decode_entry(bytes: &[u8], path: &str) -> Result<(EntryHeader, Vec<LoggedTransaction>)> {
    let what = format!("log entry \"{path}\"");
    let mut rest = verified(bytes, ENTRY_MAGIC, &what)?;
    let header: EntryHeader = unpack(take(&mut rest, &what)?, &what)?;
    let mut transactions = Vec::new();
    while !rest.is_empty() {
        transactions.push(unpack(take(&mut rest, &what)?, &what)?);
    }
    if parse_entry_path(path) != Some((header.epoch, header.slot))
        || usize::try_from(header.transactions).ok() != Some(transactions.len())
    {
        return Err(Error::corrupt(format!("{what} does not hold what its name and header say")));
    }
    Ok((header, transactions))
}

/// Encodes a checkpoint.
pub(super) fn encode_checkpoint(checkpoint: &CheckpointBody) -> Result<Bytes> {
    let packed = zstd::encode_all(pack(checkpoint)?.as_slice(), 1)
        .map_err(|error| Error::internal("cannot compress a checkpoint").with_source(error))?;
    let mut bytes = Vec::with_capacity(packed.len() + 16);
    bytes.extend_from_slice(CHECKPOINT_MAGIC);
    bytes.extend_from_slice(&packed);
    bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
    Ok(bytes.into())
}

/// Decodes a checkpoint.
pub(super) fn decode_checkpoint(bytes: &[u8], path: &str) -> Result<CheckpointBody> {
    use std::io::Read;
    let what = format!("checkpoint \"{path}\"");
    let corrupt = |error| Error::corrupt(format!("{what} cannot be decompressed")).with_source(error);
    let packed = verified(bytes, CHECKPOINT_MAGIC, &what)?;
    let mut plain = Vec::new();
    let decoder = zstd::Decoder::new(packed).map_err(corrupt)?;
    decoder.take(CHECKPOINT_BYTES_MAX as u64).read_to_end(&mut plain).map_err(corrupt)?;
    let body: CheckpointBody = unpack(&plain, &what)?;
    let named = parse_checkpoint_path(path);
    if named != Some((body.position.epoch, body.position.slot)) || body.position.version != body.snapshot.version {
        return Err(Error::corrupt(format!("{what} does not hold what its name says")));
    }
    Ok(body)
}
