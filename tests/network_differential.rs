//! Network configs against their judge: what wisp's model says of a config, and what cloud-init (Debian's package, `tests/oracle/`) makes of
//! it, both as facts. `WISP_CASES` asks for more.

mod network_cases;
mod network_generator;
mod python;

use std::collections::{BTreeMap, BTreeSet};

use network_cases::{Case, answer, ask, generate, generate_eni};
use python::cases;
use wisp::net::model::{Control, Dns, Kind, Link, Method, Route, Subnet};
use wisp::net::options::{Setting, Value};
use wisp::net::{NetConfig, Report};

fn ours(case: &Case) -> (Vec<String>, Report) {
    let mut found = Vec::new();
    let report = network_cases::read(case, &mut |config, _| found = facts(config));
    found.sort();
    found.dedup();
    (found, report)
}

fn facts(config: &NetConfig) -> Vec<String> {
    let mut facts = Vec::new();
    for link in &config.links {
        link_facts(config, link, &mut facts);
    }
    config.routes.iter().for_each(|route| route_facts("-", route, &mut facts));
    dns_facts("-", &config.dns, &mut facts);
    facts
}

fn word(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

fn link_facts(config: &NetConfig, link: &Link, facts: &mut Vec<String>) {
    let name = link.display_name();
    let mut say = |text: String| facts.push(format!("{name} {text}"));
    say(format!("is {}", link.kind.word()));
    let find = link.find();
    let mac = link.mac.as_ref().or(find.and_then(|find| find.mac.as_ref()));
    mac.iter().for_each(|mac| say(format!("mac {mac}")));
    find.iter().flat_map(|find| &find.drivers).for_each(|driver| say(format!("driver {driver}")));
    link.mtu.iter().for_each(|mtu| say(format!("mtu {mtu}")));
    link.accept_ra.iter().for_each(|flag| say(format!("accept-ra {}", word(*flag))));
    link.wakeonlan.iter().for_each(|flag| say(format!("wakeonlan {}", word(*flag))));
    config.master_of(link).iter().for_each(|master| say(format!("in {}", master.display_name())));
    match &link.kind {
        Kind::Vlan { id, link } => say(format!("vlan {id} on {}", config.name_of(link))),
        Kind::Bond(group) | Kind::Bridge(group) => group.settings.iter().for_each(|setting| say(setting_fact(setting))),
        _ => {}
    }
    for (at, subnet) in link.subnets.iter().enumerate() {
        subnet_facts(name, at, subnet, facts);
    }
    link.routes.iter().for_each(|route| route_facts(name, route, facts));
    dns_facts(name, &link.dns, facts);
}

fn setting_fact(setting: &Setting) -> String {
    let value = match &setting.value {
        Value::Number(number) => number.to_string(),
        Value::Word(word) => word.to_string(),
        Value::Flag(flag) => word(*flag).to_string(),
        Value::Text(text) => text.clone(),
        Value::Addresses(addresses) => addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        Value::Ports(ports) => {
            // In which order they stand means nothing.
            let each: BTreeSet<String> = ports.iter().map(|(port, number)| format!("{port} {number}")).collect();
            each.into_iter().collect::<Vec<_>>().join(",")
        }
    };
    format!("set {} {value}", setting.parameter.name)
}

fn subnet_facts(name: &str, at: usize, subnet: &Subnet, facts: &mut Vec<String>) {
    let place = format!("{name} subnet {at}");
    let mut say = |text: String| facts.push(format!("{place} {text}"));
    say(match subnet.method {
        Method::Static(net) => format!("static {net}"),
        method => format!("{} ", method.word()),
    });
    subnet.metric.iter().for_each(|metric| say(format!("metric {metric}")));
    subnet.broadcast.iter().for_each(|address| say(format!("broadcast {address}")));
    subnet.peer.iter().for_each(|address| say(format!("pointopoint {address}")));
    subnet.scope.iter().for_each(|scope| say(format!("scope {scope}")));
    subnet.mtu.iter().for_each(|mtu| say(format!("mtu {mtu}")));
    subnet.gateway.iter().for_each(|gateway| say(format!("gateway {gateway}")));
    if subnet.control != Control::Auto {
        say(format!("control {}", subnet.control.word()));
    }
    subnet.routes.iter().for_each(|route| route_facts(&place, route, facts));
    dns_facts(&place, &subnet.dns, facts);
}

fn route_facts(place: &str, route: &Route, facts: &mut Vec<String>) {
    let via = route.via.map_or("-".into(), |via| via.to_string());
    facts.push(format!("{place} route {} via {via}", route.to));
    route.metric.iter().for_each(|metric| facts.push(format!("{place} route {} metric {metric}", route.to)));
}

fn dns_facts(place: &str, dns: &Dns, facts: &mut Vec<String>) {
    // Who is named twice is asked once.
    let mut once = Dns::default();
    once.add(dns);
    let servers = once.servers.iter().enumerate();
    servers.for_each(|(at, server)| facts.push(format!("{place} dns {at} {server}")));
    let domains = once.search.iter().enumerate();
    domains.for_each(|(at, domain)| facts.push(format!("{place} search {at} {domain}")));
}

fn theirs(cases: &[Case]) -> Vec<Result<Vec<String>, String>> {
    let read = |line: &String| {
        answer(line, |root| match root.get("error") {
            Some(error) => Err(error.text().unwrap()),
            None => Ok(root.get("facts").unwrap().items().map(|fact| fact.text().unwrap()).collect()),
        })
    };
    ask(include_str!("oracle/network.py"), cases).iter().map(read).collect()
}

/// Differences that there are, and why ours is right. Each has to occur.
const EXCUSED: &[(&str, &str)] = &[
    (
        "network_data only ours: N subnet N dns N N",
        "22.4 passes over the `services` of a network; later releases take them",
    ),
    ("v2 only ours: N route N metric N", "22.4 drops the metric of v2 routes; later releases keep it"),
    (
        "v2 only ours: N route N via N",
        "22.4 drops the routes of a link that gets no address, and gateways of a family without one",
    ),
    ("v2 only ours: N route ::/0 via N", "as the next"),
    ("v2 only ours: N route ::/0 metric N", "as with other routes"),
    ("v2 only theirs: N route ::/64 via N", "22.4 reads `::/0` as `::/64`"),
    (
        "v2 only they refuse: KeyError: '",
        "22.4 looks for the name servers of a link with `set-name` under its old name",
    ),
    (
        "v2 only we refuse: a NIC of its own",
        "a member that is the old name of a NIC described under another id: netplan refuses the whole",
    ),
    (
        "v1 only they refuse: InvalidCommand: Command missing {'destination'}",
        "`network` is documented for `destination`",
    ),
    ("v1 only we refuse: a type of subnet", "22.4 writes a type that it does not know into the files as it is"),
    ("v1 only we refuse: an IP address", "22.4 writes gateways into the files without a look at them"),
    (
        "network_data only we refuse: a NIC that is there",
        "a NIC that is not there: 22.4 says so only where it has no name",
    ),
];

fn excused(what: &str) -> Option<usize> {
    EXCUSED.iter().position(|(begin, _)| what.starts_with(begin))
}

/// What differs in a case, each difference by its kind, with an example.
fn differences(case: &Case, theirs: &Result<Vec<String>, String>) -> Vec<(String, String)> {
    let (ours, report) = ours(case);
    let told = |what: String| vec![(format!("{} {what}", case.form), String::new())];
    let theirs = match theirs {
        Err(error) if report.is_empty() => return told(format!("only they refuse: {error}")),
        Err(_) => return Vec::new(),
        Ok(theirs) => theirs,
    };
    if let Some(error) = report.errors.first() {
        let error = error.to_string();
        return told(format!("only we refuse: {}", error.split("expected ").nth(1).unwrap_or(&error)));
    }
    let missing = theirs.iter().filter(|fact| !ours.contains(fact)).map(|fact| ("only theirs", fact));
    let added = ours.iter().filter(|fact| !theirs.contains(fact)).map(|fact| ("only ours", fact));
    missing
        .chain(added)
        .map(|(whose, fact)| (format!("{} {whose}: {}", case.form, shape(fact)), fact.clone()))
        .collect()
}

/// A fact without what is particular to its case.
fn shape(fact: &str) -> String {
    let shape = |word: &'static str, text: &str| {
        if !text.starts_with("::/") && text.bytes().any(|byte| byte.is_ascii_digit()) {
            word.to_string()
        } else {
            text.to_string()
        }
    };
    fact.split(' ').map(|text| shape("N", text)).collect::<Vec<_>>().join(" ")
}

#[test]
fn configs_mean_what_cloud_init_takes_them_for() {
    let mut cases = generate(4, cases(3_000));
    let mut theirs = theirs(&cases);
    // What interfaces files mean is what the same means in v1. (What 22.4 reads of them, tests/render_differential.rs has.)
    let (files, same) = generate_eni(7, cases.len() / 2);
    cases.extend(files);
    theirs.extend(self::theirs(&same));
    let mut found: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut occurred = [0; EXCUSED.len()];
    for (case, theirs) in cases.iter().zip(&theirs) {
        for (what, fact) in differences(case, theirs) {
            match excused(&what) {
                Some(at) => occurred[at] += 1,
                None => found.entry(what).or_insert((0, format!("{fact} in\n   {}", case.text))).0 += 1,
            }
        }
    }
    for ((what, why), count) in EXCUSED.iter().zip(occurred) {
        println!("{count:5} excused: {what}: {why}");
        assert!(count > 0, "no longer a difference: {what}");
    }
    let list: Vec<String> =
        found.iter().map(|(what, (count, example))| format!("{count:5} {what}: {example}")).collect();
    assert!(list.is_empty(), "{} kinds of difference:\n{}", list.len(), list.join("\n"));
    let refused = theirs.iter().filter(|theirs| theirs.is_err()).count();
    assert!((cases.len() / 100..cases.len() / 4).contains(&refused), "{refused} cases refused: too tame or too wild");
}
