//! Keys without `? `: a scalar is one if `:` follows it on its line, within a bound. Until that is known its tokens wait in the queue.

use crate::error::ParseError;
use crate::format::yaml::lexeme;
use crate::format::yaml::node::COLLECTION_KEY;
use crate::format::yaml::scan::{Lexeme, Scanner, Token};

/// The longest key, characters (YAML 1.1 section 9.2.1, as PyYAML counts).
const MAX_KEY: usize = 1024;

/// Where a key may have begun.
#[derive(Clone, Copy)]
pub(super) struct PossibleKey {
    at: usize,
    column: usize,
    /// Offset of its line: a key does not go over a line end.
    line: usize,
    /// Nothing but a key can stand here.
    required: bool,
    /// It is a flow collection, which cannot be a key.
    pub(super) collection: bool,
    /// Where in the queue its tokens begin.
    index: usize,
}

impl Scanner<'_> {
    /// Here a key may begin; with a collection it is remembered only to say that it cannot be one.
    pub(super) fn save_key(&mut self, collection: bool) -> Result<(), ParseError> {
        let required = !self.in_flow() && self.indent == self.column() as isize;
        if self.allow_key {
            self.remove_key()?;
            let key = PossibleKey {
                at: self.at,
                column: self.column(),
                line: self.line,
                required,
                collection,
                index: self.queue.len(),
            };
            if let Some(slot) = self.keys.last_mut() {
                *slot = Some(key);
            }
        } else if let Some(Some(key)) = self.keys.last_mut() {
            key.collection |= collection;
        }
        Ok(())
    }

    fn no_colon(&self, at: usize) -> ParseError {
        self.error(at, "`:` behind a key")
    }

    /// What comes next cannot follow a key: the possible one is none.
    pub(super) fn remove_key(&mut self) -> Result<(), ParseError> {
        match self.keys.last_mut().and_then(Option::take) {
            Some(key) if key.required => Err(self.no_colon(key.at)),
            _ => Ok(()),
        }
    }

    fn too_far(&self, key: &PossibleKey, at: usize) -> bool {
        key.line != self.line || (at - key.at > MAX_KEY && lexeme::characters(&self.text[key.at..at]) > MAX_KEY)
    }

    /// Only the outermost level can require a key, so the levels between it and the current one can wait.
    pub(super) fn drop_stale_keys(&mut self) -> Result<(), ParseError> {
        for level in [0, self.keys.len() - 1] {
            if let Some(key) = self.keys[level]
                && self.too_far(&key, self.at)
            {
                if key.required {
                    return Err(self.no_colon(key.at));
                }
                self.keys[level] = None;
            }
        }
        Ok(())
    }

    /// A scalar or alias is a key if `:` follows on its line; if not, what was held back is free.
    pub(super) fn scalar(&mut self, lexeme: Lexeme) -> Result<(), ParseError> {
        self.push(lexeme)?;
        let Some(Some(key)) = self.keys.last().copied() else { return Ok(()) };
        if key.collection {
            return Ok(());
        }
        let mut colon = self.at;
        while self.text.get(colon) == Some(&b' ') {
            colon += 1;
        }
        let found = self.text.get(colon) == Some(&b':') && (self.in_flow() || lexeme::blank(self.text, colon + 1));
        if found && !self.too_far(&key, colon) {
            return Ok(());
        }
        if key.required {
            let at = if self.line == key.line { self.at } else { lexeme.end as usize };
            return Err(self.no_colon(at));
        }
        if let Some(slot) = self.keys.last_mut() {
            *slot = None;
        }
        Ok(())
    }

    /// `:`, behind a possible key or (after `? `, or for an empty key) alone.
    pub(super) fn value(&mut self) -> Result<(), ParseError> {
        let key = self.keys.last_mut().and_then(Option::take);
        if let Some(key) = key {
            if key.collection {
                return Err(self.error(key.at, COLLECTION_KEY));
            }
            self.insert(key.index, Lexeme::new(Token::Key, key.at, key.at, key.at))?;
            if !self.in_flow() && self.add_indent(key.column)? {
                self.insert(key.index, Lexeme::new(Token::MappingStart, key.at, key.at, key.at))?;
            }
            self.allow_key = false;
        } else {
            if !self.in_flow() {
                if !self.allow_key {
                    return Err(self.error(self.at, "the end of the value: text with `: ` in it needs quotes"));
                }
                if self.add_indent(self.column())? {
                    self.mark(Token::MappingStart, 0)?;
                }
            }
            self.allow_key = !self.in_flow();
        }
        self.mark(Token::Value, 1)
    }
}
