//! Drives of every kind, on a machine in memory.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::config::Config;
use crate::datasource::{Data, DriveFile};
use crate::error::Errno;
use crate::format::json;
use crate::host::memory::{Device, Fault, FaultSpan, MemoryHost};
use crate::host::write::Buffer;
use crate::instance::DataKind;
use crate::paths::{MOUNTS, State};

mod layouts;
mod places;

const META: &str = "openstack/latest/meta_data.json";
const UUID: &str = r#"{"uuid": "i-1"}"#;

/// What a search gave, with the tree closed.
struct Got {
    candidate: Option<Candidate>,
    looked: Vec<String>,
    broken: Vec<String>,
}

impl Got {
    fn found(self) -> Candidate {
        self.candidate.unwrap_or_else(|| panic!("nothing found; looked: {:?}; broken: {:?}", self.looked, self.broken))
    }
}

/// A search with this configuration (JSON). The candidate's tree is the only one left open.
fn search_with(host: &mut MemoryHost, config: &str) -> Got {
    let mut layers = Config::default();
    let source = layers.sources.add("test.cfg", config.into());
    layers.doc = json::parse(layers.sources.text(source), source).unwrap();
    let state = State::default();
    let mut search = Search { host, config: &layers, state: &state, looked: Vec::new(), broken: Vec::new() };
    let candidate = find(&mut search).unwrap();
    let (looked, broken) = (search.looked, search.broken.iter().map(ToString::to_string).collect());
    assert_eq!(host.open_trees(), usize::from(candidate.is_some()));
    Got { candidate, looked, broken }
}

fn search(host: &mut MemoryHost) -> Got {
    search_with(host, "{}")
}

/// An image of 40 KiB of which [`crate::format::superblock`] reads type and label.
fn image(fstype: &str, label: &str) -> Vec<u8> {
    let mut image = vec![0; 40 << 10];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    match fstype {
        "iso9660" => {
            put(32768, b"\x01CD001\x01");
            put(32768 + 40, format!("{label:32}").as_bytes());
            put(34816, b"\xffCD001\x01");
        }
        "vfat" => {
            put(0, b"\xeb\x3c\x90mkfs.fat");
            // 512 bytes a sector, 1 sector a cluster, 1 reserved, 1 FAT, 16 entries, 80 sectors, media, 1 sector a FAT.
            put(11, &[0, 2, 1, 1, 0, 1, 16, 0, 80, 0, 0xf8, 1, 0]);
            put(38, &[0x29, 1, 2, 3, 4]);
            put(43, format!("{label:11}FAT12   ").as_bytes());
            put(510, &[0x55, 0xaa]);
            // The root directory, after the boot sector and the FAT: its first entry is the label.
            put(512, &[0xf8, 0xff, 0xff]);
            put(1024, format!("{label:11}\x08").as_bytes());
        }
        "ext4" => {
            put(1024 + 56, &[0x53, 0xef]);
            put(1024 + 96, &[0x42, 0, 0, 0]);
            put(1024 + 120, label.as_bytes());
        }
        _ => {}
    }
    image
}

fn device(fstype: &str, label: &str) -> Device {
    Device::new(fstype).image(image(fstype, label))
}

/// A good config drive with this id.
fn drive(id: &str) -> Device {
    device("iso9660", "config-2").file(META, format!("{{\"uuid\": \"{id}\"}}"))
}

fn with(node: &str, device: Device) -> MemoryHost {
    let mut host = MemoryHost::new();
    host.add_device(node, device);
    host
}

/// A config drive on `/dev/sr0` with these files beside a good `meta_data.json`, which must be found.
fn found(files: &[(&str, &str)]) -> Candidate {
    let mut drive = device("iso9660", "config-2").file(META, UUID);
    for (path, content) in files {
        drive = drive.file(path, *content);
    }
    let got = search(&mut with("/dev/sr0", drive));
    assert_eq!(got.broken, [""; 0]);
    got.found()
}

fn messages(errors: &[Error]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

fn bytes(candidate: &Candidate, wanted: DataKind) -> Option<String> {
    candidate.data.iter().find(|(kind, _)| *kind == wanted).map(|(_, data)| match data {
        Data::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        Data::File(path) => format!("file {path}"),
    })
}
