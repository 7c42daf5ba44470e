//! A set of rows of one block.

use std::ops::Range;

use arrow_buffer::{BooleanBuffer, Buffer};

/// Rows of a chunk: the granularity at which encodings are opened.
pub(crate) const CHUNK_ROWS: usize = 1024;
/// Words of a chunk.
pub(crate) const CHUNK_WORDS: usize = CHUNK_ROWS / 64;

/// The rows of a block that are still of interest: all, or a bitmap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection {
    rows: usize,
    /// `None`: every row. Otherwise one bit a row, padded with zeros to whole chunks.
    words: Option<Vec<u64>>,
    count: usize,
}

impl Selection {
    /// Every one of `rows`.
    pub(crate) fn all(rows: usize) -> Self {
        Self { rows, words: None, count: rows }
    }

    /// No row of `rows`.
    pub(crate) fn none(rows: usize) -> Self {
        Self { rows, words: Some(vec![0; word_count(rows)]), count: 0 }
    }

    /// The rows of these ranges (cut to `rows`).
    pub(crate) fn ranges(rows: usize, ranges: impl IntoIterator<Item = Range<usize>>) -> Self {
        let mut words = vec![0; word_count(rows)];
        for range in ranges {
            set_range(&mut words, range.start.min(rows)..range.end.min(rows));
        }
        Self::from_words(rows, words)
    }

    /// The rows of these numbers; those outside the block are ignored.
    pub(crate) fn indices(rows: usize, indices: impl IntoIterator<Item = usize>) -> Self {
        let mut words = vec![0u64; word_count(rows)];
        for row in indices {
            if row < rows {
                words[row / 64] |= 1 << (row % 64);
            }
        }
        Self::from_words(rows, words)
    }

    /// The rows whose bit is set.
    pub(crate) fn from_buffer(buffer: &BooleanBuffer) -> Self {
        let mut words = Vec::with_capacity(word_count(buffer.len()));
        words.extend(buffer.bit_chunks().iter_padded());
        words.resize(word_count(buffer.len()), 0);
        Self::from_words(buffer.len(), words)
    }

    fn from_words(rows: usize, words: Vec<u64>) -> Self {
        let count = words.iter().map(|word| word.count_ones() as usize).sum();
        if count == rows {
            return Self::all(rows);
        }
        Self { rows, words: Some(words), count }
    }

    /// Rows of the block.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Rows selected.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Whether every row is selected.
    pub(crate) fn is_all(&self) -> bool {
        self.count == self.rows
    }

    /// Whether no row is selected.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Keeps the rows that are in both.
    pub(crate) fn and(&mut self, other: &Self) {
        debug_assert_eq!(self.rows, other.rows, "selections of two blocks");
        match (&mut self.words, &other.words) {
            (_, None) => {}
            (None, Some(_)) => *self = other.clone(),
            (Some(words), Some(others)) => {
                words.iter_mut().zip(others).for_each(|(word, other)| *word &= other);
                self.recount();
            }
        }
    }

    /// Adds the rows of `other`.
    pub(crate) fn or(&mut self, other: &Self) {
        debug_assert_eq!(self.rows, other.rows, "selections of two blocks");
        match (&mut self.words, &other.words) {
            (None, _) => {}
            (Some(_), None) => *self = other.clone(),
            (Some(words), Some(others)) => {
                words.iter_mut().zip(others).for_each(|(word, other)| *word |= other);
                self.recount();
            }
        }
    }

    /// Keeps the rows whose bit is set.
    pub(crate) fn and_buffer(&mut self, buffer: &BooleanBuffer) {
        self.and(&Self::from_buffer(buffer));
    }

    /// Drops the rows of `other`.
    pub(crate) fn subtract(&mut self, other: &Self) {
        debug_assert_eq!(self.rows, other.rows, "selections of two blocks");
        match &other.words {
            None => *self = Self::none(self.rows),
            Some(others) => {
                let words = self.words.get_or_insert_with(|| full_words(self.rows));
                words.iter_mut().zip(others).for_each(|(word, other)| *word &= !other);
                self.recount();
            }
        }
    }

    /// Of the selected rows (in order), keeps those whose bit in `kept` is set: `kept` has one bit a *selected* row.
    pub(crate) fn keep_selected(&mut self, kept: &BooleanBuffer) {
        debug_assert_eq!(self.count, kept.len(), "one answer a selected row");
        if self.is_all() {
            return self.and_buffer(kept);
        }
        let rows = self.rows;
        let kept: Vec<usize> = self.iter().zip(kept.iter()).filter(|(_, keep)| *keep).map(|(row, _)| row).collect();
        *self = Self::indices(rows, kept);
    }

    /// Keeps the rows for which `keep` answers true.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        self.retain_chunks(|chunk, words| {
            for (offset, word) in words.iter_mut().enumerate() {
                let mut left = *word;
                while left != 0 {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    if !keep(chunk * CHUNK_ROWS + offset * 64 + bit) {
                        *word &= !(1 << bit);
                    }
                }
            }
        });
    }

    /// Hands every chunk that has a selected row to `change`, which may clear bits.
    pub(crate) fn retain_chunks(&mut self, mut change: impl FnMut(usize, &mut [u64; CHUNK_WORDS])) {
        let rows = self.rows;
        let words = self.words.get_or_insert_with(|| full_words(rows));
        for (chunk, words) in words.as_chunks_mut::<CHUNK_WORDS>().0.iter_mut().enumerate() {
            if words.iter().any(|word| *word != 0) {
                change(chunk, words);
            }
        }
        self.recount();
    }

    /// The bits of a chunk.
    pub(crate) fn chunk(&self, chunk: usize) -> [u64; CHUNK_WORDS] {
        match &self.words {
            Some(words) => words.as_chunks::<CHUNK_WORDS>().0.get(chunk).copied().unwrap_or_default(),
            None => chunk_words(self.rows.saturating_sub(chunk * CHUNK_ROWS).min(CHUNK_ROWS)),
        }
    }

    /// The selected rows, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.rows.div_ceil(64)).flat_map(move |index| {
            let word = match &self.words {
                Some(words) => words[index],
                None => low_bits((self.rows - index * 64).min(64)),
            };
            bits(word).map(move |bit| index * 64 + bit)
        })
    }

    /// One bit a row.
    pub(crate) fn to_buffer(&self) -> BooleanBuffer {
        match &self.words {
            None => BooleanBuffer::new_set(self.rows),
            Some(words) => BooleanBuffer::new(Buffer::from_vec(words.clone()), 0, self.rows),
        }
    }

    fn recount(&mut self) {
        if let Some(words) = &self.words {
            self.count = words.iter().map(|word| word.count_ones() as usize).sum();
            if self.count == self.rows {
                self.words = None;
            }
        }
    }
}

/// The numbers of the set bits of a word, ascending.
pub(crate) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let bit = word.trailing_zeros() as usize;
            word &= word - 1;
            bit
        })
    })
}

/// Words of a bitmap over `rows`, in whole chunks.
fn word_count(rows: usize) -> usize {
    rows.div_ceil(CHUNK_ROWS) * CHUNK_WORDS
}

fn low_bits(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// The words of a chunk whose first `rows` rows are set.
pub(crate) fn chunk_words(rows: usize) -> [u64; CHUNK_WORDS] {
    std::array::from_fn(|word| low_bits(rows.saturating_sub(word * 64)))
}

fn full_words(rows: usize) -> Vec<u64> {
    (0..word_count(rows)).map(|word| low_bits(rows.saturating_sub(word * 64))).collect()
}

/// Sets the bits of a range.
pub(crate) fn set_range(words: &mut [u64], range: Range<usize>) {
    let mut row = range.start;
    while row < range.end {
        let end = range.end.min((row / 64 + 1) * 64);
        words[row / 64] |= low_bits(end - row) << (row % 64);
        row = end;
    }
}
