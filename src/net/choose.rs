//! Which network config a boot takes. Highest first:
//!
//! 1. `network-config=` on the kernel command line: base64 of YAML or JSON, gzipped or not, or the word `disabled`;
//! 2. what an initramfs has set up: klibc's files (where `ip=` or `ip6=` is on the command line, or the root is on iSCSI), dracut's
//!    `ifcfg-*`, else the `ip=` and `ip6=` of the command line itself;
//! 3. `network:` of cloud.cfg;
//! 4. the datasource's;
//! 5. the image's own `/etc/network/interfaces`, with what it sources, if somebody else than wisp has written it and it has a link for a NIC of
//!    this machine, or for what is made of one;
//! 6. DHCP on the fallback NIC.
//!
//! `config: disabled` at the first that says so, or the file `data/upgraded-network`, ends the search: the network is left alone. A source that
//! says nothing, or that cannot be read (an error; of the image's a warning), is passed over: a machine without a network is of no use to anybody.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::model::{At, Control, Find, Kind, Link, Method, NetConfig, Subnet};
use super::parse::{self, DIALECTS, Left, Said, Texts};
use super::report::Report;
use super::resolve::take;
use crate::error::Error;
use crate::format::base64::{self, Padding};
use crate::format::doc::{Doc, Sources, Value};
use crate::format::gzip::{self, GzipReader};
use crate::format::stream::{self, Bytes};
use crate::format::{cmdline, yaml};
use crate::host::Files;
use crate::host::links::{IfName, Nic};
use crate::host::write::{Buffer, read_file};
use crate::limits::{MAX_CMDLINE_NETWORK, MAX_NICS, MAX_STATE_FILE};
use crate::paths;

pub mod image;

/// Where a config came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `data/upgraded-network`: only ever [`Choice::Disabled`].
    Upgraded,
    /// `network-config=`.
    CommandLine,
    /// An initramfs, or what one would be told.
    Initramfs,
    /// cloud.cfg.
    System,
    /// The datasource.
    Datasource,
    /// The image's own files.
    Image,
    /// Nobody.
    Fallback,
}

impl Origin {
    /// cloud-init's word; it does not read the image's.
    pub fn word(self) -> &'static str {
        match self {
            Origin::Upgraded => "upgraded-network",
            Origin::CommandLine => "cmdline",
            Origin::Initramfs => "initramfs",
            Origin::System => "system_cfg",
            Origin::Datasource => "ds",
            Origin::Image => "image",
            Origin::Fallback => "fallback",
        }
    }
}

/// What there is to choose from.
#[derive(Default)]
pub struct Candidates<'a> {
    /// Whether `data/upgraded-network` is there.
    pub upgraded: bool,
    /// The kernel's command line, for `ip=`.
    pub command_line: &'a str,
    /// Its `network-config=`, read ([`command_line_document`]).
    pub document: Option<Value<'a>>,
    /// What an initramfs left.
    pub initramfs: Initramfs,
    /// `network:` of cloud.cfg.
    pub system: Option<Value<'a>>,
    /// The datasource's document.
    pub datasource: Option<Value<'a>>,
    /// The datasource's ENI with its name, if it has one; a document wins over it.
    pub datasource_eni: &'a [(String, String)],
    /// Files that wisp has written: the image's own are others.
    pub own: &'a [(String, u64)],
    /// The NICs.
    pub nics: &'a [Nic],
}

/// What an initramfs left.
#[derive(Debug, Default)]
pub struct Initramfs {
    /// Its files, each its path and its text, by the kind of their dialect.
    pub files: Vec<(&'static str, Vec<(String, String)>)>,
    /// Whether the root is on iSCSI set up by initramfs-tools.
    pub iscsi: bool,
}

/// What is taken.
#[derive(Debug)]
pub enum Choice<'a> {
    /// This config; with the document that it was read from, if it was one. (Netplan takes v2 as it was written.)
    Config(NetConfig, Origin, Option<Value<'a>>),
    /// The network is left alone.
    Disabled(Origin),
    /// There is no config, and no NIC to ask on.
    Nothing,
}

/// Chooses. `files`: where the image's own are, and what a text sources; they are not looked at where a higher source speaks. What is wrong in a
/// source goes to the report.
#[inline(never)]
pub fn choose<'a>(from: &Candidates<'a>, files: &mut dyn Files, report: &mut Report) -> Choice<'a> {
    if from.upgraded {
        return Choice::Disabled(Origin::Upgraded);
    }
    let documents = [
        (from.document, Origin::CommandLine),
        (None, Origin::Initramfs),
        (from.system, Origin::System),
        (from.datasource, Origin::Datasource),
    ];
    for (document, origin) in documents {
        if let Some(document) = document {
            let said = parse::document(&document, report);
            match report.take(said) {
                Some(Said::Config(config, value)) => return Choice::Config(config, origin, Some(value)),
                Some(Said::Disabled) => return Choice::Disabled(origin),
                Some(Said::Nothing) | None => {}
            }
        }
        let config = match origin {
            Origin::Initramfs => initramfs(from, files, report),
            Origin::Datasource => said("eni", from.datasource_eni, from, files, report),
            _ => None,
        };
        if let Some(config) = config {
            return Choice::Config(config, origin, None);
        }
    }
    if let Some(config) = image(from, files, report) {
        return Choice::Config(config, Origin::Image, None);
    }
    fallback(from.nics).map_or(Choice::Nothing, |config| Choice::Config(config, Origin::Fallback, None))
}

/// The image's own, if it is for this machine. What is wrong inside it is told by who does more with it.
#[inline(never)]
fn image(from: &Candidates<'_>, files: &mut dyn Files, report: &mut Report) -> Option<NetConfig> {
    match image::read(files, from.own, &mut Report::default()).0 {
        Ok(config) => config.and_then(|config| image::of_machine(config, from.nics)),
        Err(error) => {
            report.told(error.to_string());
            None
        }
    }
}

/// What texts of a kind say.
#[inline(never)]
fn said(
    kind: &str,
    texts: &[(String, String)],
    from: &Candidates<'_>,
    files: &mut dyn Files,
    report: &mut Report,
) -> Option<NetConfig> {
    let read = parse::of_texts(kind, &mut Texts { texts, nics: from.nics, files, counts: &mut |_, _| true }, report);
    report.take(read).flatten()
}

#[inline(never)]
fn initramfs(from: &Candidates<'_>, files: &mut dyn Files, report: &mut Report) -> Option<NetConfig> {
    let asks = |one: cmdline::Parameter<'_>| matches!(one.name, "ip" | "ip6") && one.value.is_some();
    let asked = from.initramfs.iscsi || cmdline::parameters(from.command_line).any(asks);
    for (kind, texts) in &from.initramfs.files {
        let counts = |left: &Left| asked || !left.if_asked;
        if parse::of_kind(kind).and_then(|dialect| dialect.left.as_ref()).is_some_and(counts)
            && let Some(config) = said(kind, texts, from, files, report)
        {
            return Some(config);
        }
    }
    command_line(from, files, report)
}

/// `ip=` and `ip6=` of the command line. A NIC that is up was brought up by whoever they were meant for (the kernel itself), or, where no NIC
/// is named, it is the one that had an answer; others are brought up like those of any config.
fn command_line(from: &Candidates<'_>, files: &mut dyn Files, report: &mut Report) -> Option<NetConfig> {
    let line = [(String::new(), from.command_line.into())];
    let mut config = said("cmdline", &line, from, files, report)?;
    for link in &mut config.links {
        let meant = |nic: &&Nic| link.name.as_ref().map_or(nic.is_physical(), |name| *name == nic.name);
        if from.nics.iter().filter(meant).any(|nic| nic.up) {
            link.subnets.iter_mut().for_each(|subnet| subnet.control = Control::Manual);
        }
    }
    Some(config)
}

/// Reads `network-config=` of the command line into `sources`; `None` without one. The last one counts.
///
/// # Errors
/// No base64, broken gzip, over `MAX_CMDLINE_NETWORK`, or no YAML.
#[inline(never)]
pub fn command_line_document(command_line: &str, sources: &mut Sources) -> Result<Option<Doc>, Error> {
    const NAME: &str = "network-config= of the kernel command line";
    let Some(text) = cmdline::get(command_line, "network-config").flatten().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let mut decoded = Buffer::new(MAX_CMDLINE_NETWORK as usize);
    if text == "disabled" {
        decoded.bytes.extend_from_slice(b"config: disabled");
    } else {
        let mut from = base64::reader(text.as_bytes(), Padding::Required);
        let done = stream::copy(&mut from, &mut decoded).map(|_| ());
        done.map_err(|error| stream::relocated(error, NAME, (1, 1)))?;
    }
    let mut bytes = decoded.bytes;
    if gzip::is_gzip(&bytes) {
        let mut inflated = Buffer::new(MAX_CMDLINE_NETWORK as usize);
        let mut from = Bytes(&bytes);
        let copied = stream::copy(&mut GzipReader::new(&mut from, MAX_CMDLINE_NETWORK), &mut inflated);
        copied.map_err(|error| Error::new("inflate", NAME, error.into_cause()))?;
        bytes = inflated.bytes;
    }
    let source = sources.add(NAME, bytes);
    yaml::parse(sources.text(source), source).map(Some).map_err(|error| Error::new("read", NAME, error))
}

/// What an initramfs left in `/run`, in the order of the table of dialects.
///
/// # Errors
/// A file cannot be read.
pub fn read_initramfs(files: &mut dyn Files) -> Result<Initramfs, Error> {
    let mut found = Initramfs { files: Vec::new(), iscsi: files.stat(paths::ISCSI_INTERFACE, true)?.is_some() };
    for dialect in DIALECTS {
        if let Some(left) = &dialect.left {
            found.files.push((dialect.kind, texts(files, left.dir, &left.is)?));
        }
    }
    Ok(found)
}

fn texts(files: &mut dyn Files, dir: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(String, String)>, Error> {
    let mut paths = Vec::new();
    files.list(dir, &mut |name| {
        if let Ok(name) = core::str::from_utf8(name)
            && wanted(name)
            && paths.len() < MAX_NICS
        {
            paths.push(format!("{dir}/{name}"));
        }
    })?;
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        if let Some(text) = read_file(files, &path, MAX_STATE_FILE)? {
            texts.push((path, String::from_utf8_lossy(&text).into_owned()));
        }
    }
    Ok(texts)
}

/// The NIC to ask on where nothing is said: connected ones first, then by name in natural order (`eth2` before `eth10`). Never a
/// bond, bridge, VLAN or other link without a device, a member of one, or one without a MAC address.
#[inline(never)]
pub fn best_nic(nics: &[Nic]) -> Option<&Nic> {
    let mut best: Option<&Nic> = None;
    for nic in nics.iter().filter(|nic| nic.is_physical() && nic.mac.is_some() && nic.master.is_none()) {
        let connected = |nic: &Nic| nic.carrier == Some(true);
        let is_better = |than: &Nic| match (connected(nic), connected(than)) {
            (true, false) => true,
            (false, true) => false,
            _ => natural(&nic.name, &than.name) == Ordering::Less,
        };
        if best.is_none_or(is_better) {
            best = Some(nic);
        }
    }
    best
}

/// DHCP on the [`best_nic`], under the name that it has.
pub fn fallback(nics: &[Nic]) -> Option<NetConfig> {
    let nic = best_nic(nics)?;
    let mut link = Link::named(&nic.name, At::default());
    link.kind = Kind::Physical(Find { mac: nic.mac.clone(), ..Find::default() });
    take(&mut link, nic, nics);
    link.add(Subnet::new(At::default(), Method::Dhcp4));
    let mut config = NetConfig::default();
    config.sources.push("the fallback".into());
    config.links.push(link);
    Some(config)
}

/// Compares names, numbers in them by value.
#[inline(never)]
fn natural(one: &IfName, other: &IfName) -> Ordering {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    loop {
        let (a, b) = (piece(one), piece(other));
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let order = match (a[0].is_ascii_digit(), b[0].is_ascii_digit()) {
            (true, true) => number(a).cmp(&number(b)),
            _ => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
        (one, other) = (&one[a.len()..], &other[b.len()..]);
    }
}

/// The digits, or what are none, that a name begins with.
fn piece(name: &[u8]) -> &[u8] {
    let digits = name.first().is_some_and(u8::is_ascii_digit);
    &name[..name.iter().take_while(|byte| byte.is_ascii_digit() == digits).count()]
}

/// At most 15 digits fit.
fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests;
