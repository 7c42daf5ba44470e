//! Text to strings: encoding, blanks, length.

use crate::options::CopyOptions;
use crate::reject::Fault;

/// What a string column does to its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StringRules {
    /// Length in bytes at most.
    pub(crate) length: Option<usize>,
    /// `char(n)`: blanks at the end are not part of the value.
    pub(crate) blank_padded: bool,
    /// TRIMBLANKS.
    pub(crate) trim_blanks: bool,
    /// TRUNCATECOLUMNS.
    pub(crate) truncate: bool,
    /// BLANKSASNULL.
    pub(crate) blanks_as_null: bool,
    /// EMPTYASNULL.
    pub(crate) empty_as_null: bool,
    /// ACCEPTINVCHARS.
    pub(crate) replace_invalid: Option<u8>,
}

impl StringRules {
    /// The rules of a column of that length in bytes.
    pub(crate) fn new(length: Option<u32>, blank_padded: bool, options: &CopyOptions) -> Self {
        Self {
            length: length.map(|length| length as usize),
            blank_padded,
            trim_blanks: options.trim_blanks,
            truncate: options.truncate_columns,
            blanks_as_null: options.blanks_as_null,
            empty_as_null: options.empty_as_null,
            replace_invalid: options.replace_invalid,
        }
    }

    /// Whether the field is NULL although it is not the NULL string.
    #[inline]
    pub(crate) fn is_null(&self, bytes: &[u8]) -> bool {
        (self.empty_as_null && bytes.is_empty())
            || (self.blanks_as_null && !bytes.is_empty() && bytes.iter().all(u8::is_ascii_whitespace))
    }

    /// The value of a text: without blanks at the end where they do not count, of at most the column's length.
    #[inline]
    pub(crate) fn fit<'a>(&self, text: &'a str) -> Result<&'a str, Fault> {
        let text = if self.blank_padded {
            text.trim_end_matches(' ')
        } else if self.trim_blanks {
            text.trim_end_matches([' ', '\t'])
        } else {
            text
        };
        match self.length {
            Some(length) if text.len() > length => self.cut(text, length),
            _ => Ok(text),
        }
    }

    #[cold]
    fn cut<'a>(&self, text: &'a str, length: usize) -> Result<&'a str, Fault> {
        if !self.truncate {
            return Err(Fault::TooLong(u32::try_from(text.len()).unwrap_or(u32::MAX)));
        }
        Ok(&text[..text.floor_char_boundary(length)])
    }

    /// The text of bytes that are not known to be UTF-8 without NUL.
    #[cold]
    pub(crate) fn repair<'a>(&self, bytes: &'a [u8], owned: &'a mut String) -> Result<&'a str, Fault> {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let Some(replacement) = self.replace_invalid else {
            let text = std::str::from_utf8(bytes).map_err(|error| Fault::Encoding(place(error.valid_up_to())))?;
            return match memchr::memchr(0, bytes) {
                Some(at) => Err(Fault::Nul(place(at))),
                None => Ok(text),
            };
        };
        owned.clear();
        for chunk in bytes.utf8_chunks() {
            owned.extend(chunk.valid().chars().map(|c| if c == '\0' { char::from(replacement) } else { c }));
            owned.extend(chunk.invalid().iter().map(|_| char::from(replacement)));
        }
        Ok(owned)
    }
}
