//! Merging cloud-config documents: `merge_how` and what it means.
//!
//! A merger says, for each kind of value, what happens when two documents hold the same key. The words are
//! cloud-init's (`list(append)+dict(recurse_array)+str()`); its merging page and the merger of its 22.4 release are the
//! reference. Nothing is copied: the merged document is both tables end to end, and a merged collection is
//! a new node whose children are aliases into them.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::format::doc::{Doc, Kind, Node, NodeId, SourceId, Sources, Style, Value};
use crate::format::scalar::Scalar;
use crate::limits::MAX_NESTING;

/// What to do when two lists meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lists {
    Replace,
    NoReplace,
    Append,
    Prepend,
}

/// How two documents are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    /// `None`: no `list` merger named, a list is left as it is.
    list: Option<(Lists, Recurse)>,
    dict: Option<Dict>,
    str_append: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Recurse {
    lists: bool,
    dicts: bool,
    texts: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Dict {
    replace: bool,
    allow_delete: bool,
    recurse: Recurse,
}

impl How {
    /// Between the parts of one user-data: `dict(replace)+list()+str()`.
    pub const PARTS: How = How {
        list: Some((Lists::Replace, Recurse { lists: false, dicts: false, texts: false })),
        dict: Some(Dict {
            replace: true,
            allow_delete: false,
            recurse: Recurse { lists: false, dicts: true, texts: false },
        }),
        str_append: Some(false),
    };

    /// Between layers, the higher one the base: `list()+dict()+str()`.
    pub const LAYERS: How = How {
        list: Some((Lists::Replace, Recurse { lists: false, dicts: false, texts: false })),
        dict: Some(Dict {
            replace: false,
            allow_delete: false,
            recurse: Recurse { lists: false, dicts: true, texts: false },
        }),
        str_append: Some(false),
    };

    /// Reads `list(append)+dict(recurse_array)+str()`; a merger that is not named leaves its kind alone.
    ///
    /// # Errors
    /// The word that is not known.
    pub fn parse(text: &str) -> Result<How, String> {
        let mut how = How { list: None, dict: None, str_append: None };
        for merger in text.split('+').map(str::trim).filter(|merger| !merger.is_empty()) {
            let (name, options) = match merger.split_once('(') {
                None => (merger, ""),
                Some((name, rest)) => (
                    name.trim(),
                    rest.strip_suffix(')').ok_or_else(|| alloc::format!("`)` at the end of the merger `{merger}`"))?,
                ),
            };
            how.add(name, &mut options.split(',').map(str::trim).filter(|option| !option.is_empty()))?;
        }
        Ok(how)
    }

    /// Reads the value of `merge_how` or `merge_type`: a string, or a list of `{name, settings}`.
    ///
    /// # Errors
    /// At the value: what was expected.
    pub fn of(value: &Value<'_>) -> Result<How, Error> {
        if !value.is_sequence() {
            return How::parse(&value.text()?).map_err(|expected| value.error(expected));
        }
        let mut how = How { list: None, dict: None, str_append: None };
        for item in value.items() {
            let name = item.get("name").ok_or_else(|| item.error("a merger's `name`"))?.text()?;
            let settings = item.get("settings").map_or(Ok(Vec::new()), |value| super::texts(&value))?;
            how.add(&name, &mut settings.iter().map(String::as_str)).map_err(|expected| item.error(expected))?;
        }
        Ok(how)
    }

    fn add(&mut self, name: &str, options: &mut dyn Iterator<Item = &str>) -> Result<(), String> {
        let mut recurse = Recurse::default();
        let (mut lists, mut replace, mut append, mut allow_delete) = (None, None, false, false);
        for option in options {
            match option {
                "recurse_list" | "recurse_array" => recurse.lists = true,
                "recurse_dict" => recurse.dicts = true,
                "recurse_str" => recurse.texts = true,
                "append" => (append, lists) = (true, lists.or(Some(Lists::Append))),
                "prepend" => lists = lists.or(Some(Lists::Prepend)),
                "replace" => (replace, lists) = (replace.or(Some(true)), lists.or(Some(Lists::Replace))),
                "no_replace" => (replace, lists) = (replace.or(Some(false)), lists.or(Some(Lists::NoReplace))),
                "allow_delete" => allow_delete = true,
                // cloud-init ignores options it does not know; so do we.
                _ => {}
            }
        }
        match name {
            "list" => self.list = Some((lists.unwrap_or(Lists::Replace), recurse)),
            "dict" => {
                recurse.dicts = true;
                self.dict = Some(Dict { replace: replace.unwrap_or(false), allow_delete, recurse });
            }
            "str" => self.str_append = Some(append),
            other => return Err(alloc::format!("one of the mergers list, dict, str, not `{other}`")),
        }
        Ok(())
    }
}

/// Merges `other` onto the root of `doc` and makes the result its root. Both documents' texts are in `sources`.
///
/// # Errors
/// Collections nested deeper than [`MAX_NESTING`] in both.
pub fn merge(doc: &mut Doc, sources: &mut Sources, other: Doc, how: &How) -> Result<(), Error> {
    let (base, other) = (doc.root(), doc.absorb(other));
    let root = match (base, other) {
        (Some(base), Some(other)) => Merger { doc, sources, how, made: None }.merge(base, other, 0)?,
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return Ok(()),
    };
    doc.set_root(root);
    Ok(())
}

struct Merger<'a> {
    doc: &'a mut Doc,
    sources: &'a mut Sources,
    how: &'a How,
    /// The source that holds texts made by appending.
    made: Option<SourceId>,
}

impl Merger<'_> {
    fn value(&self, id: NodeId) -> Value<'_> {
        Value::new(self.doc, self.sources, id)
    }

    fn kind(&self, id: NodeId) -> Kind {
        self.value(id).kind()
    }

    fn merge(&mut self, base: NodeId, other: NodeId, depth: usize) -> Result<NodeId, Error> {
        if depth > MAX_NESTING {
            return Err(self.value(other).error("collections nested no deeper"));
        }
        match self.kind(base) {
            Kind::Mapping => self.mappings(base, other, depth),
            Kind::Sequence => self.sequences(base, other, depth),
            _ => self.scalars(base, other),
        }
    }

    /// The value that a key or index gets when both sides have it.
    fn same(&mut self, base: NodeId, other: NodeId, recurse: Recurse, depth: usize) -> Result<NodeId, Error> {
        let value = self.value(other);
        let recurses = match value.kind() {
            Kind::Sequence => recurse.lists,
            Kind::Mapping => recurse.dicts,
            _ => recurse.texts && is_text(&value),
        };
        if recurses { self.merge(base, other, depth + 1) } else { Ok(other) }
    }

    fn mappings(&mut self, base: NodeId, other: NodeId, depth: usize) -> Result<NodeId, Error> {
        let Some(dict) = self.how.dict else { return Ok(base) };
        if self.kind(other) != Kind::Mapping {
            return Ok(if dict.replace { other } else { base });
        }
        let result = self.collection(Kind::Mapping);
        let mut last = None;
        let mut next = self.first(base);
        while let Some((key, value)) = self.pair(&mut next) {
            let merged = match self.find(other, key) {
                None => value,
                Some(theirs) if dict.allow_delete && dict.replace && self.value(theirs).is_null() => continue,
                Some(theirs) => self.common(value, theirs, dict, depth)?,
            };
            self.add(result, &mut last, key);
            self.add(result, &mut last, merged);
        }
        let mut next = self.first(other);
        while let Some((key, value)) = self.pair(&mut next) {
            if self.find(base, key).is_none() {
                self.add(result, &mut last, key);
                self.add(result, &mut last, value);
            }
        }
        Ok(result)
    }

    /// A key that both have. Without `replace`, only what recursion reaches changes.
    fn common(&mut self, base: NodeId, other: NodeId, dict: Dict, depth: usize) -> Result<NodeId, Error> {
        if dict.replace {
            return self.same(base, other, dict.recurse, depth);
        }
        let value = self.value(base);
        let recurses = match value.kind() {
            Kind::Sequence => dict.recurse.lists,
            Kind::Mapping => dict.recurse.dicts,
            _ => dict.recurse.texts && is_text(&value),
        };
        if recurses { self.merge(base, other, depth + 1) } else { Ok(base) }
    }

    fn sequences(&mut self, base: NodeId, other: NodeId, depth: usize) -> Result<NodeId, Error> {
        let Some((lists, recurse)) = self.how.list else { return Ok(base) };
        if self.kind(other) != Kind::Sequence {
            return Ok(if lists == Lists::Replace { other } else { base });
        }
        let result = self.collection(Kind::Sequence);
        let mut last = None;
        let (first, second) = if lists == Lists::Prepend { (other, base) } else { (base, other) };
        let (mut ours, mut theirs) = (self.first(first), self.first(second));
        if matches!(lists, Lists::Append | Lists::Prepend) {
            for next in [&mut ours, &mut theirs] {
                while let Some(item) = self.item(next) {
                    self.add(result, &mut last, item);
                }
            }
            return Ok(result);
        }
        while let Some(item) = self.item(&mut ours) {
            let merged = match self.item(&mut theirs) {
                Some(new) if lists == Lists::Replace => self.same(item, new, recurse, depth)?,
                _ => item,
            };
            self.add(result, &mut last, merged);
        }
        Ok(result)
    }

    /// Texts are appended where asked for; anything else is replaced by `str(...)`'s rule: the base stays.
    fn scalars(&mut self, base: NodeId, other: NodeId) -> Result<NodeId, Error> {
        let (value, new) = (self.value(base), self.value(other));
        if !is_text(&value) || !is_text(&new) {
            return Ok(base);
        }
        match self.how.str_append {
            None => Ok(base),
            Some(false) => Ok(other),
            Some(true) => {
                let mut text = value.text()?;
                text.push_str(&new.text()?);
                let made =
                    *self.made.get_or_insert_with(|| self.sources.add("texts merged by str(append)", Vec::new()));
                let range = self.sources.extend(made, text.as_bytes());
                Ok(self.doc.push(Node::new(Kind::Scalar, Style::Verbatim, made, range.start, range.end)))
            }
        }
    }

    fn collection(&mut self, kind: Kind) -> NodeId {
        self.doc.push(Node::new(kind, Style::Plain, SourceId(0), 0, 0))
    }

    /// Adds an alias to `target` as the next child.
    fn add(&mut self, parent: NodeId, last: &mut Option<NodeId>, target: NodeId) {
        let target = self.value(target).id;
        let alias = self.doc.push(Node { first: target.0, ..Node::new(Kind::Alias, Style::Plain, SourceId(0), 0, 0) });
        self.doc.attach(parent, *last, alias);
        *last = Some(alias);
    }

    fn first(&self, id: NodeId) -> u32 {
        self.value(id).node().first
    }

    fn item(&self, next: &mut u32) -> Option<NodeId> {
        let id = NodeId(next.checked_sub(1)?);
        *next = self.doc.node(id).next;
        Some(id)
    }

    fn pair(&self, next: &mut u32) -> Option<(NodeId, NodeId)> {
        let key = self.item(next)?;
        Some((key, self.item(next)?))
    }

    fn find(&self, mapping: NodeId, key: NodeId) -> Option<NodeId> {
        let key = self.value(key).text().ok()?;
        self.value(mapping).get(&key).map(|value| value.id)
    }
}

fn is_text(value: &Value<'_>) -> bool {
    value.kind() == Kind::Scalar && matches!(value.scalar(), Scalar::Text)
}
