//! Footers, dictionaries and encoded blocks in memory, under one budget of bytes.
//!
//! A part is immutable and its id is never used twice, so nothing here is ever stale. Many readers that miss the same
//! block at the same time send one request: the first holds the place, the others wait for it. Places are taken in
//! ascending order of keys, and only by spawned tasks, which run on whether or not their reader is polled; so readers
//! cannot wait for each other in a circle.

mod fetch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::catalog::part::{Part, PartBody};
use crate::error::{Error, Result};
use crate::id::PartId;
use crate::object::Store;
use crate::segment::{Dictionary, EncodedBlock, SegmentFooter};

pub(crate) use fetch::BlockAddress;

/// Bytes that the cache counts for an entry besides its content.
const ENTRY_BYTES: u64 = 160;
/// What an average entry is taken to weigh when the cache is laid out.
const TYPICAL_BYTES: u64 = 32 << 10;

/// The place of something of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    part: PartId,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Place {
    Footer,
    /// By the column's place in the footer.
    Dictionary(u32),
    Block(u32, u32),
}

/// What the cache holds.
#[derive(Debug, Clone)]
enum Entry {
    Footer(Arc<SegmentFooter>),
    Dictionary(Arc<Dictionary>),
    Block(Arc<EncodedBlock>),
}

#[derive(Debug, Clone, Copy)]
struct Bytes;

impl Weighter<Key, Entry> for Bytes {
    fn weight(&self, _: &Key, entry: &Entry) -> u64 {
        let content = match entry {
            Entry::Footer(footer) => footer.memory_bytes() as u64,
            Entry::Dictionary(dictionary) => dictionary.memory_bytes() as u64,
            Entry::Block(block) => block.memory_bytes() as u64,
        };
        ENTRY_BYTES + content
    }
}

/// Reads segments, through memory.
#[derive(Debug)]
pub(crate) struct SegmentReader {
    store: Store,
    cache: Cache<Key, Entry, Bytes>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What the cache holds and how often it helped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheReading {
    /// Bytes held at the moment.
    pub bytes: u64,
    /// Bytes that may be held.
    pub capacity: u64,
    /// Entries held at the moment.
    pub entries: u64,
    /// Blocks that were found.
    pub hits: u64,
    /// Blocks that had to be read.
    pub misses: u64,
}

impl SegmentReader {
    /// A reader with room for `bytes`.
    pub(crate) fn new(store: Store, bytes: usize) -> Self {
        let capacity = bytes as u64;
        let entries = usize::try_from(capacity / TYPICAL_BYTES).unwrap_or(usize::MAX).max(16);
        let cache = Cache::with_weighter(entries, capacity, Bytes);
        Self { store, cache, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// The store below.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Counters for system tables.
    pub(crate) fn reading(&self) -> CacheReading {
        CacheReading {
            bytes: self.cache.weight(),
            capacity: self.cache.capacity(),
            entries: self.cache.len() as u64,
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }

    /// The footer of a segment.
    pub(crate) async fn footer(self: &Arc<Self>, part: &Arc<Part>) -> Result<Arc<SegmentFooter>> {
        let key = Key { part: part.id, place: Place::Footer };
        if let Some(Entry::Footer(footer)) = self.cache.get(&key) {
            return Ok(footer);
        }
        let (reader, part) = (Arc::clone(self), Arc::clone(part));
        fetch::in_own_task(async move { reader.load_footer(key, &part).await }).await
    }

    async fn load_footer(&self, key: Key, part: &Part) -> Result<Arc<SegmentFooter>> {
        let PartBody::Segment { path, bytes, footer_offset, footer_checksum } = &part.body else {
            return Err(Error::internal("an inline chunk has no footer"));
        };
        let guard = match self.cache.get_value_or_guard_async(&key).await {
            Ok(Entry::Footer(footer)) => return Ok(footer),
            Ok(_) => return Err(Error::internal("the cache holds something else than a footer")),
            Err(guard) => guard,
        };
        let encoded = self.store.get_range(path, *footer_offset..*bytes).await?;
        let footer =
            Arc::new(SegmentFooter::parse(&encoded, *footer_checksum).map_err(|error| in_object(path, error))?);
        if footer.rows() != part.rows as usize {
            return Err(Error::corrupt(format!(
                "segment \"{path}\" holds another number of rows than its catalog entry says"
            )));
        }
        // Refused only where the place was taken away meanwhile; the footer is good all the same.
        guard.insert(Entry::Footer(Arc::clone(&footer))).ok();
        Ok(footer)
    }
}

/// Adds the object's name to an error about its content.
fn in_object(path: &str, error: Error) -> Error {
    Error::new(error.kind(), format!("segment \"{path}\" is damaged")).with_source(error)
}
