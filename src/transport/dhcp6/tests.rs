use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::vec;
use core::cell::RefCell;

use super::*;
use crate::error::Errno;
use crate::host::links::{IfName, Mac};
use crate::host::memory::{MemoryHost, Said};

const MAC: [u8; 6] = [0xfa, 0x16, 0x3e, 1, 2, 3];
const OUR_DUID: &[u8] = b"\0\x03\0\x01\xfa\x16\x3e\x01\x02\x03";
const DNS: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53];

fn nic() -> Nic {
    Nic { index: 2, name: IfName::parse("eth0").unwrap(), mac: Mac::from_bytes(&MAC), ..Nic::default() }
}

fn reply(asked: &[u8], options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut message = [&[REPLY], &asked[1..4]].concat();
    for (code, value) in options {
        message.extend(code.to_be_bytes());
        message.extend((value.len() as u16).to_be_bytes());
        message.extend(*value);
    }
    message
}

/// With who is who.
fn good(asked: &[u8], more: &[(u16, &[u8])]) -> Said {
    let ids: &[(u16, &[u8])] = &[(1, OUR_DUID), (2, b"\0\x03\0\x01server")];
    Said::Bytes(reply(asked, &[ids, more].concat()))
}

/// What is known after `seconds` with these answers to the n-th message, and the messages.
fn asked(
    script: impl Fn(usize, &[u8]) -> Vec<Said> + 'static,
    seconds: u64,
) -> (Result<Option<Information>, String>, Vec<Vec<u8>>) {
    let mut host = MemoryHost::new();
    let count = Rc::new(RefCell::new(0));
    host.on_connect(move |channel, sent| {
        assert_eq!(channel, "eth0 to [ff02::1:2]");
        if sent.is_empty() {
            return Some(Vec::new());
        }
        *count.borrow_mut() += 1;
        Some(script(*count.borrow() - 1, sent))
    });
    let until = host.now().up + Duration::from_secs(seconds);
    let found = ask(&mut host, &nic(), until).map_err(|error| error.to_string());
    let sent = host.sent.borrow().iter().map(|(_, sent)| sent.clone()).collect();
    (found, sent)
}

#[test]
fn name_servers() {
    let all = |_: usize, asked: &[u8]| {
        vec![good(asked, &[(23, &[DNS, DNS].concat()), (24, b"\x01a\x07example\0\x01b\0"), (32, &[0, 0, 0x0e, 0x10])])]
    };
    let (found, sent) = asked(all, 30);
    let dns = Ipv6Addr::from(DNS);
    let wanted = Information { dns: vec![dns, dns], search: vec!["a.example".into(), "b".into()], refresh: 3600 };
    assert_eq!(found, Ok(Some(wanted)));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0][0], 11);
    let wanted = [&b"\0\x01\0\x0a"[..], OUR_DUID, b"\0\x08\0\x02\0\0\0\x06\0\x08\0\x17\0\x18\0\x20\0\x53"].concat();
    assert_eq!(sent[0][4..], wanted);
}

#[test]
fn options_one_by_one() {
    let shown = |given: &'static [(u16, &'static [u8])]| {
        let found = asked(move |_, asked| vec![good(asked, given)], 30).0.unwrap().unwrap();
        (found.dns.len(), found.search.len(), found.refresh)
    };
    type Case = (&'static str, &'static [(u16, &'static [u8])], (usize, usize, u32));
    let cases: &[Case] = &[
        ("nothing", &[], (0, 0, 86_400)),
        ("an address and a half", &[(23, &[1; 24])], (0, 0, 86_400)),
        ("search with a pointer", &[(24, b"\x01a\0\xc0\0")], (0, 0, 86_400)),
        ("the first of two", &[(24, b"\x01a\0"), (24, b"\x01a\0\x01b\0")], (0, 1, 86_400)),
        ("too often", &[(32, &[0, 0, 0, 1])], (0, 0, 600)),
        ("never", &[(32, &[255; 4])], (0, 0, u32::MAX)),
        ("half a time", &[(32, &[255; 2])], (0, 0, 86_400)),
        ("success, with words", &[(13, b"\0\0fine")], (0, 0, 86_400)),
    ];
    for (what, given, wanted) in cases {
        assert_eq!(shown(given), *wanted, "{what}");
    }
    for count in [MAX_LEASE_ITEMS, MAX_LEASE_ITEMS + 1] {
        let found = asked(move |_, asked| vec![good(asked, &[(23, &DNS.repeat(count))])], 30).0;
        assert_eq!(found.unwrap().unwrap().dns.len(), MAX_LEASE_ITEMS);
    }
}

#[test]
fn what_is_not_for_us_or_broken_is_not_heard() {
    for (what, bad) in [
        (
            "another transaction",
            Box::new(|asked: &[u8]| {
                let Said::Bytes(mut bytes) = good(asked, &[]) else { panic!() };
                bytes[3] ^= 1;
                bytes
            }) as Box<dyn Fn(&[u8]) -> Vec<u8>>,
        ),
        ("a question", Box::new(|asked| asked.to_vec())),
        ("of no server", Box::new(|asked| reply(asked, &[(1, OUR_DUID)]))),
        ("to nobody", Box::new(|asked| reply(asked, &[(2, b"server")]))),
        ("to another", Box::new(|asked| reply(asked, &[(1, b"other"), (2, b"server")]))),
        ("it cannot", Box::new(|asked| reply(asked, &[(1, OUR_DUID), (2, b"server"), (13, &[0, 1])]))),
        (
            "cut off",
            Box::new(|asked| {
                let mut bytes = reply(asked, &[(1, OUR_DUID), (2, b"server"), (23, &DNS)]);
                bytes.truncate(bytes.len() - 1);
                bytes
            }),
        ),
        ("nothing", Box::new(|_| Vec::new())),
    ] {
        let script = move |_: usize, asked: &[u8]| vec![Said::Bytes(bad(asked)), good(asked, &[(23, &DNS)])];
        let (found, sent) = asked(script, 30);
        assert_eq!((found.unwrap().map(|found| found.dns.len()), sent.len()), (Some(1), 1), "{what}");
    }
}

/// RFC 8415 section 15: a second, then twice as long each time, a tenth more or less.
#[test]
fn nobody_answers() {
    let (found, sent) = asked(|_, _| Vec::new(), 100);
    assert_eq!(found, Ok(None));
    let elapsed: Vec<u32> = sent.iter().map(|sent| u32::from(u16::from_be_bytes([sent[22], sent[23]]))).collect();
    assert_eq!((elapsed[0], sent.len()), (0, 7), "{elapsed:?}");
    let waits: Vec<u32> = elapsed.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((90..=111).contains(&waits[0]), "{waits:?}");
    for pair in waits.windows(2) {
        assert!((pair[0] * 19 / 10 - 2..=pair[0] * 21 / 10 + 2).contains(&pair[1]), "{waits:?}");
    }
    assert!(sent.iter().all(|message| message[1..4] == sent[0][1..4]), "one transaction");
}

/// The link-local address comes a second or two after the link is up.
#[test]
fn an_address_that_is_not_there_yet() {
    let (found, sent) = asked(
        |count, asked| match count {
            0 | 1 => vec![Said::Fail(Errno(99))],
            _ => vec![good(asked, &[])],
        },
        30,
    );
    assert!(found.unwrap().is_some() && sent.len() == 3);
    let (found, _) = asked(|_, _| vec![Said::Fail(Errno(99))], 30);
    assert_eq!(found, Err("cannot receive from eth0 to [ff02::1:2]: error number 99".into()));
}
