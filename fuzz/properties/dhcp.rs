//! What DHCP servers say, of both kinds.

use std::net::Ipv4Addr;
use std::time::Duration;

use wisp::host::Host;
use wisp::host::links::{IfName, Mac, Nic};
use wisp::host::memory::{MemoryHost, Said};
use wisp::limits::{MAX_HOST_NAME, MAX_LEASE_ITEMS};
use wisp::transport::dhcp::{self, Lease, Options, Renewed};
use wisp::transport::{dhcp6, udp};

const MAC: [u8; 6] = [0xfa, 0x16, 0x3e, 1, 2, 3];
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Bytes of a message before its options.
const HEAD: usize = 240;

fn nic() -> Nic {
    Nic { index: 2, name: IfName::parse("eth0").expect("a name"), mac: Mac::from_bytes(&MAC), ..Nic::default() }
}

/// A message as an answer to `asked`: its transaction and hardware address, and the kind that fits where one that gives something
/// stands first.
fn fitted(asked: &[u8], mut message: Vec<u8>) -> Vec<u8> {
    if message.len() >= HEAD {
        message[4..8].copy_from_slice(&asked[4..8]);
        message[28..34].copy_from_slice(&MAC);
    }
    if let Some([53, 1, kind @ (2 | 5)]) = message.get_mut(HEAD..HEAD + 3) {
        *kind = if asked[HEAD + 2] == 1 { 2 } else { 5 };
    }
    message
}

/// One with this address and these options.
fn answer(asked: &[u8], rest: &[u8]) -> Vec<u8> {
    let (address, options) = rest.split_first_chunk().unwrap_or((&[192, 0, 2, 77], &[]));
    let mut message = asked[..HEAD].to_vec();
    message[0] = 2;
    message[16..20].copy_from_slice(address);
    message.extend(options);
    message
}

/// The first byte says how the others are an answer: as address and options of one that fits, when asked (0) or asked to renew (1); as a
/// whole message but for what must fit (2); as a packet (3).
pub fn dhcp(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let (way, rest) = (first % 4, rest.to_vec());
    let mut host = MemoryHost::new();
    host.sleep(Duration::from_secs(1000));
    host.on_connect(move |channel, sent| {
        if sent.is_empty() {
            return Some(Vec::new());
        }
        let raw = channel == "eth0";
        let asked = if raw { udp::read(sent, 67).expect("a packet of ours").1 } else { sent };
        assert!((300..=576).contains(&asked.len()), "{} bytes", asked.len());
        let message = fitted(asked, if way < 2 { answer(asked, &rest) } else { rest.clone() });
        let packet = match way {
            3 => rest.clone(),
            _ if raw => udp::write((SERVER, 67), (Ipv4Addr::BROADCAST, 68), &message),
            _ => message,
        };
        Some(vec![Said::Bytes(packet)])
    });
    let until = host.now().up + Duration::from_secs(300);
    let options = Options { host_name: "box", ..Options::default() };
    let lease = if way == 1 {
        let lease = Lease {
            address: Ipv4Addr::new(192, 0, 2, 77),
            prefix: 24,
            server: SERVER,
            routers: Vec::new(),
            routes: Vec::new(),
            dns: Vec::new(),
            search: Vec::new(),
            domain: None,
            mtu: None,
            host_name: None,
            since: Duration::from_secs(900),
            lease_time: 350,
            t1: 50,
            t2: 300,
            message: Vec::new(),
        };
        match dhcp::renew(&mut host, &nic(), &lease, options, until).expect("no fault of the machine") {
            Renewed::Lease(lease) => Some(lease),
            _ => None,
        }
    } else {
        dhcp::ask(&mut host, &nic(), options, until).expect("no fault of the machine")
    };
    assert!(host.now().up <= until + Duration::from_secs(1));
    assert!(host.sent.borrow().len() < 100, "{} messages", host.sent.borrow().len());
    if let Some(lease) = lease {
        check(&lease);
    }
}

fn check(lease: &Lease) {
    assert!(!lease.address.is_unspecified() && !lease.address.is_multicast() && !lease.address.is_broadcast());
    assert!(lease.prefix <= 32 && lease.mtu.is_none_or(|mtu| mtu >= 68));
    let counts = [lease.routers.len(), lease.routes.len(), lease.dns.len(), lease.search.len()];
    assert!(counts.iter().all(|count| *count <= MAX_LEASE_ITEMS), "{counts:?}");
    assert!(lease.routers.is_empty() || lease.routes.is_empty());
    for route in &lease.routes {
        let host_bits = u32::MAX.checked_shr(route.prefix.into()).unwrap_or(0);
        assert!(route.prefix <= 32 && u32::from(route.to) & host_bits == 0, "{route:?}");
    }
    names(lease.search.iter().chain(&lease.host_name).chain(&lease.domain));
    let times = [lease.t1, lease.t2, lease.lease_time];
    assert!(times.is_sorted() && (times[2] < u32::MAX || times == [u32::MAX; 3]) && times[2] > 0, "{times:?}");
}

/// Names end in files and in the environment of scripts.
fn names<'a>(names: impl Iterator<Item = &'a String>) {
    for name in names {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        assert!(!name.is_empty() && name.len() <= MAX_HOST_NAME && name.bytes().all(good), "{name:?}");
    }
}

/// Behind a first byte that is even, as the options of an answer that fits; otherwise as it stands.
pub fn dhcp6(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let (fits, rest) = (first % 2 == 0, rest.to_vec());
    let mut host = MemoryHost::new();
    host.on_connect(move |_, sent| match sent {
        [] => Some(Vec::new()),
        _ if fits => Some(vec![Said::Bytes([&[7], &sent[1..4], &rest].concat())]),
        _ => Some(vec![Said::Bytes(rest.clone())]),
    });
    let until = host.now().up + Duration::from_secs(30);
    let found = dhcp6::ask(&mut host, &nic(), until).expect("no fault of the machine");
    assert!(host.now().up <= until + Duration::from_secs(1));
    if let Some(found) = found {
        assert!(found.dns.len() <= MAX_LEASE_ITEMS && found.search.len() <= MAX_LEASE_ITEMS);
        assert!(found.refresh >= 600);
        names(found.search.iter());
    }
}
