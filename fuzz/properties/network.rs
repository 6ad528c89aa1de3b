//! What other machines say: heads and bodies of HTTP, answers of name servers, URLs; and interfaces files.

use std::time::Duration;

use wisp::devel::{self, Input};
use wisp::host::Host;
use wisp::host::memory::{MemoryHost, Said};
use wisp::limits::MAX_HOST_NAME;
use wisp::transport::dns::{self, Family};
use wisp::transport::http::Client;
use wisp::transport::url;

const BODY: u64 = 64 << 10;
const URL: &str = "http://192.0.2.1/a?b";

/// The same bytes are the answer to every request, whole, and then in two pieces.
pub fn http(data: &[u8]) {
    let url = url::parse(URL).expect("a good URL");
    let mut fetched = [data.len(), data.len() / 2].map(|cut| {
        let mut host = MemoryHost::new();
        // A redirect to a name asks a name server that says the same, and nothing takes time but looking at the clock.
        host.tick = Duration::from_millis(100);
        let pieces = [data[..cut].to_vec(), data[cut..].to_vec()];
        host.on_connect(move |_, sent| match sent.is_empty() {
            true => Some(Vec::new()),
            false => Some(vec![Said::Bytes(pieces[0].clone()), Said::Bytes(pieces[1].clone()), Said::Close]),
        });
        let content = Client::new(1).get(&mut host, url.clone(), BODY);
        let content =
            content.map_err(|error| assert!(error.to_string().starts_with("cannot fetch http://"), "{error}"));
        assert!(!matches!(&content, Ok(Some(content)) if content.len() as u64 > BODY));
        content
    });
    let [one, two] = &mut fetched;
    assert_eq!(one, two);
}

/// As an answer that fits the question (behind a first byte that is even), or as it stands.
pub fn dns(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let (fits, rest) = (first % 2 == 0, rest.to_vec());
    let mut host = MemoryHost::new();
    host.put("/etc/resolv.conf", 0o644, "nameserver 192.0.2.53\noptions timeout:1 attempts:1\n");
    host.on_connect(move |_, sent| {
        let mut reply = rest.clone();
        if sent.is_empty() {
            return Some(Vec::new());
        }
        if fits && sent.len() >= 12 && reply.len() >= 6 {
            let counts = reply.drain(..6).collect::<Vec<u8>>();
            let mut head = sent.to_vec();
            head[2] |= 0x80;
            head[6..12].copy_from_slice(&counts);
            head.append(&mut reply);
            reply = head;
        }
        Some(vec![Said::Bytes(reply)])
    });
    let until = host.now().up + Duration::from_secs(30);
    for family in [Family::V4, Family::V6] {
        if let Ok(found) = dns::resolve(&mut host, "name.example", family, until) {
            assert!(found.iter().all(|peer| peer.address.is_ipv6() == (family == Family::V6)), "{found:?}");
        }
    }
    assert!(host.now().up <= until + Duration::from_secs(1));
}

pub fn url(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    // A line each: an URL, and where it leads on to.
    let mut lines = text.lines();
    let Ok(mut url) = url::parse(lines.next().unwrap_or_default()) else { return };
    for line in lines {
        let _ = url.join(line);
    }
    let shown = url.shown();
    let (shown, query) = shown.split_once('?').unwrap_or((&shown, "…"));
    // Users, passwords and queries are secrets.
    let authority = shown.strip_prefix("http://").and_then(|rest| rest.split('/').next()).expect("http://");
    assert!(!authority.contains('@') && query == "…", "{shown}?{query}");
    assert!(!shown.bytes().any(|byte| byte.is_ascii_control()), "{shown:?}");
    assert!(url.authority().len() <= MAX_HOST_NAME + 64);
    assert!(url::parse(shown).is_ok(), "{shown}");
}

pub fn eni(data: &[u8]) {
    let kind = devel::KINDS.iter().find(|kind| kind.name == "eni").expect("the kind");
    let mut host = MemoryHost::new();
    host.put("/etc/network/interfaces.d/a", 0o644, data);
    let input = Input { name: "fuzz", path: "/etc/network/interfaces", text: data };
    if let Ok((printed, _)) = devel::parse(kind, &input, host.files()) {
        let mut sources = wisp::format::doc::Sources::new();
        let id = sources.add("printed", printed.clone());
        assert!(wisp::format::json::parse(&printed, id).is_ok(), "{}", String::from_utf8_lossy(&printed));
    }
}
