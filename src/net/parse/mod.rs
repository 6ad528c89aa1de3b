//! The input dialects: one file each, and their table.
//!
//! A dialect is read from a document (YAML or JSON) or from a text. Its reader fills a [`Reading`]: what it understands goes into the config,
//! what is wrong into the report, and one bad item costs only itself. When a reader is done, `check` looks at the whole.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::address::{IfName, Mac, Net, mask_bits};
use super::model::{At, Dns, Link, NetConfig, Route};
use super::report::Report;
use crate::error::Error;
use crate::format::doc::{SourceId, Value};
use crate::format::scalar::Scalar;
use crate::limits::MAX_LINKS_CONFIGURED;

mod check;
mod cmdline;
pub mod eni;
mod initramfs;
mod network_data;
mod settings;
mod v1;
mod v2;

/// A dialect that is a document.
struct Dialect {
    /// Whether a document is in it.
    is: fn(&Value<'_>) -> bool,
    read: fn(&Value<'_>, &mut Reading<'_>),
}

/// The dialects that are documents, in the order in which they are asked.
const DIALECTS: &[Dialect] = &[
    Dialect { is: v1::is, read: v1::read },
    Dialect { is: v2::is, read: v2::read },
    Dialect { is: network_data::is, read: network_data::read },
];

/// What a document says.
#[derive(Debug)]
pub enum Said<'a> {
    /// Nothing: it is empty.
    Nothing,
    /// `config: disabled`: wisp shall leave the network alone.
    Disabled,
    /// This, and where it stands: the document below its `network:`, if it has one. (Netplan takes v2 as it was written.)
    Config(NetConfig, Value<'a>),
}

/// Reads a document in any dialect: network-config v1 or v2, with or without `network:` above it, or `network_data.json`.
///
/// # Errors
/// It is in none of them. What is wrong inside it goes to the report.
pub fn document<'a>(value: &Value<'a>, report: &mut Report) -> Result<Said<'a>, Error> {
    let value = value.get("network").unwrap_or(*value);
    if value.is_null() || (value.is_mapping() && value.children().next().is_none()) {
        return Ok(Said::Nothing);
    }
    if value.get("config").is_some_and(|config| config.is_text("disabled")) {
        return Ok(Said::Disabled);
    }
    let Some(dialect) = DIALECTS.iter().find(|dialect| (dialect.is)(&value)) else {
        let at = value.get("version").unwrap_or(value);
        return Err(at.error("a network config: `version: 1` with `config`, `version: 2`, or `links` and `networks`"));
    };
    let mut reading = Reading::new(report);
    (dialect.read)(&value, &mut reading);
    Ok(Said::Config(reading.done(), value))
}

/// What `ip=` and its like on the kernel's command line say; `None` without one that does. `best`: the NIC for an address that names none.
pub fn command_line(text: &str, best: Option<&IfName>, report: &mut Report) -> Option<NetConfig> {
    let mut reading = Reading::new(report);
    cmdline::read(text, best, &mut reading);
    (!reading.config.links.is_empty()).then(|| reading.done())
}

/// What files of klibc's ipconfig (name, text) say; `None` without a file.
pub fn klibc(files: &[(String, String)], report: &mut Report) -> Option<NetConfig> {
    let mut reading = Reading::new(report);
    initramfs::klibc(files, &mut reading);
    (!reading.config.links.is_empty()).then(|| reading.done())
}

/// What `ifcfg-*` files (name, text) say; `None` without a file.
pub fn ifcfg(files: &[(String, String)], report: &mut Report) -> Option<NetConfig> {
    let mut reading = Reading::new(report);
    initramfs::ifcfg(files, &mut reading);
    (!reading.config.links.is_empty()).then(|| reading.done())
}

/// A config being read.
struct Reading<'r> {
    config: NetConfig,
    report: &'r mut Report,
    cursor: Cursor,
    /// Name servers of a link, by its name: it may stand behind them, or be a member that is described nowhere.
    tied: Vec<(String, Dns, At)>,
}

/// Where the reader is in a text. Documents are read nearly in order, so positions cost one pass in all.
#[derive(Default)]
struct Cursor {
    text: Option<SourceId>,
    offset: usize,
    at: At,
}

/// What is expected where an address stands.
const NO_ADDRESS: &str = "an IP address";

/// The error at a byte of a text that is no document.
#[inline(never)]
fn text_error(name: &str, text: &str, offset: usize, expected: impl Into<alloc::borrow::Cow<'static, str>>) -> Error {
    Error::new("read", name, crate::error::ParseError::at(text.as_bytes(), offset, expected))
}

/// What becomes of a key.
type Known = Result<bool, Error>;

impl<'r> Reading<'r> {
    fn new(report: &'r mut Report) -> Self {
        Reading { config: NetConfig::default(), report, cursor: Cursor::default(), tied: Vec::new() }
    }

    /// The config, checked as a whole.
    fn done(mut self) -> NetConfig {
        check::check(&mut self.config, self.report);
        for (name, dns, at) in self.tied {
            match self.config.links.iter_mut().find(|link| link.display_name() == name) {
                Some(link) => link.dns.add(&dns),
                None => {
                    let told =
                        format_args!("the name servers of `{name}`, which is not described, are taken for every link");
                    self.report.warn(self.config.position(at), told);
                    self.config.dns.add(&dns);
                }
            }
        }
        self.config
    }

    /// The place of a text among those of the config.
    fn source(&mut self, name: &str) -> u16 {
        let known = self.config.sources.iter().position(|known| known == name);
        let at = known.unwrap_or_else(|| {
            self.config.sources.push(name.to_string());
            self.config.sources.len() - 1
        });
        at as u16
    }

    /// Where a value stands.
    fn at(&mut self, value: &Value<'_>) -> At {
        let node = value.node();
        let (text, offset) = (value.sources.text(node.source), node.start as usize);
        if self.cursor.text != Some(node.source) || self.cursor.offset > offset {
            let source = self.source(&value.sources.get(node.source).name);
            self.cursor = Cursor { text: Some(node.source), offset: 0, at: At { source, line: 1, column: 1 } };
        }
        let from = self.cursor.offset;
        let (line, column) = crate::error::position(&text[from..], offset - from);
        let at = &mut self.cursor.at;
        at.column = if line == 1 { at.column + column - 1 } else { column };
        at.line += line - 1;
        self.cursor.offset = offset;
        *at
    }

    /// Hands each key of a mapping that has a value to `each`, which says whether it knows it. An error costs that key.
    fn keys(&mut self, mapping: &Value<'_>, each: &mut dyn FnMut(&mut Self, &str, &Value<'_>) -> Known) {
        if !mapping.is_mapping() {
            return self.report.error(mapping.error("a mapping (`key: value`)"));
        }
        for (key, value) in mapping.entries() {
            let Some(name) = self.report.take(key.text()) else { continue };
            if value.is_null() {
                continue;
            }
            match each(self, &name, &value) {
                Ok(true) => {}
                Ok(false) => {
                    self.report.warn(key.position(), format_args!("the key `{name}` is not known and does nothing"))
                }
                Err(error) => self.report.error(error),
            }
        }
    }

    /// Hands each item of a sequence to `each`.
    fn items(&mut self, sequence: &Value<'_>, each: &mut dyn FnMut(&mut Self, &Value<'_>) -> Result<(), Error>) {
        if !sequence.is_sequence() {
            return self.report.error(sequence.error("a list"));
        }
        for item in sequence.items() {
            let done = each(self, &item);
            self.report.take(done);
        }
    }

    /// Adds a link. One of the same id takes the place of the earlier one, as in cloud-init; a second NIC that wants the name
    /// of another is an error, and it keeps the name that it has.
    fn add(&mut self, mut link: Link) {
        if self.config.links.len() >= MAX_LINKS_CONFIGURED {
            let error = self.config.error(link.at, "at most 4096 links");
            return self.report.error(error);
        }
        let same_id = self.config.links.iter().position(|other| other.id == link.id);
        let same_name = |other: &Link| other.name.is_some() && other.name == link.name && other.id != link.id;
        if let Some(other) = self.config.links.iter().find(|other| same_name(other)) {
            let (line, name) = (other.at.line, link.display_name().to_string());
            let expected = alloc::format!("a name of its own: `{name}` is the name of another link, line {line}");
            self.report.error(self.config.error(link.at, expected));
            if link.find().is_none_or(super::model::Find::is_empty) {
                return;
            }
            link.name = None;
        }
        match same_id {
            None => self.config.links.push(link),
            Some(other) => {
                let at = self.config.position(link.at);
                let line = self.config.links[other].at.line;
                self.report
                    .warn(at, format_args!("`{}` is described in line {line} too; this takes its place", link.id));
                self.config.links[other] = link;
            }
        }
    }

    /// Addresses of name servers: a list, or a text with blanks or commas between them. What is no address costs only itself.
    fn servers(&mut self, value: &Value<'_>, dns: &mut Dns) -> Result<(), Error> {
        dns.servers.clear();
        for (text, at) in words(value)? {
            match text.parse() {
                Ok(server) => dns.servers.push(server),
                Err(_) => self.report.error(at.error("the IP address of a name server")),
            }
        }
        Ok(())
    }

    /// An address with its prefix behind `/`, or with `mask`; without both it has cloud-init's, and a warning.
    fn net(&mut self, value: &Value<'_>, mask: Option<&Value<'_>>) -> Result<Net, Error> {
        let text = value.text()?;
        let of_mask = mask.map(Value::text).transpose()?;
        let at = if text.contains('/') { value } else { mask.unwrap_or(value) };
        match self.text_net(&text, of_mask.as_deref()) {
            Ok((net, true)) => Ok(net),
            Ok((net, false)) => {
                let told = format_args!("the address {} has no netmask; /{} is taken", net.ip, net.prefix);
                self.report.warn(value.position(), told);
                Ok(net)
            }
            Err(expected @ NO_ADDRESS) => Err(value.error(expected)),
            Err(expected) => Err(at.error(expected)),
        }
    }

    /// The same of texts; whether it had a mask. The error is what was expected.
    fn text_net(&self, text: &str, mask: Option<&str>) -> Result<(Net, bool), &'static str> {
        let (ip, behind) = text.split_once('/').map_or((text, None), |(ip, mask)| (ip, Some(mask)));
        let ip: IpAddr = ip.parse().map_err(|_| NO_ADDRESS)?;
        let Some(mask) = behind.or(mask) else {
            return Ok((Net { ip, prefix: if ip.is_ipv6() { 64 } else { 24 } }, false));
        };
        let prefix = mask_bits(mask.trim_start_matches('/'), ip);
        Ok((Net { ip, prefix: prefix.ok_or("a netmask of the address's family, or its number of bits")? }, true))
    }

    /// Where a byte of a text that is no document stands.
    fn text_at(&mut self, name: &str, text: &str, offset: usize) -> At {
        let (line, column) = crate::error::position(text.as_bytes(), offset);
        At { source: self.source(name), line, column }
    }

    /// The link of this name, made if there is none.
    fn link_named(&mut self, name: &IfName, at: At) -> &mut Link {
        let known = self.config.links.iter().position(|link| link.id == **name);
        let place = known.unwrap_or_else(|| {
            self.config.links.push(cmdline::named(name, at));
            self.config.links.len() - 1
        });
        &mut self.config.links[place]
    }

    /// A route's destination; `None`: `default`, of the gateway's family.
    fn destination(&mut self, value: &Value<'_>, mask: Option<&Value<'_>>) -> Result<Option<Net>, Error> {
        if value.is_text("default") {
            return Ok(None);
        }
        // cloud-init gives these /24 and /64 too, which nobody can mean.
        for v6 in [false, true] {
            let net = Net::everywhere(v6);
            if mask.is_none() && value.text()?.parse() == Ok(net.ip) {
                return Ok(Some(net));
            }
        }
        self.net(value, mask).map(Some)
    }

    /// A route as it was read, if it can be one. `links`: it is one of a link's.
    fn route(&mut self, value: &Value<'_>, to: Option<Net>, mut route: Route, of_link: bool) -> Option<Route> {
        let v6 = route.via.is_some_and(|via| via.is_ipv6());
        route.to = to.unwrap_or(Net::everywhere(v6));
        let sends = matches!(route.kind, super::model::RouteKind::Unicast);
        match route.via {
            Some(via) if via.is_ipv6() != route.to.is_v6() => {
                self.report.error(value.error("a gateway of the destination's family"));
                return None;
            }
            None if sends && !of_link => {
                self.report.error(value.error("a route with a gateway"));
                return None;
            }
            None if sends && !route.on_link && route.scope.is_none() => {
                let told = format_args!("the route to {} has no gateway; it is taken to be on the link", route.to);
                self.report.warn(value.position(), told);
            }
            _ => {}
        }
        Some(route)
    }
}

/// The texts of a list, or of a text with blanks or commas between them, and where each stands.
#[inline(never)]
fn words<'a>(value: &Value<'a>) -> Result<Vec<(String, Value<'a>)>, Error> {
    if value.is_sequence() {
        return value.items().filter(|item| !item.is_null()).map(|item| Ok((item.text()?, item))).collect();
    }
    let text = value.text()?;
    let split = text.split([' ', ',', '\t', '\n']).filter(|word| !word.is_empty());
    Ok(split.map(|word| (word.to_string(), *value)).collect())
}

/// The value of a key that must be there.
#[inline(never)]
fn needed<'a>(item: &Value<'a>, key: &str) -> Result<Value<'a>, Error> {
    item.get(key).ok_or_else(|| item.error(alloc::format!("the key `{key}`")))
}

/// The texts alone.
#[inline(never)]
fn texts(value: &Value<'_>) -> Result<Vec<String>, Error> {
    Ok(words(value)?.into_iter().map(|(word, _)| word).collect())
}

/// A whole number from 0 to `max`, quoted or not.
#[inline(never)]
fn number(value: &Value<'_>, max: u32) -> Result<u32, Error> {
    let found = match value.scalar() {
        Scalar::Int(number) => u32::try_from(number).ok(),
        Scalar::Text => value.text()?.trim().parse().ok(),
        _ => None,
    };
    let expected = || value.error(alloc::format!("a whole number from 0 to {max}"));
    found.filter(|number| *number <= max).ok_or_else(expected)
}

/// Yes or no, in any of cloud-init's words.
#[inline(never)]
fn flag(value: &Value<'_>) -> Result<bool, Error> {
    if is_true(value) {
        return Ok(true);
    }
    let no = match value.scalar() {
        Scalar::Bool(truth) => !truth,
        Scalar::Int(number) => number == 0,
        _ => ["false", "0", "off", "no", "n", "f"]
            .iter()
            .any(|word| value.text().is_ok_and(|text| text.eq_ignore_ascii_case(word))),
    };
    if no { Ok(false) } else { Err(value.error("true or false")) }
}

/// cloud-init's `util.is_true`.
fn is_true(value: &Value<'_>) -> bool {
    match value.scalar() {
        Scalar::Bool(truth) => truth,
        Scalar::Int(number) => number == 1,
        _ => ["true", "1", "on", "yes", "y", "t"]
            .iter()
            .any(|word| value.text().is_ok_and(|text| text.eq_ignore_ascii_case(word))),
    }
}

#[inline(never)]
fn address(value: &Value<'_>) -> Result<IpAddr, Error> {
    value.text()?.parse().map_err(|_| value.error("an IP address"))
}

#[inline(never)]
fn mac(value: &Value<'_>) -> Result<Mac, Error> {
    Mac::parse(&value.text()?).ok_or_else(|| value.error(Mac::EXPECTED))
}

#[inline(never)]
fn if_name(value: &Value<'_>) -> Result<IfName, Error> {
    IfName::parse(&value.text()?).ok_or_else(|| value.error(IfName::EXPECTED))
}

#[cfg(test)]
mod tests;
