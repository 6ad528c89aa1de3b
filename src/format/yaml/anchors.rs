//! The anchors of one document: names to nodes, and how large what they name is. Each is a row of the document's table right behind the node
//! that it names; chains of those rows are found by the hash of the name.

use crate::error::{ParseError, position};
use crate::format::doc::{self, Doc, Kind, Node, NodeId, Style};
use crate::format::yaml::lexeme::name_byte;
use crate::format::yaml::scan::Lexeme;
use crate::limits::{MAX_ANCHORS, MAX_NODES};

/// Chains of names with the same hash.
const CHAINS: usize = 128;

pub(super) struct Anchors {
    count: usize,
    /// The last anchor + 1 of each chain, 0 for none.
    chains: [u32; CHAINS],
}

/// FNV-1a: a chain, and what tells most names in it apart.
fn hash(name: &[u8]) -> (usize, u8) {
    let hash = name.iter().fold(0x811C_9DC5u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (hash as usize % CHAINS, (hash >> 24) as u8)
}

impl Anchors {
    pub fn new() -> Self {
        Anchors { count: 0, chains: [0; CHAINS] }
    }

    /// The row of the anchor of this name.
    fn lookup(&self, doc: &Doc, text: &[u8], name: &[u8]) -> Option<NodeId> {
        let (chain, rest) = hash(name);
        let mut next = self.chains[chain];
        loop {
            let row = NodeId(next.checked_sub(1)?);
            let anchor = doc.node(row);
            let ends = |behind: &[u8]| !behind.first().is_some_and(|byte| name_byte(*byte));
            if anchor.indent == rest && text[anchor.start as usize..].strip_prefix(name).is_some_and(ends) {
                return Some(row);
            }
            next = anchor.next;
        }
    }

    /// Gives the last node of `doc` a name; the row of the anchor. A name is given once: PyYAML refuses a second one too.
    pub fn add(&mut self, doc: &mut Doc, text: &[u8], name: &Lexeme) -> Result<NodeId, ParseError> {
        let error = |expected| Err(ParseError::at(text, name.at as usize, expected));
        let bytes = &text[name.start as usize..name.end as usize];
        if let Some(first) = self.lookup(doc, text, bytes) {
            let (line, _) = position(text, doc.node(first).start as usize);
            return error(alloc::format!("a new name: this anchor stands on line {line} already"));
        }
        if self.count == MAX_ANCHORS {
            return error(alloc::format!("at most {MAX_ANCHORS} anchors"));
        }
        if doc.len() >= MAX_NODES {
            return error(doc::TOO_MANY.into());
        }
        let (chain, rest) = hash(bytes);
        let source = doc.node(NodeId(doc.len() as u32 - 1)).source;
        let anchor = Node::new(Kind::Sequence, Style::Plain, source, name.start as usize, name.start as usize);
        let row = doc.note(Node { indent: rest, first: 1, next: self.chains[chain], ..anchor });
        self.chains[chain] = row.0 + 1;
        self.count += 1;
        Ok(row)
    }

    /// The node behind an alias, and its weight: the nodes in it and below it, aliases followed.
    pub fn find(&self, doc: &Doc, text: &[u8], name: &Lexeme) -> Result<(NodeId, usize), ParseError> {
        match self.lookup(doc, text, &text[name.start as usize..name.end as usize]) {
            Some(row) => Ok((NodeId(row.0 - 1), doc.node(row).first as usize)),
            None => Err(ParseError::at(text, name.at as usize, "the name of an anchor above")),
        }
    }
}
