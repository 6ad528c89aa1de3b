use alloc::format;
use alloc::string::String;
use alloc::vec;

use super::*;

pub const MAC: Ethernet = [0xfa, 0x16, 0x3e, 1, 2, 3];
pub const OURS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);
pub const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const SINCE: Duration = Duration::from_secs(5);

/// Options as bytes, without their end.
pub fn options(options: &[(u8, &[u8])]) -> Vec<u8> {
    options.iter().flat_map(|(code, value)| [&[*code, value.len() as u8][..], value].concat()).collect()
}

/// What a server answers to `asked`: the options behind a kind, and their end.
pub fn reply(asked: &[u8], kind: u8, address: Ipv4Addr, more: &[(u8, &[u8])]) -> Vec<u8> {
    let mut message = asked[..HEAD].to_vec();
    message[0] = 2;
    message[12..16].fill(0);
    message[16..20].copy_from_slice(&address.octets());
    message.extend([option::KIND, 1, kind]);
    message.extend(options(more));
    message.push(option::END);
    message
}

fn asked() -> Vec<u8> {
    write(&outgoing(kind::DISCOVER))
}

fn outgoing(kind: u8) -> Outgoing<'static> {
    Outgoing {
        kind,
        transaction: 0x1234_5678,
        seconds: 258,
        broadcast: false,
        mac: MAC,
        client_id: b"",
        host_name: "",
        address: Ipv4Addr::UNSPECIFIED,
        requested: None,
        server: None,
    }
}

fn lease_of(more: &[(u8, &[u8])]) -> Option<Lease> {
    Message::parse(&reply(&asked(), kind::ACK, OURS, more))?.lease(SERVER, SINCE)
}

#[test]
fn messages_are_as_the_rfc_draws_them() {
    let address = Ipv4Addr::new(10, 1, 2, 3);
    let all = Outgoing {
        broadcast: true,
        client_id: b"\0us",
        host_name: "box",
        address,
        requested: Some(OURS),
        server: Some(SERVER),
        ..outgoing(kind::REQUEST)
    };
    let common = b"\x39\x02\x05\xc0\x37\x0c\x79\xf9\x01\x03\x06\x0c\x0f\x1a\x33\x3a\x3b\x77\xff";
    let own = b"\x3d\x07\x01\xfa\x16\x3e\x01\x02\x03";
    for (message, flags, client, wanted) in [
        (outgoing(kind::DISCOVER), [0, 0], [0; 4], [&b"\x35\x01\x01"[..], own, common].concat()),
        (
            all,
            [0x80, 0],
            [10, 1, 2, 3],
            [&b"\x35\x01\x03\x3d\x03\0us\x32\x04\xc0\0\x02\x4d\x36\x04\xc0\0\x02\x01\x0c\x03box"[..], common].concat(),
        ),
        (
            Outgoing { address, host_name: "box", server: Some(SERVER), ..outgoing(kind::RELEASE) },
            [0, 0],
            [10, 1, 2, 3],
            [&b"\x35\x01\x07"[..], own, b"\x36\x04\xc0\0\x02\x01\xff"].concat(),
        ),
    ] {
        let written = write(&message);
        let mut head = vec![1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 1, 2, flags[0], flags[1]];
        head.extend(client);
        head.resize(28, 0);
        head.extend(MAC);
        head.resize(236, 0);
        head.extend([99, 130, 83, 99]);
        assert_eq!(written[..240], head);
        assert_eq!(written[240..240 + wanted.len()], wanted);
        assert!(written.len() >= 300 && written[240 + wanted.len()..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn long_values_are_sent_whole_or_not_at_all() {
    let name = "x".repeat(256);
    for (length, wanted) in [(255, true), (256, false)] {
        let written = write(&Outgoing { host_name: &name[..length], ..outgoing(kind::DISCOVER) });
        assert_eq!(written.windows(length).any(|part| part == &name.as_bytes()[..length]), wanted);
        assert!(written.len() <= MAX_SIZE.into());
    }
}

#[test]
fn a_lease_with_everything() {
    let lease = lease_of(&[
        (54, &[192, 0, 2, 9]),
        (51, &[0, 0, 0x0e, 0x10]),
        (58, &[0, 0, 0, 100]),
        (59, &[0, 0, 0, 200]),
        (1, &[255, 255, 255, 128]),
        (3, &[192, 0, 2, 2, 192, 0, 2, 3]),
        (6, &[198, 51, 100, 1, 198, 51, 100, 2]),
        (12, b"box.lab.example\0"),
        (15, b"lab.example office.example"),
        (26, &[5, 120]),
        (119, b"\x01a\x07example\0\x01b\xc0\x02"),
    ]);
    let lease = lease.unwrap();
    assert_eq!(Lease::read(&lease.message, SERVER, SINCE).as_deref(), Some(&lease));
    let wanted = Lease {
        message: lease.message.clone(),
        address: OURS,
        prefix: 25,
        server: Ipv4Addr::new(192, 0, 2, 9),
        routers: vec![Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 3)],
        routes: Vec::new(),
        dns: vec![Ipv4Addr::new(198, 51, 100, 1), Ipv4Addr::new(198, 51, 100, 2)],
        search: vec!["a.example".into(), "b.example".into()],
        domain: Some("lab.example".into()),
        mtu: Some(1400),
        host_name: Some("box.lab.example".into()),
        since: SINCE,
        lease_time: 3600,
        t1: 100,
        t2: 200,
    };
    assert_eq!(lease, wanted);
}

#[test]
fn a_lease_with_nothing() {
    let lease = lease_of(&[]).unwrap();
    assert_eq!((lease.prefix, lease.server, lease.lease_time), (24, SERVER, 3600));
    assert_eq!((lease.t1, lease.t2), (1800, 3150));
    assert_eq!((lease.mtu, lease.host_name, lease.domain), (None, None, None));
    assert!(lease.routers.is_empty() && lease.routes.is_empty() && lease.dns.is_empty() && lease.search.is_empty());
}

/// Each broken option counts as absent, and the lease stands.
#[test]
fn options_one_by_one() {
    type Say = fn(&Lease) -> String;
    let routers: Say = |lease| format!("{:?} {}", lease.routers, lease.routes.len());
    let times: Say = |lease| format!("{} {} {}", lease.lease_time, lease.t1, lease.t2);
    let names: Say = |lease| format!("{:?} {:?} {:?}", lease.host_name, lease.domain, lease.search);
    let other: Say = |lease| format!("{} {:?} {:?}", lease.prefix, lease.mtu, lease.dns);
    let (gateway, default) = ([192, 0, 2, 2], [0, 192, 0, 2, 3]);
    let hour = &[0, 0, 0x0e, 0x10];
    for (what, given, say, wanted) in [
        ("121 beats 3", &[(3, &gateway[..]), (121, &default)][..], routers, "[] 1"),
        ("249 beats 3", &[(3, &gateway), (249, &default)], routers, "[] 1"),
        ("121 beats 249", &[(121, &default), (249, &[&default[..], &default].concat())], routers, "[] 1"),
        ("249 beats a broken 121", &[(121, &default[..4]), (249, &[&default[..], &default].concat())], routers, "[] 2"),
        ("3 beats a broken 121", &[(3, &gateway), (121, &default[..4])], routers, "[192.0.2.2] 0"),
        ("a router in two options", &[(3, &gateway[..2]), (3, &gateway[2..])], routers, "[192.0.2.2] 0"),
        ("half a router", &[(3, &gateway[..2])], routers, "[] 0"),
        ("a router and a half", &[(3, &[192, 0, 2, 2, 1, 2])], routers, "[] 0"),
        ("no router's address", &[(3, &[0; 4])], routers, "[] 0"),
        ("for ever", &[(51, &[255; 4]), (58, hour)], times, "4294967295 4294967295 4294967295"),
        ("T1 behind T2", &[(51, hour), (58, &[0, 0, 2, 0]), (59, &[0, 0, 1, 0])], times, "3600 256 256"),
        ("T2 behind the end", &[(51, hour), (59, &[0, 1, 0, 0])], times, "3600 1800 3150"),
        ("T1 and T2 of nothing", &[(51, hour), (58, &[0; 4]), (59, &[0; 4])], times, "3600 1800 3150"),
        ("one second", &[(51, &[0, 0, 0, 1])], times, "1 0 1"),
        ("time twice", &[(51, hour), (51, &[0, 0, 0, 1])], times, "3600 1800 3150"),
        ("time of three bytes", &[(51, &[0, 0, 1])], times, "3600 1800 3150"),
        ("a script as name", &[(12, b"a;reboot"), (15, b"$(reboot)")], names, "None None []"),
        ("the words up to a bad one", &[(15, b"a.b c.d $")], names, r#"None Some("a.b") ["a.b", "c.d"]"#),
        ("search without end", &[(15, b"a.b"), (119, b"\x01a\xc0\0")], names, r#"None Some("a.b") ["a.b"]"#),
        ("search in two options", &[(119, b"\x01"), (119, b"a\0")], names, r#"None None ["a"]"#),
        ("mask with holes", &[(1, &[255, 0, 255, 0])], other, "24 None []"),
        ("mask twice", &[(1, &[255, 255, 0, 0]), (1, &[255, 0, 0, 0])], other, "16 None []"),
        ("MTU too small", &[(26, &[0, 67])], other, "24 None []"),
        ("the smallest MTU", &[(26, &[0, 68])], other, "24 Some(68) []"),
        ("half an MTU", &[(26, &[5])], other, "24 None []"),
    ] {
        assert_eq!(say(&lease_of(given).unwrap()), wanted, "{what}");
    }
}

#[test]
fn what_is_no_lease() {
    assert_eq!(lease_of(&[(51, &[0; 4])]), None, "for no time");
    for address in ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"] {
        let message = reply(&asked(), kind::ACK, address.parse().unwrap(), &[]);
        assert_eq!(Message::parse(&message).unwrap().lease(SERVER, SINCE), None, "{address}");
    }
}

#[test]
fn options_in_other_fields() {
    let mut message = reply(&asked(), kind::ACK, OURS, &[(3, &[192, 0]), (52, &[3])]);
    let file = [options(&[(3, &[2, 2, 192])]), vec![option::END, 9]].concat();
    // A field in a field counts for nothing.
    let name = [vec![option::PAD], options(&[(3, &[0, 2, 3]), (52, &[0])])].concat();
    message[FILE][..file.len()].copy_from_slice(&file);
    message[SERVER_NAME][..name.len()].copy_from_slice(&name);
    for (overload, wanted) in [(3, 2), (1, 0), (0, 0)] {
        let at = message.len() - 2;
        message[at] = overload;
        let lease = Message::parse(&message).unwrap().lease(SERVER, SINCE).unwrap();
        assert_eq!(lease.routers.len(), wanted, "{overload}");
    }
    // An option that is cut off there breaks the message where it counts.
    message[FILE].fill(200);
    for (overload, wanted) in [(0, true), (2, true), (1, false), (3, false)] {
        let at = message.len() - 2;
        message[at] = overload;
        assert_eq!(Message::parse(&message).is_some(), wanted, "{overload}");
    }
}

#[test]
fn what_is_no_message() {
    let good = reply(&asked(), kind::ACK, OURS, &[(54, &SERVER.octets())]);
    let message = Message::parse(&good).unwrap();
    assert_eq!((message.kind(), message.server()), (kind::ACK, Some(SERVER)));
    assert!(message.is_for(0x1234_5678, &MAC));
    assert!(!message.is_for(0x1234_5679, &MAC) && !message.is_for(0x1234_5678, &[0; 6]));
    // Servers may forget the end, and BOOTP's have no options.
    let whole = [HEAD, HEAD + 3, HEAD + 9, HEAD + 10];
    for end in 0..=good.len() {
        assert_eq!(Message::parse(&good[..end]).is_some(), whole.contains(&end), "{end}");
    }
    assert_eq!(Message::parse(&good[..HEAD]).unwrap().kind(), 0);
    for at in [0, 236, 239] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(Message::parse(&bad).is_none(), "{at}");
    }
}

#[test]
fn so_many_items_and_no_more() {
    for count in [MAX_LEASE_ITEMS, MAX_LEASE_ITEMS + 1] {
        let addresses = [192, 0, 2, 1].repeat(count);
        let routes = [0, 192, 0, 2, 1].repeat(count);
        let mut given: Vec<(u8, &[u8])> = Vec::new();
        for code in [6, 3] {
            given.extend(addresses.chunks(255).map(|part| (code, part)));
        }
        let lease = lease_of(&given).unwrap();
        assert_eq!((lease.dns.len(), lease.routers.len()), (MAX_LEASE_ITEMS, MAX_LEASE_ITEMS));
        given.extend(routes.chunks(255).map(|part| (121, part)));
        assert_eq!(lease_of(&given).unwrap().routes.len(), MAX_LEASE_ITEMS);
    }
}

/// As dnsmasq 2.90 and busybox 1.35 send them, behind the first byte that tells the fuzzer what they are.
#[test]
fn what_servers_send() {
    let dnsmasq = include_bytes!("../../../../fuzz/seeds/dhcp/dnsmasq");
    let udhcpd = include_bytes!("../../../../fuzz/seeds/dhcp/udhcpd");
    for (bytes, routers, routes, dns, search, host_name, times) in [
        (&dnsmasq[1..], 0, 2, 1, &["eng.lab.example", "lab.example"][..], Some("box"), [3600, 1800, 3150]),
        (&udhcpd[1..], 1, 0, 2, &["lab.example"], None, [600, 300, 525]),
    ] {
        let message = Message::parse(bytes).unwrap();
        assert_eq!((message.kind(), message.server()), (kind::ACK, Some(SERVER)));
        let lease = message.lease(Ipv4Addr::UNSPECIFIED, SINCE).unwrap();
        assert_eq!((lease.routers.len(), lease.routes.len(), lease.dns.len()), (routers, routes, dns));
        assert_eq!(
            (&lease.search[..], lease.domain.as_deref()),
            (&*search.iter().map(|name| String::from(*name)).collect::<Vec<_>>(), Some("lab.example"))
        );
        assert_eq!(
            (lease.host_name.as_deref(), lease.prefix, [lease.lease_time, lease.t1, lease.t2]),
            (host_name, 24, times)
        );
        assert!(message.is_for(u32::from_be_bytes(bytes[4..8].try_into().unwrap()), &MAC));
    }
}
