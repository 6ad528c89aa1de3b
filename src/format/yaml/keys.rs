//! Equal keys of one mapping: the last one counts, in the place of the first, as in a `dict` of Python.
//!
//! Keys are found through a table of their hashes. That of a large mapping is kept for the next one. For YAML and JSON.

use alloc::vec::Vec;

use super::merge::{followed, is_merge_key};
use crate::format::doc::{Doc, NodeId};
use crate::format::scalar;

/// Entries up to which a mapping needs no allocation.
pub(in crate::format) const SMALL: usize = 16;

/// Slots looked at for each key, all keys together, beyond which the keys were made to collide: chance needs two or three.
const PATIENCE: usize = 16;

/// What was expected where [`Keys::settle`] gives up.
pub(in crate::format) const COLLIDING: &str = "keys that were not made to collide";

/// Keys seen, by their hash: in each slot a hash and behind it a key + 1, or 0.
pub(in crate::format) struct Keys {
    small: [u64; SMALL * 2],
    large: Vec<u64>,
    is_small: bool,
    /// Slots that may still be looked at.
    patience: usize,
}

impl Keys {
    pub const fn new() -> Self {
        Keys { small: [0; SMALL * 2], large: Vec::new(), is_small: true, patience: 0 }
    }

    /// None seen yet, and room for `count`.
    fn clear(&mut self, count: usize) {
        self.is_small = count <= SMALL;
        self.patience = PATIENCE * (count + SMALL);
        if self.is_small {
            self.small.fill(0);
        } else {
            self.large.clear();
            self.large.resize((count * 2).next_power_of_two(), 0);
        }
    }

    /// The equal key that was added before; if there is none, `key` is added.
    fn add(&mut self, doc: &Doc, text: &[u8], key: NodeId) -> Result<Option<NodeId>, usize> {
        let slots = if self.is_small { &mut self.small[..] } else { &mut self.large };
        let node = doc.node(followed(doc, key));
        let hash = scalar::hash(node, text);
        let mut slot = hash as usize;
        loop {
            slot &= slots.len() - 1;
            let there = slots[slot];
            let Some(other) = (there as u32).checked_sub(1).map(NodeId) else {
                slots[slot] = u64::from(hash) << 32 | u64::from(key.0 + 1);
                return Ok(None);
            };
            if (there >> 32) as u32 == hash && scalar::same(doc.node(followed(doc, other)), node, text) {
                return Ok(Some(other));
            }
            let Some(patience) = self.patience.checked_sub(1) else {
                return Err(node.start as usize);
            };
            self.patience = patience;
            slot += 1;
        }
    }

    /// Takes out of a mapping what equal keys repeat, and notes it if that is asked for. Merge keys may stand there more
    /// than once; `merges` says that there are some.
    ///
    /// # Errors
    /// The offset of a key where one of [`COLLIDING`] was not expected.
    pub fn settle(
        &mut self,
        doc: &mut Doc,
        text: &[u8],
        mapping: NodeId,
        merges: bool,
        note: bool,
    ) -> Result<(), usize> {
        let begin = doc.node(mapping).first;
        let (mut next, mut count) = (begin, 0);
        while let Some(key) = next.checked_sub(1).map(NodeId) {
            next = after(doc, key);
            count += 1;
        }
        if count < 2 {
            return Ok(());
        }
        self.clear(count);
        let mut last = None;
        next = begin;
        while let Some(key) = next.checked_sub(1).map(NodeId) {
            next = after(doc, key);
            let first = if merges && is_merge_key(doc, text, key) { None } else { self.add(doc, text, key)? };
            last = match first {
                Some(first) => {
                    if note {
                        doc.repeats.add(first, key);
                    }
                    repeat(doc, first, last, key)
                }
                None => value(doc, key),
            };
        }
        Ok(())
    }
}

/// The link behind an entry.
fn after(doc: &Doc, key: NodeId) -> u32 {
    value(doc, key).map_or(0, |value| doc.node(value).next)
}

fn value(doc: &Doc, key: NodeId) -> Option<NodeId> {
    doc.node(key).next.checked_sub(1).map(NodeId)
}

/// Gives the entry `first` the value of `again`, whose entry goes. `last` is the value in front of it; what is now.
fn repeat(doc: &mut Doc, first: NodeId, last: Option<NodeId>, again: NodeId) -> Option<NodeId> {
    let (old, new) = (value(doc, first)?, value(doc, again)?);
    let behind = doc.node(new).next;
    doc.node_mut(last?).next = behind;
    doc.node_mut(new).next = doc.node(old).next;
    doc.node_mut(first).next = new.0 + 1;
    if last == Some(old) { Some(new) } else { last }
}
