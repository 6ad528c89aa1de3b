//! OpenStack's device tagging: `devices` of `meta_data.json` tell where on its bus the NIC of a port is.
//!
//! ```text
//! {"type": "nic", "bus": "pci", "address": "0000:00:05.0", "mac": "fa:16:3e:01:02:03", "tags": ["storage"]}
//! ```
//!
//! They decide only where MAC addresses do not. Of the entries with one address the first is the first link's with it, the second the second's, and so on:
//! both lists are in the order of the ports. Where there are more links than entries, or fewer, nobody can say which is whose.
//!
//! Source: Nova, "Metadata service", `devices`, and `_get_device_metadata` of its `nova/api/metadata/base.py`.

use super::address::Mac;
use super::model::{Find, Kind, Link, NetConfig};
use super::resolve::candidates;
use crate::format::doc::Value;
use crate::host::links::Nic;

/// Fills in [`super::model::Find::path`] of links whose MAC address is that of another link or of several NICs, if one of these NICs is where an
/// entry says: else the entries count places in another way than this machine. [`super::resolve`] is next, and tells of what nothing decides.
#[inline(never)]
pub fn tell_apart(config: &mut NetConfig, devices: &Value<'_>, nics: &[Nic]) {
    let count = if devices.items().next().is_some() { config.links.len() } else { 0 };
    for at in 0..count {
        let Some((mac, find)) = mac_of(&config.links[at]) else { continue };
        let (mut links, mut before) = (0, 0);
        for (other, link) in config.links.iter().enumerate() {
            if mac_of(link).is_some_and(|(other, _)| other == mac) {
                links += 1;
                before += usize::from(other < at);
            }
        }
        let found = candidates(find, None, nics);
        if found.len().max(links) < 2 {
            continue;
        }
        let (mut places, mut own, mut is_known) = (0, None, false);
        for entry in devices.items() {
            let Some(place) = entry.get("address").filter(|_| mac_in(&entry).as_ref() == Some(mac)) else { continue };
            if places == before {
                own = place.text().ok();
            }
            places += 1;
            is_known |= found.iter().any(|nic| nic.bus_address().is_some_and(|own| place.is_text(own)));
        }
        if let Kind::Physical(find) = &mut config.links[at].kind
            && is_known
            && places == links
        {
            find.path = own;
        }
    }
}

fn mac_in(entry: &Value<'_>) -> Option<Mac> {
    Mac::parse(&entry.get("mac")?.text().ok()?)
}

/// The MAC address that a link is found by, with what it is found by besides.
fn mac_of(link: &Link) -> Option<(&Mac, &Find)> {
    let find = link.find()?;
    find.mac.as_ref().map(|mac| (mac, find))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use super::*;
    use crate::format::{doc::Sources, json};
    use crate::host::links::IfName;
    use crate::net::Report;
    use crate::net::parse::{Said, document};
    use crate::net::resolve;

    fn nic(index: u32, mac: u8, place: &str) -> Nic {
        Nic {
            index,
            name: IfName::parse(&format!("eth{index}")).unwrap(),
            mac: Mac::from_bytes(&[0xfa, 0, 0, 0, 0, mac]),
            bus_path: Some(format!("pci0000:00/{place}/virtio{index}")),
            ..Nic::default()
        }
    }

    /// `NAME@INDEX` of each link named `names` and with these last bytes of a MAC address, and what is told.
    fn told(links: &[(&str, u8)], devices: &str, nics: &[Nic]) -> (Vec<String>, Vec<String>) {
        let link = |(name, mac): &(&str, u8)| {
            format!(
                r#"{{"id": "{name}", "name": "{name}", "ethernet_mac_address": "fa:00:00:00:00:{mac:02x}", "type": "phy"}}"#
            )
        };
        let links: Vec<String> = links.iter().map(link).collect();
        let mut sources = Sources::new();
        let mut read = |text: String| {
            let id = sources.add("net", text.into_bytes());
            json::parse(sources.text(id), id).unwrap()
        };
        let network = read(format!(r#"{{"links": [{}], "networks": []}}"#, links.join(",")));
        let devices = read(devices.into());
        let mut report = Report::default();
        let said = document(&network.value(&sources).unwrap(), &mut report);
        let Ok(Said::Config(mut config, _)) = said else { panic!("no config") };
        tell_apart(&mut config, &devices.value(&sources).unwrap(), nics);
        resolve::resolve(&mut config, nics, &mut report);
        let found = |link: &Link| format!("{}@{}", link.display_name(), link.nic.unwrap_or(0));
        (config.links.iter().map(found).collect(), report.errors.iter().map(ToString::to_string).collect())
    }

    /// Entries of a list: (last byte of the MAC address, place).
    fn entries(list: &[(u8, &str)]) -> String {
        let entry = |(mac, place): &(u8, &str)| {
            format!(
                r#"{{"type": "nic", "bus": "pci", "address": "{place}", "mac": "FA:00:00:00:00:{mac:02X}", "tags": ["a"]}}"#
            )
        };
        let list: Vec<String> = list.iter().map(entry).collect();
        format!(r#"[{{"type": "disk", "bus": "scsi", "address": "1:0:2:0", "serial": "x"}}, {}]"#, list.join(", "))
    }

    #[test]
    fn one_address_and_two_places() {
        let (a, b, c) = ("0000:00:04.0", "0000:00:05.0", "0000:00:06.0");
        let nics = [nic(1, 9, a), nic(2, 9, b), nic(3, 8, c)];
        let both = "are `eth1` and `eth2`";
        let one = [("lan", 9)];
        let two = [("lan", 9), ("dmz", 9), ("web", 8)];
        for (links, list, wanted, error) in [
            // A virtual function and the paravirtual NIC that stands in for it.
            (&one[..], &[(9, b)][..], &["lan@2"][..], ""),
            (&one, &[(9, a), (8, c)], &["lan@1"], ""),
            // Two ports of two networks: in the order of the entries.
            (&two, &[(9, a), (9, b)], &["lan@1", "dmz@2", "web@3"], ""),
            (&two, &[(9, b), (8, c), (9, a)], &["lan@2", "dmz@1", "web@3"], ""),
            // Nobody can say whose the entry is, or the entries are.
            (&two, &[(9, a)], &["lan@0", "dmz@0", "web@3"], both),
            (&one, &[(9, a), (9, b)], &["lan@0"], both),
            (&one, &[(8, c)], &["lan@0"], both),
            // Libvirt counted in another way than the machine; where the MAC address tells it does not matter.
            (&one, &[(9, "0000:09:01.0")], &["lan@0"], both),
            (&two, &[(9, b), (9, a), (8, "0000:09:01.0")], &["lan@2", "dmz@1", "web@3"], ""),
        ] {
            let (found, errors) = told(links, &entries(list), &nics);
            assert_eq!(found, wanted, "{list:?}");
            assert_eq!(errors.is_empty(), error.is_empty(), "{list:?} {errors:?}");
            assert!(errors.iter().all(|told| told.ends_with(error)), "{list:?} {errors:?}");
        }
        // The NIC of the first link is not there: the other's is not taken for it.
        let (found, errors) = told(&two, &entries(&[(9, a), (9, b)]), &nics[1..]);
        assert_eq!(found, ["lan@0", "dmz@2", "web@3"]);
        assert!(errors[0].ends_with("with the bus address `0000:00:04.0` is not"), "{errors:?}");
    }

    #[test]
    fn what_is_no_list_of_devices_decides_nothing() {
        let nics = [nic(1, 9, "0000:00:04.0"), nic(2, 9, "0000:00:05.0")];
        for devices in [
            "[]",
            "{}",
            r#""x""#,
            "[1, null, {}, []]",
            r#"[{"mac": "fa:00:00:00:00:09"}]"#,
            r#"[{"mac": "fa:00:00:00:00:09", "address": ["0000:00:04.0"]}]"#,
            r#"[{"mac": "none", "address": "0000:00:04.0"}]"#,
        ] {
            let (found, errors) = told(&[("lan", 9)], devices, &nics);
            assert_eq!((&*found[0], errors.len()), ("lan@0", 1), "{devices}");
        }
    }
}
