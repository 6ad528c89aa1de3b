//! Merge keys (<https://yaml.org/type/merge.html>), as PyYAML resolves them: a mapping's own keys win over merged ones, an earlier mapping of a
//! list over a later one, and a later `<<` over an earlier one.

use alloc::vec::Vec;

use super::keys::{COLLIDING, Keys};
use crate::error::ParseError;
use crate::format::doc::{self, Doc, Kind, Node, NodeId, Style, Tag};
use crate::limits::MAX_NODES;

/// A key and its value.
type Entry = (NodeId, NodeId);

pub(super) fn followed(doc: &Doc, mut id: NodeId) -> NodeId {
    while doc.node(id).kind() == Kind::Alias {
        id = NodeId(doc.node(id).first);
    }
    id
}

fn children(doc: &Doc, parent: NodeId) -> impl Iterator<Item = NodeId> {
    let mut next = doc.node(parent).first;
    core::iter::from_fn(move || {
        let id = NodeId(next.checked_sub(1)?);
        next = doc.node(id).next;
        Some(id)
    })
}

fn entries(doc: &Doc, mapping: NodeId) -> impl Iterator<Item = Entry> {
    let mut nodes = children(doc, mapping);
    core::iter::from_fn(move || Some((nodes.next()?, nodes.next()?)))
}

pub(super) fn is_merge_key(doc: &Doc, text: &[u8], key: NodeId) -> bool {
    let node = doc.node(key);
    node.kind() == Kind::Scalar
        && node.style() == Style::Plain
        && node.tag() == Tag::None
        && &text[node.start as usize..node.end() as usize] == b"<<"
}

/// Entries in the order of rising precedence. Mappings that merge each other grow fast: their aliases are counted.
struct Found<'a> {
    doc: &'a Doc,
    text: &'a [u8],
    entries: Vec<Entry>,
}

impl Found<'_> {
    fn error(&self, id: NodeId, expected: &'static str) -> ParseError {
        ParseError::at(self.text, self.doc.node(id).start as usize, expected)
    }

    fn mapping(&mut self, given: NodeId) -> Result<(), ParseError> {
        let id = followed(self.doc, given);
        if self.doc.node(id).kind() != Kind::Mapping {
            return Err(self.error(given, "a mapping to merge, or a sequence of mappings"));
        }
        for entry in entries(self.doc, id) {
            self.entries.push(entry);
        }
        Ok(())
    }

    fn value(&mut self, given: NodeId) -> Result<(), ParseError> {
        let id = followed(self.doc, given);
        if self.doc.node(id).kind() != Kind::Sequence {
            return self.mapping(given);
        }
        let mappings: Vec<NodeId> = children(self.doc, id).collect();
        mappings.into_iter().rev().try_for_each(|mapping| self.mapping(mapping))
    }
}

/// Takes the `<<` entries out of `mapping` and puts in what they bring.
pub(super) fn resolve(doc: &mut Doc, text: &[u8], mapping: NodeId, keys: &mut Keys) -> Result<(), ParseError> {
    let mut found = Found { doc, text, entries: Vec::new() };
    let mut own = Vec::new();
    for (key, value) in entries(doc, mapping) {
        if is_merge_key(doc, text, key) {
            found.value(value)?;
        } else {
            own.push((key, value));
        }
    }
    let brought = found.entries;
    if doc.len() + brought.len() * 2 > MAX_NODES {
        return Err(ParseError::at(text, doc.node(mapping).start as usize, doc::TOO_MANY));
    }
    relink(doc, mapping, &brought, &own);
    keys.settle(doc, text, mapping, false, false).map_err(|at| ParseError::at(text, at, COLLIDING))
}

fn relink(doc: &mut Doc, mapping: NodeId, brought: &[Entry], own: &[Entry]) {
    doc.node_mut(mapping).first = 0;
    let mut last = None;
    for (key, value) in brought {
        for target in [*key, *value] {
            let target = followed(doc, target);
            let Node { source, start, .. } = *doc.node(target);
            let alias = doc.push(Node::alias(target, source, start as usize));
            doc.attach(mapping, last, alias);
            last = Some(alias);
        }
    }
    for (key, value) in own {
        for id in [*key, *value] {
            doc.node_mut(id).next = 0;
            doc.attach(mapping, last, id);
            last = Some(id);
        }
    }
}
