use alloc::format;
use alloc::vec;

use super::*;
use crate::net::resolve::{resolve, tests::config_of};

mod faults;
mod property;

/// The links of a text like `lo eth0+ br0`: a `+` says up, the beginning of the name what it is. Indexes are those of the words, from 1, and so
/// are the ends of their addresses.
fn nics(text: &str) -> Vec<Nic> {
    let kind = |name: &str| match name {
        "lo" => NicKind::Loopback,
        _ if name.contains('.') => NicKind::Vlan,
        _ if name.starts_with("bond") => NicKind::Bond,
        _ if name.starts_with("br") => NicKind::Bridge,
        _ => NicKind::Physical,
    };
    let nic = |(at, word): (usize, &str)| {
        let name = word.trim_end_matches('+');
        Nic {
            index: at as u32 + 1,
            name: IfName::parse(name).unwrap(),
            mac: Mac::from_bytes(&[2, 0, 0, 0, 0, at as u8 + 1]),
            up: word.ends_with('+'),
            kind: kind(name),
            ..Nic::default()
        }
    };
    text.split_whitespace().enumerate().map(nic).collect()
}

/// The plan for arguments, and what is told.
fn planned(nics: &[Nic], wishes: &str, left_alone: &[u32]) -> (Plan, Vec<String>) {
    let words: Vec<String> = wishes.split_whitespace().map(String::from).collect();
    let mut config = arguments(&words, nics);
    let mut report = Report::default();
    resolve(&mut config, nics, &mut report);
    let plan = plan(&config, nics, left_alone, &mut report);
    (plan, told(&report))
}

fn told(report: &Report) -> Vec<String> {
    report.errors.iter().map(ToString::to_string).chain(report.warnings.iter().cloned()).collect()
}

/// `eth0 down, eth0 > lan, lan up`
fn steps(plan: &Plan) -> String {
    let mut steps = Vec::new();
    plan.each(&mut |request| {
        steps.push(match request {
            Request::Down(name) => format!("{name} down"),
            Request::Up(name) => format!("{name} up"),
            Request::Rename(from, to) => format!("{from} > {to}"),
            other => panic!("{other}"),
        });
    });
    steps.join(", ")
}

/// `index=name` of each link, a `+` behind what is up.
fn names(nics: &[Nic]) -> String {
    let name = |nic: &Nic| format!("{}={}{}", nic.index, nic.name, if nic.up { "+" } else { "" });
    nics.iter().map(name).collect::<Vec<_>>().join(" ")
}

#[test]
fn names_are_free_before_they_are_taken() {
    for (links, wishes, wanted) in [
        ("lo eth0 eth1", "", ""),
        ("lo eth0 eth1", "eth0=eth0 eth1=eth1", ""),
        ("lo eth0", "eth0=lan", "eth0 > lan"),
        ("lo eth0+", "eth0=lan", "eth0 down, eth0 > lan, lan up"),
        ("lo eth0 eth1", "eth0=eth1 eth1=lan", "eth1 > lan, eth0 > eth1"),
        ("lo a b c d", "a=b b=c c=d d=e", "d > e, c > d, b > c, a > b"),
        // Cycles.
        ("lo eth0 eth1", "eth0=eth1 eth1=eth0", "eth0 > wisptmp0, eth1 > eth0, wisptmp0 > eth1"),
        (
            "lo eth0+ eth1+",
            "eth0=eth1 eth1=eth0",
            "eth0 down, eth0 > wisptmp0, eth1 down, eth1 > eth0, eth0 up, wisptmp0 > eth1, eth1 up",
        ),
        ("lo a b c", "a=b b=c c=a", "a > wisptmp0, c > a, b > c, wisptmp0 > b"),
        ("a b c d", "a=b b=a c=d d=c", "a > wisptmp0, b > a, wisptmp0 > b, c > wisptmp0, d > c, wisptmp0 > d"),
        ("wisptmp0.5 a b", "a=b b=a", "a > wisptmp0, b > a, wisptmp0 > b"),
        // The number of a temporary name that somebody has is another.
        ("br0 a b wisptmp0", "a=b b=a wisptmp0=wisptmp0", "wisptmp0 > eth0, a > wisptmp1, b > a, wisptmp1 > b"),
        // A cycle and a chain into nowhere.
        ("a b c", "a=b b=a c=d", "c > d, a > wisptmp0, b > a, wisptmp0 > b"),
        // By address.
        ("lo eth0 eth1", "02:00:00:00:00:03=lan", "eth1 > lan"),
        (
            "lo eth0 eth1",
            "02:00:00:00:00:03=eth0 02-00-00-00-00-02=eth1",
            "eth1 > wisptmp0, eth0 > eth1, wisptmp0 > eth0",
        ),
    ] {
        let (plan, told) = planned(&nics(links), wishes, &[]);
        assert_eq!((steps(&plan).as_str(), told), (wanted, vec![]), "{links}: {wishes}");
    }
}

#[test]
fn who_loses_a_name_gets_a_kernel_name() {
    for (links, wishes, wanted) in [
        // eth0 becomes free only by this: to take it would be a cycle.
        ("lo eth0 eth1", "eth0=eth1", "eth1 > eth2, eth0 > eth1"),
        ("lo ens3 ens4", "ens3=ens4", "ens4 > eth0, ens3 > ens4"),
        ("lo eth1 lan", "eth1=lan", "lan > eth0, eth1 > lan"),
        ("lo eth0 eth1 eth3", "eth0=eth1", "eth1 > eth2, eth0 > eth1"),
        // eth2 is wanted by a NIC that is there, eth3 by one that is not.
        ("lo eth0 eth1 x", "eth0=eth1 x=eth2 02:00:00:00:00:99=eth3", "x > eth2, eth1 > eth4, eth0 > eth1"),
        ("lo eth0 wlan0 ib1", "eth0=wlan0 wlan0=ib1", "ib1 > ib0, wlan0 > ib1, eth0 > wlan0"),
        ("lo eth0+ eth1+", "eth0=eth1", "eth1 down, eth1 > eth2, eth2 up, eth0 down, eth0 > eth1, eth1 up"),
        // What a run left that was killed.
        ("lo cirename0 eth0", "", "cirename0 > eth1"),
        ("lo wisptmp0 eth0", "wisptmp0=eth0 eth0=lan", "eth0 > lan, wisptmp0 > eth0"),
        ("lo wisptmp wisptmpa cirename", "", ""),
    ] {
        let (plan, told) = planned(&nics(links), wishes, &[]);
        let gone = wishes.contains("99");
        assert_eq!((steps(&plan).as_str(), told.len()), (wanted, usize::from(gone)), "{links}: {wishes}");
    }
}

#[test]
fn a_wish_that_cannot_be_is_left_out() {
    for (links, wishes, wanted, error) in [
        (
            "lo eth0 br0",
            "eth0=br0",
            "",
            "cannot rename eth0 to br0 (the arguments:1:1): `br0` is a bridge, which keeps its name",
        ),
        (
            "lo eth0 bond0",
            "eth0=bond0",
            "",
            "cannot rename eth0 to bond0 (the arguments:1:1): `bond0` is a bond, which keeps its name",
        ),
        (
            "lo eth0 x y eth0.5",
            "x=z eth0=eth0.5",
            "x > z",
            "cannot rename eth0 to eth0.5 (the arguments:1:5): `eth0.5` is a VLAN, which keeps its name",
        ),
        (
            "lo eth0",
            "eth0=wisptmp0",
            "",
            "cannot rename eth0 to wisptmp0 (the arguments:1:1): `wisptmp0` is a temporary name, which no NIC keeps",
        ),
        (
            "lo eth0",
            "eth0=lo",
            "",
            "cannot rename eth0 to lo (the arguments:1:1): `lo` is the loopback, which keeps its name",
        ),
        (
            "lo eth0",
            "lo=eth0",
            "",
            "cannot rename lo to eth0 (the arguments:1:1): `lo` is the loopback, which keeps its name",
        ),
        // The fourth carries the root.
        (
            "lo eth0 eth1 eth2",
            "eth2=lan eth0=eth1 eth1=eth0",
            "eth0 > wisptmp0, eth1 > eth0, wisptmp0 > eth1",
            "cannot rename eth2 to lan (the arguments:1:1): `eth2` carries the root file system, and is left alone",
        ),
        (
            "lo eth0 eth1 eth2",
            "eth0=eth2 eth1=eth0",
            "eth0 > eth3, eth1 > eth0",
            "cannot rename eth0 to eth2 (the arguments:1:1): `eth2` carries the root file system, and is left alone",
        ),
        (
            "lo eth0",
            "eth0=a eth0=b",
            "eth0 > a",
            "cannot rename eth0 to b (the arguments:1:8): `eth0` is renamed to `a`",
        ),
        (
            "lo eth0 eth1",
            "eth0=a eth1=a",
            "eth0 > a",
            "cannot read the arguments: line 1, column 8: expected a name of its own; `a` is that of a link above",
        ),
        (
            "lo eth0 eth1",
            "eth9=a eth1=b",
            "eth1 > b",
            "cannot read the arguments: line 1, column 1: expected a NIC that is there; the one called `eth9` is not",
        ),
    ] {
        let (plan, told) = planned(&nics(links), wishes, &[4]);
        assert_eq!((steps(&plan).as_str(), told), (wanted, vec![error.into()]), "{links}: {wishes}");
    }
}

#[test]
fn a_bond_may_be_renamed_by_who_says_so() {
    assert_eq!(
        steps(&planned(&nics("lo eth0 bond0+"), "bond0=uplink", &[]).0),
        "bond0 down, bond0 > uplink, uplink up"
    );
}

#[test]
fn words_that_are_no_wish() {
    for word in ["eth0", "=eth0", "eth0=", "eth0=sixteen-bytes-xy", "eth0=a/b", ""] {
        let wanted = format!(
            "`{word}` is neither FROM=TO nor MAC=TO; TO is an interface name: 1 to 15 bytes without blanks, `/` and `:`"
        );
        assert_eq!(argument(word).unwrap_err(), wanted);
    }
}

/// The plan for a config, as a boot makes it.
fn planned_of(text: &str, nics: &[Nic]) -> (String, Vec<String>) {
    let mut report = Report::default();
    let config = config_of(text, nics, &mut report);
    (steps(&plan(&config, nics, &[], &mut report)), told(&report))
}

#[test]
fn configs_that_name_nics() {
    let nics = nics("lo eth0 eth1 ens3");
    for (text, wanted) in [
        ("{version: 2, ethernets: {eth1: {}, a: {match: {macaddress: '02:00:00:00:00:04'}}}}", ""),
        (
            "{version: 2, ethernets: {a: {match: {macaddress: '02:00:00:00:00:04'}, set-name: eth0}}}",
            "eth0 > eth2, ens3 > eth0",
        ),
        (
            "{version: 1, config: [{type: physical, name: eth0, mac_address: '02:00:00:00:00:03'}, {type: physical, name: eth1, mac_address: '02:00:00:00:00:02'}]}",
            "eth1 > wisptmp0, eth0 > eth1, wisptmp0 > eth0",
        ),
        // The name of a bond that is to be made is nobody else's.
        (
            "{version: 2, ethernets: {a: {match: {macaddress: '02:00:00:00:00:04'}, set-name: eth1}}, bonds: {eth2: {interfaces: [a]}}}",
            "eth1 > eth3, ens3 > eth1",
        ),
    ] {
        assert_eq!(planned_of(text, &nics), (wanted.into(), vec![]), "{text}");
    }
    let text = "{version: 2, ethernets: {a: {match: {macaddress: '02:00:00:00:00:04'}, set-name: lo}}}";
    let wanted = "cannot rename ens3 to lo (net:1:26): `lo` is the loopback, which keeps its name";
    assert_eq!(planned_of(text, &nics), (String::new(), vec![wanted.into()]));
}
