//! `net-convert`: a network config of any input dialect as the files of any renderer, with cloud-init's options.
//!
//! `--kind` names one of [`parse::DIALECTS`]. Links are named as [`resolve::name`] has it: by the NICs that are known, and links of any dialect but
//! `network_data.json` by their id. What is wrong in the config costs only itself, as at a boot.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Input, Notes};
use crate::error::Error;
use crate::format::doc::{Doc, Sources};
use crate::format::emit::Json;
use crate::host::links::{IfName, Mac, Nic};
use crate::host::write::{Buffer, write_file};
use crate::host::{Create, Files};
use crate::limits::MAX_INFLATED;
use crate::net::parse::{self, Dialect, Said, Texts};
use crate::net::render::{Image, Renderer};
use crate::net::{Report, dump, render, resolve};

/// The distributions that `--distro` may name, cloud-init's. All that depends on it is where the interfaces file stands.
pub static DISTROS: &[&str] = &[
    "debian",
    "ubuntu",
    "almalinux",
    "alpine",
    "amazon",
    "arch",
    "azurelinux",
    "centos",
    "cloudlinux",
    "cos",
    "dragonfly",
    "eurolinux",
    "fedora",
    "freebsd",
    "gentoo",
    "mariner",
    "miraclelinux",
    "netbsd",
    "openEuler",
    "openbsd",
    "openmandriva",
    "opensuse",
    "photon",
    "rhel",
    "rocky",
    "sles",
    "virtuozzo",
];

/// How many of [`DISTROS`], the first, have `interfaces.d`.
const DEBIANS: usize = 2;

/// Those whose sysconfig is another dialect, which wisp does not write.
const SUSE: [&str; 2] = ["opensuse", "sles"];

/// What is to be done.
pub struct Order<'a> {
    /// The config.
    pub input: Input<'a>,
    /// Its dialect.
    pub dialect: &'a Dialect,
    /// The files' dialect.
    pub renderer: &'a Renderer,
    /// One of [`DISTROS`].
    pub distro: &'a str,
    /// The NICs that are known.
    pub nics: &'a [Nic],
    /// The directory that stands for the root of the files.
    pub directory: &'a str,
    /// Whether the config is wanted as it was understood.
    pub debug: bool,
}

/// Writes the files.
///
/// The first value is the config as network-config v2 in JSON, if that was asked for.
///
/// # Errors
/// The config cannot be read at all, or says nothing; a file cannot be written.
#[inline(never)]
pub fn convert(order: &Order<'_>, files: &mut dyn Files) -> Result<(Vec<u8>, Notes), String> {
    let input = &order.input;
    let (mut report, mut understood) = (Report::default(), Buffer::new(MAX_INFLATED as usize));
    let found = read(order, files, &mut report, &mut understood).map_err(|error| input.said(&error))?;
    if !found && report.errors.is_empty() {
        return Err([input.name, ": no network config is in it"].concat());
    }
    let mut notes = Notes { warnings: report.warnings, ..Notes::default() };
    if SUSE.contains(&order.distro) && order.renderer.name == "sysconfig" {
        notes.warnings.push("the files are Red Hat's: SUSE's sysconfig is not supported".into());
    }
    notes.errors.extend(report.errors.iter().map(|error| input.said(error)));
    if report.untold > 0 {
        notes.warnings.push([&*report.untold.to_string(), " more faults are not told"].concat());
    }
    Ok((understood.bytes, notes))
}

/// Reads and writes; false if there is no config.
#[inline(never)]
fn read(order: &Order<'_>, files: &mut dyn Files, report: &mut Report, to: &mut Buffer) -> Result<bool, Error> {
    let Order { input, dialect, .. } = order;
    let mut sources = Sources::new();
    let doc: Doc;
    let (mut config, mut document) = (None, None);
    match dialect.syntax() {
        None => {
            let text = [(input.path.to_string(), String::from_utf8_lossy(input.text).into_owned())];
            let mut from = Texts { texts: &text, nics: &[], files, counts: &mut |_, _| true };
            config = parse::of_texts(dialect.kind, &mut from, report)?;
        }
        Some(read) => {
            let source = sources.add(input.name, input.text.to_vec());
            let read = read(sources.text(source), source);
            doc = read.map_err(|error| Error::new("read", input.name, error))?;
            if let Some(value) = doc.value(&sources)
                && let Said::Config(own, value) = parse::document(&value, report)?
            {
                (config, document) = (Some(own), Some(value));
            }
        }
    }
    let Some(mut config) = config else { return Ok(false) };
    resolve::name(&mut config, order.nics, dialect.by_id, report);
    let interfaces_d = DISTROS[..DEBIANS].contains(&order.distro);
    let image = Image { interfaces_d, ..Image::default() };
    let input = render::Input { config: &config, document, image: &image };
    order.renderer.tell(&input, report);
    write(order, &input, files, to)?;
    Ok(true)
}

#[inline(never)]
fn write(order: &Order<'_>, input: &render::Input<'_>, files: &mut dyn Files, to: &mut Buffer) -> Result<(), Error> {
    if order.debug {
        let mut json = Json::new(to, Some(1));
        dump::v2(input.config, &mut json)?;
        json.raw(b"\n")?;
        json.finish()?;
    }
    let directory = order.directory.trim_end_matches('/');
    (order.renderer.render)(input, &mut |path, mode, text| {
        write_file(files, &[directory, path].concat(), &Create::mode(mode), text.as_bytes())
    })
}

/// The NIC of `NAME,MAC`; `None`: it is nothing of the kind.
#[inline(never)]
pub fn nic(text: &str) -> Option<Nic> {
    let (name, mac) = text.split_once(',')?;
    Some(Nic { name: IfName::parse(name)?, mac: Some(Mac::parse(mac)?), ..Nic::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::host::memory::MemoryHost;
    use crate::host::write::read_file;
    use crate::net::parse::of_kind;
    use crate::net::render::by_name;
    use alloc::format;

    /// What is told, and the text of the file at `path`, if there is one.
    fn converted(kind: &str, text: &str, to: &str, distro: &str, path: &str) -> (Vec<String>, Option<String>) {
        let mut host = MemoryHost::new();
        let nics = ["ens3,52:54:00:00:00:01", "ens4,52:54:00:00:00:03", "ens5,52:54:00:00:00:03"];
        let nics = nics.map(|text| nic(text).unwrap());
        let order = Order {
            input: Input { name: "FILE", path: "/etc/network/FILE", text: text.as_bytes() },
            dialect: of_kind(kind).unwrap(),
            renderer: by_name(to).unwrap(),
            distro,
            nics: &nics,
            directory: "/out/",
            debug: false,
        };
        let told = match convert(&order, host.files()) {
            Ok((understood, notes)) => {
                assert!(understood.is_empty());
                [notes.errors, notes.warnings].concat()
            }
            Err(error) => [error].into(),
        };
        let text = read_file(host.files(), &format!("/out{path}"), 1 << 20).unwrap();
        (told, text.map(|text| String::from_utf8(text).unwrap()))
    }

    #[test]
    fn every_dialect_is_read() {
        const MAC: &str = "52:54:00:00:00:01";
        for (kind, text, name) in [
            ("eni", "auto eth0\niface eth0 inet dhcp\n".into(), "eth0"),
            // The NIC is known by its address.
            ("yaml", format!("version: 2\nethernets: {{lan: {{match: {{macaddress: '{MAC}'}}, dhcp4: yes}}}}"), "ens3"),
            ("yaml", "{version: 1, config: [{type: physical, name: e, subnets: [{type: dhcp}]}]}".into(), "e"),
            (
                "network_data.json",
                format!(
                    "{{\"links\": [{{\"id\": \"a\", \"type\": null, \"ethernet_mac_address\": \"{MAC}\"}}], \"networks\": [{{\"link\": \"a\", \"type\": \"ipv4_dhcp\"}}]}}"
                ),
                "ens3",
            ),
            ("cmdline", "ro ip=eth1:dhcp quiet".into(), "eth1"),
            ("klibc", "DEVICE=eth2\nPROTO=dhcp\nIPV4ADDR=10.0.0.9\n".into(), "eth2"),
            ("ifcfg", "DEVICE=eth3\nBOOTPROTO=dhcp\n".into(), "eth3"),
        ] {
            let path = format!("/etc/systemd/network/10-cloud-init-{name}.network");
            let (said, file) = converted(kind, &text, "networkd", "debian", &path);
            assert_eq!(said, [""; 0], "{kind} {text}");
            assert!(file.unwrap().contains("\n\n[Network]\nDHCP=ipv4\n"), "{kind} {text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (kind, text, wanted) in [
            ("eni", "auto e\n  mtu 5\n", "FILE:2:3: expected a stanza"),
            ("yaml", "version: 2\nethernets: [\n", "FILE:3:1: expected"),
            ("yaml", "a: 1\n", "FILE:1:1: expected a network config"),
            ("yaml", "", "FILE: no network config is in it"),
            ("yaml", "config: disabled", "FILE: no network config is in it"),
            ("network_data.json", "version: 2", "FILE:1:1: expected"),
            ("eni", "", "FILE: no network config is in it"),
            ("cmdline", "ro quiet", "FILE: no network config is in it"),
            (
                "network_data.json",
                "{\"links\": [{\"id\": \"a\", \"type\": null, \"ethernet_mac_address\": \"52:54:00:00:00:02\"}]}",
                "FILE:1:12: expected a NIC whose name is known; that of the one with the MAC address 52:54:00:00:00:02 is not",
            ),
        ] {
            let (said, file) = converted(kind, text, "netplan", "debian", "/etc/netplan/50-cloud-init.yaml");
            assert!(said[0].starts_with(wanted), "{said:?}");
            assert_eq!(file.is_some(), text.contains("links"), "{text}");
        }
    }

    #[test]
    fn the_interfaces_file_is_the_distributions() {
        for (distro, path) in [
            ("debian", "/etc/network/interfaces.d/50-cloud-init"),
            ("ubuntu", "/etc/network/interfaces.d/50-cloud-init"),
            ("alpine", "/etc/network/interfaces"),
            ("almalinux", "/etc/network/interfaces"),
        ] {
            assert!(DISTROS.contains(&distro));
            let (said, file) = converted("eni", "auto e\niface e inet dhcp\n", "eni", distro, path);
            assert!(said.is_empty() && file.is_some(), "{distro}");
        }
    }

    /// Links that are written all the same.
    #[test]
    fn what_the_known_nics_do_not_fit_is_told() {
        for (ethernets, wanted) in [
            (
                "lan: {match: {macaddress: '52:54:00:00:00:02'}}",
                "FILE:2:13: no NIC that is known is the one with the MAC address 52:54:00:00:00:02",
            ),
            (
                "lan: {match: {macaddress: '52:54:00:00:00:03'}}",
                "FILE:2:13: the one with the MAC address 52:54:00:00:00:03 are `ens4` and `ens5`",
            ),
            ("lan: {match: {name: ens*}}", "FILE:2:13: the one called `ens*` are `ens3` and `ens4`"),
            ("lan: {match: {name: ens*}, set-name: lan0}", "FILE:2:13: the one called `ens*` are `ens3` and `ens4`"),
            (
                "a: {match: {macaddress: '52:54:00:00:00:01'}}, ens3: {}",
                "FILE:2:60: expected a name of its own; `ens3` is that of a link above",
            ),
        ] {
            let text = format!("version: 2\nethernets: {{{ethernets}}}\n");
            let (said, file) = converted("yaml", &text, "netplan", "debian", "/etc/netplan/50-cloud-init.yaml");
            assert_eq!(said, [wanted]);
            assert!(file.is_some());
        }
    }

    #[test]
    fn suses_sysconfig_is_not_written() {
        for (distro, to, wanted) in [("opensuse", "sysconfig", 1), ("rhel", "sysconfig", 0), ("sles", "networkd", 0)] {
            let (said, _) = converted("eni", "auto e\niface e inet dhcp\n", to, distro, "/none");
            assert_eq!(said.len(), wanted, "{said:?}");
        }
    }

    #[test]
    fn nics_are_named() {
        assert_eq!(nic("eth0,52:54:00:00:00:0A").unwrap().mac.unwrap().to_string(), "52:54:00:00:00:0a");
        for text in ["", "eth0", ",52:54:00:00:00:01", "eth0,", "eth0,52:54", "eth 0,52:54:00:00:00:01"] {
            assert!(nic(text).is_none(), "{text}");
        }
    }
}
