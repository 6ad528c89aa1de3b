//! Equal keys of one mapping: the last one counts, in the place of the first, as in a `dict` of Python.
//!
//! Keys are found through a table of their hashes, which is scratch behind the rows of the document. For YAML and JSON.

use core::ops::Range;

use super::merge::{followed, is_merge_key};
use crate::format::doc::{Doc, Kind, Node, NodeId, SourceId, Style};
use crate::format::scalar;

/// Slots looked at for each key, all keys together, beyond which the keys were made to collide: chance needs two or three.
const PATIENCE: usize = 16;

/// As many slots are forgiven in any mapping.
const FORGIVEN: usize = 256;

/// What was expected where [`settle`] gives up.
pub(in crate::format) const COLLIDING: &str = "keys that were not made to collide";

/// Keys seen, by their hash: rows of scratch, a power of two of them. A slot has the hash as `start`, and a key + 1, or 0, as `first`.
struct Keys<'a> {
    text: &'a [u8],
    slots: Range<usize>,
    /// Slots that may still be looked at.
    patience: usize,
}

impl Keys<'_> {
    /// The equal key that was added before; if there is none, `key` is added.
    fn add(&mut self, doc: &mut Doc, key: NodeId) -> Result<Option<NodeId>, usize> {
        let node = *doc.node(followed(doc, key));
        let hash = scalar::hash(&node, self.text);
        let mut at = hash as usize;
        loop {
            at &= self.slots.len() - 1;
            let slot = NodeId((self.slots.start + at) as u32);
            let &Node { start, first, .. } = doc.node(slot);
            let Some(other) = first.checked_sub(1).map(NodeId) else {
                let slot = doc.node_mut(slot);
                (slot.start, slot.first) = (hash, key.0 + 1);
                return Ok(None);
            };
            if start == hash && scalar::same(doc.node(followed(doc, other)), &node, self.text) {
                return Ok(Some(other));
            }
            self.patience = self.patience.checked_sub(1).ok_or(node.start as usize)?;
            at += 1;
        }
    }
}

/// Takes out of a mapping what equal keys repeat, and notes it if that is asked for. Merge keys may stand there more
/// than once; `merges` says that there are some.
///
/// # Errors
/// The offset of a key where one of [`COLLIDING`] was not expected.
pub(in crate::format) fn settle(
    doc: &mut Doc,
    text: &[u8],
    mapping: NodeId,
    merges: bool,
    note: bool,
) -> Result<(), usize> {
    let begin = doc.node(mapping).first;
    let (mut next, mut count) = (begin, 0usize);
    while let Some(key) = next.checked_sub(1).map(NodeId) {
        next = after(doc, key);
        count += 1;
    }
    if count < 2 {
        return Ok(());
    }
    // At least a third stays empty.
    let free = Node::new(Kind::Sequence, Style::Plain, SourceId(0), 0, 0);
    let slots = doc.add_scratch((count + count / 2).next_power_of_two(), free);
    let mut keys = Keys { text, slots: slots.clone(), patience: PATIENCE * count + FORGIVEN };
    let mut last = None;
    next = begin;
    while let Some(key) = next.checked_sub(1).map(NodeId) {
        next = after(doc, key);
        let first = if merges && is_merge_key(doc, text, key) { None } else { keys.add(doc, key)? };
        last = match first {
            Some(first) => {
                if note {
                    doc.note_repeat(first, key);
                }
                repeat(doc, first, last, key)
            }
            None => value(doc, key),
        };
    }
    let begin = slots.start;
    doc.remove_scratch(slots);
    doc.keep_repeats(begin..doc.len());
    Ok(())
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
