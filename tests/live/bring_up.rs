//! `live` in a network namespace: configs one after the other on the same links, each brought up twice; iproute2 says what came of it.

use std::fs;
use std::path::Path;

use wisp::error::Error;
use wisp::format::{doc::Sources, yaml};
use wisp::host::Host;
use wisp::host::links::Nic;
use wisp::net::Report;
use wisp::net::live::{Dhcp, Lease, bring_up};
use wisp::net::model::{Dns, Link};
use wisp::net::parse::{Said, document};
use wisp::net::resolve::resolve;

use crate::netlink::{fields, ip, own_network, shown};
use crate::sys::{LiveHost, Options};
use crate::{alone, mount, path};

/// What a server would give.
struct Server(Option<Lease>);

impl Dhcp for Server {
    fn lease(&mut self, _: &mut dyn Host, _: &Nic, _: &Link) -> Result<Option<Lease>, Error> {
        Ok(self.0.clone())
    }

    fn information(&mut self, _: &mut dyn Host, _: &Nic) -> Result<Option<Dns>, Error> {
        Ok(None)
    }
}

pub struct Machine<'a> {
    dir: &'a Path,
    host: LiveHost,
    /// Each has a log of its own.
    runs: u32,
}

/// A machine with NICs `v0`, `v1` and `v2`, whose other ends are up, and a directory of its own as `/etc`.
pub fn with_machine(name: &str, old: bool, body: impl FnOnce(&mut Machine)) {
    alone(name, |dir| {
        own_network();
        mount(Path::new("/etc"), "tmpfs", "");
        for nic in ["v0", "v1", "v2"] {
            ip(&format!("link add {nic} type veth peer name p{nic}"));
            ip(&format!("link set p{nic} up"));
        }
        let options = Options { log: path(dir, "log"), old_network: old, ..Options::default() };
        body(&mut Machine { dir, host: LiveHost::new(options), runs: 0 });
    });
}

impl Machine<'_> {
    /// Brings it up: what was asked of the kernel, and what was told.
    fn run(&mut self, text: &str, kept: &[u32], lease: Option<Lease>) -> (Vec<String>, Vec<String>) {
        let mut sources = Sources::new();
        let id = sources.add("net", text.as_bytes().to_vec());
        let doc = yaml::parse(sources.text(id), id).unwrap();
        let mut report = Report::default();
        let Ok(Said::Config(mut config, _)) = document(&doc.value(&sources).unwrap(), &mut report) else {
            panic!("{text}")
        };
        resolve(&mut config, &self.host.links().list().unwrap(), &mut report);
        self.runs += 1;
        let log = path(self.dir, &format!("log{}", self.runs));
        self.host.move_log(&log);
        bring_up(&config, kept, &mut self.host, &mut Server(lease), &mut report).unwrap();
        self.host.flush_log();
        let log = fs::read_to_string(log).unwrap_or_default();
        let asked = log.lines().filter_map(|line| Some(line.split_once("net[INFO]: ")?.1.to_string())).collect();
        (asked, report.errors.iter().map(ToString::to_string).chain(report.warnings).collect())
    }

    /// Twice: the second time there is nothing to do.
    pub fn check(&mut self, text: &str) {
        let (asked, told) = self.run(text, &[], None);
        assert!(told.is_empty(), "{told:#?}\n{asked:#?}\n{text}");
        let again = self.run(text, &[], None);
        assert_eq!(again, (vec![], vec![]), "the second time, after {asked:#?}, of\n{text}");
    }
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// `LINK ADDRESS/PREFIX` of all but the kernel's own.
pub fn addresses() -> Vec<String> {
    let mut lines = Vec::new();
    for link in shown("addr show") {
        for at in 0.. {
            let keys = format!("ifname addr_info/{at}/local addr_info/{at}/prefixlen");
            let line = fields(&link, &keys);
            let Some((link, address)) = line.rsplit_once(" ").and_then(|(rest, prefix)| {
                let (link, ip) = rest.split_once(' ')?;
                (ip != "-").then(|| (link.to_string(), format!("{ip}/{prefix}")))
            }) else {
                break;
            };
            if !address.starts_with("fe80:") && link != "lo" {
                lines.push(format!("{link} {address}"));
            }
        }
    }
    sorted(lines)
}

/// `DESTINATION VIA LINK METRIC TABLE FLAGS` of what an administrator makes.
fn routes() -> Vec<String> {
    let of = |family: &str| shown(&format!("{family} route show table all proto static"));
    let all: Vec<_> = of("-4").into_iter().chain(of("-6")).collect();
    let line = |route| fields(route, "dst gateway dev metric table flags").replace("linkdown", "");
    sorted(all.iter().map(line).collect())
}

pub fn links(words: &str, keys: &str) -> Vec<String> {
    sorted(shown(&format!("link show {words}")).iter().map(|link| fields(link, keys)).collect())
}

#[test]
fn a_config_comes_up_and_the_next_takes_its_place() {
    with_machine("up", false, |machine| {
        machine.check(
            "version: 2
ethernets:
  v0:
    mtu: 1400
    macaddress: '02:00:00:00:00:77'
    addresses: [192.0.2.5/24, 192.0.2.6/24, '2001:db8::5/64']
    routes:
    - {to: default, via: 192.0.2.1, metric: 100}
    - {to: 10.0.0.0/8, via: 172.31.0.1, on-link: true, table: 1000}
    - {to: 10.9.0.0/16, scope: link}
    - {to: '::/0', via: 'fe80::1'}
    nameservers: {addresses: [192.0.2.53], search: [a.test]}
  v1: {accept-ra: false, addresses: [198.51.100.1/25, 'fe80::99/64']}
",
        );
        assert_eq!(addresses(), ["v0 192.0.2.5/24", "v0 192.0.2.6/24", "v0 2001:db8::5/64", "v1 198.51.100.1/25"]);
        let wanted = [
            "10.0.0.0/8 172.31.0.1 v0 - 1000 onlink",
            "10.9.0.0/16 - v0 - main ",
            "default 192.0.2.1 v0 100 main ",
            "default fe80::1 v0 1024 main ",
        ];
        assert_eq!(routes(), wanted);
        assert_eq!(links("dev v0", "address mtu"), ["02:00:00:00:00:77 1400"]);
        assert_eq!(fs::read_to_string("/proc/sys/net/ipv6/conf/v1/accept_ra").unwrap(), "0\n");
        let resolv = fs::read_to_string("/etc/resolv.conf").unwrap();
        assert!(resolv.ends_with("\nnameserver 192.0.2.53\nsearch a.test\n"), "{resolv}");
        assert!(links("up", "ifname").contains(&"lo".to_string()));

        // The first address goes, and with it the kernel would take the second, and the routes.
        ip("route add 10.7.0.0/16 via 192.0.2.1");
        machine.check(
            "version: 2
ethernets:
  v0: {addresses: [192.0.2.6/24], routes: [{to: default, via: 192.0.2.1, metric: 100}]}
",
        );
        assert_eq!(addresses(), ["v0 192.0.2.6/24", "v1 198.51.100.1/25"]);
        assert_eq!(routes(), ["default 192.0.2.1 v0 100 main "]);
        assert_eq!(shown("route show 10.7.0.0/16").len(), 0);

        // From static to DHCP, and back.
        let lease = Lease {
            net: crate::netlink::net("203.0.113.5/32"),
            routes: vec![(crate::netlink::net("0.0.0.0/0"), Some("203.0.113.1".parse().unwrap()))],
            dns: Dns::default(),
            mtu: Some(1450),
            lifetime: Some(600),
        };
        let text = "{version: 2, ethernets: {v0: {dhcp4: true}}}";
        let (_, told) = machine.run(text, &[], Some(lease.clone()));
        assert_eq!((told, addresses()), (vec![], vec!["v0 203.0.113.5/32".into(), "v1 198.51.100.1/25".into()]));
        let leased = shown("route show default");
        assert_eq!(fields(&leased[0], "gateway dev protocol flags"), "203.0.113.1 v0 dhcp onlink");
        let (asked, _) = machine.run(text, &[], Some(lease));
        assert_eq!(asked, ["addr add 203.0.113.5/32 dev v0 valid_lft 600 preferred_lft 600"]);
        machine.check("{version: 2, ethernets: {v0: {addresses: [192.0.2.9/24]}}}");
        assert_eq!((addresses().remove(0), routes()), ("v0 192.0.2.9/24".into(), vec![]));
        assert_eq!(shown("route show default").len(), 0);
    });
}

fn bridge(old: bool) {
    with_machine(if old { "up-bridge-old" } else { "up-bridge" }, old, |machine| {
        ip("addr add 192.0.2.7/24 dev v1");
        ip("link set v1 up");
        machine.check(
            "version: 2
ethernets: {v0: {}, v1: {}, v2: {}}
bridges:
  br0:
    interfaces: [v0, v1]
    macaddress: '02:00:00:00:00:99'
    parameters: {stp: true, forward-delay: 4, priority: 8192, path-cost: {v0: 7}}
    addresses: [192.0.2.5/24, '2001:db8::5/64']
    routes: [{to: default, via: 192.0.2.1}]
",
        );
        let all = links("master br0", "ifname linkinfo/info_slave_data/cost");
        assert_eq!(all.len(), 2);
        assert!(all.contains(&"v0 7".to_string()), "{all:?}");
        let keys = "address linkinfo/info_data/forward_delay linkinfo/info_data/stp_state linkinfo/info_data/priority";
        assert_eq!(links("dev br0", keys), ["02:00:00:00:00:99 400 1 8192"]);
        assert_eq!(addresses(), ["br0 192.0.2.5/24", "br0 2001:db8::5/64"]);
        assert_eq!(routes(), ["default 192.0.2.1 br0 - main "]);
    });
}

#[test]
fn a_bridge_by_netlink() {
    bridge(false);
}

#[test]
fn a_bridge_by_ioctl() {
    bridge(true);
}

#[test]
fn what_fails_is_told_and_the_rest_comes_up() {
    with_machine("up-bad", false, |machine| {
        let (_, told) = machine.run(
            "version: 2
ethernets:
  v0:
    addresses: [192.0.2.5/24]
    routes:
    - {to: 10.0.0.0/8, via: 172.31.0.1}
    - {to: default, via: 192.0.2.1}
  v1: {mtu: 9, addresses: [198.51.100.1/25]}
",
            &[],
            None,
        );
        let wanted = [
            "cannot change net:8:3: link set v1 mtu 9: invalid argument",
            "cannot change net:6:7: route replace 10.0.0.0/8 via 172.31.0.1 dev v0: network is unreachable",
        ];
        assert_eq!(told, wanted);
        assert_eq!(addresses(), ["v0 192.0.2.5/24", "v1 198.51.100.1/25"]);
        assert_eq!(routes(), ["default 192.0.2.1 v0 - main "]);
    });
}

#[test]
fn a_link_that_carries_the_root_keeps_what_it_has() {
    with_machine("up-root", false, |machine| {
        ip("addr add 192.0.2.7/24 dev v0");
        ip("link set v0 up");
        ip("route add default via 192.0.2.1");
        let index = fs::read_to_string("/sys/class/net/v0/ifindex").unwrap().trim().parse().unwrap();
        let text =
            "{version: 2, ethernets: {v0: {addresses: [192.0.2.5/24], macaddress: '02:00:00:00:00:77', mtu: 1400}}}";
        let (asked, told) = machine.run(text, &[index], None);
        assert_eq!((told, asked), (vec![], vec!["link set lo up".into(), "addr add 192.0.2.5/24 dev v0".into()]));
        assert_eq!(addresses(), ["v0 192.0.2.5/24", "v0 192.0.2.7/24"]);
        assert_eq!(shown("route show default").len(), 1);
    });
}

/// Numbers from a seed: a linear congruential generator (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A config: its text, the addresses and the routes that come of it.
fn generated(dice: &mut Dice) -> (String, Vec<String>, Vec<String>) {
    let (mut text, mut addresses, mut routes) = (String::from("version: 2\nethernets:\n"), Vec::new(), Vec::new());
    for (at, name) in ["v0", "v1", "v2", "m0"].into_iter().enumerate() {
        let (mut own, mut ways) = (Vec::new(), Vec::new());
        for count in 0..dice.below(4) {
            let (net, host) = (1 + at as u64 * 8 + dice.below(8), 10 + count * 10 + dice.below(9));
            let address = match dice.below(2) {
                0 => format!("10.{net}.0.{host}/24"),
                _ => format!("2001:db8:{net}::{host}/64"),
            };
            own.push(format!("'{address}'"));
            addresses.push(format!("{name} {address}"));
            let table = [254, 1000][dice.below(2) as usize];
            let table_shown = if table == 254 { "main".into() } else { table.to_string() };
            // Each link has destinations and metrics of its own: no rivals.
            let (metric, to) = (at as u64 * 100 + count + 1, 100 + at as u64 * 10 + count);
            let on_link = dice.below(2) == 0;
            if address.contains(':') {
                let via = if on_link { "2001:db8:ffff::1".into() } else { format!("2001:db8:{net}::1") };
                ways.push(format!(
                    "{{to: '2001:db8:{to}::/48', via: '{via}', metric: {metric}, table: {table}, on-link: {on_link}}}"
                ));
                let flag = if on_link { "onlink" } else { "" };
                routes.push(format!("2001:db8:{to}::/48 {via} {name} {metric} {table_shown} {flag}"));
            } else {
                let via = if on_link { "172.31.0.1".into() } else { format!("10.{net}.0.1") };
                ways.push(format!(
                    "{{to: 10.{to}.0.0/16, via: {via}, metric: {metric}, table: {table}, on-link: {on_link}}}"
                ));
                let flag = if on_link { "onlink" } else { "" };
                routes.push(format!("10.{to}.0.0/16 {via} {name} {metric} {table_shown} {flag}"));
            }
        }
        // What is on another has no more than that.
        let mtu = if name == "m0" { 1300 } else { 1300 + dice.below(200) };
        text += &format!("  {name}: {{mtu: {mtu}, addresses: [{}], routes: [{}]}}\n", own.join(", "), ways.join(", "));
    }
    (text, sorted(addresses), sorted(routes))
}

/// One config after the other on the same links: nothing of the last one stays.
#[test]
fn any_config_after_any_other() {
    const CONFIGS: u32 = 40;
    with_machine("up-any", false, |machine| {
        ip("link add link v0 name m0 type macvlan mode bridge");
        let mut dice = Dice(7);
        let (mut links, mut ways) = (0, 0);
        for number in 0..CONFIGS {
            let (text, mut wanted, routes_wanted) = generated(&mut dice);
            wanted.dedup();
            machine.check(&text);
            assert_eq!(addresses(), wanted, "config {number}:\n{text}");
            assert_eq!(routes(), routes_wanted, "config {number}:\n{text}");
            (links, ways) = (links + wanted.len(), ways + routes_wanted.len());
        }
        assert!(links > 150 && ways > 150, "{links} addresses, {ways} routes: hardly anything");
    });
}
