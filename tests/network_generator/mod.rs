//! Network configs as JSON texts, over everything that v1, v2 and `network_data.json` document, and some that is wrong; interfaces files.

use super::python::Dice;

mod eni;

#[allow(unused_imports)] // Not every test that has this file has them.
pub use eni::{Both, eni};

/// The NICs of every case: name and MAC address.
pub const NICS: [(&str, &str); 4] = [
    ("eth0", "fa:16:3e:00:00:10"),
    ("eth1", "fa:16:3e:00:00:11"),
    ("eth2", "fa:16:3e:00:00:12"),
    ("ens3", "52:54:00:ab:cd:ef"),
];

/// An object being written.
#[derive(Default)]
pub struct Object(Vec<String>);

impl Object {
    fn raw(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        self.0.push(format!("\"{key}\":{value}"));
        self
    }

    fn text(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        self.raw(key, format!("\"{value}\""))
    }

    fn list(&mut self, key: &str, items: &[String]) -> &mut Self {
        self.raw(key, format!("[{}]", items.join(",")))
    }

    fn done(&self) -> String {
        format!("{{{}}}", self.0.join(","))
    }
}

fn quoted(text: impl std::fmt::Display) -> String {
    format!("\"{text}\"")
}

/// One in `sides`.
fn seldom(dice: &mut Dice, sides: usize) -> bool {
    dice.roll(sides) == 0
}

fn host(dice: &mut Dice, v6: bool) -> String {
    let (net, host) = (dice.roll(4), 1 + dice.roll(200));
    if v6 { format!("2001:DB8:{net}::{host:x}") } else { format!("10.{net}.0.{host}") }
}

/// An address with its mask: behind it, or under a key of its own.
fn address(dice: &mut Dice, to: &mut Object, key: &str, v6: bool) {
    let host = host(dice, v6);
    match (dice.roll(6), v6) {
        (0, false) => _ = to.text(key, host).text("netmask", "255.255.255.0"),
        (1, false) => {
            _ = to.text(key, host).text("netmask", dice.pick(&["255.255.0.0", "255.255.255.252", "24", "16"]))
        }
        (0 | 1, true) => {
            _ = to.text(key, host).text("netmask", dice.pick(&["64", "ffff:ffff:ffff::", "ffff:ffff:ffff:ffff::"]))
        }
        (2, false) => _ = to.text(key, format!("{host}/255.255.255.0")),
        (3, _) => _ = to.text(key, host).raw("prefix", 20 + dice.roll(10)),
        (_, false) => _ = to.text(key, format!("{host}/{}", 8 + dice.roll(24))),
        (_, true) => _ = to.text(key, format!("{host}/{}", 16 + dice.roll(113))),
    }
}

fn servers(dice: &mut Dice) -> Vec<String> {
    (0..1 + dice.roll(2))
        .map(|_| quoted(dice.pick(&["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "10.0.0.2"])))
        .collect()
}

fn domains(dice: &mut Dice) -> Vec<String> {
    (0..1 + dice.roll(2)).map(|_| quoted(dice.pick(&["example.org", "lab", "a.example.org"]))).collect()
}

fn v1_route(dice: &mut Dice, kind: bool) -> String {
    let mut route = Object::default();
    let v6 = seldom(dice, 3);
    if kind {
        route.text("type", "route");
    }
    let key = if kind && !seldom(dice, 40) { "destination" } else { dice.pick(&["destination", "network"]) };
    match (dice.roll(4), v6) {
        (0, false) => _ = route.text(key, "0.0.0.0").text("netmask", "0.0.0.0"),
        (0, true) => _ = route.text(key, "::").text("netmask", "::"),
        (1, false) => _ = route.text(key, format!("172.{}.0.0", 16 + dice.roll(9))).text("netmask", "255.255.0.0"),
        (_, false) => _ = route.text(key, format!("192.168.{}.0/24", dice.roll(9))),
        (_, true) => _ = route.text(key, format!("2001:db8:{:x}::/48", 256 + dice.roll(99))),
    }
    route.text("gateway", host(dice, v6));
    if seldom(dice, 2) {
        route.raw("metric", dice.pick(&["0", "1", "100", "\"50\""]));
    }
    if seldom(dice, 90) {
        route.text("gateway", dice.pick(&["nowhere", "10.0.0.1.1"]));
    }
    route.done()
}

fn v1_subnet(dice: &mut Dice) -> String {
    let mut subnet = Object::default();
    let kind = dice.pick(&[
        "static",
        "static",
        "static6",
        "static6",
        "static",
        "dhcp",
        "dhcp4",
        "dhcp6",
        "manual",
        "ipv6_slaac",
        "ipv6_dhcpv6-stateful",
        "ipv6_dhcpv6-stateless",
    ]);
    subnet.text("type", kind);
    let v6 = kind == "static6" || (kind == "static" && seldom(dice, 4));
    if kind.starts_with("static") {
        address(dice, &mut subnet, "address", v6);
        if seldom(dice, 2) {
            subnet.text("gateway", host(dice, v6));
        }
        if !v6 && seldom(dice, 6) {
            subnet.text("broadcast", "10.255.255.255");
        }
        if seldom(dice, 8) {
            subnet.text("pointopoint", host(dice, v6));
        }
        if seldom(dice, 8) {
            subnet.text("scope", dice.pick(&["link", "host", "global"]));
        }
    }
    if seldom(dice, 5) {
        subnet.raw("metric", dice.pick(&["100", "1", "4294967295"]));
    }
    if seldom(dice, 6) {
        subnet.text("control", dice.pick(&["manual", "auto", "hotplug"]));
    }
    if seldom(dice, 8) {
        subnet.raw("mtu", 1400 + dice.roll(100));
    }
    if seldom(dice, 4) {
        match dice.roll(3) {
            0 => _ = subnet.text("dns_nameservers", "8.8.8.8 1.1.1.1"),
            _ => _ = subnet.list("dns_nameservers", &servers(dice)),
        }
        if seldom(dice, 2) {
            subnet.list("dns_search", &domains(dice));
        }
    }
    if seldom(dice, 3) {
        let routes: Vec<String> = (0..1 + dice.roll(2)).map(|_| v1_route(dice, false)).collect();
        subnet.list("routes", &routes);
    }
    if seldom(dice, 60) {
        match dice.roll(4) {
            0 => subnet.text("type", "static").raw("address", "null"),
            1 => subnet.text("type", "nothing"),
            2 => subnet.text("type", "static").text("address", "10.0.0.300/24"),
            _ => subnet.text("type", "static").text("address", "10.0.0.3").text("netmask", "255.0.255.0"),
        };
    }
    subnet.done()
}

fn subnets(dice: &mut Dice, to: &mut Object) {
    if dice.roll(4) > 0 {
        let subnets: Vec<String> = (0..dice.roll(3)).map(|_| v1_subnet(dice)).collect();
        to.list("subnets", &subnets);
    }
}

const BOND: &[(&str, &str, &[&str])] = &[
    ("mode", "mode", &["\"active-backup\"", "\"802.3ad\"", "\"balance-rr\"", "\"balance-alb\""]),
    ("miimon", "mii-monitor-interval", &["100", "0", "\"250\""]),
    ("lacp_rate", "lacp-rate", &["\"fast\"", "\"slow\""]),
    ("xmit_hash_policy", "transmit-hash-policy", &["\"layer3+4\"", "\"layer2\""]),
    ("updelay", "up-delay", &["200"]),
    ("downdelay", "down-delay", &["200"]),
    ("min_links", "min-links", &["1", "2"]),
    ("ad_select", "ad-select", &["\"stable\"", "\"count\""]),
    ("arp_interval", "arp-interval", &["1000"]),
    ("arp_ip_target", "arp-ip-targets", &["[\"10.0.0.1\"]", "[\"10.0.0.1\",\"10.0.0.2\"]"]),
    ("arp_validate", "arp-validate", &["\"all\"", "\"none\""]),
    ("fail_over_mac", "fail-over-mac-policy", &["\"active\"", "\"follow\""]),
    ("num_grat_arp", "gratuitous-arp", &["1", "5"]),
    ("primary_reselect", "primary-reselect-policy", &["\"always\"", "\"failure\""]),
];

fn bond_params(dice: &mut Dice, to: &mut Object, v2: bool, separator: &str) {
    for (v1_name, v2_name, values) in BOND {
        if seldom(dice, 3) {
            let value = dice.pick(values);
            let v1_name = match separator {
                "-" => format!("bond-{}", v1_name.replace('_', "-")),
                _ => format!("bond_{v1_name}"),
            };
            to.raw(if v2 { v2_name } else { &v1_name }, value);
        }
    }
}

const BRIDGE: &[(&str, &str, &[&str])] = &[
    ("bridge_ageing", "ageing-time", &["250"]),
    ("bridge_bridgeprio", "priority", &["22", "32768"]),
    ("bridge_fd", "forward-delay", &["1", "0"]),
    ("bridge_hello", "hello-time", &["1"]),
    ("bridge_maxage", "max-age", &["10"]),
];

fn some_nics(dice: &mut Dice) -> Vec<&'static str> {
    let some: Vec<&str> = NICS.iter().map(|(name, _)| *name).filter(|_| seldom(dice, 2)).collect();
    if some.is_empty() { vec!["eth1"] } else { some }
}

fn v1_physical(dice: &mut Dice, name: &str, mac: &str) -> String {
    let mut link = Object::default();
    link.text("type", if seldom(dice, 12) { "infiniband" } else { "physical" }).text("name", name);
    if dice.roll(3) > 0 {
        let mac = if seldom(dice, 4) { mac.to_uppercase() } else { mac.to_string() };
        link.text("mac_address", mac);
    }
    if seldom(dice, 4) {
        link.raw("mtu", dice.pick(&["1500", "9000", "null"]));
    }
    if seldom(dice, 4) {
        link.raw("accept-ra", dice.pick(&["true", "false", "\"yes\""]));
    }
    if seldom(dice, 8) {
        link.raw("wakeonlan", dice.pick(&["true", "false"]));
    }
    if seldom(dice, 8) {
        link.raw("params", "{\"driver\":\"virtio_net\"}");
    }
    subnets(dice, &mut link);
    if seldom(dice, 150) {
        link.text("type", dice.pick(&["tunnel", "Physical"]));
    }
    link.done()
}

/// network-config v1.
pub fn v1(dice: &mut Dice) -> String {
    let mut items: Vec<String> = Vec::new();
    for (name, mac) in NICS {
        if dice.roll(4) > 0 {
            items.push(v1_physical(dice, name, mac));
        }
    }
    if seldom(dice, 4) {
        items.push("{\"type\":\"loopback\",\"name\":\"lo\",\"subnets\":[{\"type\":\"loopback\"}]}".into());
    }
    let group = dice.roll(4);
    if group == 0 {
        let (mut link, mut params) = (Object::default(), Object::default());
        let separator = dice.pick(&["-", "_"]);
        bond_params(dice, &mut params, false, separator);
        let members = some_nics(dice);
        if seldom(dice, 3) {
            params.text(&format!("bond{separator}primary"), members[0]);
        }
        let members: Vec<String> = members.iter().map(quoted).collect();
        link.text("type", "bond").text("name", "bond0").list("bond_interfaces", &members).raw("params", params.done());
        if seldom(dice, 3) {
            link.text("mac_address", "aa:bb:cc:dd:ee:ff");
        }
        subnets(dice, &mut link);
        items.push(link.done());
    } else if group == 1 {
        let (mut link, mut params) = (Object::default(), Object::default());
        let ports = some_nics(dice);
        for (name, _, values) in BRIDGE {
            if seldom(dice, 2) {
                params.raw(name, dice.pick(values));
            }
        }
        if seldom(dice, 2) {
            params.raw("bridge_stp", dice.pick(&["\"on\"", "\"off\"", "1", "true", "false"]));
        }
        if seldom(dice, 2) {
            let costs: Vec<String> =
                ports.iter().map(|port| quoted(format!("{port} {}", 10 + dice.roll(90)))).collect();
            params.list("bridge_pathcost", &costs);
        }
        if seldom(dice, 3) {
            let numbers: Vec<String> = ports.iter().map(|port| quoted(format!("{port} {}", dice.roll(64)))).collect();
            params.list("bridge_portprio", &numbers);
        }
        if seldom(dice, 4) {
            params.text("bridge_hw", "fa:16:3e:00:00:77");
        }
        for key in ["bridge_gcint", "bridge_maxwait"] {
            if seldom(dice, 4) {
                params.raw(key, 2);
            }
        }
        if seldom(dice, 4) {
            params.list("bridge_waitport", &[quoted(format!("{} 34", ports[0]))]);
        }
        let ports: Vec<String> = ports.iter().map(quoted).collect();
        link.text("type", "bridge").text("name", "br0").list("bridge_interfaces", &ports).raw("params", params.done());
        subnets(dice, &mut link);
        items.push(link.done());
    }
    if seldom(dice, 3) {
        let mut link = Object::default();
        let id = 1 + dice.roll(4094);
        link.text("type", "vlan").text("name", format!("eth0.{id}")).raw("vlan_id", id).text("vlan_link", "eth0");
        if seldom(dice, 4) {
            link.text("mac_address", "aa:bb:cc:dd:ee:01").raw("mtu", 1400);
        }
        subnets(dice, &mut link);
        items.push(link.done());
    }
    for _ in 0..dice.roll(3) {
        items.push(v1_route(dice, true));
    }
    if seldom(dice, 2) {
        let mut server = Object::default();
        server.text("type", "nameserver");
        if seldom(dice, 3) {
            server.text("address", "9.9.9.9")
        } else {
            server.list("address", &servers(dice))
        };
        if seldom(dice, 2) {
            server.list("search", &domains(dice));
        }
        if seldom(dice, 3) {
            server.text("interface", dice.pick(&["eth0", "eth1", "bond0"]));
        }
        items.push(server.done());
    }
    if seldom(dice, 10) {
        let at = dice.roll(items.len() + 1);
        items.insert(at, "{\"type\":\"physical\"}".into());
    }
    let mut config = Object::default();
    config.raw("version", 1).list("config", &items);
    config.done()
}

fn overrides(dice: &mut Dice) -> String {
    let mut own = Object::default();
    if dice.roll(3) > 0 {
        own.raw("route-metric", dice.pick(&["200", "100"]));
    }
    for key in ["use-dns", "use-hostname", "use-mtu", "use-ntp", "use-routes", "send-hostname"] {
        if seldom(dice, 4) {
            own.raw(key, dice.pick(&["true", "false"]));
        }
    }
    if seldom(dice, 6) {
        own.raw("use-domains", dice.pick(&["true", "false", "\"route\""]));
    }
    if seldom(dice, 6) {
        own.text("hostname", "guest");
    }
    own.done()
}

fn v2_common(dice: &mut Dice, link: &mut Object) {
    if seldom(dice, 8) {
        link.text("dhcp-identifier", dice.pick(&["mac", "duid"]));
    }
    if seldom(dice, 8) {
        link.raw("link-local", dice.pick(&["[]", "[\"ipv4\"]", "[\"ipv6\"]", "[\"ipv4\",\"ipv6\"]"]));
    }
    if seldom(dice, 8) {
        link.raw("ipv6-privacy", dice.pick(&["true", "false"]));
    }
    for key in ["dhcp4", "dhcp6"] {
        if seldom(dice, 3) {
            link.raw(key, dice.pick(&["true", "true", "false"]));
            if seldom(dice, 3) {
                link.raw(&format!("{key}-overrides"), overrides(dice));
            }
        }
    }
    let mut families = [false; 2];
    if seldom(dice, 2) {
        let addresses: Vec<String> = (0..1 + dice.roll(2))
            .map(|_| {
                let v6 = seldom(dice, 3);
                families[usize::from(v6)] = true;
                let bits = if v6 { 64 } else { 24 };
                quoted(format!("{}/{bits}", host(dice, v6)))
            })
            .collect();
        link.list("addresses", &addresses);
    }
    for (v6, key) in [(false, "gateway4"), (true, "gateway6")] {
        if seldom(dice, if families[usize::from(v6)] { 3 } else { 40 }) {
            link.text(key, host(dice, v6));
        }
    }
    if seldom(dice, 4) {
        link.raw("mtu", 1300 + dice.roll(200));
    }
    if seldom(dice, 4) {
        let mut dns = Object::default();
        dns.list("addresses", &servers(dice));
        if seldom(dice, 2) {
            dns.list("search", &domains(dice));
        }
        link.raw("nameservers", dns.done());
    }
    if seldom(dice, 4) {
        let routes: Vec<String> = (0..1 + dice.roll(2))
            .map(|_| {
                let (mut route, v6) = (Object::default(), seldom(dice, 4));
                let to = if v6 {
                    dice.pick(&["2001:db8:99::/48", "::/0"])
                } else {
                    dice.pick(&["192.168.9.0/24", "0.0.0.0/0", "172.16.0.0/12"])
                };
                route.text("to", to).text("via", host(dice, v6));
                if seldom(dice, 2) {
                    route.raw("metric", 50);
                }
                if seldom(dice, 6) {
                    route.raw("on-link", "true").raw("table", 100);
                }
                if seldom(dice, 8) {
                    route.text("from", host(dice, v6));
                }
                if seldom(dice, 8) {
                    route.raw("mtu", 1300);
                }
                if seldom(dice, 8) {
                    route.text("scope", dice.pick(&["link", "global"]));
                }
                if seldom(dice, 12) {
                    route.text("type", "unicast");
                }
                route.done()
            })
            .collect();
        link.list("routes", &routes);
    }
    if seldom(dice, 100) {
        link.raw("addresses", dice.pick(&["[\"10.0.0.1/40\"]", "[\"ten\"]"]));
    }
}

/// network-config v2.
pub fn v2(dice: &mut Dice) -> String {
    let mut ethernets = Object::default();
    for (at, (name, mac)) in NICS.iter().enumerate() {
        if seldom(dice, 4) {
            continue;
        }
        let mut link = Object::default();
        let mut id = name.to_string();
        if seldom(dice, 2) {
            let mac = if seldom(dice, 3) { mac.to_uppercase() } else { mac.to_string() };
            let mut find = Object::default();
            find.text("macaddress", mac);
            if seldom(dice, 4) {
                find.text("driver", "virtio_net");
            }
            if seldom(dice, 4) {
                find.text("name", name);
            }
            link.raw("match", find.done());
            match dice.roll(3) {
                0 => link.text("set-name", name),
                1 => {
                    id = format!("nic{at}");
                    link.text("set-name", format!("lan{at}"))
                }
                _ => &mut link,
            };
        }
        for key in ["wakeonlan", "accept-ra", "optional", "critical"] {
            if seldom(dice, 6) {
                link.raw(key, dice.pick(&["true", "false"]));
            }
        }
        v2_common(dice, &mut link);
        ethernets.raw(&id, link.done());
    }
    let mut config = Object::default();
    config.raw("version", 2).raw("ethernets", ethernets.done());
    let group = dice.roll(4);
    if group == 0 {
        let (mut link, mut params) = (Object::default(), Object::default());
        bond_params(dice, &mut params, true, "");
        let members = some_nics(dice);
        if seldom(dice, 3) {
            params.text("primary", members[0]);
        }
        let members: Vec<String> = members.iter().map(quoted).collect();
        link.list("interfaces", &members).raw("parameters", params.done());
        v2_common(dice, &mut link);
        config.raw("bonds", format!("{{\"bond0\":{}}}", link.done()));
    } else if group == 1 {
        let (mut link, mut params) = (Object::default(), Object::default());
        let ports = some_nics(dice);
        for (_, name, values) in BRIDGE {
            if seldom(dice, 2) {
                params.raw(name, dice.pick(values));
            }
        }
        if seldom(dice, 2) {
            params.raw("stp", dice.pick(&["true", "false"]));
        }
        if seldom(dice, 2) {
            let mut costs = Object::default();
            for port in &ports {
                costs.raw(port, 10 + dice.roll(90));
            }
            params.raw("path-cost", costs.done());
        }
        if seldom(dice, 3) {
            let mut numbers = Object::default();
            for port in &ports {
                numbers.raw(port, dice.roll(64));
            }
            params.raw("port-priority", numbers.done());
        }
        let ports: Vec<String> = ports.iter().map(quoted).collect();
        link.list("interfaces", &ports).raw("parameters", params.done());
        v2_common(dice, &mut link);
        config.raw("bridges", format!("{{\"br0\":{}}}", link.done()));
    }
    if seldom(dice, 3) {
        let mut link = Object::default();
        link.raw("id", dice.roll(4095)).text("link", "eth0");
        v2_common(dice, &mut link);
        config.raw("vlans", format!("{{\"vlan9\":{}}}", link.done()));
    }
    config.done()
}

fn network(dice: &mut Dice, link: &str) -> String {
    let mut network = Object::default();
    let kind = dice.pick(&[
        "ipv4",
        "ipv4",
        "ipv6",
        "ipv6",
        "ipv4_dhcp",
        "ipv6_dhcp",
        "ipv6_slaac",
        "ipv6_dhcpv6-stateful",
        "ipv6_dhcpv6-stateless",
    ]);
    network
        .text("id", format!("network{}", dice.roll(9)))
        .text("network_id", "4d3b-99")
        .text("link", link)
        .text("type", kind);
    if matches!(kind, "ipv4" | "ipv6") {
        let v6 = kind == "ipv6";
        let host = host(dice, v6);
        match (dice.roll(3), v6) {
            (0, false) => drop(network.text("ip_address", format!("{host}/24"))),
            (_, false) => drop(network.text("ip_address", host).text("netmask", "255.255.255.0")),
            (0, true) => drop(network.text("ip_address", format!("{host}/64"))),
            (_, true) => drop(network.text("ip_address", host).text("netmask", "ffff:ffff:ffff:ffff::")),
        }
        if seldom(dice, 4) {
            network.text("gateway", self::host(dice, v6));
        }
        let routes: Vec<String> = (0..dice.roll(3))
            .map(|_| {
                let mut route = Object::default();
                match (dice.roll(2), v6) {
                    (0, false) => route.text("network", "0.0.0.0").text("netmask", "0.0.0.0"),
                    (_, false) => route.text("network", "192.168.7.0").text("netmask", "255.255.255.0"),
                    (0, true) => route.text("network", "::").text("netmask", "::"),
                    (_, true) => route.text("network", "2001:db8:7::").text("netmask", "ffff:ffff:ffff::"),
                };
                route.text("gateway", self::host(dice, v6));
                route.done()
            })
            .collect();
        network.list("routes", &routes);
    }
    if seldom(dice, 8) {
        network.list("services", &[format!("{{\"type\":\"dns\",\"address\":{}}}", servers(dice)[0])]);
    }
    if seldom(dice, 80) {
        network.text("type", "ipv4").text("ip_address", "10.0.0");
    }
    network.done()
}

/// `network_data.json`.
pub fn network_data(dice: &mut Dice) -> String {
    let (mut links, mut networks, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for (at, (name, mac)) in NICS.iter().enumerate() {
        if seldom(dice, 3) {
            continue;
        }
        let mut link = Object::default();
        let id = format!("tap{at}a77f9b-9c");
        link.text("id", &id)
            .text("vif_id", "1c24dabe")
            .raw("type", dice.pick(&["\"phy\"", "\"ovs\"", "\"bridge\"", "\"tap\"", "\"vif\"", "null", "\"other\""]));
        let mac = if seldom(dice, 3) { mac.to_uppercase() } else { mac.to_string() };
        link.text("ethernet_mac_address", if seldom(dice, 60) { "fa:16:3e:ff:ff:ff".into() } else { mac });
        link.raw("mtu", dice.pick(&["1500", "9000", "null"]));
        if seldom(dice, 6) {
            link.text("name", dice.pick(&[*name, ["lan0", "lan1", "lan2", "lan3"][at]]));
        }
        links.push(link.done());
        ids.push(id);
    }
    if ids.len() > 1 && seldom(dice, 3) {
        let mut link = Object::default();
        let members: Vec<String> = ids[..2].iter().map(quoted).collect();
        link.text("id", "bond-x").text("type", "bond").list("bond_links", &members);
        if seldom(dice, 2) {
            link.text("ethernet_mac_address", "fa:16:3e:00:00:10");
        }
        bond_params(dice, &mut link, false, "_");
        links.push(link.done());
        ids.push("bond-x".into());
    }
    if !ids.is_empty() && seldom(dice, 3) {
        let mut link = Object::default();
        let on = ids[dice.roll(ids.len())].clone();
        link.text("id", "vlan-y")
            .text("type", "vlan")
            .text("vlan_link", on)
            .raw("vlan_id", 101)
            .text("vlan_mac_address", "fa:16:3e:00:01:01");
        links.push(link.done());
        ids.push("vlan-y".into());
    }
    for id in &ids {
        for _ in 0..dice.roll(3) {
            networks.push(network(dice, id));
        }
    }
    let services: Vec<String> =
        servers(dice).iter().map(|server| format!("{{\"type\":\"dns\",\"address\":{server}}}")).collect();
    let mut data = Object::default();
    data.list("links", &links).list("networks", &networks);
    if seldom(dice, 2) {
        data.list("services", &services);
    }
    data.done()
}
