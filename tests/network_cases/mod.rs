//! Network configs of the generator as cases: on which machine they are read, and what cloud-init says of them.

use std::path::Path;
use std::process::{Command, Stdio};

use super::network_generator::{NICS, eni, network_data, v1, v2};
use super::python::{Dice, judge};
use wisp::format::doc::{Sources, Value};
use wisp::format::json;
use wisp::host::links::{IfName, Mac, Nic};
use wisp::host::memory::MemoryHost;
use wisp::net::parse::{Said, Texts, document, of_texts};
use wisp::net::{NetConfig, Report, resolve};

/// A config.
pub struct Case {
    /// Its dialect: `v1`, `v2`, `network_data` or `eni`.
    pub form: &'static str,
    /// JSON, but for `eni`.
    pub text: String,
}

/// So many cases, of each dialect in turn.
pub fn generate(seed: u64, count: usize) -> Vec<Case> {
    let mut dice = Dice::new(seed);
    type Generate = fn(&mut Dice) -> String;
    let forms: [(&str, Generate); 3] = [("v1", v1), ("v2", v2), ("network_data", network_data)];
    let one = |at: usize| Case { form: forms[at % 3].0, text: forms[at % 3].1(&mut dice) };
    (0..count).map(one).collect()
}

/// So many interfaces files, each with the same in v1.
#[allow(dead_code)] // Not every test that has this file has them.
pub fn generate_eni(seed: u64, count: usize) -> (Vec<Case>, Vec<Case>) {
    let mut dice = Dice::new(seed);
    let both = (0..count).map(|_| eni(&mut dice));
    both.map(|both| (Case { form: "eni", text: both.eni }, Case { form: "v1", text: both.v1 })).unzip()
}

/// What wisp understands of a case on the machine with [`NICS`], with the document that it was read from, if it is one; and what it reports.
pub fn read(case: &Case, each: &mut dyn FnMut(&NetConfig, Option<Value<'_>>)) -> Report {
    if case.form == "eni" {
        let (texts, mut report) = ([("case".into(), case.text.clone())], Report::default());
        let mut from = Texts { texts: &texts, nics: &[], files: &mut MemoryHost::new(), counts: &mut |_, _| true };
        let read = of_texts("eni", &mut from, &mut report).unwrap_or_else(|error| panic!("{error} in\n{}", case.text));
        let Some(mut config) = read else { return report };
        resolve::resolve(&mut config, &nics(), &mut report);
        each(&config, None);
        return report;
    }
    let mut sources = Sources::new();
    let id = sources.add("case", case.text.clone().into_bytes());
    let doc = json::parse(sources.text(id), id).expect("the generator writes JSON");
    let mut report = Report::default();
    let said = document(&doc.value(&sources).unwrap(), &mut report);
    if let Some(Said::Config(mut config, document)) = report.take(said) {
        resolve::resolve(&mut config, &nics(), &mut report);
        each(&config, Some(document));
    }
    report
}

fn nics() -> Vec<Nic> {
    let nic = |(at, (name, mac)): (usize, &(&str, &str))| Nic {
        index: at as u32 + 2,
        name: IfName::parse(name).unwrap(),
        mac: Mac::parse(mac),
        driver: Some("virtio_net".into()),
        bus_path: Some(format!("pci0000:00/0000:00:0{at}.0")),
        ..Nic::default()
    };
    NICS.iter().enumerate().map(nic).collect()
}

/// What a script of tests/oracle/ answers to each case, JSON.
pub fn ask(script: &str, cases: &[Case]) -> Vec<String> {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let fetched = Command::new(oracle.join("fetch-cloud-init")).stderr(Stdio::inherit()).output().unwrap();
    assert!(fetched.status.success(), "the judge is not there: tests/oracle/fetch-cloud-init failed (see above)");
    let modules = String::from_utf8(fetched.stdout).unwrap();
    let begin = format!("import sys\nsys.dont_write_bytecode = True\nsys.path.insert(0, {:?})\n", modules.trim());
    let macs: Vec<String> = NICS.iter().map(|(name, mac)| format!("\"{mac}\":\"{name}\"")).collect();
    let line = |case: &Case| {
        // The escapes of JSON are among those of Rust, for what the generator writes.
        let data = if case.form == "eni" { format!("{:?}", case.text) } else { case.text.clone() };
        format!("{{\"form\":\"{}\",\"macs\":{{{}}},\"data\":{data}}}", case.form, macs.join(",")).into_bytes()
    };
    let lines: Vec<Vec<u8>> = cases.iter().map(line).collect();
    judge(&(begin + script), &lines)
}

/// Reads one answer.
pub fn answer<T>(line: &str, read: impl FnOnce(Value<'_>) -> T) -> T {
    let mut sources = Sources::new();
    let id = sources.add("answer", line.as_bytes().to_vec());
    let doc = json::parse(sources.text(id), id).unwrap();
    read(doc.value(&sources).unwrap())
}
