//! Merging cloud-config documents: `merge_how` and what it means.
//!
//! A merger says, for each kind of value, what happens when two documents hold the same key. The words and what they
//! do are cloud-init's; the merger of its 22.4 release is the judge, oddities included (a mapping appended to a
//! list adds its keys, a text its characters).
//!
//! Nothing is copied: the merged document is both tables end to end. A collection that a merge changes becomes one
//! of ours, whose children are aliases into the tables; it is named by nothing but its parent, so the next merge changes it in
//! place, and merging many parts stays linear in what they add. A merge that fails leaves the document as it was.

use alloc::vec::Vec;

use crate::error::Error;
use crate::format::doc::{Doc, Kind, Node, NodeId, SourceId, Sources, Style, Value, Visits};
use crate::format::scalar::{Float, Scalar, key_number};
use crate::limits::{MAX_INFLATED, MAX_MERGED_NODES, MAX_NESTING};

mod how;
pub mod patch;

pub use how::How;
use how::{Dict, List, Lists, Recurse};

/// The source of texts that no document has: made by `str(append)`, and new keys of a patch.
const MADE: &str = "texts made by merging";

/// Merges `other` onto the root of `doc` and makes the result its root. Both documents' texts are in `sources`. Where `doc` is
/// empty, `other` is merged onto an empty mapping.
///
/// # Errors
/// Collections nested deeper than [`MAX_NESTING`] in both; a text that a collection is to be appended to; too many nodes
/// visited, or (above [`MAX_MERGED_NODES`]) in both tables. `doc` is as it was then.
pub fn merge(doc: &mut Doc, sources: &mut Sources, other: Doc, how: &How) -> Result<(), Error> {
    merge_counted(doc, sources, other, how, &mut Visits::default())
}

/// [`merge`], where several merges share one bound of nodes visited.
///
/// # Errors
/// As [`merge`].
pub fn merge_counted(
    doc: &mut Doc,
    sources: &mut Sources,
    other: Doc,
    how: &How,
    visits: &mut Visits,
) -> Result<(), Error> {
    fits(doc, sources, &other)?;
    let (base, other) = (doc.root(), doc.absorb(other));
    let at = other.unwrap_or(NodeId(0));
    let mut merger = Merger { doc, sources, how, visits, at, undo: Vec::new() };
    let root = match (base, other) {
        (Some(base), Some(other)) => merger.merge(base, other, 0),
        (Some(base), None) => Ok(base),
        (None, Some(other)) if how.dict.is_some() && merger.kind(other) == Kind::Mapping => Ok(other),
        (None, _) => Ok(merger.collection(Kind::Mapping)),
    };
    match root {
        Ok(root) => doc.set_root(root),
        Err(error) => {
            merger.undo();
            return Err(error);
        }
    }
    Ok(())
}

/// Fails where both tables together would have more than [`MAX_MERGED_NODES`] rows.
fn fits(doc: &Doc, sources: &Sources, other: &Doc) -> Result<(), Error> {
    if let Some(root) = other.root()
        && doc.len() + other.len() > MAX_MERGED_NODES
    {
        const { assert!(MAX_MERGED_NODES == 8_388_608, "the words below say it") };
        return Err(Value::new(other, sources, root).error("at most 8,388,608 nodes in all documents that are merged"));
    }
    Ok(())
}

/// A key of a mapping, with the equality of Python's `dict`: numbers and booleans by value, texts apart from them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Null,
    Number(Float),
    Text(Vec<u8>),
    Bytes(Vec<u8>),
}

/// A key of the new mapping, its value, and whether the result has it already.
struct Entry {
    key: Key,
    value: NodeId,
    used: bool,
}

/// The entries of a mapping in the order of their keys; equal ones stand as in the mapping, and the last of them counts.
struct Index(Vec<Entry>);

impl Index {
    fn get(&mut self, key: &Key) -> Option<&mut Entry> {
        let last = self.0.partition_point(|entry| entry.key <= *key).checked_sub(1)?;
        self.0.get_mut(last).filter(|entry| entry.key == *key)
    }

    /// The value of a key that the result does not have yet; it has it from now on.
    fn take(&mut self, key: &Key) -> Option<NodeId> {
        let entry = self.get(key).filter(|entry| !entry.used)?;
        entry.used = true;
        Some(entry.value)
    }
}

struct Merger<'a> {
    doc: &'a mut Doc,
    sources: &'a mut Sources,
    how: &'a How,
    visits: &'a mut Visits,
    /// What is merged now, to be blamed for nodes visited: those of the document so far are visited because of it.
    at: NodeId,
    /// Rows changed in place, as they were, in order.
    undo: Vec<(NodeId, Node)>,
}

impl Merger<'_> {
    fn merge(&mut self, base: NodeId, other: NodeId, depth: usize) -> Result<NodeId, Error> {
        self.at = other;
        self.visit()?;
        if depth > MAX_NESTING {
            return Err(self.value(other).error("collections nested less deeply"));
        }
        match (self.kind(base), self.how) {
            (Kind::Mapping, How { dict: Some(dict), .. }) => self.mappings(base, other, *dict, depth),
            (Kind::Sequence, How { list: Some(list), .. }) => self.sequences(base, other, *list, depth),
            (Kind::Scalar, How { text: Some(append), .. }) => self.texts(base, other, *append),
            _ => Ok(base),
        }
    }

    /// Keeps the order of the old keys; new ones follow in their own order.
    fn mappings(&mut self, base: NodeId, other: NodeId, dict: Dict, depth: usize) -> Result<NodeId, Error> {
        if self.kind(other) != Kind::Mapping {
            return Ok(base);
        }
        let base = self.own_mapping(base)?;
        let mut theirs = self.index(other)?;
        let mut last = None;
        let mut next = self.first(base);
        while let Some((key, slot)) = self.pair(&mut next) {
            self.visit()?;
            let Some(new) = theirs.get(&self.key(key)?) else {
                last = Some(slot);
                continue;
            };
            new.used = true;
            if dict.allow_delete && self.value(new.value).is_null() {
                self.link(base, last, next);
                continue;
            }
            let merged = if dict.replace { new.value } else { self.met(slot, new.value, dict.recurse, slot, depth)? };
            self.point(slot, merged);
            last = Some(slot);
        }
        let mut next = self.first(other);
        while let Some((key, _)) = self.pair(&mut next) {
            if let Some(value) = theirs.take(&self.key(key)?) {
                self.push(base, &mut last, key);
                self.push(base, &mut last, value);
            }
        }
        Ok(base)
    }

    /// The value where both sides have one: merged, if values of the new one's kind are, else `otherwise`.
    fn met(
        &mut self,
        old: NodeId,
        new: NodeId,
        recurse: Recurse,
        otherwise: NodeId,
        depth: usize,
    ) -> Result<NodeId, Error> {
        let recurses = match self.kind(new) {
            Kind::Sequence => recurse.lists,
            Kind::Mapping => recurse.dicts,
            _ => recurse.texts && self.is_text(new),
        };
        if recurses { self.merge(old, new, depth + 1) } else { Ok(otherwise) }
    }

    fn sequences(&mut self, base: NodeId, other: NodeId, list: List, depth: usize) -> Result<NodeId, Error> {
        match (list.method, self.kind(other)) {
            (Lists::Replace, Kind::Sequence) => self.by_index(base, other, list.recurse, depth),
            (Lists::Replace, _) => Ok(other),
            (Lists::NoReplace, Kind::Mapping) if self.first(base) != 0 && self.first(other) != 0 => {
                Err(self.value(other).error("a list, to be merged by list(no_replace)"))
            }
            (Lists::NoReplace, _) => Ok(base),
            (Lists::Append, _) => {
                let base = self.own_sequence(base)?;
                let mut last = None;
                let mut next = self.first(base);
                while let Some(item) = self.step(&mut next) {
                    self.visit()?;
                    last = Some(item);
                }
                self.add_elements(base, &mut last, other)?;
                Ok(base)
            }
            (Lists::Prepend, _) => {
                let base = self.own_sequence(base)?;
                let old = self.first(base);
                self.link(base, None, 0);
                let mut last = None;
                self.add_elements(base, &mut last, other)?;
                self.link(base, last, old);
                Ok(base)
            }
        }
    }

    /// `[1, 2, 3]` with `[9]` is `[9, 2, 3]`, and with `[9, 8, 7, 6]` it is `[9, 8, 7]`.
    fn by_index(&mut self, base: NodeId, other: NodeId, recurse: Recurse, depth: usize) -> Result<NodeId, Error> {
        let base = self.own_sequence(base)?;
        let (mut ours, mut theirs) = (self.first(base), self.first(other));
        while let (Some(slot), Some(new)) = (self.step(&mut ours), self.step(&mut theirs)) {
            self.visit()?;
            let merged = self.met(slot, new, recurse, new, depth)?;
            self.point(slot, merged);
        }
        Ok(base)
    }

    /// Adds what iterating over `other` gives in Python: a list's items, a mapping's keys, a text's characters.
    fn add_elements(&mut self, base: NodeId, last: &mut Option<NodeId>, other: NodeId) -> Result<(), Error> {
        let mut next = self.first(other);
        match self.kind(other) {
            Kind::Sequence => {
                while let Some(item) = self.step(&mut next) {
                    self.visit()?;
                    self.push(base, last, item);
                }
            }
            Kind::Mapping => {
                let mut keys = self.index(other)?;
                while let Some((key, _)) = self.pair(&mut next) {
                    if keys.take(&self.key(key)?).is_some() {
                        self.push(base, last, key);
                    }
                }
            }
            _ => {
                let text = self.value(other).text()?;
                let mut buffer = [0; 4];
                for character in text.chars() {
                    let made = self.make(character.encode_utf8(&mut buffer), other)?;
                    self.push(base, last, made);
                }
            }
        }
        Ok(())
    }

    /// Only texts meet: a number, a boolean, a null and `!!binary` stay as they are.
    fn texts(&mut self, base: NodeId, other: NodeId, append: bool) -> Result<NodeId, Error> {
        if !self.is_text(base) {
            return Ok(base);
        }
        if !append {
            return Ok(other);
        }
        if !self.is_text(other) {
            return Err(self.value(other).error("a text, to be appended to a text"));
        }
        let more = self.value(other).text()?;
        let node = *self.value(base).node();
        let source = self.sources.get(node.source);
        if source.name == MADE && node.end() as usize == source.text.len() {
            let end = self.extend(node.source, &more, other)?.end;
            return Ok(self.doc.push(Node { first: end as u32, next: 0, ..node }));
        }
        let mut text = self.value(base).text()?;
        text.push_str(&more);
        self.make(&text, other)
    }

    /// A text that neither document has.
    fn make(&mut self, text: &str, at: NodeId) -> Result<NodeId, Error> {
        let made = match self.sources.find(MADE) {
            Some(made) => made,
            None => self.sources.add(MADE, Vec::new()),
        };
        let range = self.extend(made, text, at)?;
        Ok(self.doc.push(Node::new(Kind::Scalar, Style::Verbatim, made, range.start, range.end)))
    }

    fn extend(&mut self, made: SourceId, text: &str, at: NodeId) -> Result<core::ops::Range<usize>, Error> {
        if (self.sources.text(made).len() + text.len()) as u64 > MAX_INFLATED {
            return Err(self.value(at).error("less text to be merged by str(append)"));
        }
        Ok(self.sources.extend(made, text.as_bytes()))
    }

    /// The mapping itself if it is ours, else one of ours with its pairs, the last of equal keys in the place of the first.
    fn own_mapping(&mut self, id: NodeId) -> Result<NodeId, Error> {
        let id = self.value(id).id;
        if self.doc.node(id).style() == Style::Verbatim {
            return Ok(id);
        }
        let mut values = self.index(id)?;
        let own = self.collection(Kind::Mapping);
        let (mut last, mut next) = (None, self.first(id));
        while let Some((key, _)) = self.pair(&mut next) {
            if let Some(value) = values.take(&self.key(key)?) {
                self.push(own, &mut last, key);
                self.push(own, &mut last, value);
            }
        }
        Ok(own)
    }

    fn own_sequence(&mut self, id: NodeId) -> Result<NodeId, Error> {
        let id = self.value(id).id;
        if self.doc.node(id).style() == Style::Verbatim {
            return Ok(id);
        }
        let own = self.collection(Kind::Sequence);
        let (mut last, mut next) = (None, self.first(id));
        while let Some(item) = self.step(&mut next) {
            self.visit()?;
            self.push(own, &mut last, item);
        }
        Ok(own)
    }

    fn index(&mut self, mapping: NodeId) -> Result<Index, Error> {
        let mut entries = Vec::new();
        let mut next = self.first(mapping);
        while let Some((key, value)) = self.pair(&mut next) {
            self.visit()?;
            entries.push(Entry { key: self.key(key)?, value, used: false });
        }
        entries.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(Index(entries))
    }

    fn key(&self, id: NodeId) -> Result<Key, Error> {
        let value = self.value(id);
        if value.kind() != Kind::Scalar {
            return Err(value.error("a scalar key"));
        }
        Ok(match value.scalar() {
            Scalar::Null => Key::Null,
            Scalar::Text => Key::Text(value.bytes(2 * value.raw().len())?),
            Scalar::Binary => Key::Bytes(value.bytes(value.raw().len())?),
            number => key_number(number).map_or(Key::Null, Key::Number),
        })
    }

    fn value(&self, id: NodeId) -> Value<'_> {
        Value::new(self.doc, self.sources, id)
    }

    fn kind(&self, id: NodeId) -> Kind {
        self.value(id).kind()
    }

    fn is_text(&self, id: NodeId) -> bool {
        let value = self.value(id);
        value.kind() == Kind::Scalar && value.scalar() == Scalar::Text
    }

    fn visit(&mut self) -> Result<(), Error> {
        self.visits.count(&Value::new(self.doc, self.sources, self.at))
    }

    /// A collection of ours: see the head of this file.
    fn collection(&mut self, kind: Kind) -> NodeId {
        self.doc.push(Node::new(kind, Style::Verbatim, SourceId(0), 0, 0))
    }

    /// Adds an alias of `target` behind `last`, which it becomes.
    fn push(&mut self, parent: NodeId, last: &mut Option<NodeId>, target: NodeId) {
        let alias = self.doc.push(Node::alias(self.value(target).id, SourceId(0), 0));
        self.link(parent, *last, alias.0 + 1);
        *last = Some(alias);
    }

    /// Lets `next` (a row + 1, 0 for none) follow `last`, or be the first child of `parent`.
    fn link(&mut self, parent: NodeId, last: Option<NodeId>, next: u32) {
        match last {
            None => self.set(parent, Node { first: next, ..*self.doc.node(parent) }),
            Some(last) => self.set(last, Node { next, ..*self.doc.node(last) }),
        }
    }

    /// Lets a child of one of our collections stand for another node.
    fn point(&mut self, slot: NodeId, target: NodeId) {
        let first = self.value(target).id.0;
        self.set(slot, Node { first, ..*self.doc.node(slot) });
    }

    fn set(&mut self, id: NodeId, node: Node) {
        self.undo.push((id, *self.doc.node(id)));
        *self.doc.node_mut(id) = node;
    }

    fn undo(&mut self) {
        while let Some((id, node)) = self.undo.pop() {
            *self.doc.node_mut(id) = node;
        }
    }

    /// The first child + 1 of a collection; 0 for a scalar.
    fn first(&self, id: NodeId) -> u32 {
        let value = self.value(id);
        if value.kind() == Kind::Scalar { 0 } else { value.node().first }
    }

    /// The next child as it stands, aliases not followed.
    fn step(&self, next: &mut u32) -> Option<NodeId> {
        let id = NodeId(next.checked_sub(1)?);
        *next = self.doc.node(id).next;
        Some(id)
    }

    fn pair(&self, next: &mut u32) -> Option<(NodeId, NodeId)> {
        let key = self.step(next)?;
        Some((key, self.step(next)?))
    }
}

#[cfg(test)]
mod tests;
