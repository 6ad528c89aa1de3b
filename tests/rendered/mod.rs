//! Reads what renderers write, ours and cloud-init's, as facts: what order says is in them, and what it does not say is not.

use std::collections::{BTreeMap, BTreeSet};

use wisp::format::doc::{Sources, Value};
use wisp::format::yaml;

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
            ("/etc/netplan", _) => netplan(text, &mut facts),
            ("/etc/systemd/network", _) => {
                let file = file.strip_prefix("10-cloud-init-").unwrap();
                let name = file.strip_suffix(".network").unwrap_or(file);
                sections(text, &mut |section, lines| networkd(name, section, lines, &mut facts));
            }
            ("/etc/NetworkManager/system-connections", _) => {
                let name = file.strip_prefix("cloud-init-").unwrap().strip_suffix(".nmconnection").unwrap();
                sections(text, &mut |section, lines| keyfile(name, section, lines, &mut facts));
            }
            ("/etc", None) if file == "resolv.conf" => {
                for line in lines() {
                    let (key, words) = line.split_once(' ').unwrap();
                    words.split(' ').for_each(|word| in_order(&mut facts, &format!("{file} {key} "), 0, " ", word));
                }
            }
            _ => {
                let mut facts_of_case = BTreeSet::new();
                let of = |line: &str| match file {
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

/// One more of a list in which order counts, if it is not there: nobody is asked twice.
fn in_order(facts: &mut BTreeSet<String>, list: &str, from: usize, between: &str, item: &str) {
    let item = format!("{between}{}", addresses(item));
    let known: Vec<&String> = facts.iter().filter(|fact| fact.starts_with(list)).collect();
    if !known.iter().any(|fact| fact.ends_with(&item)) {
        let number = known.len() + from;
        facts.insert(format!("{list}{number}{item}"));
    }
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
        "DOMAIN" => value.split(' ').for_each(|domain| in_order(facts, &format!("{name} {key} "), 0, " ", domain)),
        _ if key.starts_with("DNS") => in_order(facts, &format!("{name} DNS"), 1, "=", value),
        // Which number each has means nothing.
        _ if key.starts_with("BONDING_SLAVE") => {
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
            "metric" | "table" | "mtu" | "src" | "scope" => _ = rest.insert(word, words.next().unwrap().into()),
            "onlink" => _ = rest.insert(word, String::new()),
            "blackhole" | "unreachable" | "prohibit" => _ = rest.insert("type", word.into()),
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
                let list = format!("{name} {} ", words[0]);
                words[1..].iter().for_each(|word| in_order(facts, &list, 0, " ", word));
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

/// Keys and values.
type Lines = Vec<(String, String)>;

/// Hands each section with its lines to `each`.
fn sections(text: &str, each: &mut dyn FnMut(&str, &Lines)) {
    let (mut section, mut lines): (&str, Lines) = ("", Lines::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(next) => {
                each(section, &lines);
                (section, lines) = (next, Lines::new());
            }
            None => {
                let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no assignment: {line}"));
                assert!(!section.is_empty() && !value.starts_with(' ') && !value.ends_with(' '), "{line}");
                lines.push((key.into(), value.replace("\\\\", "\\")));
            }
        }
    }
    each(section, &lines);
}

/// Of a `.network` or (`NAME.netdev`) a `.netdev`.
fn networkd(name: &str, section: &str, lines: &Lines, facts: &mut BTreeSet<String>) {
    let get = |wanted: &str| lines.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
    match section {
        "" => assert!(lines.is_empty()),
        "Route" => {
            let via = get("Gateway").map(addresses);
            let family = if via.as_ref().is_some_and(|via| via.contains(':')) { "::/0" } else { "0.0.0.0/0" };
            let to = addresses(get("Destination").unwrap_or(family));
            let more = lines.iter().filter(|(key, _)| !["Gateway", "Destination"].contains(&key.as_str()));
            let more: BTreeSet<String> = more
                .map(|(key, value)| match key.as_str() {
                    "GatewayOnLink" if matches!(value.as_str(), "yes" | "true") => " onlink".to_string(),
                    key => format!(" {} {value}", key.to_lowercase()),
                })
                .collect();
            let via = via.map(|via| format!(" via {via}")).unwrap_or_default();
            facts.insert(format!("{name} route {to}{via}{}", more.into_iter().collect::<String>()));
        }
        "Address" => {
            let of = addresses(get("Address").unwrap());
            facts.extend(lines.iter().map(|(key, value)| match key.as_str() {
                "Address" => format!("{name} Address={of}"),
                key => format!("{name} Address {of} {key}={}", addresses(value)),
            }));
        }
        _ => {
            for (key, value) in lines {
                let list = format!("{name} {section} {key} ");
                let words = match key.as_str() {
                    "DNS" | "Domains" => {
                        value.split(' ').for_each(|word| in_order(facts, &list, 0, " ", word));
                        continue;
                    }
                    "MACAddress" => vec![value.to_lowercase()],
                    _ => vec![value.replace("False", "no").replace("True", "yes")],
                };
                facts.extend(words.iter().map(|word| format!("{name} {section} {key}={word}")));
            }
        }
    }
}

/// Of a keyfile. A gateway is a route, whatever it is written as.
fn keyfile(name: &str, section: &str, lines: &Lines, facts: &mut BTreeSet<String>) {
    let get = |wanted: &str| lines.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
    for (key, value) in lines {
        let of_route = key.strip_prefix("route").filter(|rest| rest.parse::<u32>().is_ok());
        match key.as_str() {
            "gateway" => {
                let to = if value.contains(':') { "::/0" } else { "0.0.0.0/0" };
                facts.insert(format!("{name} {section} route {to} via {}", addresses(value)));
            }
            _ if of_route.is_some() => {
                let mut parts = value.split(',');
                let to = addresses(parts.next().unwrap());
                let via = parts.next().map(|via| format!(" via {}", addresses(via))).unwrap_or_default();
                let metric = parts.next().map(|metric| format!(" metric {metric}")).unwrap_or_default();
                let options = get(&format!("{key}_options")).unwrap_or_default().replace("onlink=true", "onlink");
                let mut options: Vec<String> = options.split(',').map(|option| option.replace('=', " ")).collect();
                options.sort();
                let options = options.iter().filter(|option| !option.is_empty()).map(|option| format!(" {option}"));
                let options: String = options.collect();
                facts.insert(format!("{name} {section} route {to}{via}{metric}{options}"));
            }
            _ if key.ends_with("_options") => {}
            "dns" | "dns-search" => {
                assert!(value.ends_with(';'), "{value}");
                let words = value.split(';').filter(|word| !word.is_empty());
                words.for_each(|word| in_order(facts, &format!("{name} {section} {key} "), 0, " ", word));
            }
            _ => {
                let number = key.trim_end_matches(|char: char| char.is_ascii_digit());
                let key = if number == "address" { number } else { key };
                let value = if key.ends_with("mac-address") { value.to_lowercase() } else { addresses(value) };
                facts.insert(format!("{name} {section} {key}={value}"));
            }
        }
    }
}

/// Each scalar with the keys above it; order counts among addresses only. A gateway is a route.
fn netplan(text: &str, facts: &mut BTreeSet<String>) {
    let mut sources = Sources::new();
    let id = sources.add("netplan", text.as_bytes().to_vec());
    let doc = yaml::parse(sources.text(id), id).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let root = doc.value(&sources).unwrap();
    assert_eq!(root.entries().count(), 1);
    for (key, value) in root.get("network").unwrap().entries() {
        let key = key.text().unwrap();
        if !value.is_mapping() {
            facts.insert(format!("{key}={}", value.text().unwrap()));
            continue;
        }
        for (name, link) in value.entries() {
            let name = name.text().unwrap();
            facts.insert(format!("{name} in {key}"));
            for (key, value) in link.entries() {
                of_link(&name, &key.text().unwrap(), &value, facts);
            }
        }
    }
}

fn of_link(name: &str, key: &str, value: &Value<'_>, facts: &mut BTreeSet<String>) {
    let text = |value: Value<'_>| value.text().unwrap();
    match key {
        "gateway4" => _ = facts.insert(format!("{name} route 0.0.0.0/0 via {}", addresses(&text(*value)))),
        "gateway6" => _ = facts.insert(format!("{name} route ::/0 via {}", addresses(&text(*value)))),
        "routes" => {
            for route in value.items() {
                let part = |key: &str, word: &str| {
                    route.get(key).map(|value| format!(" {word}{}", addresses(&text(value)))).unwrap_or_default()
                };
                let more = ["metric", "table", "on-link", "from", "mtu", "scope", "type"];
                let more: String = more.map(|key| part(key, &format!("{key} "))).concat();
                facts.insert(format!("{name} route{}{}{more}", part("to", ""), part("via", "via ")));
            }
        }
        "match" => {
            for (key, value) in value.entries() {
                let value = value.items().next().unwrap_or(value);
                facts.insert(format!("{name} match {}={}", text(key), text(value).to_lowercase()));
            }
        }
        _ if value.is_mapping() => {
            for (inner, value) in value.entries() {
                of_link(name, &format!("{key} {}", text(inner)), &value, facts);
            }
        }
        _ if value.is_sequence() => {
            for (at, item) in value.items().enumerate() {
                if key.starts_with("nameservers ") {
                    in_order(facts, &format!("{name} {key}"), 0, "=", &text(item));
                    continue;
                }
                let place = if key == "addresses" { format!("{at}") } else { String::new() };
                // With a label or a lifetime.
                match item.entries().next() {
                    Some((address, options)) => {
                        of_link(name, &format!("{key}{place} {}", text(address)), &options, facts)
                    }
                    None => _ = facts.insert(format!("{name} {key}{place}={}", addresses(&text(item)))),
                }
            }
        }
        _ => _ = facts.insert(format!("{name} {key}={}", addresses(&text(*value).to_lowercase()))),
    }
}
