//! JSON Patch (RFC 6902) on a document, with JSON Pointers (RFC 6901): `#cloud-config-jsonp`.
//!
//! `add`, `remove`, `replace`, `move`, `copy` and `test`, each behind the other on what the former left; one that cannot be carried
//! out leaves the document as it was before the first. Values are equal as Python has it, which is what cloud-init tests with: a
//! number by its value, `true` as 1. Of equal keys of one object the last counts (jsonpatch makes a list of their values). The whole
//! document must be a mapping in the end.
//!
//! As in merging, what an operation changes becomes a collection of ours, changed in place from then on, and nothing is copied
//! but by `copy`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{How, Merger, fits};
use crate::error::{Error, one_line};
use crate::format::doc::{Doc, Kind, NodeId, Sources, Style, Visits};
use crate::format::json;
use crate::limits::MAX_NESTING;

/// Items of a collection that are passed on the way count as one node visited: nothing is made of them.
const PASSED: usize = 64;

/// Applies the patch that `text` is to `doc`; `label` is what messages call it. An empty `doc` is a mapping without keys.
///
/// # Errors
/// No JSON, no list of operations; the first operation that cannot be carried out, with its number (from 1) and pointer. `doc` is as
/// it was then.
#[inline(never)]
pub fn patch(
    doc: &mut Doc,
    sources: &mut Sources,
    label: &str,
    text: Vec<u8>,
    visits: &mut Visits,
) -> Result<(), Error> {
    let source = sources.add(label, text);
    let parsed = json::parse(sources.text(source), source).map_err(|error| Error::new("read", label, error))?;
    fits(doc, sources, &parsed)?;
    let (base, list) = (doc.root(), doc.absorb(parsed));
    let mut merger = Merger { doc, sources, how: &How::PARTS, visits, at: NodeId(0), undo: Vec::new() };
    let Some(list) = list.filter(|list| merger.kind(*list) == Kind::Sequence) else {
        return Err(merger.value(list.unwrap_or(NodeId(0))).error("a list of operations"));
    };
    let root = base.unwrap_or_else(|| merger.collection(Kind::Mapping));
    let mut patcher = Patcher { merger, root, at: list, passed: 0 };
    let mut next = patcher.merger.first(list);
    let mut number = 0;
    while let Some(operation) = patcher.merger.step(&mut next) {
        number += 1;
        patcher.merger.at = operation;
        let mut done = patcher.operation(operation);
        // Between two operations it may be anything.
        if done.is_ok() && next == 0 && patcher.merger.kind(patcher.root) != Kind::Mapping {
            done = Err(patcher.error("the whole document to be a mapping in the end"));
        }
        if let Err(error) = done {
            let pointer = patcher.string(operation, "path").map_or(String::new(), |path| one_line(&path));
            patcher.merger.undo();
            return Err(Error::new("apply", format!("{label}, operation {number} ({pointer})"), error.into_cause()));
        }
    }
    let root = patcher.root;
    doc.set_root(root);
    Ok(())
}

struct Patcher<'a> {
    merger: Merger<'a>,
    root: NodeId,
    /// Where errors are: the pointer, or what stands in its place.
    at: NodeId,
    passed: usize,
}

/// Where a token of a pointer leads in one of our collections.
struct Place {
    /// The child behind which it is.
    before: Option<NodeId>,
    /// The value there; `None`: there is none, and this is the collection's end.
    slot: Option<NodeId>,
    /// What follows the value.
    next: u32,
}

type Tokens = Vec<String>;

impl Patcher<'_> {
    fn error(&self, expected: &'static str) -> Error {
        self.merger.value(self.at).error(expected)
    }

    #[inline(never)]
    fn operation(&mut self, operation: NodeId) -> Result<(), Error> {
        let name = self.string(operation, "op")?;
        let name_at = self.at;
        let path = self.pointer(operation, "path")?;
        let path_at = self.at;
        match name.as_str() {
            "add" | "replace" | "test" => {
                let value = self.member(operation, "value")?;
                self.at = path_at;
                if name != "test" {
                    return self.put(&path, value, name == "add");
                }
                let found = self.find(&path)?;
                if self.equal(found, value)? {
                    Ok(())
                } else {
                    Err(self.error("the value there to be the one tested for"))
                }
            }
            "remove" => self.remove(&path),
            "move" | "copy" => {
                let from = self.pointer(operation, "from")?;
                let mut value = self.find(&from)?;
                if name == "copy" {
                    value = self.copied(value)?;
                } else if from == path {
                    return Ok(());
                } else if path.starts_with(&from) {
                    return Err(self.error("a place that is not inside what is moved"));
                } else {
                    self.remove(&from)?;
                }
                self.at = path_at;
                self.put(&path, value, true)
            }
            _ => {
                self.at = name_at;
                Err(self.error("add, remove, replace, move, copy or test"))
            }
        }
    }

    /// A member of an operation; errors are there from now on.
    fn member(&mut self, operation: NodeId, key: &str) -> Result<NodeId, Error> {
        let operation = self.merger.value(operation);
        let member = operation.get(key).ok_or_else(|| operation.error(format!("an operation with `{key}`")))?.id;
        self.at = member;
        Ok(member)
    }

    fn string(&mut self, operation: NodeId, key: &str) -> Result<String, Error> {
        let member = self.member(operation, key)?;
        let member = self.merger.value(member);
        if member.node().style() == Style::JsonString { member.text() } else { Err(self.error("a string")) }
    }

    /// The names that a pointer consists of.
    fn pointer(&mut self, operation: NodeId, key: &str) -> Result<Tokens, Error> {
        let text = self.string(operation, key)?;
        let Some(tokens) = tokens(&text) else {
            return Err(self.error("a JSON pointer: `/` before each name, in which `~` is `~0` and `/` is `~1`"));
        };
        if tokens.len() > MAX_NESTING { Err(self.error("a JSON pointer of fewer names")) } else { Ok(tokens) }
    }

    /// Puts a value somewhere: `add` if it may be new, else `replace`.
    fn put(&mut self, path: &[String], value: NodeId, new: bool) -> Result<(), Error> {
        self.measure(value, MAX_NESTING - path.len())?;
        let Some((last, path)) = path.split_last() else {
            self.root = self.merger.value(value).id;
            return Ok(());
        };
        let parent = self.own(path)?;
        let Place { mut before, slot, .. } = self.place(parent, last)?;
        let inserts = self.merger.kind(parent) == Kind::Sequence;
        match slot {
            Some(slot) if !(new && inserts) => self.merger.point(slot, value),
            _ if !new => return Err(self.error(THERE)),
            slot => {
                if !inserts {
                    let name = self.merger.make(last, self.at)?;
                    self.merger.push(parent, &mut before, name);
                }
                self.merger.push(parent, &mut before, value);
                if let Some(slot) = slot {
                    self.merger.link(parent, before, slot.0 + 1);
                }
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &[String]) -> Result<(), Error> {
        let Some((last, path)) = path.split_last() else { return Err(self.error("a place inside the document")) };
        let parent = self.own(path)?;
        let place = self.place(parent, last)?;
        if place.slot.is_none() {
            return Err(self.error(THERE));
        }
        self.merger.link(parent, place.before, place.next);
        Ok(())
    }

    /// Fails for what is nested too deep to be written.
    fn measure(&mut self, value: NodeId, left: usize) -> Result<(), Error> {
        self.merger.visit()?;
        if self.merger.kind(value) == Kind::Scalar {
            return Ok(());
        }
        if left == 0 {
            return Err(self.error("collections nested less deeply"));
        }
        let mut next = self.merger.first(value);
        while let Some(child) = self.merger.step(&mut next) {
            self.measure(child, left - 1)?;
        }
        Ok(())
    }

    /// The collection at a place, ours as all around it.
    fn own(&mut self, path: &[String]) -> Result<NodeId, Error> {
        self.root = self.owned(self.root)?;
        let mut at = self.root;
        for token in path {
            let Some(slot) = self.place(at, token)?.slot else { return Err(self.error(THERE)) };
            let target = self.merger.value(slot).id;
            at = self.owned(target)?;
            if at != target {
                self.merger.point(slot, at);
            }
        }
        Ok(at)
    }

    fn owned(&mut self, id: NodeId) -> Result<NodeId, Error> {
        match self.merger.kind(id) {
            Kind::Mapping => self.merger.own_mapping(id),
            Kind::Sequence => self.merger.own_sequence(id),
            _ => Err(self.error(COLLECTION)),
        }
    }

    /// What a pointer leads to.
    fn find(&mut self, path: &[String]) -> Result<NodeId, Error> {
        let mut at = self.root;
        for token in path {
            let Some(slot) = self.place(at, token)?.slot else { return Err(self.error(THERE)) };
            at = self.merger.value(slot).id;
        }
        Ok(self.merger.value(at).id)
    }

    fn pass(&mut self) -> Result<(), Error> {
        self.passed += 1;
        if self.passed.is_multiple_of(PASSED) { self.merger.visit() } else { Ok(()) }
    }

    fn place(&mut self, collection: NodeId, token: &str) -> Result<Place, Error> {
        let mut next = self.merger.first(collection);
        let mut place = Place { before: None, slot: None, next: 0 };
        match self.merger.kind(collection) {
            Kind::Mapping => {
                // In a mapping that is not ours the last of equal keys counts.
                let mut last = None;
                while let Some((key, slot)) = self.merger.pair(&mut next) {
                    self.pass()?;
                    if self.merger.is_text(key) && self.merger.value(key).is_text(token) {
                        place = Place { before: last, slot: Some(slot), next };
                    }
                    last = Some(slot);
                }
                if place.slot.is_none() {
                    place.before = last;
                }
                Ok(place)
            }
            Kind::Sequence => {
                let mut left = match index(token) {
                    Some(index) => index,
                    None if token == "-" => u32::MAX,
                    None => return Err(self.error("the number of a list's item, or `-` for its end")),
                };
                while let Some(item) = self.merger.step(&mut next) {
                    self.pass()?;
                    if left == 0 {
                        return Ok(Place { slot: Some(item), next, ..place });
                    }
                    left -= 1;
                    place.before = Some(item);
                }
                if left == 0 || token == "-" { Ok(place) } else { Err(self.error("a number within the list")) }
            }
            _ => Err(self.error(COLLECTION)),
        }
    }

    /// A copy that shares nothing with `id` that later operations, or merges, change in place.
    fn copied(&mut self, id: NodeId) -> Result<NodeId, Error> {
        self.merger.visit()?;
        let node = *self.merger.value(id).node();
        if node.kind() == Kind::Scalar || node.style() != Style::Verbatim {
            return Ok(id);
        }
        let copy = self.merger.collection(node.kind());
        let (mut last, mut next) = (None, node.first);
        while let Some(child) = self.merger.step(&mut next) {
            let target = self.merger.value(child).id;
            let target = self.copied(target)?;
            self.merger.push(copy, &mut last, target);
        }
        Ok(copy)
    }

    fn equal(&mut self, one: NodeId, other: NodeId) -> Result<bool, Error> {
        self.merger.visit()?;
        match (self.merger.kind(one), self.merger.kind(other)) {
            (Kind::Scalar, Kind::Scalar) => Ok(self.merger.key(one)? == self.merger.key(other)?),
            (Kind::Sequence, Kind::Sequence) => {
                let (mut ours, mut theirs) = (self.merger.first(one), self.merger.first(other));
                loop {
                    match (self.merger.step(&mut ours), self.merger.step(&mut theirs)) {
                        (None, None) => return Ok(true),
                        (Some(one), Some(other)) if self.equal(one, other)? => {}
                        _ => return Ok(false),
                    }
                }
            }
            (Kind::Mapping, Kind::Mapping) => {
                // Ours have each key once, and an index has them in order.
                let (one, other) = (self.merger.own_mapping(one)?, self.merger.own_mapping(other)?);
                let (ours, theirs) = (self.merger.index(one)?.0, self.merger.index(other)?.0);
                let mut equal = ours.len() == theirs.len();
                for (one, other) in ours.iter().zip(&theirs) {
                    equal = equal && one.key == other.key && self.equal(one.value, other.value)?;
                }
                Ok(equal)
            }
            _ => Ok(false),
        }
    }
}

const THERE: &str = "a value that is there";
const COLLECTION: &str = "a place in a mapping or list";

/// RFC 6901 section 3: the names of a pointer, `~1` and `~0` undone.
fn tokens(text: &str) -> Option<Tokens> {
    let mut tokens = Tokens::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let character = match character {
            '/' => {
                tokens.push(String::new());
                continue;
            }
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            character => character,
        };
        tokens.last_mut()?.push(character);
    }
    Some(tokens)
}

/// RFC 6901 section 4: digits without a leading zero.
fn index(token: &str) -> Option<u32> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if digits { token.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
