//! Interfaces files over all that the model can say in one, each with the same in network-config v1.

use super::super::python::Dice;
use super::{BOND, BRIDGE, NICS, Object, address, domains, host, quoted, seldom, servers, some_nics};

/// A network in two dialects.
pub struct Both {
    /// An interfaces file.
    pub eni: String,
    /// network-config v1, JSON.
    pub v1: String,
}

struct Writer<'d> {
    dice: &'d mut Dice,
    /// More than cloud-init reads.
    wide: bool,
    /// Blanks of all kinds, and lines that go on in the next.
    loose: bool,
    /// A link's stanzas may have one name.
    twice: bool,
    /// The names of `auto` stand in the first line.
    above: bool,
    /// What the stanzas of inet6 of the link say of router advertisements, if anything; whether one did.
    accept: Option<&'static str>,
    accepted: bool,
    /// Names with what stands before their first stanza: `auto`, `allow-hotplug` or nothing.
    words: Vec<(String, &'static str)>,
    text: String,
}

/// A text in an interfaces file.
fn bare(json: &str) -> String {
    json.replace(['"', '[', ']'], "").replace(',', " ")
}

/// An interfaces file; one in three says only what cloud-init reads of it.
pub fn eni(dice: &mut Dice) -> Both {
    let wide = dice.roll(3) > 0;
    let (loose, twice, above) = (wide && seldom(dice, 6), wide && seldom(dice, 3), seldom(dice, 3));
    let mut writer = Writer {
        dice,
        wide,
        loose,
        twice,
        above,
        accept: None,
        accepted: false,
        words: Vec::new(),
        text: String::new(),
    };
    let v1 = writer.file();
    let auto: Vec<&str> =
        writer.words.iter().filter(|(_, word)| *word == "auto").map(|(name, _)| name.as_str()).collect();
    let top = if above && !auto.is_empty() { format!("auto {}\n", auto.join(" ")) } else { String::new() };
    Both { eni: top + &writer.text, v1 }
}

impl Writer<'_> {
    fn line(&mut self, words: &str) {
        let indent = if words.starts_with("iface") { "" } else { self.dice.pick(&["    ", "\t", "  "]) };
        self.text.push_str(indent);
        for (at, word) in words.split(' ').enumerate() {
            let blank = match self.loose {
                true => self.dice.pick(&[" ", " ", "  ", "\t", " \\\n    ", "\\\n "]),
                false => " ",
            };
            self.text.push_str(if at > 0 { blank } else { "" });
            self.text.push_str(word);
        }
        self.text.push('\n');
        if seldom(self.dice, 12) {
            let comment = self.dice.pick(&["# a comment\n", "\n", "    # iface eth9 inet dhcp\n", "#\n"]);
            self.text.push_str(comment);
        }
    }

    /// Begins a stanza; the word that brings it up.
    fn iface(&mut self, name: &str, family: &str, method: &str) -> &'static str {
        let known = self.words.iter().find(|(known, _)| known == name);
        let word = known.map(|(_, word)| *word).unwrap_or_else(|| {
            // Of the names of a link all or none, where they stand above: cloud-init takes its subnets in the order in which it meets them.
            let device = name.split(':').next().unwrap();
            let link = self.words.iter().find(|(known, _)| known == device).filter(|_| self.above);
            let all: [&'static str; 4] = ["auto", "auto", "auto", ""];
            let mut word = link.map_or_else(|| all[self.dice.roll(4)], |(_, word)| word);
            if self.wide && link.is_none() && seldom(self.dice, 8) {
                word = "allow-hotplug";
            }
            self.words.push((name.into(), word));
            let is_above = self.above && word == "auto";
            if !word.is_empty() && !is_above {
                self.text.push_str(&format!("{word} {name}\n"));
            }
            word
        });
        self.line(&format!("iface {name} {family} {method}"));
        word
    }

    /// One stanza; its subnet in v1. `more`: what it says of the link.
    fn stanza(&mut self, name: &str, methods: &[&str], more: &[String]) -> String {
        let method = self.dice.pick(methods);
        let v6 = method.starts_with("inet6");
        let (family, word) = method.split_once(' ').unwrap();
        let control = self.iface(name, family, word);
        let mut subnet = Object::default();
        let kind = match method {
            "inet dhcp" | "inet bootp" => "dhcp4",
            "inet6 dhcp" => "dhcp6",
            "inet6 auto" if seldom(self.dice, 2) => "ipv6_dhcpv6-stateless",
            "inet6 auto" => "ipv6_slaac",
            _ => word,
        };
        subnet.text("type", kind);
        let control = match control {
            "allow-hotplug" => "hotplug",
            "" => "manual",
            word => word,
        };
        subnet.text("control", control);
        let mut lines = more.to_vec();
        if word == "auto" {
            lines.push(format!("dhcp {}", u8::from(kind.ends_with("less"))));
        }
        if let Some(number) = self.accept.filter(|_| v6 && matches!(word, "static" | "dhcp")) {
            lines.push(format!("accept_ra {number}"));
            self.accepted = true;
        }
        if word == "static" {
            self.address(v6, &mut subnet, &mut lines);
        }
        self.options(v6, word, &mut subnet, &mut lines);
        let turn = self.dice.roll(lines.len().max(1));
        lines.rotate_left(turn);
        lines.iter().for_each(|line| self.line(line));
        subnet.done()
    }

    fn address(&mut self, v6: bool, subnet: &mut Object, lines: &mut Vec<String>) {
        let mut net = Object::default();
        address(self.dice, &mut net, "address", v6);
        for part in &net.0 {
            let (key, value) = part.split_once("\":").unwrap();
            let (key, value) = (key.trim_start_matches('"'), bare(value));
            let key = if key == "prefix" { "netmask" } else { key };
            lines.push(format!("{key} {value}"));
            subnet.text(key, value);
        }
        if seldom(self.dice, 2) {
            let gateway = host(self.dice, v6);
            lines.push(format!("gateway {gateway}"));
            subnet.text("gateway", gateway);
        }
        if !v6 && seldom(self.dice, 6) {
            lines.push("broadcast 10.255.255.255".into());
            subnet.text("broadcast", "10.255.255.255");
        }
        if self.wide && seldom(self.dice, 12) {
            let peer = host(self.dice, v6);
            lines.push(format!("pointopoint {peer}"));
            subnet.text("pointopoint", peer);
        }
        if self.wide && seldom(self.dice, 12) {
            let scope = self.dice.pick(&["link", "host", "global"]);
            lines.push(format!("scope {scope}"));
            subnet.text("scope", scope);
        }
    }

    /// What any subnet may have.
    fn options(&mut self, v6: bool, word: &str, subnet: &mut Object, lines: &mut Vec<String>) {
        if seldom(self.dice, 4) {
            let servers = servers(self.dice);
            lines.push(format!("dns-nameservers {}", bare(&servers.join(" "))));
            subnet.list("dns_nameservers", &servers);
            if seldom(self.dice, 2) {
                let domains = domains(self.dice);
                lines.push(format!("dns-search {}", bare(&domains.join(" "))));
                subnet.list("dns_search", &domains);
            }
        }
        if self.wide && word != "manual" && seldom(self.dice, 6) {
            let metric = self.dice.pick(&["100", "1", "4294967295"]);
            lines.push(format!("metric {metric}"));
            subnet.raw("metric", metric);
        }
        if self.wide && seldom(self.dice, 6) {
            let mtu = 1400 + self.dice.roll(100);
            lines.push(format!("mtu {mtu}"));
            subnet.raw("mtu", mtu);
        }
        if self.wide && word != "manual" && seldom(self.dice, 4) {
            let routes: Vec<String> = (0..1 + self.dice.roll(2)).map(|_| self.route(v6, lines)).collect();
            subnet.list("routes", &routes);
        }
    }

    /// A route by commands.
    fn route(&mut self, v6: bool, lines: &mut Vec<String>) -> String {
        let v6 = if seldom(self.dice, 8) { !v6 } else { v6 };
        let to = match (self.dice.roll(4), v6) {
            (0, false) => "0.0.0.0/0".to_string(),
            (0, true) => "::/0".into(),
            (1, false) => format!("192.168.8.{}/32", self.dice.roll(9)),
            (_, false) => format!("192.168.{}.0/24", self.dice.roll(9)),
            (_, true) => format!("2001:db8:{:x}::/48", 256 + self.dice.roll(99)),
        };
        let via = host(self.dice, v6);
        let metric = if seldom(self.dice, 2) { self.dice.pick(&["0", "1", "100"]) } else { "" };
        let mut route = Object::default();
        route.text("destination", &to).text("gateway", &via);
        if !metric.is_empty() {
            route.raw("metric", metric);
        }
        let (ip, bits) = to.split_once('/').unwrap();
        let mut tail = if metric.is_empty() { String::new() } else { format!(" metric {metric}") };
        let (before, to) = match (self.dice.roll(2), v6, bits) {
            // ip-route(8)
            (0, _, "0") => (if v6 { "ip -6 route " } else { "ip route " }, "default".to_string()),
            (0, true, _) => ("ip -6 route ", to.clone()),
            (0, ..) => ("/sbin/ip route ", if bits == "32" { ip.into() } else { to.clone() }),
            // route(8)
            (_, true, "0") => (self.dice.pick(&["route -A inet6 ", "route "]), "-A inet6 default".to_string()),
            (_, true, _) => ("route ", format!("-A inet6 {to}")),
            (_, _, "0") => ("route ", self.dice.pick(&["default", "-net 0.0.0.0 netmask 0.0.0.0"]).into()),
            (_, _, "32") => ("route ", format!("-host {ip}")),
            _ if seldom(self.dice, 2) => ("route ", format!("-net {ip} netmask 255.255.255.0")),
            _ => ("route ", format!("-net {to}")),
        };
        let to = if before.contains("inet6") { to.replace("-A inet6 ", "") } else { to };
        let by = if before.contains("ip ") || before.contains("ip -6") { "via" } else { "gw" };
        let end = self.dice.pick(&["", " || true", " dev $IFACE", " || :"]);
        if end.starts_with(" d") {
            tail.insert_str(0, end);
        } else {
            tail.push_str(end);
        }
        let add = if by == "via" && seldom(self.dice, 4) { "replace" } else { "add" };
        let up = self.dice.pick(&["up", "post-up"]);
        lines.push(format!("{up} {before}{add} {to} {by} {via}{tail}"));
        if seldom(self.dice, 2) {
            let down = self.dice.pick(&["down", "pre-down"]);
            lines.push(format!("{down} {before}del {to} {by} {via}{tail}"));
        }
        route.done()
    }

    /// The stanzas of a link, and its item in v1, which has these keys already. `made`: it is no NIC.
    fn link(&mut self, mut item: Object, name: &str, mac: Option<&str>, more: &[String], made: bool) -> String {
        let mut more = more.to_vec();
        if let Some(mac) = mac {
            let mac = if seldom(self.dice, 4) { mac.to_uppercase() } else { mac.into() };
            let word = if seldom(self.dice, 2) { "ether " } else { "" };
            more.push(format!("hwaddress {word}{mac}"));
            item.text("mac_address", mac);
        }
        if self.wide && !made && seldom(self.dice, 12) {
            more.push("ethernet-wol g".into());
            item.raw("wakeonlan", "true");
        }
        let narrow = ["inet static", "inet static", "inet6 static", "inet dhcp", "inet manual"];
        let wide = ["inet6 static", "inet6 dhcp", "inet6 auto", "inet6 manual", "inet bootp"];
        let methods: Vec<&str> = if self.wide { [narrow, wide].concat() } else { narrow.to_vec() };
        let numbers: [&'static str; 3] = ["0", "1", "2"];
        self.accept = (self.wide && seldom(self.dice, 8)).then(|| numbers[self.dice.roll(3)]);
        self.accepted = false;
        let mut subnets = Vec::new();
        for at in 0..1 + self.dice.roll(5) / 2 {
            let alias = format!("{name}:{at}");
            let name = if at > 0 && (!self.twice || seldom(self.dice, 2)) { &alias } else { name };
            subnets.push(self.stanza(name, &methods, if at == 0 { &more } else { &[] }));
        }
        if let Some(number) = self.accept.filter(|_| self.accepted) {
            item.raw("accept-ra", number != "0");
        }
        item.list("subnets", &subnets);
        item.done()
    }

    /// A stanza of a link that is only a member.
    fn member(&mut self, name: &str, mac: Option<&str>, more: &[String]) -> String {
        let mut item = Object::default();
        item.text("type", "physical").text("name", name);
        let mut more = more.to_vec();
        if let Some(mac) = mac {
            more.push(format!("hwaddress {mac}"));
            item.text("mac_address", mac);
        }
        let word = self.iface(name, "inet", "manual");
        more.iter().for_each(|line| self.line(line));
        let control = match word {
            "" => "manual",
            "auto" => "auto",
            _ => "hotplug",
        };
        item.list("subnets", &[format!("{{\"type\":\"manual\",\"control\":\"{control}\"}}")]);
        item.done()
    }

    /// The whole file; v1.
    fn file(&mut self) -> String {
        let mut items = Vec::new();
        if seldom(self.dice, 2) {
            let mut lo = Object::default();
            let subnet = {
                self.words.push(("lo".into(), "auto"));
                self.text.push_str(if self.above { "" } else { "auto lo\n" });
                self.line("iface lo inet loopback");
                "{\"type\":\"loopback\",\"control\":\"auto\"}".to_string()
            };
            lo.text("type", "loopback").text("name", "lo").list("subnets", &[subnet]);
            items.push(lo.done());
        }
        let group = if self.wide { self.dice.roll(6) } else { 9 };
        let members = if group < 2 { some_nics(self.dice) } else { Vec::new() };
        let mut params = Object::default();
        let mut more = Vec::new();
        let dash = self.dice.pick(&["-", "_"]);
        // Members name their bond, or it names them.
        let named = group == 0 && seldom(self.dice, 2);
        if group == 0 {
            self.bond(dash, &members, &mut params, &mut more);
            let slaves = if named { "none".into() } else { members.join(" ") };
            more.push(format!("bond{dash}slaves {slaves}"));
        } else if group == 1 {
            self.bridge(&members, &mut params, &mut more);
            more.push(format!("bridge_ports {}", members.join(" ")));
        }
        for (name, mac) in NICS {
            let mac = Some(mac).filter(|_| self.dice.roll(3) == 0);
            if members.contains(&name) {
                // One that no stanza describes is the NIC of that name.
                if named || self.dice.roll(3) > 0 {
                    let mut of_it = Vec::new();
                    if named {
                        of_it.push(format!("bond{dash}master bond0"));
                    }
                    items.push(self.member(name, mac, &of_it));
                }
            } else if self.dice.roll(4) > 0 {
                let mut item = Object::default();
                item.text("type", "physical").text("name", name);
                items.push(self.link(item, name, mac, &[], false));
            }
        }
        if group < 2 {
            let (kind, name) = [("bond", "bond0"), ("bridge", "br0")][group];
            let list: Vec<String> = members.iter().map(quoted).collect();
            let mut item = Object::default();
            item.text("type", kind).text("name", name).list(&format!("{kind}_interfaces"), &list);
            item.raw("params", params.done());
            let mac = Some("aa:bb:cc:dd:ee:ff").filter(|_| group == 0 && seldom(self.dice, 3));
            items.push(self.link(item, name, mac, &more, true));
        }
        if self.wide && seldom(self.dice, 4) {
            items.push(self.vlan());
        }
        format!("{{\"version\":1,\"config\":[{}]}}", items.join(","))
    }

    fn bond(&mut self, dash: &str, members: &[&str], params: &mut Object, more: &mut Vec<String>) {
        for (name, _, values) in BOND {
            if seldom(self.dice, 3) {
                let value = self.dice.pick(values);
                let inner = if dash == "-" { name.replace('_', "-") } else { name.to_string() };
                // As cloud-init spells them in v1.
                params.raw(&format!("bond-{}", name.replace('_', "-")), value);
                more.push(format!("bond{dash}{inner} {}", bare(value)));
            }
        }
        if seldom(self.dice, 3) {
            params.text("bond-primary", members[0]);
            more.push(format!("bond{dash}primary {}", members[0]));
        }
    }

    fn bridge(&mut self, ports: &[&str], params: &mut Object, more: &mut Vec<String>) {
        for (name, _, values) in BRIDGE {
            if seldom(self.dice, 2) {
                let value = self.dice.pick(values);
                params.raw(name, value);
                more.push(format!("{name} {}", bare(value)));
            }
        }
        for (name, values) in [
            ("bridge_stp", &["on", "off"][..]),
            ("bridge_hw", &["fa:16:3e:00:00:77"]),
            ("bridge_gcint", &["2"]),
            ("bridge_maxwait", &["2", "0"]),
        ] {
            if seldom(self.dice, 4) {
                let value = self.dice.pick(values);
                params.text(name, value);
                more.push(format!("{name} {value}"));
            }
        }
        for name in ["bridge_pathcost", "bridge_portprio", "bridge_waitport"] {
            if seldom(self.dice, 4) {
                let each: Vec<String> =
                    ports.iter().map(|port| format!("{port} {}", 10 + self.dice.roll(50))).collect();
                more.extend(each.iter().map(|text| format!("{name} {text}")));
                params.list(name, &each.iter().map(quoted).collect::<Vec<_>>());
            }
        }
    }

    fn vlan(&mut self) -> String {
        let id = 1 + self.dice.roll(4094);
        let (name, mut more) = match self.dice.roll(4) {
            0 => (format!("eth0.{id}"), vec![]),
            1 => (format!("eth0.{id}"), vec!["vlan-raw-device eth0".to_string()]),
            2 => (format!("vlan{id}"), vec!["vlan-raw-device eth0".to_string()]),
            _ => ("lan7".to_string(), vec!["vlan-raw-device eth0".to_string(), format!("vlan-id {id}")]),
        };
        let turn = self.dice.roll(more.len().max(1));
        more.rotate_left(turn);
        let mut item = Object::default();
        item.text("type", "vlan").text("name", &name).raw("vlan_id", id).text("vlan_link", "eth0");
        let mac = Some("aa:bb:cc:dd:ee:01").filter(|_| seldom(self.dice, 3));
        self.link(item, &name, mac, &more, true)
    }
}
