//! Reads what renderers write, ours and cloud-init's, as facts: what order says is in them, and what it does not say is not.

use std::collections::{BTreeMap, BTreeSet};

/// Paths and texts.
pub type Files = BTreeMap<String, String>;

/// All that the files say.
pub fn facts(files: &Files) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    for (path, text) in files {
        assert!(text.is_empty() || text.ends_with('\n'), "{path}");
        let (dir, file) = path.rsplit_once('/').unwrap();
        let lines = || text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with(['#', ';']));
        match (dir, file.split_once('-')) {
            ("/etc/sysconfig/network-scripts", Some(("ifcfg", name))) => {
                for (key, value) in lines().map(assignment) {
                    ifcfg(name, &key, &value, &mut facts);
                }
            }
            ("/etc/sysconfig/network-scripts", Some((_, name))) => routes(name, lines(), &mut facts),
            ("/etc/network/interfaces.d", _) => eni(lines(), &mut facts),
            _ => {
                let mut facts_of_case = BTreeSet::new();
                let of = |line: &str| match file {
                    "resolv.conf" => format!("{file} {}", addresses(line)),
                    "70-persistent-net.rules"
                        if line.bytes().any(|byte| {
                            b"ABCDEF".contains(&byte) && {
                                line.split("{address}").nth(1).is_some_and(|mac| mac[..22].contains(byte as char))
                            }
                        }) =>
                    {
                        facts_of_case.insert(format!("{file} has capitals in a MAC address"));
                        let (begin, end) = line.split_at(line.find("{address}").unwrap());
                        format!("{file} {begin}{}{}", end[..30].to_lowercase(), &end[30..])
                    }
                    _ => format!("{file} {line}"),
                };
                facts.extend(lines().map(of));
                facts.extend(facts_of_case);
            }
        }
    }
    facts
}

/// A line as a shell reads it.
fn assignment(line: &str) -> (String, String) {
    let (key, quoted) = line.split_once('=').unwrap_or_else(|| panic!("no assignment: {line}"));
    let bare = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    assert!(bare.is_some() || !quoted.contains([' ', '$', '`', '"', ';']), "not quoted: {line}");
    (key.into(), bare.unwrap_or(quoted).replace('\\', ""))
}

fn ifcfg(name: &str, key: &str, value: &str, facts: &mut BTreeSet<String>) {
    match key {
        "BONDING_OPTS" => {
            assert!(!value.contains(" mode="), "the mode has to come first: {value}");
            facts.extend(value.split(' ').map(|option| format!("{name} {key} {option}")));
        }
        "DOMAIN" => facts.extend(value.split(' ').map(|domain| format!("{name} {key} {domain}"))),
        // Which number each has means nothing, or is the golden cases' matter.
        _ if key.starts_with("DNS") || key.starts_with("BONDING_SLAVE") => {
            let key = key.trim_end_matches(|char: char| char.is_ascii_digit());
            facts.insert(format!("{name} {key}={}", addresses(value)));
        }
        "HWADDR" | "MACADDR" => _ = facts.insert(format!("{name} {key}={}", value.to_lowercase())),
        // In any form of an address.
        _ => _ = facts.insert(format!("{name} {key}={}", addresses(value))),
    }
}

/// Words that are addresses (with a prefix) in their usual form.
fn addresses(text: &str) -> String {
    let usual = |word: &str| {
        let (ip, rest) = word.find('/').map_or((word, ""), |at| word.split_at(at));
        ip.parse::<std::net::IpAddr>().map_or(word.into(), |ip| format!("{ip}{rest}"))
    };
    text.split(' ').filter(|word| !word.is_empty()).map(usual).collect::<Vec<_>>().join(" ")
}

fn routes<'a>(name: &str, lines: impl Iterator<Item = &'a str>, facts: &mut BTreeSet<String>) {
    let mut numbered: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for line in lines {
        if line.contains('=') {
            let (key, value) = assignment(line);
            let digits = key.find(|char: char| char.is_ascii_digit()).unwrap();
            numbered.entry(key[digits..].into()).or_default().insert(key[..digits].into(), value);
        } else {
            facts.insert(route(name, line));
        }
    }
    for (at, keys) in numbered.values().enumerate() {
        let mask: std::net::Ipv4Addr = keys["NETMASK"].parse().unwrap();
        let prefix = u32::from(mask).leading_ones();
        let metric = keys.get("METRIC").map(|metric| format!(" metric {metric}")).unwrap_or_default();
        facts.insert(route(name, &format!("{}/{prefix} via {}{metric}", keys["ADDRESS"], keys["GATEWAY"])));
        assert!(at < numbered.len());
    }
}

/// Of `route add`'s and `ip route add`'s words.
fn route(name: &str, line: &str) -> String {
    let mut words = line.split_ascii_whitespace().peekable();
    let (mut to, mut rest) = (String::new(), BTreeMap::new());
    let mut v6 = false;
    while let Some(word) = words.next() {
        match word {
            "-net" | "-host" => {}
            "-A" => v6 = words.next() == Some("inet6"),
            "default" if v6 => to = "::/0".into(),
            "default" => to = "0.0.0.0/0".into(),
            "gw" | "via" => _ = rest.insert("via", addresses(words.next().unwrap())),
            "dev" => assert_eq!(words.next(), Some(name)),
            "metric" | "table" | "mtu" | "src" => _ = rest.insert(word, words.next().unwrap().into()),
            "onlink" => _ = rest.insert(word, String::new()),
            _ => {
                assert!(to.is_empty(), "{line}");
                to = addresses(word);
            }
        }
    }
    let rest: Vec<String> = rest.iter().map(|(key, value)| format!(" {key} {value}")).collect();
    format!("{name} route {to}{}", rest.concat())
}

fn eni<'a>(lines: impl Iterator<Item = &'a str>, facts: &mut BTreeSet<String>) {
    let (mut name, mut stanza) = (String::new(), String::new());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[0] {
            "auto" | "allow-hotplug" => _ = facts.insert(format!("{} {}", words[1], words[0])),
            "iface" => {
                let count = counts.entry(words[1].into()).or_default();
                (name, stanza) = (words[1].into(), format!("{} {} #{count}", words[1], words[2]));
                *count += 1;
                facts.insert(format!("{} iface {} {}", stanza, words[2], words[3]));
            }
            "post-up" | "pre-down" => {
                let command = line.trim().strip_suffix(" || true").unwrap();
                let command = command.replace("ip -6 route", "route").replace("ip route", "route");
                let words = command.strip_prefix("post-up route add ").or(command.strip_prefix("pre-down route del "));
                // cloud-init's routes of no link stand behind the last stanza, not indented.
                let name = if line.starts_with(' ') { &name } else { "?" };
                facts.insert(format!("{} {}", words_of(&command), route(name, words.unwrap())));
            }
            // resolvconf brings together what the stanzas of an interface say.
            "dns-nameservers" | "dns-search" => {
                facts.extend(words[1..].iter().map(|word| format!("{name} {} {}", words[0], addresses(word))))
            }
            key => {
                let key = if key.starts_with("bond") { key.replace('_', "-") } else { key.into() };
                facts.insert(format!("{stanza} {key} {}", addresses(&words[1..].join(" ").to_lowercase())));
            }
        }
    }
}

fn words_of(command: &str) -> &str {
    command.split(' ').next().unwrap()
}
