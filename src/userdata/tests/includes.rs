//! `#include` and `#include-once`, over the real client and a scripted network.

use alloc::rc::Rc;
use core::cell::RefCell;
use core::time::Duration;

use super::*;
use crate::error::{Errno, Error};
use crate::host::memory::Said;
use crate::instance::DsMode;
use crate::limits::{HTTP_RETRIES, MAX_INCLUDE_DEPTH, MAX_INCLUDE_TIME, MAX_INCLUDE_URLS};
use crate::userdata::include::Line;

const CACHE: &str = "data/urlcache";

/// A machine in whose network 192.0.2.1 holds what `content` says of a path.
fn machine(content: impl Fn(&str) -> Option<Vec<u8>> + 'static) -> MemoryHost {
    let mut host = MemoryHost::new();
    host.on_connect(move |peer, sent| {
        if peer != "192.0.2.1:80" {
            return None;
        }
        let request = String::from_utf8_lossy(sent);
        let Some(path) = request.split(' ').nth(1) else { return Some(Vec::new()) };
        let (status, body) = content(path).map_or((404, Vec::new()), |content| (200, content));
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
        Some(alloc::vec![Said::Bytes([head.into_bytes(), body].concat())])
    });
    host
}

fn asked(host: &MemoryHost) -> Vec<String> {
    let path =
        |(_, sent): &(String, Vec<u8>)| String::from_utf8_lossy(sent).split(' ').nth(1).unwrap_or_default().into();
    host.sent.borrow().iter().map(path).collect()
}

/// What is written, but for the processed file.
fn written(host: &MemoryHost) -> Vec<String> {
    files(host).into_iter().filter(|line| !line.ends_with(".txt.i")).collect()
}

#[test]
fn what_is_included_is_user_data_again() {
    let base64 = b"IyEvYmluL3NoCmVjaG8gNjQK".to_vec();
    let gzip = include_bytes!("../../../tests/data/userdata/mixed.mime.gz").to_vec();
    let mut host = machine(move |path| match path {
        "/script" => Some(b"#!/bin/sh\necho one\n".to_vec()),
        "/64" => Some(base64.clone()),
        "/mixed" => Some(gzip.clone()),
        "/more" => Some(b"#include\nhttp://192.0.2.1/config\n".to_vec()),
        "/config" => Some(b"#cloud-config\na: 1\n".to_vec()),
        "/archive" => Some(b"#cloud-config-archive\n- '#!/bin/archived'\n".to_vec()),
        "/empty" => Some(Vec::new()),
        _ => None,
    });
    host.put("/seed/local", 0o600, "#!/bin/sh\necho local\n");
    host.put("/seed/other", 0o600, "#cloud-boothook\n#!/bin/sh\n");
    host.put_dir("/etc/init", 0o755);
    let text = "#include\nhttp://192.0.2.1/script\n# a comment\nhttp://192.0.2.1/64\nhttp://192.0.2.1/mixed\n\
        http://192.0.2.1/more\nhttp://192.0.2.1/archive\nhttp://192.0.2.1/empty\n/seed/local\nfile:///seed/other\n";
    let outcome = run(&mut host, text.as_bytes());
    assert_eq!(shown(&outcome), [""; 0]);
    let wanted = [
        "0700 boothooks/part-010",
        "0600 cloud-config.txt",
        "0700 scripts/hello.sh",
        "0700 scripts/part-001",
        "0700 scripts/part-002",
        "0700 scripts/part-007",
        "0700 scripts/part-009",
    ];
    assert_eq!(written(&host), wanted);
    assert_eq!(host.text(&at("scripts/part-002")), "#!/bin/sh\necho 64\n");
    assert_eq!(host.text(&at("scripts/part-009")), "#!/bin/sh\necho local\n");
    let merged = host.text(&at("cloud-config.txt"));
    assert!(merged.contains("a: 1") && merged.contains("runcmd:"), "{merged}");
    assert!(host.text(&at("user-data.txt.i")).contains("echo one"));
}

#[test]
fn parts_keep_their_order_and_their_place() {
    let mut host = machine(|path| Some(format!("#cloud-config\nlast: {path}\n").into_bytes()));
    let raw = mime(&[
        ("first", "Content-Type: text/cloud-config", "last: first"),
        (
            "urls",
            "Content-Type: text/x-include-url\nMerge-Type: list(append)+dict(no_replace)+str(append)",
            "http://192.0.2.1/a\nhttp://192.0.2.1/b",
        ),
        ("more", "Content-Type: text/plain", "#include http://192.0.2.1/c"),
    ]);
    assert_eq!(shown(&run(&mut host, &raw)), [""; 0]);
    // The default replaces: the including part's Merge-Type is not that of what it includes.
    assert!(host.text(&at("cloud-config.txt")).ends_with("last: /c\n"), "{}", host.text(&at("cloud-config.txt")));
    assert_eq!(asked(&host), ["/a", "/b", "/c"]);
}

#[test]
fn what_cannot_be_fetched_costs_its_line() {
    let mut host = machine(|path| match path {
        "/good" => Some(b"#!/bin/sh\n".to_vec()),
        "/broken" => Some(b"\x1f\x8bnot gzip".to_vec()),
        _ => None,
    });
    host.put_dir("/dir", 0o755);
    let text = "#include\nhttp://u:p@192.0.2.1/none?secret\nhttps://u:p@192.0.2.1/\nftp://p@192.0.2.1/\n/no/such\n\
        http://192.0.2.1/broken\nhttp://p@192.0.2.9/?secret\nhttp://p@:80/\nnonsense\nhttp://192.0.2.1/good\n";
    let outcome = run(&mut host, text.as_bytes());
    let place = "user-data part 1 (part-001), line";
    let wanted = [
        format!(
            "recoverable: cannot fetch http://192.0.2.1/none?… ({place} 2): the server answered with status 404: there is no such thing"
        ),
        format!(
            "recoverable: cannot fetch {place} 3: https is not supported: wisp has no TLS. Serve it over http on a network that is trusted, or put the content itself into the user-data"
        ),
        format!("recoverable: cannot fetch {place} 4: expected http://HOST/PATH, file:///PATH or /PATH"),
        format!("recoverable: cannot read /no/such ({place} 5): no such file or directory"),
        format!("recoverable: cannot inflate what {place} 6 includes: "),
        format!(
            "recoverable: cannot fetch http://192.0.2.9/?… ({place} 7): cannot connect to 192.0.2.9:80: connection refused"
        ),
        format!("recoverable: cannot fetch {place} 8: no host name or address in the URL"),
        format!("recoverable: cannot fetch {place} 9: expected http://HOST/PATH, file:///PATH or /PATH"),
    ];
    let found = shown(&outcome);
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for (found, wanted) in found.iter().zip(&wanted) {
        assert!(found.starts_with(wanted), "{found}\n{wanted}");
    }
    assert_eq!(written(&host), ["0600 cloud-config.txt", "0700 scripts/part-001"]);
    let said = format!("{:?}{:?}", shown(&outcome), host.log_lines);
    assert!(!said.contains("secret") && !said.contains("u:p") && !said.contains("p@"), "{said}");
}

#[test]
fn once_is_once_for_this_instance() {
    let count = Rc::new(RefCell::new(0));
    let counted = count.clone();
    let mut host = machine(move |_| {
        *counted.borrow_mut() += 1;
        Some(format!("#!/bin/sh\necho {}\n", counted.borrow()).into_bytes())
    });
    let raw = b"#include-once\nhttp://u:p@192.0.2.1/x?secret\n#include http://192.0.2.1/y\n";
    assert_eq!(shown(&run(&mut host, raw)), [""; 0]);
    let kept: Vec<String> = files(&host).into_iter().filter(|line| line.contains(CACHE)).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0].starts_with("0600 ") && !kept[0].contains("secret"), "{kept:?}");
    assert_eq!(host.mode(&at(CACHE)), 0o700);
    // It was on disk before the rest of the stage.
    let mut later = host.power_cut(0);
    assert_eq!(shown(&run(&mut later, raw)), [""; 0]);
    assert_eq!(later.text(&at("scripts/part-001")), "#!/bin/sh\necho 1\n");
    assert_eq!(later.text(&at("scripts/part-002")), "#!/bin/sh\necho 3\n");
    assert_eq!(*count.borrow(), 3);
}

#[test]
fn what_was_not_fetched_is_not_kept() {
    let mut host = machine(|_| None);
    assert_eq!(run(&mut host, b"#include-once\nhttp://192.0.2.1/x\n").recoverable.len(), 1);
    assert_eq!(written(&host), ["0600 cloud-config.txt"]);
}

#[test]
fn nesting_and_urls_up_to_their_bounds() {
    // /1 includes /2, …; the last one is a script.
    let chain = |length: usize| {
        machine(move |path| {
            let at: usize = path[1..].parse().ok()?;
            let next = format!("#include\nhttp://192.0.2.1/{}\n", at + 1);
            Some(if at == length { b"#!/bin/sh\n".to_vec() } else { next.into_bytes() })
        })
    };
    for (length, good) in [(MAX_INCLUDE_DEPTH, true), (MAX_INCLUDE_DEPTH + 1, false)] {
        let mut host = chain(length);
        let found = shown(&run(&mut host, b"#include\nhttp://192.0.2.1/1\n"));
        let wanted =
            "recoverable: cannot fetch what is in user-data part 1 (part-001): included through more than 10 includes";
        assert_eq!(found, if good { Vec::new() } else { alloc::vec![String::from(wanted)] });
        assert_eq!(asked(&host).len(), MAX_INCLUDE_DEPTH);
    }
    for (count, good) in [(MAX_INCLUDE_URLS, true), (MAX_INCLUDE_URLS + 1, false), (MAX_INCLUDE_URLS + 50, false)] {
        let mut host = machine(|_| Some(b"#cloud-boothook\n".to_vec()));
        let text = format!("#include\n{}", "http://192.0.2.1/x\n".repeat(count));
        let mut found = shown(&run(&mut host, text.as_bytes()));
        found.retain(|line| line.contains("URL"));
        let wanted = "recoverable: cannot fetch all of user-data: more than 100 URLs; the first of them are used";
        assert_eq!(found, if good { Vec::new() } else { alloc::vec![String::from(wanted)] });
        assert_eq!(asked(&host).len(), MAX_INCLUDE_URLS);
    }
}

#[test]
fn loops_end() {
    let mut host =
        machine(|path| Some(format!("#include\nhttp://192.0.2.1{path}\nhttp://192.0.2.1{path}\n").into_bytes()));
    let outcome = run(&mut host, b"#include http://192.0.2.1/loop\n");
    assert_eq!(asked(&host).len(), MAX_INCLUDE_URLS);
    assert!(outcome.recoverable.iter().any(|error| error.to_string().contains("more than 100 URLs")));
    assert!(outcome.recoverable.len() <= MAX_INCLUDE_URLS);
}

#[test]
fn what_is_fetched_counts_against_what_is_inflated() {
    let fetch = |sizes: [u64; 5]| {
        let mut at = 0;
        move |_: &Line, _: &str, max: u64| {
            at += 1;
            let size = sizes[at - 1];
            if size > max {
                return Err(Error::new("hold", "it", "too much"));
            }
            let mut text = b"#!/bin/sh\n".to_vec();
            text.resize(size as usize, b'#');
            Ok(text)
        }
    };
    let most = crate::limits::MAX_USER_DATA;
    let text = b"#include\n/a\n/b\n/c\n/d\n/e\n";
    for (sizes, wanted) in [
        ([most, most, most, most, 0], 5),
        ([most, most, most, most, 1], 4),
        ([most + 1, 1, 1, 1, 1], 4),
        ([most, most, most, most - 1, 2], 4),
    ] {
        let exploded = explode::explode(DataKind::User, text.to_vec(), &mut fetch(sizes));
        assert_eq!((exploded.parts.len(), exploded.errors.len()), (wanted, 5 - wanted), "{sizes:?}");
    }
}

#[test]
fn before_the_network_it_says_so_and_tries_once() {
    let mut host = MemoryHost::new();
    host.on_connect(|_, _| Some(alloc::vec![Said::Fail(Errno::NETUNREACH)]));
    host.put(&at("user-data.txt"), 0o600, "#include http://192.0.2.1/x\n");
    let instance = Instance { mode: DsMode::Local, ..Instance::new("i-1", "DataSourceConfigDrive") };
    let before = host.now().up;
    let outcome = consume(&mut host, &State::default(), &instance, &Config::default(), DataKind::User);
    let wanted = "recoverable: cannot fetch http://192.0.2.1/x (user-data part 1 (part-001), line 1): \
        cannot connect to 192.0.2.1:80: network is unreachable \
        (this instance's data is read before the network is up: dsmode is local)";
    assert_eq!(shown(&outcome), [wanted]);
    assert!(host.now().up - before < Duration::from_secs(1));
}

#[test]
fn dead_servers_hold_nothing_up_for_ever() {
    let mut host = MemoryHost::new();
    let times = Rc::new(RefCell::new(0));
    let counted = times.clone();
    host.on_connect(move |_, _| {
        *counted.borrow_mut() += 1;
        Some(alloc::vec![Said::Wait(Duration::from_secs(3600))])
    });
    let text = format!("#include\n{}", "http://192.0.2.1/x\n".repeat(MAX_INCLUDE_URLS));
    let before = host.now().up;
    let outcome = run(&mut host, text.as_bytes());
    let took = (host.now().up - before).as_secs();
    assert!((MAX_INCLUDE_TIME - 40..=MAX_INCLUDE_TIME + 1).contains(&took), "{took}");
    assert_eq!(outcome.recoverable.len(), MAX_INCLUDE_URLS);
    assert!(*times.borrow() > HTTP_RETRIES);
    let last = outcome.recoverable.last().unwrap().to_string();
    assert!(
        last.contains("all includes together have taken more than 600 seconds") || last.contains("given up"),
        "{last}"
    );
}

#[test]
fn what_is_not_wanted_is_not_fetched() {
    let text = b"#include http://192.0.2.1/x\n";
    for (kind, off) in [
        (DataKind::User, "allow_userdata: false\n"),
        (DataKind::Vendor, "vendor_data: {enabled: false}\n"),
        (DataKind::Vendor2, "vendor_data2: nonsense\n"),
    ] {
        let mut host = machine(|_| Some(b"#!/bin/sh\n".to_vec()));
        consume_as(&mut host, kind, text, &config(off));
        assert_eq!(asked(&host), [""; 0], "{off}");
        consume_as(&mut host, kind, text, &config("a: 1\n"));
        assert_eq!(asked(&host), ["/x"], "{off}");
    }
}

#[test]
fn a_preview_fetches_nothing_and_says_what_it_would() {
    let mut real = machine(|_| panic!("a preview fetches"));
    real.put(&at("user-data.txt"), 0o600, "#include\nhttp://u:p@192.0.2.1/x?y\n");
    let mut preview = crate::host::preview::PreviewHost::new(&mut real, false);
    let instance = Instance::new("i-1", "DataSourceConfigDrive");
    let outcome = consume(&mut preview, &State::default(), &instance, &Config::default(), DataKind::User);
    assert_eq!(shown(&outcome), [""; 0]);
    let lines: Vec<String> = preview.actions().iter().map(ToString::to_string).collect();
    let wanted = "connect fetch http://192.0.2.1/x?… (user-data part 1 (part-001), line 2)";
    assert!(lines.iter().any(|line| line == wanted), "{lines:?}");
}
