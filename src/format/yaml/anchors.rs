//! The anchors of one document: names to nodes, in a table that grows to a bound, and how large what they name is. (Most documents have
//! none: on the stack it would be five pages that every document touches.)

use alloc::vec::Vec;

use crate::error::{ParseError, position};
use crate::format::doc::NodeId;
use crate::format::yaml::scan::Lexeme;
use crate::limits::MAX_ANCHORS;

/// Chains of names with the same hash.
const CHAINS: usize = 256;

/// The end of a chain; no anchor.
pub(super) const NONE: u16 = u16::MAX;

struct Anchor {
    start: u32,
    end: u32,
    hash: u32,
    node: NodeId,
    /// Nodes in it and below it, aliases followed.
    weight: u32,
    next: u16,
}

pub(super) struct Anchors {
    anchors: Vec<Anchor>,
    chains: [u16; CHAINS],
}

/// FNV-1a.
fn hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

impl Anchors {
    pub fn new() -> Self {
        Anchors { anchors: Vec::new(), chains: [NONE; CHAINS] }
    }

    fn lookup(&self, text: &[u8], name: &[u8], hash: u32) -> Option<&Anchor> {
        let mut at = self.chains[hash as usize % CHAINS];
        while let Some(anchor) = self.anchors.get(at as usize) {
            if anchor.hash == hash && &text[anchor.start as usize..anchor.end as usize] == name {
                return Some(anchor);
            }
            at = anchor.next;
        }
        None
    }

    /// Gives `node` a name; the number of the anchor. A name is given once: PyYAML refuses a second one too.
    pub fn add(&mut self, text: &[u8], name: &Lexeme, node: NodeId) -> Result<u16, ParseError> {
        let bytes = &text[name.start as usize..name.end as usize];
        let hash = hash(bytes);
        if let Some(first) = self.lookup(text, bytes, hash) {
            let (line, _) = position(text, first.start as usize);
            let expected = alloc::format!("a new name: this anchor stands on line {line} already");
            return Err(ParseError::at(text, name.at as usize, expected));
        }
        let chain = hash as usize % CHAINS;
        let anchor = Anchor { start: name.start, end: name.end, hash, node, weight: 1, next: self.chains[chain] };
        let index = self.anchors.len() as u16;
        if self.anchors.len() == MAX_ANCHORS {
            return Err(ParseError::at(text, name.at as usize, alloc::format!("at most {MAX_ANCHORS} anchors")));
        }
        self.anchors.push(anchor);
        self.chains[chain] = index;
        Ok(index)
    }

    /// Says how large the collection is that an anchor names.
    pub fn weigh(&mut self, number: u16, weight: usize) {
        if let Some(anchor) = self.anchors.get_mut(number as usize) {
            anchor.weight = weight as u32;
        }
    }

    /// The node behind an alias, and its weight.
    pub fn find(&self, text: &[u8], name: &Lexeme) -> Result<(NodeId, usize), ParseError> {
        let bytes = &text[name.start as usize..name.end as usize];
        match self.lookup(text, bytes, hash(bytes)) {
            Some(anchor) => Ok((anchor.node, anchor.weight as usize)),
            None => Err(ParseError::at(text, name.at as usize, "the name of an anchor above")),
        }
    }
}
