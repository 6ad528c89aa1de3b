//! The input dialects: one file each, and their table, [`DIALECTS`]. A dialect more is a file here and a row there: a boot takes it wherever it
//! takes a document, or where its row says that an initramfs leaves its files, and `net-convert` has its kind.
//!
//! A dialect is read from a document (YAML or JSON) or from texts. Its reader fills a `Reading`: what it understands goes into the config,
//! what is wrong into the report, and one bad item costs only itself. When a reader is done, `check` looks at the whole.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use super::address::{IfName, Mac, Net, mask_bits};
use super::model::{At, Dns, Link, Method, NetConfig, Route, Subnet};
use super::rename;
use super::report::Report;
use crate::error::{Error, ParseError};
use crate::format::doc::{Doc, SourceId, Value};
use crate::format::scalar::Scalar;
use crate::format::{json, yaml};
use crate::host::Files;
use crate::host::links::Nic;
use crate::limits::{MAX_LINKS_CONFIGURED, MAX_QUOTED};
use crate::paths;
pub use eni::Counts;
use keys::{Draft, Keys};

mod check;
mod cmdline;
mod eni;
mod initramfs;
mod keys;
mod network_data;
mod settings;
mod v1;
mod v2;

/// An input dialect.
#[derive(Debug)]
pub struct Dialect {
    /// What `net-convert --kind` calls it. A document of a kind that several have is of the first that it is in.
    pub kind: &'static str,
    /// Links without a name have their id for it.
    pub by_id: bool,
    /// Where an initramfs leaves files of it.
    pub left: Option<Left>,
    read: Read,
}

/// Files in which an initramfs leaves the network that it has brought up.
#[derive(Debug)]
pub struct Left {
    /// The folder that they are in.
    pub dir: &'static str,
    /// Whether the file of this name is one.
    pub is: fn(&str) -> bool,
    /// Whether they count only where the initramfs was asked for a network, or has the root on iSCSI.
    pub if_asked: bool,
}

/// How a dialect is read.
#[derive(Debug)]
enum Read {
    /// As a document, by [`document`].
    Document {
        /// In this syntax where it is a file by itself.
        syntax: Syntax,
        /// Whether a document is in it.
        is: fn(&Value<'_>) -> bool,
        /// Reads one that is.
        read: fn(&Value<'_>, &mut Reading<'_>),
    },
    /// As texts, by [`of_texts`]. The error: there is no reading of them at all.
    Texts(fn(&mut Texts<'_>, &mut Reading<'_>) -> Result<(), Error>),
}

/// Every dialect, cloud-init's first; it has `azure-imds` and `vmware-imc` too. Documents, and what an initramfs left, are asked for in this order.
pub static DIALECTS: &[Dialect] = &[
    Dialect { kind: "eni", by_id: true, left: None, read: Read::Texts(eni::read) },
    Dialect {
        kind: "yaml",
        by_id: true,
        left: None,
        read: Read::Document { syntax: yaml::parse, is: v1::is, read: v1::read },
    },
    Dialect {
        kind: "yaml",
        by_id: true,
        left: None,
        read: Read::Document { syntax: yaml::parse, is: v2::is, read: v2::read },
    },
    Dialect {
        kind: "network_data.json",
        by_id: false,
        left: None,
        read: Read::Document { syntax: json::parse, is: network_data::is, read: network_data::read },
    },
    Dialect { kind: "cmdline", by_id: true, left: None, read: Read::Texts(cmdline::read) },
    Dialect {
        kind: "klibc",
        by_id: true,
        left: Some(Left { dir: paths::RUN, is: initramfs::is_klibc, if_asked: true }),
        read: Read::Texts(initramfs::klibc),
    },
    Dialect {
        kind: "ifcfg",
        by_id: true,
        left: Some(Left { dir: paths::DRACUT_IFCFG_DIR, is: initramfs::is_ifcfg, if_asked: false }),
        read: Read::Texts(initramfs::ifcfg),
    },
];

type Syntax = fn(&[u8], SourceId) -> Result<Doc, ParseError>;

impl Dialect {
    /// What reads the file that has a document of it; `None`: it is no document.
    pub fn syntax(&self) -> Option<Syntax> {
        match self.read {
            Read::Document { syntax, .. } => Some(syntax),
            Read::Texts(_) => None,
        }
    }
}

/// What a dialect that is no document is read from.
pub struct Texts<'a> {
    /// Each its path, or what messages call it, and what it says.
    pub texts: &'a [(String, String)],
    /// The NICs: the best of them is for an address that names none.
    pub nics: &'a [Nic],
    /// Where the files are that a text sources.
    pub files: &'a mut dyn Files,
    /// Which stanzas of an interfaces file count.
    pub counts: &'a mut Counts<'a>,
}

/// The first dialect of this kind.
pub fn of_kind(kind: &str) -> Option<&'static Dialect> {
    DIALECTS.iter().find(|dialect| dialect.kind == kind)
}

/// What texts of this kind say; `None` if there is no link in them. Each kind whose dialect is no document can be named here.
///
/// # Errors
/// A text is in another dialect altogether. What is wrong inside it goes to the report.
#[inline(never)]
pub fn of_texts(kind: &str, from: &mut Texts<'_>, report: &mut Report) -> Result<Option<NetConfig>, Error> {
    let Some(Dialect { read: Read::Texts(read), .. }) = of_kind(kind) else { return Ok(None) };
    let mut reading = Reading::new(report);
    read(from, &mut reading)?;
    Ok((!reading.config.links.is_empty()).then(|| reading.done()))
}

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
#[inline(never)]
pub fn document<'a>(value: &Value<'a>, report: &mut Report) -> Result<Said<'a>, Error> {
    let value = value.get("network").unwrap_or(*value);
    if value.is_null() || (value.is_mapping() && value.children().next().is_none()) {
        return Ok(Said::Nothing);
    }
    if value.get("config").is_some_and(|config| config.is_text("disabled")) {
        return Ok(Said::Disabled);
    }
    let read = DIALECTS.iter().find_map(|dialect| match dialect.read {
        Read::Document { is, read, .. } if is(&value) => Some(read),
        _ => None,
    });
    let Some(read) = read else {
        let at = value.get("version").unwrap_or(value);
        return Err(at.error("a network config: `version: 1` with `config`, `version: 2`, or `links` and `networks`"));
    };
    let mut reading = Reading::new(report);
    read(&value, &mut reading);
    Ok(Said::Config(reading.done(), value))
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
    #[inline(never)]
    fn new(report: &'r mut Report) -> Self {
        Reading { config: NetConfig::default(), report, cursor: Cursor::default(), tied: Vec::new() }
    }

    /// One more warning at a place of the config.
    fn warn(&mut self, at: At, template: &str, pieces: &[&str]) {
        self.report.warn_at(&self.config, at, template, pieces);
    }

    /// One more error at a place of the config.
    fn error(&mut self, at: At, template: &str, pieces: &[&str]) {
        self.report.error_at(&self.config, at, template, pieces);
    }

    /// The config, checked as a whole.
    #[inline(never)]
    fn done(mut self) -> NetConfig {
        check::check(&mut self.config, self.report);
        for (name, dns, at) in &self.tied {
            match self.config.links.iter_mut().find(|link| link.display_name() == name || link.id == *name) {
                Some(link) => link.dns.add(dns),
                None => {
                    let told = "the name servers of `{}`, which is not described, are taken for every link";
                    self.report.warn_at(&self.config, *at, told, &[name]);
                    self.config.dns.add(dns);
                }
            }
        }
        self.config
    }

    /// The place of a text among those of the config.
    #[inline(never)]
    fn source(&mut self, name: &str) -> u16 {
        let known = self.config.sources.iter().position(|known| known == name);
        let at = known.unwrap_or_else(|| {
            self.config.sources.push(name.to_string());
            self.config.sources.len() - 1
        });
        at as u16
    }

    /// Where a value stands.
    #[inline(never)]
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

    /// Adds a link. One of the same id takes the place of the earlier one, as in cloud-init; but a second NIC (by its address) that wants the name
    /// of another, or has its id, is an error, and it keeps the name that it has.
    #[inline(never)]
    fn add(&mut self, mut link: Link) {
        if self.config.links.len() >= MAX_LINKS_CONFIGURED {
            const { assert!(MAX_LINKS_CONFIGURED == 4096, "the words below say so") };
            return self.error(link.at, "at most 4096 links", &[]);
        }
        let has_find = |link: &Link| link.find().is_some_and(|find| !find.is_empty());
        if link.name.as_deref().is_some_and(rename::is_temporary) {
            self.error(link.at, "another name: `{}` {}", &[link.display_name(), rename::TEMPORARY_WISH]);
            if !has_find(&link) {
                return;
            }
            link.name = None;
        }
        // Two NICs by their addresses are two, whatever they are called.
        let mac = |link: &Link| link.find().and_then(|find| find.mac.clone());
        let differs = |other: &Link| mac(&link).zip(mac(other)).is_some_and(|(one, other)| one != other);
        let same_id = |other: &Link| other.id == link.id && differs(other);
        let same_name = |other: &Link| other.name.is_some() && other.name == link.name && other.id != link.id;
        if let Some(other) = self.config.links.iter().find(|other| same_id(other) || same_name(other)) {
            let expected = "a name of its own: `{}` is the name of another link, line {}";
            self.report.error_at(&self.config, link.at, expected, &[link.display_name(), &other.at.line.to_string()]);
            if !has_find(&link) {
                return;
            }
            if let Some(mac) = mac(&link).filter(|_| same_id(other)) {
                link.id = [&link.id, " (", &mac.to_string(), ")"].concat();
            }
            link.name = None;
        }
        match self.config.place(&link.id) {
            None => self.config.links.push(link),
            Some(other) => {
                let line = self.config.links[other].at.line.to_string();
                self.warn(link.at, "`{}` is described in line {} too; this takes its place", &[&link.id, &line]);
                self.config.links[other] = link;
            }
        }
    }

    /// Addresses of name servers: a list, or a text with blanks or commas between them. What is no address costs only itself.
    #[inline(never)]
    fn servers(&mut self, value: &Value<'_>, dns: &mut Dns) -> Result<(), Error> {
        dns.servers.clear();
        words(value, &mut |text, at| {
            match ip(text) {
                Ok(server) => dns.servers.push(server),
                Err(_) => self.report.error(at.error("the IP address of a name server")),
            }
            Ok(())
        })
    }

    /// An address with its prefix behind `/`, or with `mask`; without both it has cloud-init's, and a warning.
    #[inline(never)]
    fn net(&mut self, value: &Value<'_>, mask: Option<&Value<'_>>) -> Result<Net, Error> {
        let text = value.text()?;
        let of_mask = mask.map(Value::text).transpose()?;
        let at = if text.contains('/') { value } else { mask.unwrap_or(value) };
        match self.text_net(&text, of_mask.as_deref()) {
            Ok((net, given)) => {
                if !given {
                    let at = self.at(value);
                    self.lacks_mask(at, net);
                }
                Ok(net)
            }
            Err(expected @ NO_ADDRESS) => Err(value.error(expected)),
            Err(expected) => Err(at.error(expected)),
        }
    }

    /// What is told of an address without a mask.
    #[inline(never)]
    fn lacks_mask(&mut self, at: At, net: Net) {
        let (ip, prefix) = (net.ip.to_string(), net.prefix.to_string());
        self.warn(at, "the address {} has no netmask; /{} is taken", &[&ip, &prefix]);
    }

    /// The same of texts; whether it had a mask. The error is what was expected.
    #[inline(never)]
    fn text_net(&self, text: &str, mask: Option<&str>) -> Result<(Net, bool), &'static str> {
        let (ip, behind) = text.split_once('/').map_or((text, None), |(ip, mask)| (ip, Some(mask)));
        let ip = self::ip(ip)?;
        let Some(mask) = behind.or(mask) else {
            return Ok((Net { ip, prefix: if ip.is_ipv6() { 64 } else { 24 } }, false));
        };
        let prefix = mask_bits(mask.trim_start_matches('/'), ip);
        Ok((Net { ip, prefix: prefix.ok_or("a netmask of the address's family, or its number of bits")? }, true))
    }

    /// Where a byte of a text that is no document stands.
    #[inline(never)]
    fn text_at(&mut self, name: &str, text: &str, offset: usize) -> At {
        let (line, column) = crate::error::position(text.as_bytes(), offset);
        At { source: self.source(name), line, column }
    }

    /// The link of this name, made if there is none.
    #[inline(never)]
    fn link_named(&mut self, name: &IfName, at: At) -> &mut Link {
        let place = self.config.place(name).unwrap_or_else(|| {
            self.config.links.push(Link::named(name, at));
            self.config.links.len() - 1
        });
        &mut self.config.links[place]
    }

    /// A route's destination; `None`: `default`, of the gateway's family.
    #[inline(never)]
    fn destination(&mut self, value: &Value<'_>, mask: Option<&Value<'_>>) -> Result<Option<Net>, Error> {
        if value.is_text("default") {
            return Ok(None);
        }
        // cloud-init gives these /24 and /64 too, which nobody can mean.
        if mask.is_none()
            && let Ok(ip) = ip(&value.text()?)
            && ip.is_unspecified()
        {
            return Ok(Some(Net::everywhere(ip.is_ipv6())));
        }
        self.net(value, mask).map(Some)
    }

    /// The routes of a list.
    #[inline(never)]
    fn routes(
        &mut self,
        value: &Value<'_>,
        read: fn(&mut Reading<'_>, &Value<'_>, bool) -> Result<Option<Route>, Error>,
    ) -> Vec<Route> {
        let mut routes = Vec::new();
        self.items(value, &mut |reading, item| {
            if let Some(route) = read(reading, item, true)? {
                routes.push(route);
            }
            Ok(())
        });
        routes
    }

    /// A route, if it can be one. `of_link`: it is one of a link's.
    #[inline(never)]
    fn route(&mut self, value: &Value<'_>, to: Option<Net>, keys: &Keys, of_link: bool) -> Option<Route> {
        let mut draft = Draft::new(self.at(value));
        self.keys(value, keys, &mut draft);
        let mut route = draft.route;
        route.on_link = draft.on_link == Some(true);
        route.to = to.unwrap_or(Net::everywhere(route.via.is_some_and(|via| via.is_ipv6())));
        let sends = matches!(route.kind, super::model::RouteKind::Unicast);
        let expected = match route.via {
            Some(via) if via.is_ipv6() != route.to.is_v6() => "a gateway of the destination's family",
            None if sends && !of_link => "a route with a gateway",
            None if sends && !route.on_link && route.scope.is_none() => {
                let told = "the route to {} has no gateway; it is taken to be on the link";
                self.report.warn_of(value.position(), told, &[&route.to.to_string()]);
                return Some(route);
            }
            _ => return Some(route),
        };
        self.report.error(value.error(expected));
        None
    }
}

/// Hands the texts of a list, or of a text with blanks or commas between them, to `each`, and where each stands.
#[inline(never)]
fn words<'a>(value: &Value<'a>, each: &mut dyn FnMut(&str, &Value<'a>) -> Result<(), Error>) -> Result<(), Error> {
    if value.is_sequence() {
        for item in value.items().filter(|item| !item.is_null()) {
            each(&item.text()?, &item)?;
        }
        return Ok(());
    }
    for word in value.text()?.split(is_separator).filter(|word| !word.is_empty()) {
        each(word, value)?;
    }
    Ok(())
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | ',' | '\t' | '\n')
}

/// The value of a key that must be there.
#[inline(never)]
fn needed<'a>(item: &Value<'a>, key: &str) -> Result<Value<'a>, Error> {
    let value = item.get(key).filter(|value| !value.is_null());
    value.ok_or_else(|| item.error(super::report::filled("the key `", key, &[]) + "`"))
}

/// The value of the first of these keys that says something.
#[inline(never)]
fn first<'a>(item: &Value<'a>, keys: [&str; 2]) -> Option<Value<'a>> {
    keys.iter().find_map(|key| item.get(key).filter(|value| !value.is_null() && !value.is_text("")))
}

/// The error at a word that is none of those expected: it is quoted, the beginning of a long one.
#[inline(never)]
fn unknown(value: &Value<'_>, expected: &str) -> Error {
    let word = value.text().unwrap_or_default();
    value.error(super::report::filled(expected, "; `{}` is none", &[cut(&word, MAX_QUOTED)]))
}

/// As much of a text as so many bytes hold.
#[inline(never)]
fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The texts alone.
#[inline(never)]
fn texts(value: &Value<'_>) -> Result<Vec<String>, Error> {
    let mut texts = Vec::new();
    words(value, &mut |word, _| {
        texts.push(word.to_string());
        Ok(())
    })?;
    Ok(texts)
}

/// A whole number from 0 to `max`, quoted or not.
#[inline(never)]
fn number(value: &Value<'_>, max: u32) -> Result<u32, Error> {
    let found = match value.scalar() {
        Scalar::Int(number) => u32::try_from(number).ok(),
        Scalar::Text => whole(value.text()?.trim()).ok(),
        _ => None,
    };
    let expected = || value.error(alloc::format!("a whole number from 0 to {max}"));
    found.filter(|number| *number <= max).ok_or_else(expected)
}

/// Yes or no, in any of cloud-init's words.
#[inline(never)]
fn flag(value: &Value<'_>) -> Result<bool, Error> {
    let word = value.text();
    let of = |words: &[&str]| word.as_ref().is_ok_and(|text| words.iter().any(|word| text.eq_ignore_ascii_case(word)));
    match value.scalar() {
        Scalar::Bool(truth) => return Ok(truth),
        Scalar::Int(number @ 0..=1) => return Ok(number == 1),
        _ if of(&["true", "1", "on", "yes", "y", "t"]) => return Ok(true),
        _ if of(&["false", "0", "off", "no", "n", "f"]) => return Ok(false),
        _ => {}
    }
    Err(value.error("true or false"))
}

#[inline(never)]
fn address(value: &Value<'_>) -> Result<IpAddr, Error> {
    ip(&value.text()?).map_err(|expected| value.error(expected))
}

/// An address in a text; the error is what was expected.
#[inline(never)]
fn ip(text: &str) -> Result<IpAddr, &'static str> {
    text.parse().map_err(|_| NO_ADDRESS)
}

/// A number in a text; the error is what was expected.
#[inline(never)]
fn whole(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "a whole number")
}

/// Gives a subnet its gateway; the error is what was expected.
#[inline(never)]
fn gateway(subnet: &mut Subnet, gateway: IpAddr) -> Result<(), &'static str> {
    if matches!(subnet.method, Method::Static(net) if net.is_v6() != gateway.is_ipv6()) {
        return Err("a gateway of the address's family");
    }
    subnet.gateway = Some(gateway);
    Ok(())
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
