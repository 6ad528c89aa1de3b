use alloc::rc::Rc;
use alloc::vec;
use core::cell::RefCell;

use super::*;
use crate::error::Errno;
use crate::host::memory::{MemoryHost, Said};
use crate::limits::{HTTP_RETRIES, MAX_HTTP_HEAD};
use crate::paths::{HOSTS, RESOLV_CONF};

const URL: &str = "http://192.0.2.1/x";

fn says(text: impl AsRef<[u8]>) -> Said {
    Said::Bytes(text.as_ref().to_vec())
}

/// `200` with this content.
fn ok(content: &str) -> Said {
    says(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", content.len()))
}

fn status(code: u16) -> Said {
    says(format!("HTTP/1.1 {code} Whatever\r\nContent-Length: 5\r\n\r\nsorry"))
}

/// A machine whose peers answer the requests, all of them together, with these in turn; the last is repeated.
fn machine(answers: &[Vec<Said>]) -> MemoryHost {
    let mut host = MemoryHost::new();
    let answers = answers.to_vec();
    let mut at = 0;
    host.on_connect(move |_, sent| {
        if sent.is_empty() {
            return Some(Vec::new());
        }
        at += 1;
        Some(answers[(at - 1).min(answers.len() - 1)].clone())
    });
    host
}

fn client() -> Client {
    Client::new(HTTP_RETRIES)
}

fn get_of(client: &mut Client, host: &mut MemoryHost, url: &str, max: u64) -> Result<Option<String>, String> {
    let found = crate::transport::url::parse(url).map_err(String::from)?;
    let found = client.get(host, found, max).map_err(|error| error.to_string())?;
    Ok(found.map(|content| String::from_utf8(content).unwrap()))
}

fn get(host: &mut MemoryHost, url: &str) -> Result<Option<String>, String> {
    get_of(&mut client(), host, url, 1000)
}

fn content(text: &str) -> Result<Option<String>, String> {
    Ok(Some(text.into()))
}

fn requests(host: &MemoryHost) -> Vec<String> {
    let first = |(peer, sent): &(String, Vec<u8>)| {
        format!("{peer} {}", String::from_utf8_lossy(sent).lines().next().unwrap_or_default())
    };
    host.sent.borrow().iter().map(first).collect()
}

#[test]
fn a_request_says_what_it_must() {
    let mut host = machine(&[vec![ok("hello")]]);
    assert_eq!(get(&mut host, "http://192.0.2.1:8080/a b?c=d#e"), content("hello"));
    let version = env!("CARGO_PKG_VERSION");
    let wanted =
        format!("GET /a%20b?c=d HTTP/1.1\r\nHost: 192.0.2.1:8080\r\nUser-Agent: wisp/{version}\r\nAccept: */*\r\n\r\n");
    assert_eq!(*host.sent.borrow(), [("192.0.2.1:8080".into(), wanted.into_bytes())]);
}

#[test]
fn user_and_password_are_sent_and_never_told() {
    for (user, wanted) in [("us:p%40s", "dXM6cEBz"), ("us", "dXM6"), ("us:", "dXM6"), ("a%0d%0aX: y:z", "YQ0KWDogeTp6")]
    {
        let mut host = machine(&[vec![status(503)], vec![status(403)]]);
        let told = get(&mut host, &format!("http://{user}@192.0.2.1/secret.html?token=hush")).unwrap_err();
        assert_eq!(told, "cannot fetch http://192.0.2.1/secret.html?…: the server answered with status 403");
        let sent = String::from_utf8(host.sent.borrow()[0].1.clone()).unwrap();
        assert!(sent.contains(&format!("\r\nAuthorization: Basic {wanted}\r\n")), "{sent}");
        let log = format!("{:?}", host.log_lines);
        assert!(log.contains("503") && !log.contains("hush") && !log.contains("us:"), "{log}");
    }
}

#[test]
fn content_ends_as_the_head_says() {
    let chunks = "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n";
    for (what, said, wanted) in [
        ("counted", vec![says("HTTP/1.1 200 OK\r\ncontent-length:5 \r\n\r\nhe"), says("llo")], content("hello")),
        ("folded", vec![says("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\tc\r\nContent-Length: 1\r\n\r\na")], content("a")),
        ("nothing", vec![ok("")], content("")),
        ("LF alone", vec![says("HTTP/1.1 200 OK\nContent-Length: 2\n\nab")], content("ab")),
        ("no reason", vec![says("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na")], content("a")),
        ("to the end", vec![says("HTTP/1.0 200 OK\r\n\r\nab"), says("c"), Said::Close], content("abc")),
        (
            "chunks",
            vec![says(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n{chunks}\r\n"))],
            content("abcde"),
        ),
        (
            "chunks, a trailer, and a length that does not count",
            vec![says(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n{chunks}X: y\r\n\r\n"
            ))],
            content("abcde"),
        ),
        (
            "answers before the answer",
            vec![says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"), ok("x")],
            content("x"),
        ),
    ] {
        let mut host = machine(core::slice::from_ref(&said));
        assert_eq!(get(&mut host, URL), wanted, "{what}");
        // The same, byte by byte.
        let bytes = |said: Said| match said {
            Said::Bytes(bytes) => bytes.into_iter().map(|byte| Said::Bytes(vec![byte])).collect(),
            other => vec![other],
        };
        let mut host = machine(&[said.into_iter().flat_map(bytes).collect()]);
        assert_eq!(get(&mut host, URL), wanted, "{what}, byte by byte");
    }
}

#[test]
fn answers_that_last_are_not_asked_for_again() {
    let head = |fields: &str| vec![says(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nabc"))];
    for (said, wanted) in [
        (vec![status(400)], "the server answered with status 400"),
        (vec![status(401)], "the server answered with status 401"),
        (vec![status(204)], "the server answered with status 204"),
        (vec![status(301)], "the server answered with status 301"),
        (vec![says("SSH-2.0-OpenSSH\r\n")], "the answer is not HTTP/1"),
        (vec![says("HTTP/2 200 OK\r\n\r\n")], "the answer is not HTTP/1"),
        (vec![says("HTTP/1.1 20 OK\r\n\r\n")], "the answer is not HTTP/1"),
        (vec![says("HTTP/1.1 2000 OK\r\n\r\n")], "the answer is not HTTP/1"),
        (head("words"), "a header field without `:`"),
        (head("Content-Length: x"), "a Content-Length that is none"),
        (head("Content-Length: -1"), "a Content-Length that is none"),
        (head("Content-Length: +1"), "a Content-Length that is none"),
        (head("Content-Length: 99999999999999999999"), "a Content-Length that is none"),
        (head("Content-Length: 1\r\nContent-Length: 2"), "two different Content-Lengths"),
        (head("Transfer-Encoding: gzip, chunked"), "a Transfer-Encoding other than chunked"),
        (head("Transfer-Encoding: chunked\r\n\r\nx"), "a chunk without its size"),
        (head("Transfer-Encoding: chunked\r\n\r\n\r\n"), "a chunk without its size"),
        (head("Transfer-Encoding: chunked\r\n\r\n+1\r\n"), "a chunk without its size"),
        (head("Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"), "a chunk longer than its size"),
    ] {
        let mut host = machine(&[said]);
        assert_eq!(get(&mut host, URL), Err(format!("cannot fetch {URL}: {wanted}")));
        assert_eq!(requests(&host).len(), 1, "{wanted}");
    }
}

#[test]
fn what_passes_is_asked_for_again_and_not_for_ever() {
    let slow = Said::Wait(Duration::from_secs(11));
    for (what, said, wanted) in [
        ("408", vec![status(408)], "the server answered with status 408"),
        ("429", vec![status(429)], "the server answered with status 429"),
        ("500", vec![status(500)], "the server answered with status 500"),
        ("502", vec![status(502)], "the server answered with status 502"),
        ("503", vec![status(503)], "the server answered with status 503"),
        ("504", vec![status(504)], "the server answered with status 504"),
        ("empty", vec![Said::Close], "the server closed the connection before its answer was whole"),
        (
            "half a head",
            vec![says("HTTP/1.1 200 OK\r\nContent-Le"), Said::Close],
            "the server closed the connection before its answer was whole",
        ),
        (
            "truncated",
            vec![says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), Said::Close],
            "the server closed the connection 3 bytes before the end of the content",
        ),
        (
            "a truncated chunk",
            vec![says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), Said::Close],
            "the server closed the connection 3 bytes before the end of the content",
        ),
        ("slow", vec![slow.clone(), ok("late")], "cannot receive from 192.0.2.1:80: timed out"),
        (
            "slow within",
            vec![says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"), slow, says("b")],
            "cannot receive from 192.0.2.1:80: timed out",
        ),
        ("gone", vec![Said::Fail(Errno::CONNRESET)], "cannot receive from 192.0.2.1:80: connection reset by peer"),
    ] {
        let mut host = machine(core::slice::from_ref(&said));
        assert_eq!(get(&mut host, URL), Err(format!("cannot fetch {URL}: {wanted}")), "{what}");
        assert_eq!(requests(&host).len() as u32, 1 + HTTP_RETRIES, "{what}");
        // The first tries fail, the last one goes well.
        let mut answers = vec![said.clone(); HTTP_RETRIES as usize];
        answers.push(vec![ok("at last")]);
        let mut host = machine(&answers);
        let before = host.now().up;
        assert_eq!(get(&mut host, URL), content("at last"), "{what}");
        assert!((host.now().up - before).as_secs() >= 1 + 2 + 4 + 8 + 16, "{what}: no time between the tries");
    }
}

#[test]
fn who_cannot_be_connected_to_is_tried_again() {
    for (errno, wanted) in [
        (Errno::CONNREFUSED, "connection refused"),
        (Errno::NETUNREACH, "network is unreachable"),
        (Errno::TIMEDOUT, "timed out"),
    ] {
        let times = Rc::new(RefCell::new(0));
        let mut host = MemoryHost::new();
        let count = times.clone();
        host.on_connect(move |_, _| {
            *count.borrow_mut() += 1;
            Some(vec![Said::Fail(errno)])
        });
        let wanted = format!("cannot fetch {URL}: cannot connect to 192.0.2.1:80: {wanted}");
        assert_eq!(get(&mut host, URL), Err(wanted));
        assert_eq!(*times.borrow(), 1 + HTTP_RETRIES);
    }
}

#[test]
fn absent_is_not_empty_and_no_error() {
    let mut host = machine(&[vec![status(404)], vec![ok("")]]);
    let mut client = client();
    assert_eq!(get_of(&mut client, &mut host, URL, 1000), Ok(None));
    assert_eq!(get_of(&mut client, &mut host, URL, 1000), content(""));
}

#[test]
fn content_up_to_its_bound() {
    let long = "x".repeat(1001);
    let chunked = |text: &str| {
        says(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{text}\r\n0\r\n\r\n", text.len()))
    };
    let endless = |text: &str| vec![says("HTTP/1.1 200 OK\r\n\r\n"), says(text), Said::Close];
    for (what, fits, does_not) in [
        ("counted", vec![ok(&long[1..])], vec![ok(&long)]),
        ("chunked", vec![chunked(&long[1..])], vec![chunked(&long)]),
        ("to the end", endless(&long[1..]), endless(&long)),
    ] {
        assert_eq!(get(&mut machine(&[fits]), URL), content(&long[1..]), "{what}");
        let wanted = Err(format!("cannot fetch {URL}: more than 1000 bytes"));
        assert_eq!(get(&mut machine(&[does_not]), URL), wanted, "{what}");
    }
}

#[test]
fn heads_up_to_their_bound() {
    let head = |size: usize| {
        let fixed = "HTTP/1.1 200 OK\r\nX: \r\nContent-Length: 0\r\n\r\n";
        // Line feeds are not counted.
        let filler = "y".repeat(size + 4 - fixed.len());
        vec![says(fixed.replace("X: ", &format!("X: {filler}")))]
    };
    assert_eq!(get(&mut machine(&[head(MAX_HTTP_HEAD)]), URL), content(""));
    let wanted = Err(format!("cannot fetch {URL}: the head of the answer is too long"));
    assert_eq!(get(&mut machine(&[head(MAX_HTTP_HEAD + 1)]), URL), wanted);
    // An endless row of answers before the answer is a head that is too long.
    let early = says("HTTP/1.1 100 Continue\r\n\r\n".repeat(1000));
    assert_eq!(get(&mut machine(&[vec![early]]), URL), wanted);
}

#[test]
fn redirects_are_followed_so_often() {
    let to = |location: &str| {
        vec![says(format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 2\r\n\r\n--"))]
    };
    let mut host = machine(&[to("/y?z"), to("http://192.0.2.2:81/w"), to("v"), vec![ok("here")]]);
    assert_eq!(get(&mut host, "http://u:p@192.0.2.1/x"), content("here"));
    let wanted = [
        "192.0.2.1:80 GET /x HTTP/1.1",
        "192.0.2.1:80 GET /y?z HTTP/1.1",
        "192.0.2.2:81 GET /w HTTP/1.1",
        "192.0.2.2:81 GET /v HTTP/1.1",
    ];
    assert_eq!(requests(&host), wanted);
    let secret = |at: usize| String::from_utf8_lossy(&host.sent.borrow()[at].1).contains("Authorization");
    assert_eq!([secret(0), secret(1), secret(2), secret(3)], [true, true, false, false]);

    let mut most = vec![to("/x"); MAX_REDIRECTS as usize];
    most.push(vec![ok("here")]);
    assert_eq!(get(&mut machine(&most), URL), content("here"));
    let mut host = machine(&[to("/x")]);
    assert_eq!(get(&mut host, URL), Err(format!("cannot fetch {URL}: more than 10 redirects")));
    assert_eq!(requests(&host).len() as u32, 1 + MAX_REDIRECTS);
    let told = get(&mut machine(&[to("https://192.0.2.1/")]), URL).unwrap_err();
    assert!(told.starts_with(&format!("cannot fetch {URL}: redirected: https is not supported")), "{told}");
}

#[test]
fn connections_are_used_again_where_they_can_be() {
    let connected = Rc::new(RefCell::new(Vec::new()));
    let seen = connected.clone();
    let mut host = MemoryHost::new();
    host.on_connect(move |peer, sent| {
        let text = String::from_utf8_lossy(sent);
        Some(match text.split(' ').nth(1) {
            None => {
                seen.borrow_mut().push(String::from(peer));
                Vec::new()
            }
            Some("/close") => vec![says("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nc")],
            Some("/old") => vec![says("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\no")],
            Some("/more") => vec![says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nmHTTP/1.1 200 OK\r\n")],
            Some("/leaves") => vec![ok("l"), Said::Close],
            Some("/breaks") => vec![ok("b"), Said::Fail(Errno::CONNRESET)],
            Some("/absent") => vec![status(404)],
            Some(_) => vec![ok("x")],
        })
    });
    let mut client = client();
    for (path, wanted, connections) in [
        ("/a", Some("x"), 1),
        ("/absent", None, 1),
        ("/b", Some("x"), 1),
        ("/leaves", Some("l"), 1),
        // Closed, or broken, since: noticed, and asked for again without a word.
        ("/c", Some("x"), 2),
        ("/breaks", Some("b"), 2),
        ("/d", Some("x"), 3),
        ("/close", Some("c"), 3),
        ("/e", Some("x"), 4),
        ("/old", Some("o"), 4),
        ("/f", Some("x"), 5),
        ("/more", Some("m"), 5),
        ("/g", Some("x"), 6),
    ] {
        let url = format!("http://192.0.2.1{path}");
        assert_eq!(get_of(&mut client, &mut host, &url, 1000), Ok(wanted.map(String::from)), "{path}");
        assert_eq!(connected.borrow().len(), connections, "{path}");
    }
    let url = "http://192.0.2.2/";
    assert_eq!(get_of(&mut client, &mut host, url, 1000), content("x"));
    assert_eq!(connected.borrow().last().unwrap(), "192.0.2.2:80");
    assert!(host.log_lines.is_empty(), "{:?}", host.log_lines);
}

#[test]
fn names_are_looked_up_and_every_address_tried() {
    let mut host = MemoryHost::new();
    host.put(HOSTS, 0o644, "192.0.2.1 web\n192.0.2.2 web\n2001:db8::1 web\n2001:db8::2 six\n");
    host.put(RESOLV_CONF, 0o644, "nameserver 192.0.2.53\n");
    host.on_connect(|peer, sent| match peer {
        "192.0.2.2:80" => Some(vec![Said::Fail(Errno::HOSTUNREACH)]),
        "[2001:db8::1]:80" | "[2001:db8::2]:80" => Some(if sent.is_empty() { Vec::new() } else { vec![ok("six")] }),
        // Knows no name.
        "udp 192.0.2.53:53" if !sent.is_empty() => {
            let mut reply = sent.to_vec();
            reply[2] |= 0x80;
            reply[3] = 3;
            Some(vec![Said::Bytes(reply)])
        }
        "udp 192.0.2.53:53" => Some(Vec::new()),
        _ => None,
    });
    assert_eq!(get(&mut host, "http://web/"), content("six"));
    assert_eq!(get(&mut host, "http://six/"), content("six"));
    let before = host.now().up;
    assert_eq!(get(&mut host, "http://none.lab/"), Err("cannot fetch http://none.lab/: no such host name".into()));
    assert!(host.now().up - before < Duration::from_secs(1), "what is not there is not asked for again");
    let sent = String::from_utf8(host.sent.borrow()[0].1.clone()).unwrap();
    assert!(sent.contains("\r\nHost: web\r\n"), "{sent}");
}

#[test]
fn link_local_addresses_have_their_zone() {
    let mut host = MemoryHost::new();
    host.on_connect(|peer, sent| {
        let is_it = peer == "[fe80::a9fe:a9fe%eth0]:80";
        is_it.then(|| if sent.is_empty() { Vec::new() } else { vec![ok("meta")] })
    });
    assert_eq!(get(&mut host, "http://[fe80::a9fe:a9fe%25eth0]/openstack"), content("meta"));
    let sent = String::from_utf8(host.sent.borrow()[0].1.clone()).unwrap();
    assert!(sent.contains("\r\nHost: [fe80::a9fe:a9fe]\r\n"), "{sent}");
}

#[test]
fn the_time_in_all_is_bounded() {
    // A byte every nine seconds, for ever.
    let drip: Vec<Said> = (0..100).flat_map(|_| [Said::Wait(Duration::from_secs(9)), says("x")]).collect();
    let mut host = machine(&[[vec![says("HTTP/1.1 200 OK\r\n\r\n")], drip].concat()]);
    let before = host.now().up;
    let told = get(&mut host, URL).unwrap_err();
    assert!(told.ends_with("timed out"), "{told}");
    let took = host.now().up - before;
    assert!(took.as_secs() >= MAX_HTTP_TIME - 32 && took < Duration::from_secs(MAX_HTTP_TIME + 1), "{took:?}");
    // A clock that steps changes nothing.
    let mut host = machine(&[vec![Said::Wait(Duration::from_secs(9)), ok("x")]]);
    host.set_wall(Duration::ZERO);
    assert_eq!(get(&mut host, URL), content("x"));
}

#[test]
fn every_fault_of_the_machine_ends_in_an_error() {
    let mut host = machine(&[vec![ok("x")]]);
    host.put(HOSTS, 0o644, "192.0.2.1 web\n");
    let mut client = Client::new(0);
    assert_eq!(get_of(&mut client, &mut host, "http://web/", 1000), content("x"));
    for call in 1..=host.calls() {
        let mut host = machine(&[vec![ok("x")]]);
        host.put(HOSTS, 0o644, "192.0.2.1 web\n");
        let mut client = Client::new(0);
        host.fail_at(call, crate::host::memory::Fault::Io, crate::host::memory::FaultSpan::FromHere);
        assert!(get_of(&mut client, &mut host, "http://web/", 1000).is_err(), "call {call}");
    }
}
