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

use super::{How, Merger};
use crate::error::Error;
use crate::format::doc::{Doc, Kind, NodeId, Sources, Style, Visits};
use crate::format::json;
use crate::limits::MAX_NESTING;

/// Items of a collection that are passed on the way count as one node visited: nothing is made of them.
const PASSED: usize = 64;

/// Characters of a pointer that a message has room for.
const SHOWN: usize = 80;

/// Applies the patch that `text` is to `doc`; `label` is what messages call it. An empty `doc` is a mapping without keys.
///
/// # Errors
/// No JSON, no list of operations; the first operation that cannot be carried out, with its number (from 1) and pointer. `doc` is as
/// it was then.
pub fn patch(
    doc: &mut Doc,
    sources: &mut Sources,
    label: &str,
    text: Vec<u8>,
    visits: &mut Visits,
) -> Result<(), Error> {
    let source = sources.add(label, text);
    let parsed = json::parse(sources.text(source), source).map_err(|error| Error::new("read", label, error))?;
    let (base, list) = (doc.root(), doc.absorb(parsed));
    let mut merger = Merger { doc, sources, how: &How::PARTS, visits, undo: Vec::new() };
    let Some(list) = list.filter(|list| merger.kind(*list) == Kind::Sequence) else {
        return Err(merger.value(list.unwrap_or(NodeId(0))).error("a list of operations"));
    };
    let root = base.unwrap_or_else(|| merger.collection(Kind::Mapping));
    let mut patcher = Patcher { merger, root, at: list, passed: 0 };
    let mut next = patcher.merger.first(list);
    let mut number = 0;
    while let Some(operation) = patcher.merger.step(&mut next) {
        number += 1;
        let mut done = patcher.operation(operation);
        // Between two operations it may be anything.
        if done.is_ok() && next == 0 && patcher.merger.kind(patcher.root) != Kind::Mapping {
            done = patcher.error("the whole document to be a mapping in the end, as a cloud-config is");
        }
        if let Err(error) = done {
            let pointer = patcher.shown_pointer(operation);
            patcher.merger.undo();
            let cause = error.into_cause();
            return Err(Error::new("apply", format!("{label}, operation {number}{pointer}"), cause));
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
    fn error<T>(&self, expected: &'static str) -> Result<T, Error> {
        Err(self.merger.value(self.at).error(expected))
    }

    fn operation(&mut self, operation: NodeId) -> Result<(), Error> {
        self.at = operation;
        let name = self.string(operation, "op", "an operation with its name, `op`")?;
        let (path, path_at) = self.pointer(operation, "path", "an operation with its place, `path`")?;
        match name.as_str() {
            "add" => {
                let value = self.given(operation)?;
                self.add(&path, value)
            }
            "remove" => self.remove(&path),
            "replace" => {
                let value = self.given(operation)?;
                self.replace(&path, value)
            }
            "move" | "copy" => {
                let (from, from_at) = self.pointer(operation, "from", "an operation with its source, `from`")?;
                self.at = from_at;
                let value = self.find(&from)?;
                if name == "copy" {
                    let value = self.copied(value)?;
                    self.at = path_at;
                    return self.add(&path, value);
                }
                if from == path {
                    return Ok(());
                }
                if path.starts_with(&from) {
                    return self.error("a place that is not inside what is moved");
                }
                self.remove(&from)?;
                self.at = path_at;
                self.add(&path, value)
            }
            "test" => {
                let value = self.given(operation)?;
                let found = self.find(&path)?;
                if self.equal(found, value)? { Ok(()) } else { self.error("the value there to be the one tested for") }
            }
            _ => self.error("`op` to be add, remove, replace, move, copy or test"),
        }
    }

    fn member(&mut self, operation: NodeId, key: &str, expected: &'static str) -> Result<NodeId, Error> {
        match self.merger.value(operation).get(key) {
            Some(value) => Ok(value.id),
            None => self.error(expected),
        }
    }

    fn given(&mut self, operation: NodeId) -> Result<NodeId, Error> {
        self.member(operation, "value", "an operation with its `value`")
    }

    fn string(&mut self, operation: NodeId, key: &str, expected: &'static str) -> Result<String, Error> {
        let member = self.member(operation, key, expected)?;
        if self.merger.value(member).node().style != Style::JsonString {
            return self.error(expected);
        }
        self.merger.value(member).text()
    }

    /// The names that a pointer consists of, and where it stands; errors are there from now on.
    fn pointer(&mut self, operation: NodeId, key: &str, expected: &'static str) -> Result<(Tokens, NodeId), Error> {
        let text = self.string(operation, key, expected)?;
        self.at = self.member(operation, key, expected)?;
        match tokens(&text) {
            None => self
                .error("a JSON pointer: nothing, or names with `/` before each, in which `~` is `~0` and `/` is `~1`"),
            Some(tokens) if tokens.len() > MAX_NESTING => self.error("a JSON pointer of fewer names"),
            Some(tokens) => Ok((tokens, self.at)),
        }
    }

    /// ` (/a/b)`, on one line and not too long; nothing where there is no pointer.
    fn shown_pointer(&mut self, operation: NodeId) -> String {
        let Ok(text) = self.string(operation, "path", "") else { return String::new() };
        let mut shown: String = text.chars().take(SHOWN).map(|c| if c.is_control() { '?' } else { c }).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        format!(" ({shown})")
    }

    fn add(&mut self, path: &[String], value: NodeId) -> Result<(), Error> {
        let Some((last, path)) = self.checked(path, value)? else { return Ok(()) };
        let parent = self.own(path)?;
        let Place { mut before, slot, .. } = self.place(parent, last)?;
        match (self.merger.kind(parent), slot) {
            (Kind::Mapping, Some(slot)) => self.merger.point(slot, value),
            (Kind::Mapping, None) => {
                let name = self.merger.make(last, self.at)?;
                self.merger.push(parent, &mut before, name);
                self.merger.push(parent, &mut before, value);
            }
            (_, slot) => {
                self.merger.push(parent, &mut before, value);
                if let Some(slot) = slot {
                    self.merger.link(parent, before, slot.0 + 1);
                }
            }
        }
        Ok(())
    }

    fn replace(&mut self, path: &[String], value: NodeId) -> Result<(), Error> {
        let Some((last, path)) = self.checked(path, value)? else { return Ok(()) };
        let parent = self.own(path)?;
        match self.place(parent, last)?.slot {
            Some(slot) => {
                self.merger.point(slot, value);
                Ok(())
            }
            None => self.error(THERE),
        }
    }

    fn remove(&mut self, path: &[String]) -> Result<(), Error> {
        let Some((last, path)) = path.split_last() else { return self.error("a place inside the document") };
        let parent = self.own(path)?;
        let place = self.place(parent, last)?;
        if place.slot.is_none() {
            return self.error(THERE);
        }
        self.merger.link(parent, place.before, place.next);
        Ok(())
    }

    /// Looks whether what is to be put somewhere is not too deep. Where it is to be the whole document (`None`), it then is.
    fn checked<'t>(&mut self, path: &'t [String], value: NodeId) -> Result<Option<(&'t String, &'t [String])>, Error> {
        self.measure(value, MAX_NESTING - path.len())?;
        if path.is_empty() {
            self.root = self.merger.value(value).id;
        }
        Ok(path.split_last())
    }

    fn measure(&mut self, value: NodeId, left: usize) -> Result<(), Error> {
        self.merger.visit(value)?;
        if self.merger.kind(value) == Kind::Scalar {
            return Ok(());
        }
        if left == 0 {
            return self.error("collections nested less deeply");
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
            let Some(slot) = self.place(at, token)?.slot else { return self.error(THERE) };
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
            _ => self.error(COLLECTION),
        }
    }

    /// What a pointer leads to.
    fn find(&mut self, path: &[String]) -> Result<NodeId, Error> {
        let mut at = self.root;
        for token in path {
            let Some(slot) = self.place(at, token)?.slot else { return self.error(THERE) };
            at = self.merger.value(slot).id;
        }
        Ok(self.merger.value(at).id)
    }

    fn pass(&mut self, at: NodeId) -> Result<(), Error> {
        self.passed += 1;
        if self.passed.is_multiple_of(PASSED) { self.merger.visit(at) } else { Ok(()) }
    }

    fn place(&mut self, collection: NodeId, token: &str) -> Result<Place, Error> {
        let mut next = self.merger.first(collection);
        let mut place = Place { before: None, slot: None, next: 0 };
        match self.merger.kind(collection) {
            Kind::Mapping => {
                // In a mapping that is not ours the last of equal keys counts.
                let mut last = None;
                while let Some((key, slot)) = self.merger.pair(&mut next) {
                    self.pass(key)?;
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
                    None if token == "-" => usize::MAX,
                    None => return self.error("the number of a list's item, or `-` for its end"),
                };
                while let Some(item) = self.merger.step(&mut next) {
                    self.pass(item)?;
                    if left == 0 {
                        return Ok(Place { slot: Some(item), next, ..place });
                    }
                    left -= 1;
                    place.before = Some(item);
                }
                if left == 0 || token == "-" { Ok(place) } else { self.error("a number within the list") }
            }
            _ => self.error(COLLECTION),
        }
    }

    /// A copy that shares nothing with `id` that later operations, or merges, change in place.
    fn copied(&mut self, id: NodeId) -> Result<NodeId, Error> {
        self.merger.visit(id)?;
        let node = *self.merger.value(id).node();
        if node.kind == Kind::Scalar || node.style != Style::Verbatim {
            return Ok(id);
        }
        let copy = self.merger.collection(node.kind);
        let (mut last, mut next) = (None, node.first);
        while let Some(child) = self.merger.step(&mut next) {
            let target = self.merger.value(child).id;
            let target = self.copied(target)?;
            self.merger.push(copy, &mut last, target);
        }
        Ok(copy)
    }

    fn equal(&mut self, one: NodeId, other: NodeId) -> Result<bool, Error> {
        self.merger.visit(one)?;
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
                let (mut ours, mut theirs) = (self.merger.index(one)?, self.merger.index(other)?);
                if ours.0.iter().any(|entry| theirs.get(&entry.key).is_none()) {
                    return Ok(false);
                }
                for (at, entry) in theirs.0.iter().enumerate() {
                    // Of equal keys, which stand together, the last counts.
                    if theirs.0.get(at + 1).is_some_and(|next| next.key == entry.key) {
                        continue;
                    }
                    let Some(our) = ours.get(&entry.key).map(|our| our.value) else { return Ok(false) };
                    if !self.equal(our, entry.value)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

const THERE: &str = "a value that is there";
const COLLECTION: &str = "a place in a mapping or list";

/// RFC 6901 section 3: the names of a pointer, `~1` and `~0` undone.
fn tokens(text: &str) -> Option<Tokens> {
    if text.is_empty() {
        return Some(Tokens::new());
    }
    let name = |token: &str| {
        let escapes = token.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        escapes.then(|| token.replace("~1", "/").replace("~0", "~"))
    };
    text.strip_prefix('/')?.split('/').map(name).collect()
}

/// RFC 6901 section 4: digits without a leading zero.
fn index(token: &str) -> Option<usize> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if digits { token.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
