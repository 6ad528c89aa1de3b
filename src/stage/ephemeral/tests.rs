use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::*;
use crate::error::Errno;
use crate::host::links::{Address, IfName, Mac, Net};
use crate::host::memory::{Fault, FaultSpan, MemoryHost, Said};
use crate::net::live::Wants;
use crate::paths::{BOOT_ID, LEASES, RESOLV_CONF};
use crate::stage::renew;
use crate::stage::renew::kept::{Kept, Leases};
use crate::transport::udp;

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];
const TIME: Duration = Duration::from_secs(30);
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const RELEASE: u8 = 7;
const UP: &str = "link set eth0 up";
const DOWN: &str = "link set eth0 down";
const TAKEN: [&str; 4] = [
    "link set eth0 mtu 1400",
    "addr add 192.0.2.72/24 dev eth0 valid_lft 600 preferred_lft 600",
    "route replace 198.51.100.0/24 via 192.0.2.9 dev eth0",
    "route replace 0.0.0.0/0 via 192.0.2.1 dev eth0",
];
const GIVEN: [&str; 4] = [
    "route del 198.51.100.0/24 via 192.0.2.9 dev eth0",
    "route del 0.0.0.0/0 via 192.0.2.1 dev eth0",
    "addr del 192.0.2.72/24 dev eth0 valid_lft 600 preferred_lft 600",
    "link set eth0 mtu 1500",
];

fn eth0() -> IfName {
    IfName::parse("eth0").unwrap()
}

fn net(ip: [u8; 4], prefix: u8) -> Net {
    Net { ip: ip.into(), prefix }
}

/// What the server says: an address for ten minutes, an MTU, two routes, a name server and a domain.
fn answer(asked: &[u8], kind: u8) -> Vec<u8> {
    let mut message = asked[..240].to_vec();
    message[0] = 2;
    message[16..20].copy_from_slice(&[192, 0, 2, 72]);
    message.extend([53, 1, kind, 1, 4, 255, 255, 255, 0, 54, 4, 192, 0, 2, 1, 51, 4, 0, 0, 2, 88, 26, 2, 5, 120]);
    message.extend([6, 4, 192, 0, 2, 53, 15, 3, b'l', b'a', b'b', 121, 13]);
    message.extend([24, 198, 51, 100, 192, 0, 2, 9, 0, 192, 0, 2, 1, 255]);
    message
}

/// `eth0`, with a server on it that answers so much.
fn machine(up: bool, answers: &'static [u8]) -> MemoryHost {
    let mut host = MemoryHost::new();
    let mac = Mac::from_bytes(&MAC);
    host.nics.push(Nic { index: 2, name: eth0(), mac, mtu: Some(1500), up, ..Nic::default() });
    host.on_connect(move |channel, sent| {
        if sent.is_empty() {
            return Some(Vec::new());
        }
        let said = match channel {
            "eth0" => {
                let asked = udp::read(sent, 67).unwrap().1;
                let kind = if asked[242] == DISCOVER { OFFER } else { ACK };
                let said = answers.contains(&kind).then(|| answer(asked, kind));
                said.map(|said| udp::write((SERVER, 67), (Ipv4Addr::BROADCAST, 68), &said))
            }
            _ => None,
        };
        Some(said.map(Said::Bytes).into_iter().collect())
    });
    host
}

const ALL: &[u8] = &[OFFER, ACK];

/// What of a machine is to be as it was.
fn state(host: &MemoryHost) -> (Vec<Nic>, Vec<Address>, Vec<RouteEntry>, Option<String>) {
    let mut routes = host.routes.clone();
    routes.sort_by_key(ToString::to_string);
    let resolv = host.exists(RESOLV_CONF).then(|| format!("{:o} {}", host.mode(RESOLV_CONF), host.text(RESOLV_CONF)));
    (host.nics.clone(), host.addresses.clone(), routes, resolv)
}

/// Runs with work that looks: what came of it, and what the work saw.
fn run(host: &mut MemoryHost, look: &dyn Fn(&mut dyn Host)) -> (Result<bool, String>, Vec<Option<Ipv4Addr>>) {
    let (nic, until) = (host.nics[0].clone(), host.now().up + TIME);
    let mut worked = Vec::new();
    let done = with_lease(host, &nic, until, &mut |host, lease| {
        worked.push(lease.map(|lease| lease.address));
        look(host);
    });
    (done.map_err(|error| error.to_string()), worked)
}

/// The same with a lease, as it is to go.
#[track_caller]
fn must(host: &mut MemoryHost, look: &dyn Fn(&mut dyn Host)) {
    assert_eq!(run(host, look), (Ok(true), vec![Some(OURS)]));
}

/// Which messages went where.
fn sent(host: &MemoryHost) -> Vec<String> {
    let kind = |sent: &[u8], raw: bool| if raw { udp::read(sent, 67).unwrap().1[242] } else { sent[242] };
    host.sent.borrow().iter().map(|(to, sent)| format!("{} {to}", kind(sent, !to.contains(' ')))).collect()
}

const OURS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 72);
const ASKED: [&str; 2] = ["1 eth0", "3 eth0"];
const RELEASED: &str = "7 eth0 to 192.0.2.1";

#[test]
fn a_lease_is_taken_and_given_back() {
    for up in [true, false] {
        let mut host = machine(up, ALL);
        let before = state(&host);
        must(&mut host, &|host| {
            let text = crate::host::write::read_text(host.files(), RESOLV_CONF, 4096).unwrap().unwrap();
            assert!(text.ends_with("\nnameserver 192.0.2.53\nsearch lab"), "{text}");
        });
        let ends = |which: &'static str| if up { None } else { Some(which) };
        let wanted: Vec<_> = ends(UP).into_iter().chain(TAKEN).chain(GIVEN).chain(ends(DOWN)).collect();
        assert_eq!(host.requests, wanted);
        assert_eq!(sent(&host), [&ASKED[..], &[RELEASED]].concat());
        assert_eq!(state(&host), before);
        assert!(host.log_lines.iter().all(|(level, ..)| *level == Level::Info), "{:?}", host.log_lines);
        // RFC 2131 table 5: our address in `ciaddr`, the hardware address, the server's id; none of what a request has.
        let sent = host.sent.borrow();
        let release = &sent[2].1;
        assert_eq!((&release[12..16], &release[28..34]), (&[192, 0, 2, 72][..], &MAC[..]));
        let options = &release[240..];
        assert_eq!(options[..3], [53, 1, RELEASE]);
        assert!(options.windows(6).any(|option| option == [54, 4, 192, 0, 2, 1]), "{options:?}");
        assert!(!options.windows(2).any(|option| option == [50, 4]), "{options:?}");
    }
}

/// The release goes while the address is there.
#[test]
fn the_release_comes_first() {
    let mut host = machine(false, ALL);
    host.on_connect(|channel, _| channel.contains(' ').then(|| vec![Said::Fail(Errno::ACCES)]));
    let before = state(&host);
    must(&mut host, &|_| ());
    assert_eq!(state(&host), before);
    let at = |wanted: &str| host.log_lines.iter().position(|(.., text)| text.contains(wanted)).unwrap();
    let (added, refused, taken) = (at("addr add"), at("cannot listen on eth0 to 192.0.2.1"), at("route del"));
    assert!(added < refused && refused < taken, "{:?}", host.log_lines);
}

#[test]
fn nobody_answers() {
    for (answers, messages) in [(&[][..], DISCOVER), (&[OFFER], REQUEST)] {
        for up in [true, false] {
            let mut host = machine(up, answers);
            let before = state(&host);
            assert_eq!(run(&mut host, &|_| ()), (Ok(false), vec![]));
            let wanted: &[&str] = if up { &[] } else { &[UP, DOWN] };
            assert_eq!(host.requests, wanted);
            assert_eq!(state(&host), before);
            assert!(sent(&host).ends_with(&[format!("{messages} eth0")]), "{:?}", sent(&host));
        }
    }
}

/// Each call fails once: what the link then has more than before is what that very call was to take away.
#[test]
fn whatever_fails_the_rest_is_undone() {
    let mut host = machine(false, ALL);
    let begin = host.calls();
    must(&mut host, &|_| ());
    let calls = host.calls() - begin;
    assert!(calls > 30, "{calls}");
    let mut without_work = 0;
    for call in 1..=calls {
        let mut host = machine(false, ALL);
        let before = state(&host);
        host.fail_at(host.calls() + call, Fault::Io, FaultSpan::Once);
        let (done, worked) = run(&mut host, &|_| ());
        without_work += usize::from(worked.is_empty());
        assert_eq!(done == Ok(true), worked == [Some(OURS)], "{call}");
        let warnings = host.log_lines.iter().filter(|(level, ..)| *level == Level::Warning);
        let warnings: Vec<&str> = warnings.map(|(.., text)| &**text).collect();
        let refused = |what: &str| warnings.iter().any(|text| text.starts_with(what));
        let mut after = state(&host);
        // What was refused to be undone, and told.
        if refused("cannot change link set eth0 down") {
            after.0[0].up = false;
            after.2.clear();
        }
        if refused("cannot change link set eth0 mtu 1500") {
            after.0[0].mtu = Some(1500);
        }
        if refused("cannot change addr del") {
            after.1.clear();
        }
        if refused("cannot remove /etc/resolv.conf") {
            after.3 = None;
        }
        assert_eq!(after, before, "call {call}: {warnings:?} {:?}", host.requests);
        // Who has an address gives it back, unless that was what failed.
        let acknowledged = sent(&host).ends_with(&[ASKED[1].into(), RELEASED.into()]);
        let unsent = refused("cannot read random numbers");
        let released =
            unsent || refused("cannot listen on eth0 to") || refused("cannot send to eth0 to") || acknowledged;
        assert!(released || worked.is_empty(), "call {call}: {warnings:?} {:?}", sent(&host));
    }
    assert!((4..calls as usize / 2).contains(&without_work), "{without_work} of {calls}");
}

/// The kernel takes the routes of a link with its last address.
#[test]
fn what_was_there_is_there_again() {
    let mut host = machine(true, ALL);
    let here = |to: Net, metric| RouteEntry { link: Some(eth0()), metric, ..RouteEntry::new(to) };
    // In the place of the second the lease puts its own; the third belongs to another link, and stays.
    host.routes.push(here(net([203, 0, 113, 0], 24), 7));
    host.routes.push(here(net([198, 51, 100, 0], 24), 0));
    let eth1 = IfName::parse("eth1").unwrap();
    host.routes.push(RouteEntry { link: Some(eth1), ..RouteEntry::new(Net::everywhere(false)) });
    host.addresses.push(Address { scope: 253, ..Address::new(&eth0(), net([169, 254, 7, 7], 16)) });
    host.put(RESOLV_CONF, 0o640, "");
    let before = state(&host);
    must(&mut host, &|host| assert_eq!(host.links().routes().unwrap().len(), 3));
    assert_eq!(state(&host), before);
    // The default route is another link's.
    assert!(
        host.requests.contains(&TAKEN[2].into()) && !host.requests.contains(&TAKEN[3].into()),
        "{:?}",
        host.requests
    );
}

#[test]
fn name_servers_of_somebody() {
    for (there, link) in [("nameserver 192.0.2.99\n", false), ("", true)] {
        let mut host = machine(true, ALL);
        match link {
            true => host.put_link(RESOLV_CONF, "../run/systemd/resolve/stub-resolv.conf"),
            false => host.put(RESOLV_CONF, 0o600, there),
        }
        let before = host.tree();
        must(&mut host, &|_| ());
        assert_eq!(host.tree(), before);
    }
    // Another program has written its own meanwhile.
    let mut host = machine(true, ALL);
    let own = "nameserver 192.0.2.77\n";
    must(&mut host, &|host| {
        crate::host::write::write_file(host.files(), RESOLV_CONF, &crate::host::Create::mode(0o644), own.as_bytes())
            .unwrap();
    });
    assert_eq!(host.text(RESOLV_CONF), own);
}

#[test]
fn a_link_with_an_address_is_used_as_it_is() {
    for ip in [[192, 0, 2, 5], [192, 0, 2, 72]] {
        let mut host = machine(true, ALL);
        host.addresses.push(Address::new(&eth0(), net(ip, 24)));
        keep(&mut host);
        let before = (state(&host), host.tree());
        assert_eq!(run(&mut host, &|_| ()), (Ok(true), vec![None]));
        assert_eq!((state(&host), host.tree()), before);
        assert_eq!((&host.requests[..], sent(&host)), (&[][..], vec![]));
    }
}

/// The link has a lease of ours, which is kept up; and so has another.
fn keep(host: &mut MemoryHost) {
    let mut blank = [0; 240];
    blank[236..].copy_from_slice(&[99, 130, 83, 99]);
    let lease = Lease::read(&answer(&blank, ACK), SERVER, Duration::ZERO).unwrap();
    let nic = |index, name| Nic { index, name: IfName::parse(name).unwrap(), ..Nic::default() };
    let mut leases = Leases::default();
    for nic in [nic(9, "eth9"), nic(2, "eth0")] {
        let mut kept = Kept::new(&nic, "box", Wants { what: 15, metric: 0 });
        kept.set(Some(&lease), Duration::ZERO);
        leases.kept.push(kept);
    }
    let boot = host.text(BOOT_ID);
    host.put(LEASES, 0o600, leases.text(boot.trim_end()));
}

#[test]
fn a_kept_lease_is_given_back_and_forgotten() {
    let mut host = machine(true, ALL);
    keep(&mut host);
    let nic = host.nics[0].clone();
    renew::give_back(&mut host, &nic).unwrap();
    assert_eq!((sent(&host), &*host.console), (vec![RELEASED.into()], "DHCPRELEASE of 192.0.2.72 to 192.0.2.1\n"));
    let text = host.text(LEASES);
    assert!(text.contains("lease eth9 ") && !text.contains("eth0"), "{text}");
    // Once.
    renew::give_back(&mut host, &nic).unwrap();
    assert_eq!(sent(&host).len(), 1);
    // What cannot be given back is forgotten all the same; what cannot be forgotten is not given back, or it would come again.
    for (below, messages, forgotten) in [("eth0 to 192.0.2.1", 0, true), (LEASES, 0, false)] {
        let mut host = machine(true, ALL);
        keep(&mut host);
        match forgotten {
            true => host.on_connect(|channel, _| channel.contains(' ').then(|| vec![Said::Fail(Errno::ACCES)])),
            false => host.set_read_only("/run", true),
        }
        let told = renew::give_back(&mut host, &nic).unwrap_err().to_string();
        assert!(told.contains(below), "{told}");
        assert_eq!((sent(&host).len(), host.text(LEASES).contains("eth0")), (messages, !forgotten));
    }
}

/// With its time the address has gone to somebody else.
#[test]
fn what_has_ended_is_not_given_back() {
    let mut host = machine(true, ALL);
    let before = state(&host);
    must(&mut host, &|host| host.sleep(Duration::from_secs(600)));
    assert_eq!((sent(&host), state(&host)), (ASKED.map(String::from).to_vec(), before));
    let mut host = machine(true, ALL);
    must(&mut host, &|host| host.sleep(Duration::from_secs(599)));
    assert_eq!(sent(&host).last().map(|line| &**line), Some(RELEASED));
}

/// The work may take the link from under us.
#[test]
fn a_link_may_go() {
    let mut host = machine(false, ALL);
    assert_eq!(run(&mut host, &|host| host.links().request(&Request::Remove(&eth0())).unwrap()).0, Ok(true));
    assert!(!host.exists(RESOLV_CONF));
}
