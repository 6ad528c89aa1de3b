//! Tables of texts and what they are read as (the model, printed as v2), and of what is wrong in them.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::{Said, Texts, document};
use crate::error::Error;
use crate::format::doc::Sources;
use crate::format::emit::Json;
use crate::format::yaml;
use crate::host::links::Nic;
use crate::host::memory::MemoryHost;
use crate::host::write::Buffer;
use crate::net::address::{IfName, Mac};
use crate::net::{NetConfig, Report, dump};

mod bad;
mod documents;
mod eni;
mod initramfs;

/// The config in a YAML text.
fn read(text: &str) -> (NetConfig, Report) {
    let mut sources = Sources::new();
    let id = sources.add("net", text.as_bytes().to_vec());
    let doc = yaml::parse(sources.text(id), id).expect("YAML");
    let mut report = Report::default();
    let said = document(&doc.value(&sources).expect("a document"), &mut report);
    match report.take(said) {
        Some(Said::Config(config, _)) => (config, report),
        _ => (NetConfig::default(), report),
    }
}

/// The config in texts of this kind, each its name and what it says.
fn of_texts(
    kind: &str,
    named: &[(&str, &str)],
    host: &mut MemoryHost,
    report: &mut Report,
) -> Result<Option<NetConfig>, Error> {
    let named: Vec<(String, String)> = named.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
    let nic = Nic { name: IfName::parse("best").unwrap(), mac: Mac::parse("02:00:00:00:00:01"), ..Nic::default() };
    super::of_texts(kind, &mut Texts { texts: &named, nics: &[nic], files: host, counts: &mut |_, _| true }, report)
}

/// The config as v2, without what all have.
fn printed(config: &NetConfig) -> String {
    let mut buffer = Buffer::new(1 << 20);
    let mut json = Json::new(&mut buffer, None);
    let done: Result<(), Error> = dump::v2(config, &mut json).and_then(|()| json.finish());
    done.expect("memory");
    let text = String::from_utf8(buffer.bytes).expect("UTF-8");
    let inner =
        text.strip_prefix("{\"network\": {\"version\": 2").and_then(|text| text.strip_suffix("}}")).expect("v2");
    inner.trim_start_matches(", ").to_string()
}

/// Everything that was told: errors, then warnings.
fn told(report: &Report) -> Vec<String> {
    report.errors.iter().map(ToString::to_string).chain(report.warnings.iter().cloned()).collect()
}
