//! What was wrong with a network config: told, and gone on.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::Error;
use crate::format::doc::Position;
use crate::limits::MAX_ITEM_ERRORS;

/// What was wrong. At most `MAX_ITEM_ERRORS` of each kind are kept, the rest is counted.
#[derive(Debug, Default)]
pub struct Report {
    /// Something that was asked for is left out.
    pub errors: Vec<Error>,
    /// Something is not as it should be, or does nothing: `FILE:LINE:COLUMN: TEXT`.
    pub warnings: Vec<String>,
    /// How many more there were.
    pub untold: usize,
}

impl Report {
    /// One more error.
    pub fn error(&mut self, error: Error) {
        if self.errors.len() < MAX_ITEM_ERRORS {
            self.errors.push(error);
        } else {
            self.untold += 1;
        }
    }

    /// One more warning.
    pub fn warn(&mut self, at: Position<'_>, text: fmt::Arguments<'_>) {
        self.told(format!("{at}: {text}"));
    }

    /// A warning that says itself where.
    pub fn told(&mut self, text: String) {
        if self.warnings.len() < MAX_ITEM_ERRORS {
            self.warnings.push(text);
        } else {
            self.untold += 1;
        }
    }

    /// The value of a result; its error is taken down.
    pub fn take<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.error(error)).ok()
    }

    /// True if nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty() && self.warnings.is_empty()
    }
}
