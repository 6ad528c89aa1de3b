//! Keys that repeat others of their mapping, which count no more: noted while a document is read, told when it is used.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Doc, Node, NodeId, Sources, Value};
use crate::format::scalar;
use crate::limits::MAX_ITEM_ERRORS;

/// The longest key that is shown in a warning, bytes.
const MAX_SHOWN: usize = 64;

/// A chain of notes in the document's table. Each is an alias of the key that repeats, and stands where the first such key does.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats {
    /// The first and the last note + 1; 0 for none.
    first: u32,
    last: u32,
    noted: u32,
    count: usize,
}

impl Repeats {
    pub const NONE: Self = Repeats { first: 0, last: 0, noted: 0, count: 0 };
}

impl Doc {
    /// Notes that the key `again` repeats `first`, at most [`MAX_ITEM_ERRORS`] times; others are counted. The notes belong to nothing
    /// until [`Doc::keep_repeats`].
    pub(in crate::format) fn note_repeat(&mut self, first: NodeId, again: NodeId) {
        self.repeats.count += 1;
        if (self.repeats.noted as usize) < MAX_ITEM_ERRORS {
            self.repeats.noted += 1;
            let Node { source, start, .. } = *self.node(first);
            self.note(Node::alias(again, source, start as usize));
        }
    }

    /// Keeps the notes of repeated keys that these rows are.
    pub(in crate::format) fn keep_repeats(&mut self, rows: Range<usize>) {
        for row in rows {
            let row = row as u32 + 1;
            match self.repeats.last.checked_sub(1) {
                Some(last) => self.node_mut(NodeId(last)).next = row,
                None => self.repeats.first = row,
            }
            self.repeats.last = row;
        }
    }

    /// What whoever reads the document should be told, and a parser cannot tell: keys that stand in a mapping twice, with
    /// the name of their text and both lines. At most [`MAX_ITEM_ERRORS`] are told one by one. [`Doc::absorb`] does not take them over.
    pub fn warnings(&self, sources: &Sources) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut next = self.repeats.first;
        let mut name = "";
        while let Some(note) = next.checked_sub(1).map(NodeId) {
            let first = Value { doc: self, sources, id: note };
            let again = Value { id: NodeId(first.node().first), ..first };
            let (at, line) = (again.position(), first.position().line);
            let key = match again.followed().raw() {
                key if (1..=MAX_SHOWN).contains(&key.len()) && scalar::find_break(key) == key.len() => {
                    String::from_utf8_lossy(key)
                }
                _ => "key".into(),
            };
            warnings.push(format!("{at}: `{key}` stands on line {line} already: the last one counts"));
            (next, name) = (first.node().next, at.source);
        }
        let more = self.repeats.count - warnings.len();
        if more > 0 {
            warnings.push(format!("{name}: {more} more keys stand in their mapping already"));
        }
        warnings
    }
}
