//! `tests/golden/network/CASE/`: `in`, a config, and what each kind of image has for it, written by the manuals of what reads it.
//! `WISP_GOLDEN=1` writes them anew, to be read as a diff.

use std::fmt::Write;

use wisp::format::doc::Sources;
use wisp::format::yaml;
use wisp::host::links::{IfName, Mac, Nic};
use wisp::net::parse::{Said, document};
use wisp::net::render::{Image, Input, by_name};
use wisp::net::{Report, resolve};

fn nics() -> Vec<Nic> {
    let nic = |at: u32| Nic {
        index: at + 2,
        name: IfName::parse(&format!("eth{at}")).unwrap(),
        mac: Mac::parse(&format!("fa:16:3e:00:00:1{at}")),
        ..Nic::default()
    };
    let mut nics: Vec<Nic> = (0..3).map(nic).collect();
    // Two with one address, in PCI slots.
    nics.extend((3..5).map(|at| Nic {
        mac: Mac::parse("fa:16:3e:00:00:13"),
        bus_path: Some(format!("pci0000:00/0000:00:0{at}.0/virtio{at}")),
        ..nic(at)
    }));
    nics
}

/// Every file that each kind of image has for a config, one behind the other.
fn written(text: &str, images: &[(&str, &str, Image)]) -> Vec<String> {
    let mut sources = Sources::new();
    let id = sources.add("in", text.as_bytes().to_vec());
    let doc = yaml::parse(sources.text(id), id).unwrap();
    let mut report = Report::default();
    let said = document(&doc.value(&sources).unwrap(), &mut report).unwrap();
    let Said::Config(mut config, document) = said else { panic!("no config") };
    resolve::resolve(&mut config, &nics(), &mut report);
    let write = |(name, _, image): &(&str, &str, Image)| {
        let mut all = String::new();
        let sink = &mut |path: &str, mode: u32, text: &str| {
            let _ = write!(all, "=== {path} {mode:o}\n{text}");
            Ok(())
        };
        let input = Input { config: &config, document: Some(document), image };
        (by_name(name).unwrap().render)(&input, sink).unwrap();
        all
    };
    images.iter().map(write).collect()
}

#[test]
fn files_as_their_readers_want_them() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/network");
    let kept = "NETWORKING=yes\nHOSTNAME=keep.example.org\nIPV6_AUTOCONF=yes\n".to_string();
    let images = [
        ("sysconfig", "centos6", Image { persistent_names: true, sysconfig_network: kept, ..Image::default() }),
        ("sysconfig", "centos7", Image::default()),
        ("eni", "debian", Image { interfaces_d: true, ..Image::default() }),
        ("netplan", "netplan", Image::default()),
        ("networkd", "networkd", Image::default()),
        ("network-manager", "network-manager", Image::default()),
    ];
    let mut cases = 0;
    for case in std::fs::read_dir(root).unwrap() {
        let case = case.unwrap().path();
        let config = std::fs::read_to_string(case.join("in")).unwrap();
        for ((_, file, _), text) in images.iter().zip(written(&config, &images)) {
            let path = case.join(file);
            if std::env::var_os("WISP_GOLDEN").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{}", path.display());
        }
        cases += 1;
    }
    assert!(cases >= 9, "{cases} cases");
}
