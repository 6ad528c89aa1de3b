use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::cell::RefCell;

use super::message::tests::{MAC, OURS, SERVER, reply};
use super::message::{Message, kind};
use super::*;
use crate::error::Errno;
use crate::host::links::{IfName, Mac};
use crate::host::memory::{MemoryHost, Said};
use crate::transport::udp;

const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const BOX: Options = Options { host_name: "box", client_id: b"", previous: None };

fn nic() -> Nic {
    Nic { index: 2, name: IfName::parse("eth0").unwrap(), mac: Mac::from_bytes(&MAC), ..Nic::default() }
}

/// A message of ours out of what was sent.
fn message(channel: &str, sent: &[u8]) -> Vec<u8> {
    match channel {
        "eth0" => udp::read(sent, 67).expect("a good packet for port 67").1.to_vec(),
        _ => sent.to_vec(),
    }
}

/// A server's packet.
fn packet(from: Ipv4Addr, message: &[u8]) -> Said {
    Said::Bytes(udp::write((from, 67), (Ipv4Addr::BROADCAST, 68), message))
}

/// The value of an option of ours.
fn option(message: &[u8], code: u8) -> Vec<u8> {
    let mut rest = &message[240..];
    while let [found, length, tail @ ..] = rest {
        let (value, tail) = tail.split_at_checked((*length).into()).unwrap_or_default();
        if *found == code {
            return value.to_vec();
        }
        rest = tail;
    }
    Vec::new()
}

/// Each message of ours as a line: `CHANNEL: KIND [new] [broadcast] [of OUR ADDRESS] [for REQUESTED] [at SERVER]`, `new` where the
/// transaction is another than before.
#[derive(Default)]
struct Told {
    lines: Vec<String>,
    transaction: Vec<u8>,
}

impl Told {
    fn add(&mut self, channel: &str, message: &[u8]) {
        let address = |word: &str, bytes: &[u8]| match <[u8; 4]>::try_from(bytes) {
            Ok(bytes) if bytes != [0; 4] => format!(" {word} {}", Ipv4Addr::from(bytes)),
            _ => String::new(),
        };
        let fresh = if self.transaction == message[4..8] { "" } else { " new" };
        self.transaction = message[4..8].to_vec();
        self.lines.push(format!(
            "{channel}: {}{fresh}{}{}{}{}",
            option(message, 53)[0],
            if message[10] == 0 { "" } else { " broadcast" },
            address("of", &message[12..16]),
            address("for", &option(message, 50)),
            address("at", &option(message, 54)),
        ));
    }
}

type Script = dyn FnMut(usize, &[u8]) -> Vec<Said>;

/// A machine whose servers answer the n-th message so.
fn machine(mut script: impl FnMut(usize, &[u8]) -> Vec<Said> + 'static) -> MemoryHost {
    let mut host = MemoryHost::new();
    let mut count = 0;
    host.on_connect(move |channel, sent| {
        if sent.is_empty() {
            return Some(Vec::new());
        }
        count += 1;
        Some(script(count - 1, &message(channel, sent)))
    });
    host
}

fn told(host: &MemoryHost) -> Vec<String> {
    let mut told = Told::default();
    for (channel, sent) in host.sent.borrow().iter() {
        told.add(channel, &message(channel, sent));
    }
    told.lines
}

fn good(asked: &[u8]) -> Said {
    let kind = if option(asked, 53) == [kind::DISCOVER] { kind::OFFER } else { kind::ACK };
    packet(SERVER, &reply(asked, kind, OURS, &[(54, &SERVER.octets()), (51, &[0, 0, 0x0e, 0x10])]))
}

fn ask_for(host: &mut MemoryHost, options: Options, seconds: u64) -> Result<Option<Box<Lease>>, String> {
    let until = host.now().up + Duration::from_secs(seconds);
    ask(host, &nic(), options, until).map_err(|error| error.to_string())
}

#[test]
fn an_address() {
    let mut host = machine(|_, asked| vec![good(asked)]);
    let begin = host.now().up;
    let lease = ask_for(&mut host, BOX, 60).unwrap().unwrap();
    assert_eq!((lease.address, lease.server, lease.lease_time), (OURS, SERVER, 3600));
    assert!(lease.since >= begin && lease.since <= host.now().up);
    assert_eq!(told(&host), ["eth0: 1 new", "eth0: 3 for 192.0.2.77 at 192.0.2.1"]);
    for (_, sent) in host.sent.borrow().iter() {
        let message = message("eth0", sent);
        assert_eq!((option(&message, 12), option(&message, 61)), (b"box".to_vec(), [&[1][..], &MAC].concat()));
    }
}

/// What the servers say (`wanted`: our messages; `None` for no lease in five minutes).
#[test]
fn servers() {
    const DISCOVER: &str = "eth0: 1 new";
    const REQUEST: &str = "eth0: 3 for 192.0.2.77 at 192.0.2.1";
    const REQUEST_BROADCAST: &str = "eth0: 3 broadcast for 192.0.2.77 at 192.0.2.1";
    let lease = &[DISCOVER, REQUEST];
    fn with(asked: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<Said> {
        let Said::Bytes(bytes) = good(asked) else { panic!() };
        let mut answer = udp::read(&bytes, 68).unwrap().1.to_vec();
        change(&mut answer);
        vec![packet(SERVER, &answer), good(asked)]
    }
    type Case = (&'static str, &'static [&'static str], Box<Script>);
    let cases: Vec<Case> = vec![
        ("wrong transaction", lease, Box::new(|_, asked| with(asked, |answer| answer[5] ^= 1))),
        ("another's hardware address", lease, Box::new(|_, asked| with(asked, |answer| answer[29] ^= 1))),
        ("a question", lease, Box::new(|_, asked| with(asked, |answer| answer[0] = 1))),
        ("cut off", lease, Box::new(|_, asked| with(asked, |answer| answer.truncate(answer.len() - 2)))),
        ("no cookie", lease, Box::new(|_, asked| with(asked, |answer| answer[236] = 0))),
        ("of BOOTP", lease, Box::new(|_, asked| with(asked, |answer| answer.truncate(240)))),
        ("no address", lease, Box::new(|_, asked| with(asked, |answer| answer[16..20].fill(0)))),
        ("an inform's kind", lease, Box::new(|_, asked| with(asked, |answer| answer[242] = 8))),
        (
            "not even a packet",
            lease,
            Box::new(|_, asked| vec![Said::Bytes(vec![0x45; 40]), Said::Bytes(vec![0x45; 2000]), good(asked)]),
        ),
        (
            "for no time",
            lease,
            Box::new(|_, asked| {
                let none = reply(asked, kind::OFFER, OTHER, &[(54, &OTHER.octets()), (51, &[0; 4])]);
                vec![packet(OTHER, &none), good(asked)]
            }),
        ),
        (
            "two offers: the first one is taken, and only its server heard",
            lease,
            Box::new(|_, asked| {
                let is_discover = option(asked, 53) == [kind::DISCOVER];
                let second = if is_discover { kind::OFFER } else { kind::NAK };
                let other = packet(OTHER, &reply(asked, second, OTHER, &[(54, &OTHER.octets())]));
                if is_discover { vec![good(asked), other] } else { vec![other, good(asked)] }
            }),
        ),
        (
            "an acknowledgement without request",
            lease,
            Box::new(|_, asked| {
                let early = reply(asked, kind::ACK, OTHER, &[(54, &SERVER.octets())]);
                if option(asked, 53) == [kind::DISCOVER] {
                    vec![packet(SERVER, &early), good(asked)]
                } else {
                    vec![good(asked)]
                }
            }),
        ),
        (
            "a server that does not name itself",
            lease,
            Box::new(|_, asked| {
                let kind = if option(asked, 53) == [kind::DISCOVER] { kind::OFFER } else { kind::ACK };
                vec![packet(SERVER, &reply(asked, kind, OURS, &[]))]
            }),
        ),
        (
            "silence, then an answer",
            &["eth0: 1 new", "eth0: 1 broadcast", "eth0: 1", "eth0: 3 for 192.0.2.77 at 192.0.2.1"],
            Box::new(|count, asked| if count < 2 { Vec::new() } else { vec![good(asked)] }),
        ),
        (
            "refused: all begins anew, under a new number",
            &[DISCOVER, REQUEST, DISCOVER, REQUEST],
            Box::new(|count, asked| match count {
                1 => vec![packet(SERVER, &reply(asked, kind::NAK, Ipv4Addr::UNSPECIFIED, &[(54, &SERVER.octets())]))],
                _ => vec![good(asked)],
            }),
        ),
        (
            "the server that offered has gone",
            &[DISCOVER, REQUEST, REQUEST_BROADCAST, REQUEST, REQUEST_BROADCAST, DISCOVER, REQUEST],
            Box::new(|count, asked| if (1..5).contains(&count) { Vec::new() } else { vec![good(asked)] }),
        ),
        (
            "an answer that is late",
            &["eth0: 1 new", "eth0: 1 broadcast", "eth0: 3 for 192.0.2.77 at 192.0.2.1"],
            Box::new(|count, asked| match count {
                0 => vec![Said::Wait(Duration::from_secs(6)), good(asked)],
                1 => Vec::new(),
                _ => vec![good(asked)],
            }),
        ),
    ];
    for (what, wanted, mut script) in cases {
        let mut host = machine(move |count, asked| script(count, asked));
        let lease = ask_for(&mut host, BOX, 300);
        assert_eq!(lease.unwrap().map(|lease| (lease.address, lease.server)), Some((OURS, SERVER)), "{what}");
        assert_eq!(told(&host), wanted, "{what}");
    }
}

/// RFC 2131 section 4.1: 4, 8, 16, 32, 64, 64 seconds, each a second more or less; and the time is up when it is.
#[test]
fn nobody_answers() {
    let seconds = Rc::new(RefCell::new(Vec::new()));
    let seen = seconds.clone();
    let mut host = machine(move |_, asked| {
        seen.borrow_mut().push(u64::from(u16::from_be_bytes([asked[8], asked[9]])));
        Vec::new()
    });
    let begin = host.now().up;
    assert_eq!(ask_for(&mut host, BOX, 220), Ok(None));
    assert_eq!((host.now().up - begin).as_secs(), 220);
    let seconds = seconds.borrow();
    let waits: Vec<u64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits.len(), 6);
    for (wait, wanted) in waits.iter().zip([4, 8, 16, 32, 64, 64]) {
        // Whole seconds are sent: each may hide a part of one.
        assert!(wait.abs_diff(wanted) <= 2, "{waits:?}");
    }
    let (from, to) = (told(&host), 7);
    assert_eq!((from.len(), from[5].as_str(), from[6].as_str()), (to, "eth0: 1 broadcast", "eth0: 1"));
}

#[test]
fn refusals_without_end_are_slow() {
    let mut host = machine(|_, asked| match option(asked, 53)[..] {
        [kind::DISCOVER] => vec![good(asked)],
        _ => vec![packet(SERVER, &reply(asked, kind::NAK, Ipv4Addr::UNSPECIFIED, &[]))],
    });
    assert_eq!(ask_for(&mut host, BOX, 600), Ok(None));
    let count = told(&host).len();
    assert!((10..40).contains(&count), "{count} messages in ten minutes");
}

#[test]
fn an_address_that_the_host_had() {
    let previous = Options { previous: Some(OURS), ..BOX };
    let mut host = machine(|_, asked| vec![good(asked)]);
    assert_eq!(ask_for(&mut host, previous, 60).unwrap().unwrap().address, OURS);
    assert_eq!(told(&host), ["eth0: 3 new for 192.0.2.77"]);

    // Another network.
    let mut host = machine(|count, asked| match count {
        0 => vec![packet(OTHER, &reply(asked, kind::NAK, Ipv4Addr::UNSPECIFIED, &[(54, &OTHER.octets())]))],
        _ => vec![good(asked)],
    });
    assert!(ask_for(&mut host, previous, 60).unwrap().is_some());
    let anew = ["eth0: 1 new for 192.0.2.77", "eth0: 3 for 192.0.2.77 at 192.0.2.1"];
    assert_eq!(told(&host), ["eth0: 3 new for 192.0.2.77", anew[0], anew[1]]);

    // Nobody knows of it.
    let mut host = machine(|_, asked| {
        if option(asked, 54).is_empty() && option(asked, 53) == [kind::REQUEST] {
            Vec::new()
        } else {
            vec![good(asked)]
        }
    });
    assert!(ask_for(&mut host, previous, 300).unwrap().is_some());
    let told = told(&host);
    assert_eq!((told.len(), &told[4..]), (6, &anew.map(String::from)[..]));
}

#[test]
fn what_the_link_says() {
    // Down at first.
    let mut host = machine(|count, asked| if count == 0 { vec![Said::Fail(Errno(100))] } else { vec![good(asked)] });
    assert!(ask_for(&mut host, BOX, 60).unwrap().is_some());
    // Down all the time.
    let mut host = machine(|_, _| vec![Said::Fail(Errno(100))]);
    let begin = host.now().up;
    assert_eq!(ask_for(&mut host, BOX, 60), Err("cannot receive from eth0: network is down".into()));
    assert_eq!((host.now().up - begin).as_secs(), 60);
    // No such link, no privilege.
    let mut host = MemoryHost::new();
    assert_eq!(ask_for(&mut host, BOX, 60), Err("cannot listen on eth0: no such device".into()));
    host.on_connect(|_, _| Some(vec![Said::Fail(Errno::PERM)]));
    assert_eq!(ask_for(&mut host, BOX, 60), Err("cannot listen on eth0: operation not permitted".into()));
    for mac in [None, Mac::from_bytes(&[1; 20])] {
        let error = ask(&mut host, &Nic { mac, ..nic() }, BOX, Duration::MAX).unwrap_err();
        assert_eq!(error.to_string(), "cannot use DHCP on eth0: it has no hardware address of Ethernet");
    }
    let mut real = MemoryHost::new();
    let mut preview = crate::host::preview::PreviewHost::new(&mut real, false);
    let error = ask(&mut preview, &nic(), BOX, Duration::MAX).unwrap_err();
    assert_eq!(error.to_string(), "cannot listen on eth0: a preview sends nothing");
}

/// A lease of an hour, half an hour old.
fn old_lease(host: &MemoryHost) -> Lease {
    let mut answer = reply(&[0; 240], kind::ACK, OURS, &[(54, &SERVER.octets()), (51, &[0, 0, 0x0e, 0x10])]);
    answer[236..240].copy_from_slice(&[99, 130, 83, 99]);
    let lease = Message::parse(&answer).unwrap().lease(SERVER, Duration::ZERO).unwrap();
    Lease { since: host.now().up - Duration::from_secs(1800), ..lease }
}

const UNICAST: &str = "eth0 to 192.0.2.1: 3 new of 192.0.2.77";
const BROADCAST: &str = "eth0 to 255.255.255.255: 3 new of 192.0.2.77";

fn kept(answer: fn(&str, &[u8]) -> Vec<Said>, age: u64, seconds: u64) -> (Result<Renewed, String>, Vec<String>, u64) {
    let mut host = MemoryHost::new();
    host.sleep(Duration::from_secs(10_000));
    host.on_connect(move |channel, sent| Some(if sent.is_empty() { Vec::new() } else { answer(channel, sent) }));
    let mut lease = old_lease(&host);
    lease.since = host.now().up - Duration::from_secs(age);
    let begin = host.now().up;
    let until = begin + Duration::from_secs(seconds);
    let renewed = loop {
        match renew(&mut host, &nic(), &lease, BOX, until) {
            Ok(Renewed::Silence) | Err(_) if host.now().up < until => {}
            other => break other,
        }
    };
    let took = (host.now().up - begin).as_secs();
    (renewed.map_err(|error| error.to_string()), told(&host), took)
}

fn acked(asked: &[u8]) -> Vec<Said> {
    vec![Said::Bytes(reply(asked, kind::ACK, OURS, &[(54, &SERVER.octets()), (51, &[0, 0, 0x0e, 0x10])]))]
}

#[test]
fn a_lease_is_kept() {
    let (renewed, told, _) = kept(|_, asked| acked(asked), 1800, 60);
    let Ok(Renewed::Lease(lease)) = renewed else { panic!("{renewed:?}") };
    assert!(lease.address == OURS && lease.since >= Duration::from_secs(10_000));
    assert_eq!(told, [UNICAST]);

    // Its server has gone: any other may keep it. 1350 seconds are left for the first, 450 for the others.
    let (renewed, told, took) =
        kept(|channel, asked| if channel.ends_with("255") { acked(asked) } else { Vec::new() }, 1800, 4000);
    assert!(matches!(renewed, Ok(Renewed::Lease(_))) && (1350..1353).contains(&took), "{took} {renewed:?}");
    let again = UNICAST.replace(" new", "");
    let mut wanted = vec![UNICAST, &again, &again, &again, &again, &again];
    // The half of what is left each time: 675, 337, 168, 84, and then no less than 60.
    assert_eq!(told.len(), 7, "{told:#?}");
    wanted.push(BROADCAST);
    assert_eq!(told, wanted);

    // Behind T2 only the others are asked.
    let (renewed, told, _) = kept(|_, asked| acked(asked), 3200, 60);
    assert!(matches!(renewed, Ok(Renewed::Lease(_))));
    assert_eq!(told, [BROADCAST]);

    // One that does not name itself, before T2 and behind it.
    for age in [1800, 3200] {
        let nameless: fn(&str, &[u8]) -> Vec<Said> = |_, asked| vec![Said::Bytes(reply(asked, kind::ACK, OURS, &[]))];
        let (renewed, ..) = kept(nameless, age, 60);
        assert!(matches!(&renewed, Ok(Renewed::Lease(lease)) if lease.server == SERVER), "{renewed:?}");
    }
}

#[test]
fn a_lease_is_lost_or_not_yet() {
    let nak: fn(&str, &[u8]) -> Vec<Said> =
        |_, asked| vec![Said::Bytes(reply(asked, kind::NAK, Ipv4Addr::UNSPECIFIED, &[]))];
    let silence: fn(&str, &[u8]) -> Vec<Said> = |_, _| Vec::new();
    let other: fn(&str, &[u8]) -> Vec<Said> =
        |_, asked| vec![Said::Bytes(reply(asked, kind::NAK, Ipv4Addr::UNSPECIFIED, &[(54, &OTHER.octets())]))];
    for (what, answer, age, seconds, wanted, count, took) in [
        ("refused", nak, 1800, 60, Renewed::Lost, 1, 0),
        ("refused by all", nak, 3200, 60, Renewed::Lost, 1, 0),
        ("refused by somebody else, who may not", other, 1800, 30, Renewed::Silence, 1, 30),
        ("refused by somebody else, who may", other, 3200, 30, Renewed::Lost, 1, 0),
        ("silence", silence, 1800, 30, Renewed::Silence, 1, 30),
        ("silence until the end", silence, 3500, 200, Renewed::Lost, 2, 100),
        ("behind the end", silence, 3600, 200, Renewed::Lost, 0, 0),
    ] {
        let (renewed, told, spent) = kept(answer, age, seconds);
        assert_eq!((renewed, told.len(), spent), (Ok(wanted), count, took), "{what}: {told:#?}");
    }
    // A server without a route to it, and the others.
    let unreachable: fn(&str, &[u8]) -> Vec<Said> =
        |channel, asked| if channel.ends_with("255") { acked(asked) } else { vec![Said::Fail(Errno::NETUNREACH)] };
    let (renewed, told, _) = kept(unreachable, 3100, 60);
    assert!(matches!(renewed, Ok(Renewed::Lease(_))), "{renewed:?}");
    assert_eq!(told, [UNICAST, BROADCAST]);
    let (renewed, ..) = kept(unreachable, 1800, 60);
    assert_eq!(renewed, Err("cannot receive from eth0 to 192.0.2.1: network is unreachable".into()));
}

#[test]
fn a_lease_is_given_back() {
    let mut host = machine(|_, _| Vec::new());
    host.sleep(Duration::from_secs(10_000));
    let lease = old_lease(&host);
    release(&mut host, &nic(), &lease).unwrap();
    assert_eq!(told(&host), ["eth0 to 192.0.2.1: 7 new of 192.0.2.77 at 192.0.2.1"]);
}
