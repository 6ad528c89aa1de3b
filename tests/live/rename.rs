//! NICs renamed by a real kernel, in a network namespace; iproute2 says what they are called.

use wisp::error::{Errno, Error};
use wisp::host::Host;
use wisp::host::links::{Address, Links, Nic, Request, RouteEntry};
use wisp::net::{Report, rename, resolve};

use crate::netlink::{fields, ip, own_network, shown};
use crate::sys::LiveHost;
use crate::{alone, host};

/// Links like those of a machine: the first words of each pair of veth are looked at, a `+` says up. The other ends are in the order of the
/// words too, so the kernel's index tells who is who.
fn with_links(name: &str, links: &str, body: impl FnOnce(&mut LiveHost)) {
    alone(name, |dir| {
        own_network();
        for (number, word) in links.split(' ').enumerate() {
            let name = word.trim_end_matches('+');
            ip(&format!("link add name {name} index {} type veth peer name peer{number}", 10 + number));
            ip(&format!("link set peer{number} up"));
            if word.ends_with('+') {
                ip(&format!("link set dev {name} up"));
                ip(&format!("addr add 192.0.2.{number}/32 dev {name}"));
            }
        }
        body(&mut host(dir));
    });
}

/// Renames as `wisp net rename` does; what is told.
fn renamed(host: &mut LiveHost, wishes: &[&str], left_alone: &[u32], meanwhile: &mut dyn FnMut(&str)) -> Vec<String> {
    let nics = host.links().list().unwrap();
    let words: Vec<String> = wishes.iter().map(|word| word.to_string()).collect();
    let (mut config, mut report) = (rename::arguments(&words, &nics), Report::default());
    resolve::resolve(&mut config, &nics, &mut report);
    let plan = rename::plan(&config, &nics, left_alone, &mut report);
    rename::carry_out(&plan, &mut Watched { host, meanwhile }, &mut report);
    report.errors.iter().map(ToString::to_string).chain(report.warnings).collect()
}

/// The live host; before each request something happens.
struct Watched<'a> {
    host: &'a mut LiveHost,
    meanwhile: &'a mut dyn FnMut(&str),
}

impl Links for Watched<'_> {
    fn list(&mut self) -> Result<Vec<Nic>, Error> {
        self.host.links().list()
    }

    fn addresses(&mut self) -> Result<Vec<Address>, Error> {
        self.host.links().addresses()
    }

    fn routes(&mut self) -> Result<Vec<RouteEntry>, Error> {
        self.host.links().routes()
    }

    fn request(&mut self, request: &Request<'_>) -> Result<(), Error> {
        (self.meanwhile)(&request.to_string());
        self.host.links().request(request)
    }
}

/// `name` of the links from index 10 on in this order, a `+` behind what is up.
fn names() -> String {
    let links = shown("link show type veth");
    let mut lines: Vec<(u32, String)> = Vec::new();
    for link in &links {
        let text = fields(link, "ifindex ifname flags");
        let mut words = text.split(' ');
        let (index, name, flags) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let up = if flags.split(',').any(|flag| flag == "UP") { "+" } else { "" };
        if !name.starts_with("peer") {
            lines.push((index.parse().unwrap(), format!("{name}{up}")));
        }
    }
    lines.sort();
    lines.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(" ")
}

#[test]
fn swaps_cycles_and_chains() {
    for (links, wishes, wanted) in [
        ("eth0 eth1", &["eth0=eth1", "eth1=eth0"][..], "eth1 eth0"),
        ("eth0+ eth1", &["eth0=eth1", "eth1=eth0"], "eth1+ eth0"),
        ("a b+ c", &["a=b", "b=c", "c=a"], "b c+ a"),
        ("eth0+ eth1+ lan", &["eth0=wan", "eth1=eth0", "lan=lan"], "wan+ eth0+ lan"),
        // Taken by a NIC without a wish.
        ("eth0 eth1+", &["eth0=eth1"], "eth1 eth2+"),
    ] {
        with_links("rename", links, |host| {
            let told = renamed(host, wishes, &[], &mut |_| ());
            assert_eq!(names(), wanted, "{links}: {wishes:?}");
            let lost = |text: &String| text.ends_with("its routes and its IPv6 addresses went as it was renamed");
            assert!(told.iter().all(lost), "{told:?}");
            // IPv4 addresses stay.
            for (number, word) in links.split(' ').enumerate().filter(|(_, word)| word.ends_with('+')) {
                let name = wanted.split(' ').nth(number).unwrap().trim_end_matches('+');
                let addresses = fields(&shown(&format!("-4 addr show dev {name}"))[0], "addr_info/0/local");
                assert_eq!(addresses, format!("192.0.2.{number}"), "{word}");
            }
        });
    }
}

#[test]
fn what_keeps_its_name() {
    with_links("rename-kept", "eth0 eth1+", |host| {
        ip("link add br0 type bridge");
        let told = renamed(host, &["eth0=br0", "eth1=eth0"], &[11], &mut |_| ());
        assert_eq!(names(), "eth0 eth1+");
        let wanted = [
            "cannot rename eth0 to br0 (the arguments:1:1): `br0` is a bridge, which keeps its name",
            "cannot rename eth1 to eth0 (the arguments:1:10): `eth1` carries the root file system, and is left alone",
        ];
        assert_eq!(told, wanted);
    });
}

/// Kernels from 6.2 on rename links that are up; older ones refuse.
#[test]
fn a_link_that_is_busy() {
    with_links("rename-busy", "eth0 eth1", |host| {
        let told = renamed(host, &["eth0=eth1", "eth1=eth0"], &[], &mut |request| {
            // A network service is faster.
            if request == "link set eth1 name eth0" {
                ip("link set eth1 up");
            }
        });
        assert_eq!(names().replace('+', ""), "eth1 eth0", "{told:?}");
    });
}

#[test]
fn a_name_that_somebody_takes_meanwhile() {
    with_links("rename-taken", "eth0 eth1", |host| {
        let told = renamed(host, &["eth0=eth1", "eth1=eth0"], &[], &mut |request| {
            if request == "link set wisptmp0 name eth1" && !names().contains("eth1") {
                ip("link add eth1 index 99 type veth peer name peer99");
            }
        });
        assert_eq!(names(), "eth2 eth0 eth1");
        let error = Error::new("rename", "eth0 to eth1", Errno::EXIST).to_string();
        assert_eq!(told, [&*error, "eth0 is called eth2 now"]);
    });
}

#[test]
fn a_link_that_goes_meanwhile() {
    with_links("rename-gone", "eth0 eth1 eth2", |host| {
        let told = renamed(host, &["eth0=eth1", "eth1=eth2", "eth2=lan"], &[], &mut |request| {
            if request == "link set eth1 name eth2" {
                ip("link del eth1");
            }
        });
        // Its name is free for the next.
        assert_eq!(names(), "eth1 lan");
        assert_eq!(told, [Error::new("rename", "eth1 to eth2", Errno::NODEV).to_string()]);
    });
}
