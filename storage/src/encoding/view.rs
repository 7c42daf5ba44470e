//! Strings as Arrow views (`Utf8View`, `BinaryView`): 16 bytes a row that hold a short string or point into a buffer.
#![expect(
    unsafe_code,
    reason = "views are made and UTF-8 is checked here, once for a whole buffer; Arrow's own check walks every string again and \
              takes longer than decoding"
)]

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BinaryViewArray, StringViewArray};
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};

use crate::error::{Error, Result};

/// Bytes of text that are read to make one view.
const WINDOW_BYTES: usize = 16;
/// Strings up to this length lie inside their view.
const INLINE_BYTES_MAX: u32 = 12;

/// Views under construction over one text buffer.
#[derive(Debug)]
pub(crate) struct Views {
    views: Vec<u128>,
    /// Whether all text so far is ASCII.
    ascii: bool,
}

impl Views {
    /// With room for `rows` views.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { views: Vec::with_capacity(rows), ascii: true }
    }

    /// Adds strings that lie one after another in `text` from `start` on.
    pub(crate) fn extend(&mut self, lengths: &[u32], text: &[u8], start: usize) -> Result<()> {
        let total: usize = lengths.iter().map(|length| *length as usize).sum();
        let Some(run) = start.checked_add(total).and_then(|end| text.get(start..end)) else {
            return Err(Error::corrupt("a string lies outside its block"));
        };
        self.ascii &= run.is_ascii();
        let mut offset = start;
        self.views.extend(lengths.iter().map(|length| {
            let view = view(*length, text, offset);
            offset += *length as usize;
            view
        }));
        Ok(())
    }

    /// The array over `text`.
    pub(crate) fn finish(self, text: Vec<u8>, utf8: bool, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        if utf8 && !self.ascii {
            check_utf8(&self.views, &text)?;
        }
        let views = ScalarBuffer::from(self.views);
        // SAFETY: `extend` has checked that every view lies inside the text, took its prefix from there and zeroed the
        // rest of short ones; for strings, the text is ASCII or `check_utf8` has just passed.
        Ok(unsafe { array(views, Arc::from([Buffer::from_vec(text)]), utf8, nulls) })
    }
}

/// The view of one string; `offset + length` is inside the text.
#[inline]
fn view(length: u32, text: &[u8], offset: usize) -> u128 {
    let rest = &text[offset..];
    let window = match rest.first_chunk::<WINDOW_BYTES>() {
        Some(window) => u128::from_le_bytes(*window),
        None => {
            let mut window = [0; WINDOW_BYTES];
            window[..rest.len()].copy_from_slice(rest);
            u128::from_le_bytes(window)
        }
    };
    let content = if length <= INLINE_BYTES_MAX {
        window & ((1 << (8 * length)) - 1)
    } else {
        // Prefix, buffer 0, offset. Offsets fit: the text of a block is far below 4 GiB.
        (window & u128::from(u32::MAX)) | (offset as u128) << 64
    };
    content << 32 | u128::from(length)
}

/// The text must be UTF-8 as a whole, and every string must start and end between two characters.
fn check_utf8(views: &[u128], text: &[u8]) -> Result<()> {
    let text = std::str::from_utf8(text).map_err(|error| Error::corrupt("a string is not UTF-8").with_source(error))?;
    for view in views {
        let length = (view & u128::from(u32::MAX)) as usize;
        let whole = if length <= INLINE_BYTES_MAX as usize {
            std::str::from_utf8(&view.to_le_bytes()[4..4 + length]).is_ok()
        } else {
            let offset = (view >> 96) as usize;
            text.is_char_boundary(offset) && text.is_char_boundary(offset + length)
        };
        if !whole {
            return Err(Error::corrupt("a string cuts a character in two"));
        }
    }
    Ok(())
}

/// An array that has the rows `codes` of a dictionary: its views are copied, its text is shared.
pub(crate) fn gather(
    dictionary: &ArrayRef,
    rows: usize,
    codes: impl FnOnce(&mut dyn FnMut(&[u32])),
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let (entries, buffers, utf8) = parts(dictionary)?;
    let mut views: Vec<u128> = Vec::with_capacity(rows);
    codes(&mut |codes| {
        let most = codes.iter().fold(0, |most, code| most.max(*code)) as usize;
        if let Some(entries) = entries.get(..=most) {
            views.extend(codes.iter().map(|code| entries[*code as usize]));
        }
    });
    if views.len() != rows {
        return Err(Error::corrupt("a code lies outside its dictionary"));
    }
    // SAFETY: the views are copies of valid views over the same buffers.
    Ok(unsafe { array(ScalarBuffer::from(views), buffers, utf8, nulls) })
}

type Parts<'a> = (&'a ScalarBuffer<u128>, Arc<[Buffer]>, bool);

fn parts(array: &ArrayRef) -> Result<Parts<'_>> {
    let any = array.as_any();
    if let Some(strings) = any.downcast_ref::<StringViewArray>() {
        return Ok((strings.views(), Arc::from(strings.data_buffers()), true));
    }
    if let Some(bytes) = any.downcast_ref::<BinaryViewArray>() {
        return Ok((bytes.views(), Arc::from(bytes.data_buffers()), false));
    }
    Err(Error::internal(format!("a dictionary of strings is a {}", array.data_type())))
}

/// # Safety
/// The views must be valid over the buffers, and valid UTF-8 where `utf8`.
unsafe fn array(views: ScalarBuffer<u128>, buffers: Arc<[Buffer]>, utf8: bool, nulls: Option<NullBuffer>) -> ArrayRef {
    // SAFETY: passed on to the caller.
    unsafe {
        if utf8 {
            Arc::new(StringViewArray::new_unchecked(views, buffers, nulls))
        } else {
            Arc::new(BinaryViewArray::new_unchecked(views, buffers, nulls))
        }
    }
}
