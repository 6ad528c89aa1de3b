//! Merge keys (<https://yaml.org/type/merge.html>), as PyYAML resolves them: a mapping's own keys win over merged ones, an earlier mapping of a
//! list over a later one, and a later `<<` over an earlier one.

use super::keys;
use crate::error::ParseError;
use crate::format::doc::{self, Doc, Kind, Node, NodeId, Style, Tag};
use crate::limits::MAX_NODES;

pub(super) fn followed(doc: &Doc, mut id: NodeId) -> NodeId {
    while doc.node(id).kind() == Kind::Alias {
        id = NodeId(doc.node(id).first);
    }
    id
}

pub(super) fn is_merge_key(doc: &Doc, text: &[u8], key: NodeId) -> bool {
    let node = doc.node(key);
    node.kind() == Kind::Scalar
        && node.style() == Style::Plain
        && node.tag() == Tag::None
        && &text[node.start as usize..node.end() as usize] == b"<<"
}

/// Entries of a mapping to be: nodes linked to each other, of which the first + 1 (0 for none) and the last are known.
#[derive(Clone, Copy)]
struct Chain {
    first: u32,
    last: NodeId,
}

impl Chain {
    const EMPTY: Self = Chain { first: 0, last: NodeId(0) };

    fn append(&mut self, doc: &mut Doc, behind: Chain) {
        match (self.first, behind.first) {
            (_, 0) => {}
            (0, _) => *self = behind,
            _ => {
                doc.node_mut(self.last).next = behind.first;
                self.last = behind.last;
            }
        }
    }
}

/// What resolves the merge keys of one mapping.
struct Merge<'a> {
    doc: &'a mut Doc,
    text: &'a [u8],
    mapping: NodeId,
}

impl Merge<'_> {
    fn error<T>(&self, id: NodeId, expected: &'static str) -> Result<T, ParseError> {
        Err(ParseError::at(self.text, self.doc.node(id).start as usize, expected))
    }

    /// The children of one mapping, as aliases. Mappings that merge each other grow fast: their aliases are counted.
    fn one(&mut self, given: NodeId) -> Result<Chain, ParseError> {
        let id = followed(self.doc, given);
        if self.doc.node(id).kind() != Kind::Mapping {
            return self.error(given, "a mapping to merge, or a sequence of mappings");
        }
        let mut chain = Chain::EMPTY;
        let mut next = self.doc.node(id).first;
        while let Some(child) = next.checked_sub(1).map(NodeId) {
            next = self.doc.node(child).next;
            if self.doc.len() >= MAX_NODES {
                return self.error(self.mapping, doc::TOO_MANY);
            }
            let target = followed(self.doc, child);
            let Node { source, start, .. } = *self.doc.node(target);
            let last = self.doc.push(Node::alias(target, source, start as usize));
            chain.append(self.doc, Chain { first: last.0 + 1, last });
        }
        Ok(chain)
    }

    /// What the value of a merge key brings, in the order of rising precedence.
    fn brought(&mut self, given: NodeId) -> Result<Chain, ParseError> {
        let id = followed(self.doc, given);
        if self.doc.node(id).kind() != Kind::Sequence {
            return self.one(given);
        }
        let mut chain = Chain::EMPTY;
        let mut next = self.doc.node(id).first;
        while let Some(item) = next.checked_sub(1).map(NodeId) {
            next = self.doc.node(item).next;
            let mut first = self.one(item)?;
            first.append(self.doc, chain);
            chain = first;
        }
        Ok(chain)
    }

    /// Links what merge keys bring, and behind it the mapping's own entries.
    fn relink(&mut self) -> Result<(), ParseError> {
        let (mut brought, mut own) = (Chain::EMPTY, Chain::EMPTY);
        let mut next = self.doc.node(self.mapping).first;
        while let Some(key) = next.checked_sub(1).map(NodeId) {
            let Some(value) = self.doc.node(key).next.checked_sub(1).map(NodeId) else { break };
            next = self.doc.node(value).next;
            if is_merge_key(self.doc, self.text, key) {
                let more = self.brought(value)?;
                brought.append(self.doc, more);
            } else {
                own.append(self.doc, Chain { first: key.0 + 1, last: value });
            }
        }
        brought.append(self.doc, own);
        self.doc.node_mut(self.mapping).first = brought.first;
        if brought.first != 0 {
            self.doc.node_mut(brought.last).next = 0;
        }
        Ok(())
    }
}

/// Takes the `<<` entries out of `mapping` and puts in what they bring.
pub(super) fn resolve(doc: &mut Doc, text: &[u8], mapping: NodeId) -> Result<(), ParseError> {
    Merge { doc, text, mapping }.relink()?;
    keys::settle(doc, text, mapping, false, false).map_err(|at| ParseError::at(text, at, keys::COLLIDING))
}
