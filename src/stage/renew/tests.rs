use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::net::Ipv4Addr;

use super::*;
use crate::host::links::{IfName, Mac, Net, Nic};
use crate::host::memory::{Fault, FaultSpan, MemoryHost, Said};
use crate::host::write::is_there;
use crate::net::live::Wants;
use crate::net::model::Dns;
use crate::paths::{BOOT_ID, RESOLV_CONF};
use crate::transport::udp;

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const NAK: u8 = 6;
const FOREVER: u32 = u32::MAX;
/// When the first lease was asked for.
const BEGIN: u32 = 100;

/// What a server says: kind, last byte of the address, seconds, last byte of router and of name server.
type Answer = (u8, u8, u32, u8);

fn message(asked: &[u8], (kind, address, seconds, router): Answer) -> Vec<u8> {
    let mut message = asked[..240].to_vec();
    message[0] = 2;
    message[16..20].copy_from_slice(&[192, 0, 2, address]);
    message.extend([53, 1, kind, 1, 4, 255, 255, 255, 0, 54, 4]);
    message.extend(SERVER.octets());
    message.extend([51, 4]);
    message.extend(seconds.to_be_bytes());
    message.extend([3, 4, 192, 0, 2, router, 6, 4, 192, 0, 2, router, 255]);
    message
}

/// The first lease of a link, as `init` leaves it.
fn kept(index: u32, seconds: u32) -> Kept {
    let mut blank = [0; 240];
    blank[236..].copy_from_slice(&[99, 130, 83, 99]);
    let first = message(&blank, (ACK, 70 + index as u8, seconds, 1));
    let lease = dhcp::Lease::read(&first, SERVER, Duration::from_secs(BEGIN.into())).unwrap();
    let nic = Nic { index, name: IfName::parse(&format!("eth{}", index - 2)).unwrap(), ..Nic::default() };
    let mut kept = Kept::new(&nic, "box", Wants { what: 15, metric: 0 });
    kept.set(Some(&lease), Duration::ZERO);
    kept
}

fn boot_id(host: &mut MemoryHost) -> String {
    host.text(BOOT_ID).trim_end().into()
}

/// A machine a little behind [`BEGIN`], with these leases; its servers answer the n-th message on a channel, of this kind.
fn machine(leases: Vec<Kept>, answer: impl Fn(&str, u8, usize) -> Option<Answer> + 'static) -> MemoryHost {
    let mut host = MemoryHost::new();
    host.sleep(Duration::from_secs(u64::from(BEGIN) + 3));
    for kept in &leases {
        let mac = Mac::from_bytes(&[2, 0, 0, 0, 0, kept.index as u8]);
        host.nics.push(Nic { index: kept.index, name: kept.link.clone(), mac, mtu: Some(1500), ..Nic::default() });
        let lease = kept.taken(kept.lease().unwrap());
        exchange(&mut host, &kept.link, 0, None, Some(&lease));
    }
    let base = Dns { servers: vec![[192, 0, 2, 99].into()], search: vec!["a.test".into()] };
    let leases = Leases { base, kept: leases };
    let boot = boot_id(&mut host);
    host.put(LEASES, 0o600, leases.text(&boot));
    host.requests.clear();
    host.log_lines.clear();
    let counts = Rc::new(RefCell::new(alloc::collections::BTreeMap::new()));
    host.on_connect(move |channel, sent| {
        if sent.is_empty() {
            return Some(Vec::new());
        }
        let raw = !channel.contains(' ');
        let asked = if raw { udp::read(sent, 67).unwrap().1 } else { sent };
        let mut counts = counts.borrow_mut();
        let count: &mut usize = counts.entry(String::from(channel)).or_default();
        *count += 1;
        let kind = asked[242];
        let Some(answer) = answer(channel, kind, *count) else { return Some(Vec::new()) };
        let said = message(asked, answer);
        let said = if raw { udp::write((SERVER, 67), (Ipv4Addr::BROADCAST, 68), &said) } else { said };
        Some(vec![Said::Bytes(said)])
    });
    host
}

fn read(host: &mut MemoryHost) -> Leases {
    let boot = boot_id(host);
    Leases::read(&host.bytes(LEASES), &boot, &mut |at| panic!("{at}"))
}

fn logged(host: &MemoryHost) -> Vec<String> {
    host.log_lines.iter().map(|(level, _, text)| format!("{} {text}", level.word())).collect()
}

/// To whom what was sent.
fn sent(host: &MemoryHost) -> Vec<String> {
    let kind = |sent: &[u8], raw: bool| if raw { udp::read(sent, 67).unwrap().1[242] } else { sent[242] };
    host.sent.borrow().iter().map(|(to, sent)| format!("{} {to}", kind(sent, !to.contains(' ')))).collect()
}

/// A first lease of an hour, and a server that gives the last one for ever: then the process ends. When that one was asked for is told,
/// seconds behind the first.
#[track_caller]
fn run(answer: impl Fn(&str, u8, usize) -> Option<Answer> + 'static) -> (MemoryHost, u32) {
    let mut host = machine(vec![kept(2, 3600)], answer);
    renew(&mut host).unwrap();
    assert!(host.console.ends_with("no leases are left to renew\n"));
    let leases = read(&mut host);
    let [kept] = &leases.kept[..] else { panic!("{leases:?}") };
    let lease = kept.lease().unwrap();
    assert_eq!((lease.lease_time, &*kept.host_name), (FOREVER, "box"));
    (host, lease.since.as_secs() as u32 - BEGIN)
}

const LAST: Option<Answer> = Some((ACK, 72, FOREVER, 1));
const UNICAST: &str = "3 eth0 to 192.0.2.1";
const BROADCAST: &str = "3 eth0 to 255.255.255.255";

#[test]
fn at_t1_the_server_is_asked() {
    let (host, since) = run(|_, _, count| if count < 3 { Some((ACK, 72, 600, 1)) } else { LAST });
    assert_eq!(since, 1800 + 300 + 300);
    assert_eq!(sent(&host), [UNICAST; 3]);
    // The address has its new time, and nothing else happens: not even a line of the log.
    let add = |time: &str| format!("addr add 192.0.2.72/24 dev eth0{time}");
    let short = add(" valid_lft 600 preferred_lft 600");
    assert_eq!(host.requests, [short.clone(), short, add("")]);
    assert_eq!(logged(&host), [""; 0]);
    assert!(!is_there(&mut { host }, RESOLV_CONF));
}

/// From T1 on at the half of what is left, at least a minute later; at T2 all are asked.
#[test]
fn at_t2_any_server_is_asked() {
    let (host, since) = run(|channel, _, _| if channel.ends_with("255") { LAST } else { None });
    assert_eq!(since, 3150);
    // 1800, 2475, 2812, 2981, 3065, 3125.
    assert_eq!(sent(&host), [&[UNICAST; 6][..], &[BROADCAST]].concat());
    assert_eq!(logged(&host), ["WARNING cannot renew the lease of eth0: no DHCP server answers"; 6]);
}

#[test]
fn at_its_end_the_address_goes_and_another_is_asked_for() {
    let (host, since) = run(|channel, kind, count| match (channel, kind) {
        ("eth0", DISCOVER) if count > 20 => Some((OFFER, 80, 600, 1)),
        ("eth0", REQUEST) => Some((ACK, 80, FOREVER, 9)),
        _ => None,
    });
    // Two messages each time; pauses of 30, 60, 120, 240, and then 300 seconds, which begin with the first of them.
    assert_eq!(since / 10, (3600 + 30 + 60 + 120 + 240 + 6 * 300) / 10);
    assert_eq!(sent(&host).iter().filter(|line| *line == "1 eth0").count(), 21);
    let wanted = [
        "route del 0.0.0.0/0 via 192.0.2.1 dev eth0",
        "addr del 192.0.2.72/24 dev eth0 valid_lft 3600 preferred_lft 3600",
        "addr add 192.0.2.80/24 dev eth0",
        "route replace 0.0.0.0/0 via 192.0.2.9 dev eth0",
    ];
    assert_eq!(host.requests, wanted);
    let resolv = host.text(RESOLV_CONF);
    assert!(resolv.ends_with("\nnameserver 192.0.2.99\nnameserver 192.0.2.9\nsearch a.test\n"), "{resolv}");
    let log = logged(&host);
    assert!(log.contains(
        &"WARNING cannot renew the lease of eth0: it has ended, or a server refused it: the address goes".into()
    ));
    // The six of the test above, four behind T2, then 30, 60, 120 and 240; a long silence is not told of.
    let silent = |word: &str| log.iter().filter(|line| line.starts_with(word) && line.ends_with("answers")).count();
    assert_eq!(silent("WARNING"), 6 + 4 + 4, "{log:#?}");
}

#[test]
fn a_refused_lease_is_another_at_once() {
    let (host, since) = run(|channel, kind, _| match (channel, kind) {
        ("eth0", DISCOVER) => Some((OFFER, 81, 600, 1)),
        ("eth0", _) => Some((ACK, 81, FOREVER, 1)),
        _ => Some((NAK, 0, 0, 0)),
    });
    assert_eq!(since, 1800);
    assert_eq!(sent(&host), [UNICAST, "1 eth0", "3 eth0"]);
    assert_eq!(
        host.requests[1..3].iter().map(|line| &line[..20]).collect::<Vec<_>>(),
        ["addr del 192.0.2.72/", "addr add 192.0.2.81/"]
    );
}

#[test]
fn what_comes_with_the_address_may_change() {
    let (host, _) = run(|_, _, _| Some((ACK, 72, FOREVER, 9)));
    let wanted = [
        "route del 0.0.0.0/0 via 192.0.2.1 dev eth0",
        "addr add 192.0.2.72/24 dev eth0",
        "route replace 0.0.0.0/0 via 192.0.2.9 dev eth0",
    ];
    assert_eq!(host.requests, wanted);
    assert!(host.text(RESOLV_CONF).contains("nameserver 192.0.2.9\n"));
}

/// Static routes of the link, which the kernel takes with its last address, and a default route of another link.
#[test]
fn another_address_takes_nothing_else() {
    let answer = |_: &str, _: u8, _: usize| Some((ACK, 90, FOREVER, 1));
    let mut host = machine(vec![kept(3, FOREVER), kept(2, 3600)], answer);
    let route = |to: [u8; 4], prefix, link: &str, protocol| crate::host::links::RouteEntry {
        link: IfName::parse(link),
        protocol,
        ..crate::host::links::RouteEntry::new(Net { ip: to.into(), prefix })
    };
    host.routes.extend([
        route([10, 0, 0, 0], 8, "eth0", 3),
        route([192, 0, 2, 0], 24, "eth0", 2),
        route([10, 9, 0, 0], 16, "eth1", 3),
    ]);
    renew(&mut host).unwrap();
    let wanted = [
        "addr del 192.0.2.72/24 dev eth0 valid_lft 3600 preferred_lft 3600",
        "addr add 192.0.2.90/24 dev eth0",
        "route replace 10.0.0.0/8 dev eth0",
    ];
    // The default route is eth1's, which was the first.
    assert_eq!(host.requests, wanted);
}

#[test]
fn a_dead_server_holds_no_other_lease_up() {
    let answer = |channel: &str, kind: u8, count| match (channel, kind) {
        ("eth1 to 192.0.2.1", _) if count < 40 => Some((ACK, 73, 120, 1)),
        ("eth1 to 192.0.2.1", _) => Some((ACK, 73, FOREVER, 1)),
        ("eth0", REQUEST) => LAST,
        ("eth0", DISCOVER) => Some((OFFER, 72, 600, 1)),
        _ => None,
    };
    let mut host = machine(vec![kept(2, 600), kept(3, 120)], answer);
    renew(&mut host).unwrap();
    assert!(logged(&host).iter().all(|line| !line.contains("eth1")), "{:#?}", logged(&host));
    assert_eq!(sent(&host).iter().filter(|line| line.contains("eth1")).count(), 40);
}

#[test]
fn what_is_gone_is_given_up() {
    for (why, change) in [
        ("there is no such link any more", (|host| host.nics.clear()) as fn(&mut MemoryHost)),
        ("somebody has taken the address from the link", |host| host.addresses.clear()),
    ] {
        let mut host = machine(vec![kept(2, 3600)], |_, _, _| LAST);
        change(&mut host);
        renew(&mut host).unwrap();
        assert_eq!(logged(&host), [format!("WARNING cannot renew the lease of eth0: {why}")]);
        assert_eq!((sent(&host).len(), host.requests.len(), read(&mut host).kept.len()), (0, 0, 0));
    }
    // Its name may be another.
    let mut host = machine(vec![kept(2, 3600)], |_, _, _| LAST);
    let lan = IfName::parse("lan").unwrap();
    host.nics[0].name = lan.clone();
    host.addresses[0].link = lan.clone();
    renew(&mut host).unwrap();
    assert_eq!((&host.requests[0][..], host.requests.len()), ("addr add 192.0.2.72/24 dev lan", 1));
    assert_eq!(read(&mut host).kept[0].link, lan);
    // Without the file there is nothing.
    let mut host = MemoryHost::new();
    renew(&mut host).unwrap();
    assert_eq!(host.console, "no leases are left to renew\n");
}

#[test]
fn a_second_process_takes_over() {
    let mut host = machine(vec![kept(2, 3600)], |_, _, _| LAST);
    host.lock_holder = Some(77);
    renew(&mut host).unwrap();
    assert_eq!(host.terminated, [77]);
    assert_eq!(logged(&host), ["INFO process 77, which renews leases, gives way"]);
    assert!(host.is_locked());
}

#[test]
fn a_file_that_cannot_be_written_is_no_end() {
    let mut host = machine(vec![kept(2, 3600)], |_, _, count| if count < 2 { Some((ACK, 72, 600, 1)) } else { LAST });
    host.set_full("/run", true);
    renew(&mut host).unwrap_err();
    host = machine(vec![kept(2, 3600)], |_, _, count| if count < 2 { Some((ACK, 72, 600, 1)) } else { LAST });
    host.lock(LEASES_LOCK, &mut |_, _| ()).unwrap();
    host.unlock();
    host.set_full(LEASES, true);
    renew(&mut host).unwrap();
    assert_eq!(sent(&host).len(), 2);
    assert!(
        logged(&host)[0].starts_with("WARNING cannot write /run/cloud-init/leases: no space"),
        "{:?}",
        logged(&host)
    );
}

#[test]
fn a_bad_file_is_told_of_and_the_rest_counts() {
    let mut host = machine(vec![kept(2, 3600), kept(3, 3600)], |_, _, _| LAST);
    let good = host.text(LEASES);
    let (first, second) = good.split_once("lease eth1").unwrap();
    for (text, wanted, left) in [
        (String::new(), "line 1, column 1: expected `wisp leases 1` and the id of this boot", 0),
        (good.replacen('1', "2", 1), "line 1, column 1: expected `wisp leases 1` and the id of this boot", 0),
        (
            good.replacen("0000-4000", "1111-4000", 1),
            "line 1, column 1: expected `wisp leases 1` and the id of this boot",
            0,
        ),
        (good.replace("dns ", "dns x"), "line 2, column 5: expected an IP address", 2),
        (good.replace("search", "find"), "line 3, column 1: expected dns, search or lease", 2),
        (
            format!("{first}lease e/1{second}"),
            "line 5, column 7: expected an interface name: 1 to 15 bytes without blanks, `/` and `:`",
            1,
        ),
        (format!("{first}lease eth1 x{second}"), "line 5, column 12: expected a number", 1),
        (format!("{first}lease eth1 3"), "line 5, column 13: expected a number", 1),
        (format!("{first}lease eth1 3 15 0 1 1 1 box 0q"), "line 5, column 29: expected a message in hexadecimal", 1),
    ] {
        let mut told = Vec::new();
        let boot = boot_id(&mut host);
        let leases = Leases::read(text.as_bytes(), &boot, &mut |at| told.push(at.to_string()));
        assert_eq!((leases.kept.len(), &told[..]), (left, &[String::from(wanted)][..]), "{text}");
    }
    host.put(LEASES, 0o600, format!("{first}lease eth1 x{second}"));
    renew(&mut host).unwrap();
    assert_eq!(logged(&host)[0], "ERROR cannot read /run/cloud-init/leases: line 5, column 12: expected a number");
    assert_eq!((sent(&host), read(&mut host).kept.len()), (vec![String::from(UNICAST)], 1));
    // What was written is what is read; a message that is none is no lease.
    let boot = boot_id(&mut host);
    let leases = Leases {
        kept: vec![
            kept(2, 3600),
            Kept::new(
                &Nic { index: 9, name: IfName::parse("x").unwrap(), ..Nic::default() },
                "a b",
                Wants { what: 1, metric: 7 },
            ),
        ],
        ..Leases::default()
    };
    assert_eq!(Leases::read(leases.text(&boot).as_bytes(), &boot, &mut |at| panic!("{at}")), leases);
    assert!(leases.kept[1].lease().is_none() && leases.kept[1].host_name.is_empty());
    // As long as it may be, and a byte longer.
    for (length, wanted) in [
        (MAX_LEASES_FILE, Ok(())),
        (MAX_LEASES_FILE + 1, Err("cannot read /run/cloud-init/leases: more than 65536 bytes")),
    ] {
        let mut text = good.clone();
        text += &"#".repeat(length as usize - text.len());
        let mut host = machine(vec![kept(2, 3600), kept(3, 3600)], |_, _, _| LAST);
        host.put(LEASES, 0o600, text);
        assert_eq!(renew(&mut host).map_err(|error| error.to_string()), wanted.map_err(String::from));
    }
}

/// Whatever fails once, the lease is kept in the end, or the process says why it ends.
#[test]
fn whatever_fails() {
    let answer = |_: &str, _: u8, _: usize| LAST;
    let mut host = machine(vec![kept(2, 3600)], answer);
    let begin = host.calls();
    renew(&mut host).unwrap();
    let calls = host.calls() - begin;
    assert!(calls > 10);
    let (mut kept_up, mut ended) = (0, 0);
    for at in 1..=calls {
        let mut host = machine(vec![kept(2, 3600)], answer);
        host.fail_at(begin + at, Fault::Io, FaultSpan::Once);
        match renew(&mut host) {
            Ok(()) => {
                let long = host.requests.last().is_some_and(|line| line == "addr add 192.0.2.72/24 dev eth0");
                kept_up += usize::from(long || !logged(&host).is_empty());
            }
            Err(_) => ended += 1,
        }
    }
    assert_eq!(kept_up + ended, calls as usize);
    assert!(ended <= 6, "{ended} of {calls} ended it");
}

#[test]
fn a_boot_leaves_its_leases() {
    let mut host = machine(vec![kept(2, 3600)], |_, _, _| None);
    let mut leases = Leases { base: Dns::default(), kept: vec![kept(2, 3600)] };
    hand_over(&mut host, &leases, false).unwrap();
    assert_eq!(host.ran.iter().map(|ran| ran.line()).collect::<Vec<_>>(), ["/proc/self/exe net renew --background"]);
    assert_eq!((read(&mut host).kept.len(), host.mode(LEASES)), (1, 0o600));
    // In another root nothing of ours stays.
    hand_over(&mut host, &leases, true).unwrap();
    assert_eq!(host.ran.len(), 1);
    leases.kept.clear();
    hand_over(&mut host, &leases, false).unwrap();
    assert!(!host.exists(LEASES) && host.ran.len() == 1);
}
