//! What a template can name: instance data, with cloud-init's aliases.

use alloc::string::String;
use alloc::vec::Vec;

use super::Machine;
use super::lexer::operator;
use super::number::double;
use super::value::{Span, Value};
use crate::error::Error;
use crate::format::doc::{self, Kind, Visits};
use crate::format::scalar::Scalar;
use crate::limits::MAX_NESTING;

/// Instance data made ready for templates. Made once, it serves any number of them. It is also the store of values, to which a
/// template that is carried out adds its own.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    pub(super) texts: String,
    pub(super) items: Vec<Value>,
    pub(super) top: Span,
}

impl Variables {
    /// From a mapping, as cloud-init does it (`convert_jinja_instance_data`): the keys of each mapping in order; for a key in
    /// which an operator of Jinja stands another one with `_` in its place (`local-hostname`, `local_hostname`); the
    /// keys of `v1` at the top too. Mappings in lists stay as they are.
    ///
    /// # Errors
    /// Too many nodes, or too deep, once aliases are followed; a text that is not UTF-8; more than a template may work through.
    pub fn new(data: &doc::Value<'_>) -> Result<Variables, Error> {
        let mut machine = Machine::new("", Variables::default());
        let top = machine.read(data, &mut Visits::default(), true, 0)?;
        if let Some((_, expected)) = machine.error {
            return Err(data.error(expected));
        }
        machine.store.top = top.items().unwrap_or_default();
        Ok(machine.store)
    }
}

impl Machine<'_> {
    fn read(
        &mut self,
        value: &doc::Value<'_>,
        visits: &mut Visits,
        aliases: bool,
        level: usize,
    ) -> Result<Value, Error> {
        visits.count(value)?;
        const { assert!(MAX_NESTING == 64, "the words below say 64") };
        if level > MAX_NESTING {
            return Err(value.error("at most 64 levels of nesting once aliases are followed"));
        }
        if value.kind() == Kind::Scalar {
            return Ok(match value.scalar() {
                Scalar::Null => Value::None,
                Scalar::Bool(truth) => Value::bool(truth),
                Scalar::Int(int) => Value::Int(int),
                Scalar::Float(float) => Value::double(double(float)),
                Scalar::Text | Scalar::Binary => self.new_text(&value.text()?),
            });
        }
        let is_map = value.is_mapping();
        let mut entries: Vec<[Value; 2]> = Vec::new();
        let mut children = value.children();
        while let Some(child) = children.next() {
            let key = if is_map { self.new_text(&child.text()?) } else { Value::None };
            let Some(child) = (if is_map { children.next() } else { Some(child) }) else { break };
            entries.push([key, self.read(&child, visits, aliases && is_map, level + 1)?]);
        }
        if !is_map {
            let items: Vec<Value> = entries.iter().map(|entry| entry[1]).collect();
            return Ok(Value::List(self.keep(&items)));
        }
        if aliases {
            self.sort(0, &mut entries);
        }
        let mut all = Vec::new();
        for entry in entries {
            all.extend(entry);
            if aliases {
                self.aliases(entry, &mut all);
            }
        }
        Ok(self.map(&all))
    }

    /// Adds the entries that one stands for too.
    #[inline(never)]
    fn aliases(&mut self, entry: [Value; 2], all: &mut Vec<Value>) {
        let Value::Text(key) = entry[0] else { return };
        let key = String::from(self.text(key));
        if let ([b'v', version @ ..], Value::Map(inner)) = (key.as_bytes(), entry[1])
            && !version.is_empty()
            && version.iter().all(u8::is_ascii_digit)
        {
            all.extend((0..inner.len()).map(|at| self.item(inner, at)));
        }
        // `_` in place of each of Jinja's operators (of two characters, one).
        let mut alias = String::new();
        let mut rest = key.as_str();
        while let Some(c) = rest.chars().next() {
            let found = operator(rest.as_bytes());
            alias.push(if found.is_some() { '_' } else { c });
            rest = &rest[found.map_or(c.len_utf8(), |(_, length)| length)..];
        }
        if alias != key {
            let alias = self.new_text(&alias);
            all.extend([alias, entry[1]]);
        }
    }
}
