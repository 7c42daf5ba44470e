//! Fetching many blocks of one segment with few requests.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::{Entry, Key, Place, SegmentReader, in_object};
use crate::catalog::part::{Part, PartBody};
use crate::error::{Error, Result};
use crate::segment::{ColumnFooter, Dictionary, EncodedBlock, SegmentFooter};
use crate::table::request::ScanMetrics;

/// Bytes that a request may read in vain to save another request.
const GAP_BYTES_MAX: u64 = 64 << 10;
/// Bytes of one request at most, so that large reads go in parallel.
const REQUEST_BYTES_MAX: u64 = 8 << 20;

/// A block by the column's place in the footer and its own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BlockAddress {
    /// Place of the column in [`SegmentFooter::columns`].
    pub(crate) column: usize,
    /// Number of the block.
    pub(crate) block: usize,
}

/// Blocks by address.
pub(crate) type Blocks = HashMap<BlockAddress, Arc<EncodedBlock>>;

impl SegmentReader {
    /// The blocks of these addresses.
    pub(crate) async fn blocks(
        self: &Arc<Self>,
        part: &Arc<Part>,
        footer: &Arc<SegmentFooter>,
        mut wanted: Vec<BlockAddress>,
        metrics: &Arc<ScanMetrics>,
    ) -> Result<Blocks> {
        wanted.sort_unstable();
        wanted.dedup();
        let mut found = Blocks::with_capacity(wanted.len());
        wanted.retain(|address| match self.cache.get(&key_of(part, *address)) {
            Some(Entry::Block(block)) => {
                found.insert(*address, block);
                false
            }
            _ => true,
        });
        metrics.add_cache_hits(found.len() as u64);
        self.hits.fetch_add(found.len() as u64, Ordering::Relaxed);
        self.misses.fetch_add(wanted.len() as u64, Ordering::Relaxed);
        if wanted.is_empty() {
            return Ok(found);
        }
        metrics.add_cache_misses(wanted.len() as u64);
        let load = Load {
            reader: Arc::clone(self),
            part: Arc::clone(part),
            footer: Arc::clone(footer),
            metrics: Arc::clone(metrics),
        };
        found.extend(in_own_task(async move { load.run(wanted).await }).await?);
        Ok(found)
    }
}

/// Runs a future in a task of its own, which ends when the returned future is dropped.
pub(super) async fn in_own_task<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let mut task = AbortOnDrop(tokio::spawn(work));
    (&mut task.0).await.map_err(|error| Error::internal("a read broke off").with_source(error))?
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn key_of(part: &Part, address: BlockAddress) -> Key {
    Key { part: part.id, place: Place::Block(place(address.column), place(address.block)) }
}

fn place(index: usize) -> u32 {
    // Columns and blocks of a segment are counted in thousands.
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// One load of missing blocks.
struct Load {
    reader: Arc<SegmentReader>,
    part: Arc<Part>,
    footer: Arc<SegmentFooter>,
    metrics: Arc<ScanMetrics>,
}

impl Load {
    async fn run(&self, wanted: Vec<BlockAddress>) -> Result<Vec<(BlockAddress, Arc<EncodedBlock>)>> {
        let PartBody::Segment { path, .. } = &self.part.body else {
            return Err(Error::internal("an inline chunk has no blocks"));
        };
        let dictionaries = self.dictionaries(path, &wanted).await?;
        let cache = &self.reader.cache;
        let mut found = Vec::with_capacity(wanted.len());
        let mut missing = Vec::with_capacity(wanted.len());
        for address in wanted {
            match cache.get_value_or_guard_async(&key_of(&self.part, address)).await {
                Ok(Entry::Block(block)) => found.push((address, block)),
                Ok(_) => return Err(Error::internal("the cache holds something else than a block")),
                Err(guard) => missing.push((address, guard)),
            }
        }
        let ranges: Vec<Range<u64>> =
            missing.iter().map(|(address, _)| self.block_range(*address)).collect::<Result<_>>()?;
        let bytes = self.read(path, &ranges).await?;
        for ((address, guard), bytes) in missing.into_iter().zip(bytes) {
            let rows = self.footer.block_rows(address.block);
            let dictionary = dictionaries.get(&address.column);
            let block = self.column(address.column)?.open_block(address.block, rows, bytes, dictionary);
            let block = Arc::new(block.map_err(|error| in_object(path, error))?);
            // Refused only where the place was taken away meanwhile; the block is good all the same.
            guard.insert(Entry::Block(Arc::clone(&block))).ok();
            found.push((address, block));
        }
        Ok(found)
    }

    /// The dictionaries of all columns concerned that have one.
    async fn dictionaries(&self, path: &str, wanted: &[BlockAddress]) -> Result<HashMap<usize, Arc<Dictionary>>> {
        let mut columns: Vec<usize> = wanted.iter().map(|address| address.column).collect();
        columns.dedup();
        let mut found = HashMap::new();
        for index in columns {
            let column = self.column(index)?;
            let Some(footer) = &column.dictionary else { continue };
            let key = Key { part: self.part.id, place: Place::Dictionary(place(index)) };
            let dictionary = match self.reader.cache.get_value_or_guard_async(&key).await {
                Ok(Entry::Dictionary(dictionary)) => dictionary,
                Ok(_) => return Err(Error::internal("the cache holds something else than a dictionary")),
                Err(guard) => {
                    let bytes = self.read(path, &[footer.range()]).await?.pop().unwrap_or_default();
                    let dictionary = column.open_dictionary(bytes).map_err(|error| in_object(path, error))?;
                    guard.insert(Entry::Dictionary(Arc::clone(&dictionary))).ok();
                    dictionary
                }
            };
            found.insert(index, dictionary);
        }
        Ok(found)
    }

    fn column(&self, index: usize) -> Result<&ColumnFooter> {
        self.footer.columns().get(index).ok_or_else(|| Error::internal("a segment has no such column"))
    }

    fn block_range(&self, address: BlockAddress) -> Result<Range<u64>> {
        let block = self.column(address.column)?.blocks.get(address.block);
        block.map(|block| block.range()).ok_or_else(|| Error::internal("a segment has no such block"))
    }

    /// Reads ranges in the order given, neighbours together.
    async fn read(&self, path: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let mut order: Vec<usize> = (0..ranges.len()).collect();
        order.sort_unstable_by_key(|index| ranges[*index].start);
        let mut requests: Vec<(Range<u64>, Vec<usize>)> = Vec::new();
        for index in order {
            let range = &ranges[index];
            match requests.last_mut() {
                Some((request, members))
                    if range.start <= request.end + GAP_BYTES_MAX
                        && range.end.max(request.end) - request.start <= REQUEST_BYTES_MAX =>
                {
                    request.end = request.end.max(range.end);
                    members.push(index);
                }
                _ => requests.push((range.clone(), vec![index])),
            }
        }
        let wanted: Vec<Range<u64>> = requests.iter().map(|(request, _)| request.clone()).collect();
        self.metrics.add_bytes_fetched(wanted.iter().map(|range| range.end - range.start).sum());
        let bytes = self.reader.store.get_ranges(path, &wanted).await?;
        let mut parts = vec![Bytes::new(); ranges.len()];
        for ((request, members), bytes) in requests.iter().zip(bytes) {
            for index in members {
                parts[*index] = cut(&bytes, request.start, &ranges[*index], members.len() == 1)?;
            }
        }
        Ok(parts)
    }
}

/// The bytes of `range` of a request that started at `start`. A part of a larger answer is copied, because the cache
/// would otherwise keep the whole answer alive for each of its blocks.
fn cut(bytes: &Bytes, start: u64, range: &Range<u64>, alone: bool) -> Result<Bytes> {
    let short = || Error::corrupt("the store answered with fewer bytes than asked");
    let from = usize::try_from(range.start - start).ok().filter(|from| *from <= bytes.len()).ok_or_else(short)?;
    let length = usize::try_from(range.end - range.start).ok();
    let to = length.and_then(|length| from.checked_add(length)).filter(|to| *to <= bytes.len()).ok_or_else(short)?;
    Ok(if alone { bytes.slice(from..to) } else { Bytes::copy_from_slice(&bytes[from..to]) })
}
