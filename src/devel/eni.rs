//! `/etc/network/interfaces` in the shape of cloud-init's `parse_deb_config`: `{NAME: {auto, family, method, OPTION: VALUE, …}}`, what its
//! files source among it.
//!
//! As there, `_source_path` is the file that names the interface first; commands (`up`, `pre-down`, …) are lists; `dns-`,
//! `bridge_` and `bond-` options stand in `dns`, `bridge` and `bond` without their prefix; `hwaddress` is without its class `ether`.
//! What that function leaves out or refuses is here too, where it changes nothing of this: any option, with all its
//! words; one that is repeated as a list; further definitions of the same name in `more`; `inherits`, `template`; and what else is said
//! of a name: the classes of `allow-` in `allow`, `no-auto-down`, `no-scripts`, `rename`. A pattern of a `mapping` is a name too.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::Work;
use crate::error::Error;
use crate::format::emit::Json;
use crate::format::eni::{Keyword, Options, Stanza, Text};
use crate::gather::Gather;
use crate::limits::MAX_ENI_NAMES;
use crate::net::interfaces::{File, Visitor, read_text};

/// How the values of an option are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A text; a list if there are several.
    Plain,
    /// A list of lines.
    Lines,
    /// A list of all words.
    Words,
    /// The first word that is not this one.
    Behind(&'static str),
    /// An object: the first word, and the rest.
    Pairs,
}

/// Options that are printed in a way of their own.
const SHAPES: &[(&str, Shape)] = &[
    ("pre-up", Shape::Lines),
    ("up", Shape::Lines),
    ("post-up", Shape::Lines),
    ("pre-down", Shape::Lines),
    ("down", Shape::Lines),
    ("post-down", Shape::Lines),
    ("map", Shape::Lines),
    ("hwaddress", Shape::Behind("ether")),
    ("dns-search", Shape::Words),
    ("dns-nameservers", Shape::Words),
    ("bridge_ports", Shape::Words),
    ("bridge_mac", Shape::Behind("mac")),
    ("bridge_pathcost", Shape::Pairs),
    ("bridge_portprio", Shape::Pairs),
];

/// Options that are called otherwise: `dns-nameserver` is the same, one a line.
const OTHER_NAMES: &[(&str, &str)] = &[("dns-nameserver", "dns-nameservers"), ("bridge_hw", "bridge_mac")];

/// Options that stand together: the key, and how their names begin.
const GROUPS: &[(&str, &str)] = &[("dns", "dns-"), ("bridge", "bridge_"), ("bond", "bond-")];

/// Keys that are no options: one of such a name has a mark before it.
const KEYS: &[&str] = &[
    "_source_path",
    "auto",
    "family",
    "method",
    "inherits",
    "template",
    "mapping",
    "more",
    "dns",
    "bridge",
    "bond",
    "allow",
    "no-auto-down",
    "no-scripts",
    "rename",
];

pub fn print(work: &mut Work<'_, '_>) -> Result<(), Error> {
    let mut collector = Collector { names: Vec::new(), warnings: &mut work.notes.warnings };
    read_text(work.files, work.input.path, work.input.text, &mut collector)?;
    let names = collector.names;
    work.json.begin_object()?;
    for name in &names {
        name.print(&mut work.json)?;
    }
    work.json.end_object()
}

/// All that is said of one name.
struct Name {
    name: String,
    path: String,
    auto: bool,
    /// Definitions so far.
    definitions: u32,
    lines: Vec<Line>,
}

/// One option, or one thing said.
struct Line {
    /// Which definition it belongs to, from 1; 0 for none.
    of: u32,
    name: String,
    value: String,
}

struct Collector<'w> {
    names: Vec<Name>,
    warnings: &'w mut Vec<String>,
}

impl Collector<'_> {
    fn name(&mut self, file: &File<'_>, word: Text<'_>, name: &str) -> Result<&mut Name, Error> {
        const { assert!(MAX_ENI_NAMES == 1024, "the words below say so") };
        let at = match self.names.iter().position(|known| known.name == name) {
            Some(at) => at,
            None if self.names.len() == MAX_ENI_NAMES => return Err(file.error(word, "at most 1,024 interfaces")),
            None => {
                let (name, path) = (name.into(), file.path.into());
                self.names.push(Name { name, path, auto: false, definitions: 0, lines: Vec::new() });
                self.names.len() - 1
            }
        };
        Ok(&mut self.names[at])
    }

    /// Notes the same of each of the names.
    fn each(&mut self, file: &File<'_>, names: Text<'_>, what: &str, value: Cow<'_, str>) -> Result<(), Error> {
        for word in names.words() {
            let name = self.name(file, word, &word.joined())?;
            name.auto |= what == "auto";
            if what != "auto" {
                name.add(0, what, value.clone());
            }
        }
        Ok(())
    }

    fn define(&mut self, file: &File<'_>, stanza: &Stanza<'_>) -> Result<(), Error> {
        let iface = stanza.iface();
        if !iface.extra.is_empty() {
            let error = file.error(iface.extra, "the end of the line; what stands there is not used");
            self.warnings.push(super::said(file.path, &error));
        }
        let name = self.name(file, iface.name, &iface.name.joined())?;
        name.definitions += 1;
        let of = name.definitions;
        for (key, text) in [("family", iface.family), ("method", iface.method), ("inherits", iface.inherits)] {
            if let Some(text) = text {
                name.add(of, key, text.joined());
            }
        }
        if stanza.keyword == Keyword::Template {
            name.add(of, "template", YES);
        }
        name.options(file, &stanza.options)
    }
}

const YES: Cow<'static, str> = Cow::Borrowed("yes");

impl Visitor for Collector<'_> {
    fn stanza(&mut self, file: &File<'_>, stanza: &Stanza<'_>) -> Result<(), Error> {
        let words = stanza.head.value;
        match stanza.keyword {
            Keyword::Auto => self.each(file, words, "auto", YES),
            Keyword::NoAutoDown => self.each(file, words, "no-auto-down", YES),
            Keyword::NoScripts => self.each(file, words, "no-scripts", YES),
            Keyword::Allow => self.each(file, words, "allow", stanza.class().joined()),
            Keyword::Rename => words.words().try_for_each(|word| {
                let pair = word.joined();
                let (old, new) = pair.split_once('=').unwrap_or((&pair, ""));
                self.name(file, word, old)?.add(0, "rename", new.into());
                Ok(())
            }),
            Keyword::Mapping => words.words().try_for_each(|word| {
                let name = self.name(file, word, &word.joined())?;
                name.definitions += 1;
                name.add(name.definitions, "mapping", YES);
                name.options(file, &stanza.options)
            }),
            Keyword::Iface | Keyword::Template => self.define(file, stanza),
            Keyword::Source | Keyword::SourceDirectory => Ok(()),
        }
    }

    fn warning(&mut self, text: String) {
        self.warnings.push(text);
    }
}

impl Name {
    fn add(&mut self, of: u32, name: &str, value: Cow<'_, str>) {
        self.lines.push(Line { of, name: name.into(), value: value.into_owned() });
    }

    /// The options of the last definition.
    fn options(&mut self, file: &File<'_>, options: &Options<'_>) -> Result<(), Error> {
        for option in options.clone() {
            let (name, value) = (option.name.joined(), option.value.joined());
            if name == "auto" && value.is_empty() {
                self.auto = true;
                continue;
            }
            if self.lines.len() == MAX_ENI_NAMES {
                return Err(file.error(option.name, "at most 1,024 options of an interface"));
            }
            let other = OTHER_NAMES.iter().find(|(other, _)| *other == name).map(|(_, name)| *name);
            let marked = if KEYS.contains(&&*name) { ["option ", &name].concat().into() } else { name };
            self.add(self.definitions, other.unwrap_or(&marked), value);
        }
        Ok(())
    }

    fn print(&self, json: &mut Json<'_>) -> Result<(), Error> {
        json.key(&self.name)?;
        json.begin_object()?;
        json.key("_source_path")?;
        json.string(&self.path)?;
        json.key("auto")?;
        json.bool(self.auto)?;
        self.print_lines(json, 0, None)?;
        for of in 1..=self.definitions {
            if of == 2 {
                json.key("more")?;
                json.begin_array()?;
            }
            if of > 1 {
                json.begin_object()?;
            }
            self.print_lines(json, of, None)?;
            for (key, prefix) in GROUPS {
                if self.lines.iter().any(|line| line.of == of && line.name.starts_with(prefix)) {
                    json.key(key)?;
                    json.begin_object()?;
                    self.print_lines(json, of, Some(prefix))?;
                    json.end_object()?;
                }
            }
            if of > 1 {
                json.end_object()?;
            }
        }
        if self.definitions > 1 {
            json.end_array()?;
        }
        json.end_object()
    }

    /// Prints the options of one definition that begin with `prefix`; without one, those that are in no group.
    fn print_lines(&self, json: &mut Json<'_>, of: u32, prefix: Option<&str>) -> Result<(), Error> {
        for (number, line) in self.lines.iter().enumerate() {
            let same = |other: &&Line| other.of == of && other.name == line.name;
            let mine = match prefix {
                Some(prefix) => line.name.starts_with(prefix),
                None => !GROUPS.iter().any(|(_, prefix)| line.name.starts_with(prefix)),
            };
            if line.of != of || !mine || self.lines[..number].iter().any(|before| same(&before)) {
                continue;
            }
            json.key(&line.name[prefix.unwrap_or_default().len()..])?;
            let values: Vec<&str> = self.lines[number..].iter().filter(same).map(|line| &*line.value).gather();
            let shape = SHAPES.iter().find(|(name, _)| *name == line.name).map_or(Shape::Plain, |(_, shape)| *shape);
            print_values(json, &values, shape)?;
        }
        Ok(())
    }
}

#[inline(never)]
fn print_values(json: &mut Json<'_>, values: &[&str], shape: Shape) -> Result<(), Error> {
    let last = values.last().copied().unwrap_or_default();
    match shape {
        Shape::Plain if values.len() == 1 => json.string(last),
        Shape::Behind(class) => {
            let mut words = last.split_ascii_whitespace();
            json.string(words.find(|word| !word.eq_ignore_ascii_case(class)).unwrap_or_default())
        }
        Shape::Pairs => {
            json.begin_object()?;
            for (number, value) in values.iter().enumerate() {
                let (port, rest) = halves(value);
                // The last of a port counts.
                if !values[number + 1..].iter().any(|later| halves(later).0 == port) {
                    json.key(port)?;
                    json.string(rest)?;
                }
            }
            json.end_object()
        }
        _ => {
            json.begin_array()?;
            for value in values {
                match shape {
                    Shape::Words => value.split_ascii_whitespace().try_for_each(|word| json.string(word))?,
                    _ => json.string(value)?,
                }
            }
            json.end_array()
        }
    }
}

/// The first word, and the rest.
fn halves(value: &str) -> (&str, &str) {
    let (first, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    (first, rest.trim_ascii_start())
}
