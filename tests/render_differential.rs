//! The files of a network against their judge: what wisp's renderers write for a config, and what cloud-init's do (Debian's
//! package, `tests/oracle/`), both read as what they mean. `WISP_CASES` asks for more.

mod network_generator;
mod python;
mod rendered;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use network_generator::NICS;
use python::{Dice, cases, judge};
use rendered::{Files, facts};
use wisp::format::doc::Sources;
use wisp::format::json;
use wisp::host::links::{IfName, Mac, Nic};
use wisp::net::parse::{Said, document};
use wisp::net::render::{Image, by_name};
use wisp::net::{Report, resolve};

const RENDERERS: [&str; 2] = ["eni", "sysconfig"];

struct Case {
    form: &'static str,
    text: String,
}

fn nics() -> Vec<Nic> {
    let nic = |(at, (name, mac)): (usize, &(&str, &str))| Nic {
        index: at as u32 + 2,
        name: IfName::parse(name).unwrap(),
        mac: Mac::parse(mac),
        driver: Some("virtio_net".into()),
        bus_path: Some(format!("pci0000:00/0000:00:0{at}.0")),
        ..Nic::default()
    };
    NICS.iter().enumerate().map(nic).collect()
}

/// The files of each renderer; `None` where something of the config was refused.
fn ours(case: &Case) -> Option<Vec<Files>> {
    let mut sources = Sources::new();
    let id = sources.add("case", case.text.clone().into_bytes());
    let doc = json::parse(sources.text(id), id).expect("the generator writes JSON");
    let mut report = Report::default();
    let said = document(&doc.value(&sources).unwrap(), &mut report);
    let Some(Said::Config(mut config, _)) = report.take(said) else { return None };
    resolve::resolve(&mut config, &nics(), &mut report);
    if !report.errors.is_empty() {
        return None;
    }
    let image = Image { interfaces_d: true, ..Image::default() };
    let render = |name: &&str| {
        let mut files = Files::new();
        let sink = &mut |path: &str, mode: u32, text: &str| {
            assert_eq!(mode, 0o644);
            assert!(files.insert(path.into(), text.into()).is_none(), "{path} is written twice");
            Ok(())
        };
        (by_name(name).unwrap().render)(&config, &image, sink).unwrap();
        files
    };
    Some(RENDERERS.iter().map(render).collect())
}

fn theirs(cases: &[Case]) -> Vec<Vec<Result<Files, String>>> {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let fetched = Command::new(oracle.join("fetch-cloud-init")).stderr(Stdio::inherit()).output().unwrap();
    assert!(fetched.status.success(), "the judge is not there: tests/oracle/fetch-cloud-init failed (see above)");
    let modules = String::from_utf8(fetched.stdout).unwrap();
    let begin = format!("import sys\nsys.dont_write_bytecode = True\nsys.path.insert(0, {:?})\n", modules.trim());
    let macs: Vec<String> = NICS.iter().map(|(name, mac)| format!("\"{mac}\":\"{name}\"")).collect();
    let line = |case: &Case| {
        format!("{{\"form\":\"{}\",\"macs\":{{{}}},\"data\":{}}}", case.form, macs.join(","), case.text).into_bytes()
    };
    let lines: Vec<Vec<u8>> = cases.iter().map(line).collect();
    judge(&(begin + include_str!("oracle/render_network.py")), &lines).iter().map(|line| answer(line)).collect()
}

fn answer(line: &str) -> Vec<Result<Files, String>> {
    let mut sources = Sources::new();
    let id = sources.add("answer", line.as_bytes().to_vec());
    let doc = json::parse(sources.text(id), id).unwrap();
    let root = doc.value(&sources).unwrap();
    let of = |name: &&str| {
        let answer = root.get(name).unwrap();
        if answer.is_mapping() {
            Ok(answer.entries().map(|(path, text)| (path.text().unwrap(), text.text().unwrap())).collect())
        } else {
            Err(answer.text().unwrap())
        }
    };
    RENDERERS.iter().map(of).collect()
}

/// Differences that there are, and why ours is right. Each has to occur.
/// The forms that have each (nothing: any), how it begins, and why.
const EXCUSED: &[(&str, &str, &str)] = &[
    ("", "eni only theirs: lo dns-", "22.4 writes the servers of every v2 link on lo; ours are with their link"),
    ("", "eni only ours: N dns-", "22.4 drops the DNS of a link without static address, and the services of a network"),
    ("", "eni only theirs: N inet N dns {", "22.4 prints its own data structure into the file"),
    ("", "eni only theirs: N inet6 N dns {", "the same"),
    ("", "eni only ours: N inet N bond-miimon N", "22.4 drops a zero"),
    ("", "eni only ours: N inet6 N bond-miimon N", "22.4 drops a zero"),
    ("", "eni only ours: N inet N bridge_fd N", "22.4 drops a zero"),
    ("", "eni only ours: N inet6 N bridge_fd N", "22.4 drops a zero"),
    ("", "eni only ours: N inet N bridge_pathcost N N", "22.4 writes v2's ports without their costs"),
    ("", "eni only theirs: N inet N bridge_pathcost N", "the same"),
    ("", "eni only ours: N inet6 N bridge_pathcost N N", "the same"),
    ("", "eni only theirs: N inet6 N bridge_pathcost N", "the same"),
    ("", "eni only theirs: N inet N accept_ra N", "it is an option of inet6 alone (interfaces(5))"),
    ("", "eni only ours: N inet6 N accept_ra N", "22.4 writes it in the first stanza of a link, or not at all"),
    ("", "eni only ours: N inet6 N dhcp N", "the same"),
    ("", "eni only theirs: N inet6 N mtu N", "22.4 writes two mtu lines, of which ifupdown complains"),
    ("", "eni only theirs: udev has capitals", "sysfs has small letters, and udev compares bytes: the rule never fits"),
    ("", "sysconfig only theirs: udev", "CentOS 7 has no use for the rules; CentOS 6 has them, as eni"),
    ("", "sysconfig only theirs: N NM_CONTROLLED=no", "neither later releases nor Red Hat's packages of this write it"),
    ("", "sysconfig only theirs: N BONDING_", "22.4 takes a member that is described nowhere for a bond"),
    ("", "sysconfig only theirs: N TYPE=Bond", "the same"),
    ("", "sysconfig only ours: N TYPE=Ethernet", "the same"),
    ("", "sysconfig only ours: N IPV6_FAILURE_FATAL=yes", "as later releases: stateful DHCPv6 is not DHCP for IPv4"),
    ("", "sysconfig only theirs: N BOOTPROTO=dhcp", "the same"),
    ("", "sysconfig only ours: N BOOTPROTO=none", "the same"),
    ("", "sysconfig only ours: N DELAY=N", "22.4 drops a bridge's forward delay, which the scripts know"),
    (
        "",
        "sysconfig only ours: N DNS=N",
        "22.4 drops the DNS of a link without static address; the scripts heed it with DHCP too",
    ),
    ("", "sysconfig only ours: N DOMAIN ", "the same"),
    ("", "sysconfig only ours: resolv.conf nameserver", "22.4 has only the servers of no link; later releases all"),
    ("", "sysconfig only ours: resolv.conf search", "the same"),
    ("", "sysconfig only theirs: resolv.conf search", "the same: a line with more domains"),
    ("", "sysconfig only theirs: resolv.conf nameserver", "the same: resolvers ask three"),
    ("", "sysconfig only ours: N [main]", "the same: where there is a resolv.conf, NetworkManager leaves it alone"),
    ("", "sysconfig only ours: N dns = none", "the same"),
    ("", "sysconfig only ours: network NETWORKING_IPV6=yes", "22.4 overlooks dynamic IPv6"),
    ("", "sysconfig only ours: network IPV6_AUTOCONF=no", "the same"),
    ("", "sysconfig only ours: N IPV4_ROUTE_METRIC=N", "what NetworkManager reads, as later releases have it"),
    ("", "sysconfig only ours: N IPV6_ROUTE_METRIC=N", "the same"),
    ("", "sysconfig only ours: N MACADDR=N", "22.4 drops the address of a VLAN"),
    ("v1", "sysconfig only ours: N route", "22.4 does not write routes of no link; ours are those that eni has too"),
    ("v1", "sysconfig only ours: N DEFROUTE=yes", "the same"),
    ("v1", "sysconfig only ours: N GATEWAY=N", "the same"),
    ("v1", "sysconfig only ours: N IPV6_DEFAULTGW=N", "the same"),
    ("v1", "sysconfig only ours: N METRIC=N", "the same"),
    (
        "v1",
        "eni only ours: post-up N route",
        "22.4 passes over routes that say `network` for `destination`, as documented",
    ),
    ("v1", "eni only ours: pre-down N route", "the same"),
    ("v2", "eni only ours: post-up N route", "22.4 drops the routes of a link that gets no address"),
    ("v2", "eni only ours: pre-down N route", "the same"),
    ("v2", "eni only theirs: post-up N route ::/64 via N", "22.4 reads `::/0` as `::/64`"),
    ("v2", "eni only theirs: pre-down N route ::/64 via N", "the same"),
    ("v2", "sysconfig only theirs: N route ::/64 via N", "the same"),
    ("v2", "sysconfig only ours: N route", "22.4 drops the routes of a link that gets no address"),
    ("v2", "sysconfig only ours: N DEFROUTE=yes", "the same, and gateways of a family without address"),
    ("v2", "sysconfig only ours: N GATEWAY=N", "the same"),
    ("v2", "sysconfig only ours: N IPV6_DEFAULTGW=N", "the same, and those read as `::/64`"),
    ("v2", "sysconfig only ours: N METRIC=N", "the same, and metrics of v2's routes"),
    ("v2", "sysconfig only theirs: N DEFROUTE=yes", "a default route with a table is none of the main table"),
    (
        "",
        "sysconfig only theirs: N GATEWAY=N",
        "of several default routes of a link 22.4 takes those with a table for one, and one of a dynamic subnet for none",
    ),
    ("", "sysconfig only theirs: N IPV6_DEFAULTGW=N", "the same"),
    ("", "sysconfig only theirs: N METRIC=N", "the metric of an IPv6 route over that of an IPv4 one, or for it"),
    ("", "sysconfig only theirs: N route 0.0.0.0/0", "another default route is the GATEWAY: as with GATEWAY"),
    ("v1", "sysconfig only theirs: N route ::/0", "the same"),
    (
        "",
        "sysconfig only theirs: N DHCLIENT_SET_DEFAULT_ROUTE=",
        "it is IPv4's, and 22.4 writes it for IPv6's routes too",
    ),
    ("", "sysconfig only ours: N DHCLIENT_SET_DEFAULT_ROUTE=", "the same; and for the routes that 22.4 drops"),
    (
        "v1",
        "sysconfig only theirs: N DNS=N",
        "22.4 writes the DNS of several subnets over each other; ours are the first three of all",
    ),
];

/// Whether a fact of ours stands for one of theirs.
type Same = fn(&str, &str) -> bool;

/// Facts of ours that stand for facts of theirs, and why they differ.
const PAIRS: &[(&str, Same)] = &[
    (
        "eni: 22.4 has routes of no link in the last stanza, whatever link that is; ours are with the link that reaches the gateway",
        |ours, theirs| theirs.contains(" ? route ") && route_of(ours) == route_of(theirs),
    ),
    (
        "sysconfig: 22.4 writes METRIC, which is IPv4's, for IPv6 too; later releases have IPV6_ROUTE_METRIC",
        |ours, theirs| theirs.contains(" METRIC=") && ours == theirs.replace(" METRIC=", " IPV6_ROUTE_METRIC="),
    ),
    ("sysconfig: 22.4 has the default routes of links with dynamic IPv6 in route files", |ours, theirs| {
        is_gateway(theirs, ours)
    }),
    ("sysconfig: a default route with a table or on-link is no GATEWAY", |ours, theirs| is_gateway(ours, theirs)),
    ("22.4 drops metric, table and on-link of v2's routes", |ours, theirs| {
        theirs.contains(" route ") && route_of(ours) != route_of(theirs) && bare(ours) == bare(theirs)
    }),
];

/// Whether a fact of a default route says what one of a GATEWAY does.
fn is_gateway(route: &str, gateway: &str) -> bool {
    let bare = bare(route);
    let mut words = bare.split(' ');
    let (name, word, to) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or_default());
    let key = if to == "::/0" { "IPV6_DEFAULTGW" } else { "GATEWAY" };
    let everywhere = word == "route" && to.ends_with("/0") && words.next() == Some("via");
    everywhere && gateway == format!("{name} {key}={}", words.next().unwrap())
}

/// The command and the route, without its link.
fn route_of(fact: &str) -> Option<(&str, &str)> {
    let (before, route) = fact.split_once(" route ")?;
    Some((before.split(' ').next()?, route))
}

/// A route without what 22.4 drops.
fn bare(fact: &str) -> String {
    let mut words = fact.split(' ').filter(|word| !word.is_empty());
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "onlink" => {}
            "metric" | "table" => _ = words.next(),
            _ => kept.push(word),
        }
    }
    kept.join(" ")
}

fn excused(form: &str, what: &str) -> Option<usize> {
    EXCUSED.iter().position(|(forms, begin, _)| form.starts_with(forms) && what.starts_with(begin))
}

/// A fact without what is particular to its case.
fn shape(fact: &str) -> String {
    if let Some((begin, _)) = fact.split_once(" dns {") {
        return format!("{} dns {{", shape(begin));
    }
    let plain = |text: &str| match text.split_once('=') {
        Some((key, value)) if value.bytes().any(|byte| byte.is_ascii_digit()) => {
            format!("{}=N", key.trim_end_matches(|c: char| c.is_ascii_digit()))
        }
        None if text.starts_with("bond0") && (fact.contains(" BONDING_") || fact.contains(" TYPE=")) => "bond".into(),
        None if text.starts_with("70-") => "udev".into(),
        None if text != "::/64"
            && !text.ends_with("/0")
            && text.bytes().any(|byte| byte.is_ascii_digit())
            && !["IPV6ADDR", "inet6"].contains(&text) =>
        {
            "N".into()
        }
        _ => text.into(),
    };
    fact.split(' ').map(plain).collect::<Vec<_>>().join(" ")
}

#[test]
fn files_say_what_cloud_inits_say() {
    let mut dice = Dice::new(41);
    type Generate = fn(&mut Dice) -> String;
    let forms: [(&str, Generate); 3] = [
        ("v1", network_generator::v1),
        ("v2", network_generator::v2),
        ("network_data", network_generator::network_data),
    ];
    // A link is InfiniBand for us by its address of 20 bytes, whatever the config calls it.
    let one = |at: usize| {
        let (form, generate) = forms[at % 3];
        Case { form, text: generate(&mut dice).replace("\"infiniband\"", "\"physical\"") }
    };
    let cases: Vec<Case> = (0..cases(1_200)).map(one).collect();
    let mut found: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut occurred = [0; EXCUSED.len()];
    let (mut paired, mut judged) = ([0; PAIRS.len()], 0);
    for (case, theirs) in cases.iter().zip(theirs(&cases)) {
        let Some(ours) = ours(case) else { continue };
        for ((name, ours), theirs) in RENDERERS.iter().zip(&ours).zip(&theirs) {
            // What only one of them reads is tests/network_differential.rs's.
            let Ok(theirs) = theirs else { continue };
            judged += 1;
            let (mine, other) = (facts(ours), facts(theirs));
            let mut missing: Vec<&String> = other.difference(&mine).collect();
            let mut added: Vec<&String> = mine.difference(&other).collect();
            for ((_, same), count) in PAIRS.iter().zip(&mut paired) {
                missing.retain(|theirs| match added.iter().position(|ours| same(ours, theirs)) {
                    Some(at) => {
                        added.remove(at);
                        *count += 1;
                        false
                    }
                    None => true,
                });
            }
            let missing = missing.into_iter().map(|fact| ("only theirs", fact));
            for (whose, fact) in missing.chain(added.into_iter().map(|fact| ("only ours", fact))) {
                let what = format!("{name} {whose}: {}", shape(fact));
                match excused(case.form, &what) {
                    Some(at) => occurred[at] += 1,
                    None => {
                        found
                            .entry(format!("{what} ({})", case.form))
                            .or_insert((0, format!("{fact} in\n   {}", case.text)))
                            .0 += 1
                    }
                }
            }
        }
    }
    let list: Vec<String> =
        found.iter().map(|(what, (count, example))| format!("{count:5} {what}: {example}")).collect();
    assert!(list.is_empty(), "{} kinds of difference:\n{}", list.len(), list.join("\n"));
    for ((why, _), count) in PAIRS.iter().zip(paired) {
        println!("{count:5} paired: {why}");
        assert!(count > 0, "no longer a difference: {why}");
    }
    for ((form, what, why), count) in EXCUSED.iter().zip(occurred) {
        println!("{count:5} excused: {form} {what}: {why}");
        assert!(count > 0, "no longer a difference: {what}");
    }
    assert!(judged > cases.len(), "only {judged} of {} were judged", cases.len() * 2);
}
