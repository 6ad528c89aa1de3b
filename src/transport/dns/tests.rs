use super::message::tests::reply;
use alloc::vec;

use super::*;
use crate::error::Errno;
use crate::host::memory::{MemoryHost, Said};

const CONF: &str = "# ours\nnameserver 192.0.2.53 ; first\nnameserver nonsense\nnameserver fe80::53%eth0\ndomain old\nsearch lab.example example\n";
const ADDRESS: [u8; 4] = [198, 51, 100, 7];

/// The name in a question.
fn name_of(question: &[u8]) -> String {
    let mut name = Vec::new();
    let mut at = 12;
    while question[at] > 0 {
        let end = at + 1 + usize::from(question[at]);
        name.push(String::from_utf8_lossy(&question[at + 1..end]).into_owned());
        at = end;
    }
    name.join(".")
}

fn machine(script: impl FnMut(&str, &[u8]) -> Option<Vec<Said>> + 'static) -> MemoryHost {
    let mut host = MemoryHost::new();
    host.put(RESOLV_CONF, 0o644, CONF);
    host.on_connect(script);
    host
}

fn look(host: &mut MemoryHost, name: &str) -> Result<Vec<String>, String> {
    let until = host.now().up + Duration::from_secs(240);
    let found = resolve(host, name, Family::V4, until).map_err(|error| error.to_string())?;
    Ok(found.iter().map(|peer| peer.address.to_string()).collect())
}

fn asked(host: &MemoryHost) -> Vec<String> {
    host.sent.borrow().iter().map(|(peer, sent)| format!("{peer}: {}", name_of(sent))).collect()
}

#[test]
fn hosts_come_first() {
    let mut host = machine(|_, _| panic!("no server is asked"));
    host.put(
        HOSTS,
        0o644,
        "::1 localhost box\n# 192.0.2.9 box\n192.0.2.1\tlocalhost Box box.lan # home\n192.0.2.2 box\n",
    );
    for name in ["box", "BOX.", "Box"] {
        assert_eq!(look(&mut host, name), Ok(vec!["192.0.2.1".into(), "192.0.2.2".into()]), "{name}");
    }
    let found = resolve(&mut host, "box", Family::V6, Duration::MAX).unwrap();
    assert_eq!(found, [Peer::parse(Transport::Tcp, "::1", 0).unwrap()]);
}

#[test]
fn names_are_searched_as_the_man_page_says() {
    for (options, name, wanted) in [
        ("", "web", &["web.lab.example", "web.example", "web"][..]),
        ("", "web.site", &["web.site", "web.site.lab.example", "web.site.example"]),
        ("", "web.", &["web"]),
        ("options rotate ndots:2\n", "web.site", &["web.site.lab.example", "web.site.example", "web.site"]),
        ("search\n", "web", &["web"]),
        ("search a b c d e f g\n", "x", &["x.a", "x.b", "x.c", "x.d", "x.e", "x.f", "x"]),
    ] {
        let mut host =
            machine(|_, sent| Some(if sent.is_empty() { Vec::new() } else { vec![Said::Bytes(reply(sent, 3, &[]))] }));
        host.put(RESOLV_CONF, 0o644, format!("{CONF}{options}"));
        assert_eq!(look(&mut host, name), Ok(Vec::new()), "{name}");
        let wanted: Vec<String> = wanted.iter().map(|name| format!("udp 192.0.2.53:53: {name}")).collect();
        assert_eq!(asked(&host), wanted, "{name}");
    }
}

#[test]
fn the_first_name_that_has_an_address_is_it() {
    let mut host = machine(|_, sent| {
        let records: &[(u16, &[u8])] = match sent {
            [] => return Some(Vec::new()),
            // An address of 16 bytes is none of type A.
            sent if name_of(sent) == "web.example" => &[(1, &[6; 16]), (1, &ADDRESS)],
            _ => &[],
        };
        Some(vec![Said::Bytes(reply(sent, 0, records))])
    });
    assert_eq!(look(&mut host, "web"), Ok(vec!["198.51.100.7".into()]));
    assert_eq!(asked(&host).len(), 2);
}

#[test]
fn what_is_no_answer_is_not_taken_for_one() {
    let mut host = machine(|_, sent| {
        if sent.is_empty() {
            return Some(Vec::new());
        }
        let mut forged = reply(sent, 0, &[(1, &[6, 6, 6, 6])]);
        forged[0] ^= 1;
        let good = reply(sent, 0, &[(1, &ADDRESS)]);
        let wait = Said::Wait(Duration::from_secs(4));
        Some(vec![Said::Bytes(forged), Said::Bytes(b"?".to_vec()), wait, Said::Bytes(good)])
    });
    assert_eq!(look(&mut host, "a.b"), Ok(vec!["198.51.100.7".into()]));
}

#[test]
fn a_server_that_never_stops_talking_ends_with_its_time() {
    let mut host = machine(|_, sent| Some(if sent.is_empty() { Vec::new() } else { vec![Said::Close] }));
    host.tick = Duration::from_millis(50);
    assert!(look(&mut host, "a.b").unwrap_err().ends_with("timed out"));
}

#[test]
fn silent_and_failing_servers_are_passed_over() {
    let mut host = machine(|peer, sent| match peer {
        _ if sent.is_empty() => Some(Vec::new()),
        "udp 192.0.2.53:53" => Some(Vec::new()),
        "udp [fe80::53%eth0]:53" => Some(vec![Said::Bytes(reply(sent, 0, &[(1, &ADDRESS)]))]),
        _ => None,
    });
    let before = host.now().up;
    assert_eq!(look(&mut host, "a.b"), Ok(vec!["198.51.100.7".into()]));
    let took = (host.now().up - before).as_secs();
    assert_eq!((asked(&host).len(), took), (2, 5));
}

#[test]
fn when_no_server_helps_the_last_one_is_told() {
    let refused: fn(&str, &[u8]) -> Option<Vec<Said>> = |_, _| None;
    let fails: fn(&str, &[u8]) -> Option<Vec<Said>> =
        |_, sent| Some(if sent.is_empty() { Vec::new() } else { vec![Said::Bytes(reply(sent, 2, &[]))] });
    let silent: fn(&str, &[u8]) -> Option<Vec<Said>> = |_, _| Some(Vec::new());
    let unreachable: fn(&str, &[u8]) -> Option<Vec<Said>> = |_, _| Some(vec![Said::Fail(Errno::NETUNREACH)]);
    for (script, seconds, wanted) in [
        (refused, 0, "cannot connect to udp [fe80::53%eth0]:53: connection refused"),
        (fails, 0, "udp [fe80::53%eth0]:53 answered with code 2"),
        (silent, 20, "cannot receive from udp [fe80::53%eth0]:53: timed out"),
        (unreachable, 0, "cannot connect to udp [fe80::53%eth0]:53: network is unreachable"),
    ] {
        let mut host = machine(script);
        let before = host.now().up;
        assert_eq!(look(&mut host, "a.b"), Err(format!("cannot look up a.b: {wanted}")));
        assert_eq!((host.now().up - before).as_secs(), seconds);
    }
}

#[test]
fn the_time_is_bounded_by_options_and_by_the_caller() {
    let mut host = machine(|_, _| Some(Vec::new()));
    host.put(RESOLV_CONF, 0o644, format!("{CONF}options timeout:1 attempts:3\n"));
    let before = host.now().up;
    assert!(look(&mut host, "a.b").is_err());
    assert_eq!((host.now().up - before).as_secs(), 6);
    let before = host.now().up;
    let until = before + Duration::from_secs(2);
    assert!(resolve(&mut host, "a.b", Family::V4, until).is_err());
    assert!(host.now().up - before < Duration::from_secs(3));
}

#[test]
fn what_does_not_fit_is_used_as_far_as_it_came() {
    let cut = |records: &'static [(u16, &[u8])]| {
        machine(move |_, sent| {
            if sent.is_empty() {
                return Some(Vec::new());
            }
            let mut cut = reply(sent, 0, records);
            cut[2] |= 2;
            Some(vec![Said::Bytes(cut)])
        })
    };
    assert_eq!(look(&mut cut(&[(1, &ADDRESS)]), "a.b"), Ok(vec!["198.51.100.7".into()]));
    let told = "cannot look up a.b: the answer does not fit into a datagram";
    assert_eq!(look(&mut cut(&[(5, b"\x01x\0")]), "a.b"), Err(told.into()));
}

#[test]
fn without_resolv_conf_this_machine_is_asked() {
    let mut host = MemoryHost::new();
    let told = look(&mut host, "a").unwrap_err();
    assert!(told.contains("udp 127.0.0.1:53: connection refused"), "{told}");
    assert_eq!(look(&mut host, "a..b"), Ok(Vec::new()), "no name can be so");
}
