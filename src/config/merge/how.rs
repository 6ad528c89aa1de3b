//! `merge_how`: which merger handles which kind of value, and with which options.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::format::doc::{Doc, Kind, NodeId, Sources, Value};
use crate::format::scalar::Scalar;
use crate::gather::Gather;

/// What to do when two lists meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    Replace,
    NoReplace,
    Append,
    Prepend,
}

/// Which kinds of value are merged in their turn instead of replaced or left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recurse {
    pub lists: bool,
    pub dicts: bool,
    pub texts: bool,
}

/// The merger of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct List {
    pub method: Lists,
    pub recurse: Recurse,
}

/// The merger of mappings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dict {
    /// A key that both have gets the new value whole.
    pub replace: bool,
    /// A null takes the key away.
    pub allow_delete: bool,
    pub recurse: Recurse,
}

/// How two documents are merged. A kind of value whose merger is not named is left as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    pub(super) list: Option<List>,
    pub(super) dict: Option<Dict>,
    /// True: append.
    pub(super) text: Option<bool>,
}

/// The keys of a cloud-config that say how it is merged; the second is looked at only where the first is absent or null.
const KEYS: [&str; 2] = ["merge_how", "merge_type"];

const PLAIN_LIST: List = List { method: Lists::Replace, recurse: Recurse { lists: false, dicts: false, texts: false } };

const fn plain_dict(replace: bool) -> Dict {
    Dict { replace, allow_delete: false, recurse: Recurse { lists: false, dicts: true, texts: false } }
}

impl How {
    /// Between the parts of one user-data: `dict(replace)+list()+str()`.
    pub const PARTS: How = How { list: Some(PLAIN_LIST), dict: Some(plain_dict(true)), text: Some(false) };

    /// Between layers, the higher one the base: `list()+dict()+str()`.
    pub const LAYERS: How = How { list: Some(PLAIN_LIST), dict: Some(plain_dict(false)), text: Some(false) };

    /// Reads `list(append)+dict(recurse_array)+str()`. Parentheses are needed, case does not count, `-` is `_`; options that
    /// are not known are ignored, as in cloud-init.
    ///
    /// # Errors
    /// What was expected: a merger that is not known or not of this form.
    pub fn parse(text: &str) -> Result<How, String> {
        let mut how = How::default();
        for merger in text.split('+') {
            let merger = merger.trim().to_ascii_lowercase().replace('-', "_");
            if merger.is_empty() {
                continue;
            }
            let (name, options) = merger
                .split_once('(')
                .and_then(|(name, rest)| Some((name, rest.strip_suffix(')')?)))
                .ok_or_else(|| format!("a merger of the form `name(options)`, not `{merger}`"))?;
            let options: Vec<&str> = options.split(',').map(str::trim).gather();
            how.add(name, &|option| options.contains(&option))?;
        }
        Ok(how)
    }

    /// Reads the value of `merge_how` or `merge_type`: a string, or a list of `{name, settings}` or `[name, option…]`.
    ///
    /// # Errors
    /// At the value: what was expected.
    pub fn of(value: &Value<'_>) -> Result<How, Error> {
        if value.kind() == Kind::Scalar && value.scalar() == Scalar::Text {
            return How::parse(&value.text()?).map_err(|expected| value.error(expected));
        }
        // A mapping without anything in it is a list of no mergers, as Python iterates over it.
        if value.is_mapping() && value.entries().next().is_none() {
            return Ok(How::default());
        }
        if !value.is_sequence() {
            return Err(value.error("mergers: a string, or a list of `name` and `settings`"));
        }
        let mut how = How::default();
        for item in value.items() {
            let (name, settings) = named(&item)?;
            let name = name.text()?;
            if name.is_empty() {
                continue;
            }
            let has = |option: &str| match settings {
                Settings::Rest(list) => list.items().skip(1).any(|word| word.is_text(option)),
                Settings::Of(value) => match value.kind() {
                    Kind::Sequence => value.items().any(|word| word.is_text(option)),
                    Kind::Mapping => value.get(option).is_some(),
                    // A string is searched for the option, as cloud-init does.
                    _ => value.text().is_ok_and(|text| text.contains(option)),
                },
            };
            how.add(&name, &has).map_err(|expected| item.error(expected))?;
        }
        Ok(how)
    }

    /// Takes the keys that say how a document is merged out of its top mapping, and reads them. No merger named: `None`.
    ///
    /// # Errors
    /// At the value: what was expected. The keys are gone all the same.
    pub fn take(doc: &mut Doc, sources: &Sources) -> Result<Option<How>, Error> {
        let Some(root) = doc.value(sources).filter(Value::is_mapping) else { return Ok(None) };
        let root = root.id;
        for key in KEYS {
            let value = Value::new(doc, sources, root).get(key).map(|value| value.id);
            remove(doc, sources, root, key);
            if let Some(value) = value.map(|id| Value::new(doc, sources, id)).filter(|value| !value.is_null()) {
                return How::of(&value).map(|how| Some(how).filter(|how| *how != How::default()));
            }
        }
        Ok(None)
    }

    /// Ours, and for the kinds of value that we name no merger for, those of `other`.
    pub fn or(self, other: How) -> How {
        How { list: self.list.or(other.list), dict: self.dict.or(other.dict), text: self.text.or(other.text) }
    }

    /// Adds a merger; of several for one kind of value the first counts.
    fn add(&mut self, name: &str, has: &dyn Fn(&str) -> bool) -> Result<(), String> {
        let recurse =
            |dicts| Recurse { lists: has("recurse_array") || has("recurse_list"), dicts, texts: has("recurse_str") };
        let name = name.trim().replace('-', "_");
        match name.strip_prefix("m_").unwrap_or(&name) {
            "list" => {
                let order = [("append", Lists::Append), ("prepend", Lists::Prepend), ("replace", Lists::Replace)];
                let method = match order.into_iter().find(|(word, _)| has(word)) {
                    Some((_, method)) => method,
                    None if has("no_replace") => Lists::NoReplace,
                    None => Lists::Replace,
                };
                self.list = self.list.or(Some(List { method, recurse: recurse(has("recurse_dict")) }));
            }
            "dict" => {
                let (replace, allow_delete) = (has("replace"), has("allow_delete"));
                // Mappings always merge with mappings, whatever the options say.
                self.dict = self.dict.or(Some(Dict { replace, allow_delete, recurse: recurse(true) }));
            }
            "str" => self.text = self.text.or(Some(has("append"))),
            _ => return Err(format!("one of the mergers list, dict, str, not `{name}`")),
        }
        Ok(())
    }
}

/// Where a merger's options stand.
#[derive(Clone, Copy)]
enum Settings<'a> {
    /// In a list, behind its first item.
    Rest(Value<'a>),
    /// The value of `settings`.
    Of(Value<'a>),
}

fn named<'a>(item: &Value<'a>) -> Result<(Value<'a>, Settings<'a>), Error> {
    match item.kind() {
        Kind::Mapping => {
            let name = item.get("name").ok_or_else(|| item.error("a merger's `name`"))?;
            let settings = item.get("settings").ok_or_else(|| item.error("a merger's `settings`"))?;
            let usable = settings.kind() != Kind::Scalar || settings.scalar() == Scalar::Text;
            if usable { Ok((name, Settings::Of(settings))) } else { Err(settings.error("a list of options")) }
        }
        Kind::Sequence => {
            let name = item.items().next().ok_or_else(|| item.error("a merger's name"))?;
            Ok((name, Settings::Rest(*item)))
        }
        _ => Err(item.error("a merger: `name` and `settings`")),
    }
}

/// Takes every pair with this key out of a mapping that nothing else refers to.
fn remove(doc: &mut Doc, sources: &Sources, mapping: NodeId, key: &str) {
    let mut last: Option<NodeId> = None;
    let mut next = doc.node(mapping).first;
    while let Some(name) = next.checked_sub(1).map(NodeId) {
        let Some(value) = doc.node(name).next.checked_sub(1).map(NodeId) else { return };
        next = doc.node(value).next;
        if !Value::new(doc, sources, name).is_text(key) {
            last = Some(value);
            continue;
        }
        match last {
            None => doc.node_mut(mapping).first = next,
            Some(last) => doc.node_mut(last).next = next,
        }
    }
}
