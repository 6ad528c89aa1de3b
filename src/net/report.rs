//! What was wrong with a network config: told, and gone on.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::model::{At, NetConfig};
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
    #[inline(never)]
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

    /// One more warning: `template` with `pieces` in the places of its `{}`, at a place of the config.
    #[inline(never)]
    pub fn warn_at(&mut self, config: &NetConfig, at: At, template: &str, pieces: &[&str]) {
        self.warn_of(config.position(at), template, pieces);
    }

    /// One more warning: `template` with `pieces` in the places of its `{}`.
    #[inline(never)]
    pub fn warn_of(&mut self, at: Position<'_>, template: &str, pieces: &[&str]) {
        self.told(filled(&format!("{at}: "), template, pieces));
    }

    /// One more error: what was expected is `template` with `pieces` in the places of its `{}`.
    #[inline(never)]
    pub fn error_at(&mut self, config: &NetConfig, at: At, template: &str, pieces: &[&str]) {
        self.error(config.error(at, filled("", template, pieces)));
    }

    /// A warning that says itself where.
    #[inline(never)]
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

/// `before`, and behind it `template` with `pieces` in the places of its `{}`. In place of `format!`, which is several times as much
/// code where it is called.
#[inline(never)]
pub fn filled(before: &str, template: &str, pieces: &[&str]) -> String {
    let mut text = String::from(before);
    let mut pieces = pieces.iter();
    let mut rest = template;
    while let Some(at) = rest.find("{}") {
        text.push_str(&rest[..at]);
        text.push_str(pieces.next().unwrap_or(&""));
        rest = &rest[at + 2..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stand_in_their_places() {
        for (template, pieces, wanted) in [
            ("plain", &[][..], "> plain"),
            ("`{}`", &["a"], "> `a`"),
            ("{}{} and {}", &["a", "{}", "c"], "> a{} and c"),
            ("{} {}", &["a"], "> a "),
        ] {
            assert_eq!(filled("> ", template, pieces), wanted);
        }
    }
}
