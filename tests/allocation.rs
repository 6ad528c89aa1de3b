//! Counts allocations: scanning makes none beyond the table of a document, and streaming holds fixed buffers.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use embedded_io::Read;
use wisp::config::Config;
use wisp::error::{Error, ParseError};
use wisp::format::base64::{self, Padding};
use wisp::format::doc::{Doc, SourceId};
use wisp::format::gzip::GzipReader;
use wisp::format::mime::Message;
use wisp::format::{cmdline, eni, json, quoted_printable, yaml};
use wisp::host::memory::MemoryHost;
use wisp::instance::Instance;
use wisp::module::{self, Context};
use wisp::paths::State;

thread_local! {
    /// Allocations of this thread, bytes it holds, and the most that it held.
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

fn held(change: isize) {
    HELD.set(HELD.get() + change);
    PEAK.set(PEAK.get().max(HELD.get()));
}

// SAFETY: every call goes to the system's allocator unchanged; the counters are plain cells that never allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        held(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        held(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        held(size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What `work` gives, how often it allocated, and how much it held at most beyond what was held before.
fn counted<T>(work: impl FnOnce() -> T) -> (T, usize, isize) {
    let (count, held) = (COUNT.get(), HELD.get());
    PEAK.set(held);
    let result = work();
    (result, COUNT.get() - count, PEAK.get() - held)
}

#[test]
fn the_counter_counts() {
    let (kept, count, held) = counted(|| black_box(vec![0u8; 1000]));
    assert_eq!((kept.len(), count, held), (1000, 1, 1000));
}

/// Reads a document: no allocation but its table, which begins at a guess and doubles.
#[track_caller]
fn is_one_table(text: &str, parse: fn(&[u8], SourceId) -> Result<Doc, ParseError>, doublings: usize) {
    let (doc, count, held) = counted(|| parse(text.as_bytes(), SourceId(0)).unwrap());
    assert!(count <= 1 + doublings, "{count} allocations for {} nodes", doc.len());
    assert_eq!(held, doc.bytes() as isize, "held at most, for {} nodes", doc.len());
}

#[test]
fn json_is_one_table() {
    let item = r#"{"name": "a\n\u00e9", "list": [1, 2.5, true, null, {}], "nested": {"k": "v"}}, "#;
    is_one_table(&format!("[{}0]", item.repeat(5_000)), json::parse, 3);
    is_one_table(&format!("\"{}\"", "word \\u00e9 ".repeat(5_000)), json::parse, 0);
    let (refused, count, _) = counted(|| json::parse(b"?", SourceId(0)).is_err());
    // The table and the error.
    assert!(refused && count == 2);
}

#[test]
fn yaml_is_one_table() {
    let item = "\
# Of every style one.
- path: /etc/motd
  content: |+
    two

     lines
  folded: >-
    these are
    one
  plain: a text with 'quotes' and
    a second line
  'single': 'it''s
    here'
  \"double\": \"\\x41\\
    b\\u00e9\"
  number: !!int \"7\"
  ? explicit
  : - - compact
      - nested: yes
  flow: [a, {b: c, d}, [1, 2.5], e: f, ~]
  data: !!binary aGVsbG8=
";
    is_one_table(&item.repeat(2_000), yaml::parse, 3);
    for text in ["word ", "word\n  ", "\n"] {
        is_one_table(&format!("a: b\n  {}", text.repeat(10_000)), yaml::parse, 0);
    }
    is_one_table(&format!("a: \"{}\"", "a\\t\n\n  ".repeat(10_000)), yaml::parse, 0);
    is_one_table(&format!("a: |\n{}", "  text\n".repeat(10_000)), yaml::parse, 0);
}

/// Names, merged and repeated keys, and what finds keys in a large mapping.
#[test]
fn yaml_with_anchors_merge_keys_and_many_keys_is_one_table() {
    let keys = (0..10_000).fold(String::new(), |keys, at| keys + &format!("  key-{}: v\n", at / 2));
    let names = (0..1_000).fold(String::new(), |names, at| names + &format!("  - &n{at} x\n  - *n{at}\n"));
    let merged = "merged:\n  <<: *k\n  <<: [*k, {b: c}]\n  key-1: w\n";
    is_one_table(&format!("keys: &k\n{keys}names:\n{names}{merged}"), yaml::parse, 6);
}

#[test]
fn json_with_many_keys_is_one_table() {
    let keys =
        |count: usize| (0..count).map(|at| format!("\"key-{}\":{{\"a\":1}}", at / 2)).collect::<Vec<_>>().join(",");
    for (count, doublings) in [(16, 3), (10_000, 4)] {
        is_one_table(&format!("{{{}}}", keys(count)), json::parse, doublings);
    }
}

// ENI: interfaces(5) is read without an allocation at all; its check stands here.

#[test]
fn scanning_mime_allocates_nothing() {
    let mut text = String::from("MIME-Version: 1.0\nContent-Type: Multipart/Mixed;\n boundary=\"B B\"\n\n");
    for number in 0..100 {
        text.push_str(
            "--B B\nContent-Type: text/x-shellscript; charset=\"utf-8\"\nContent-Transfer-Encoding: base64\n",
        );
        text.push_str(&format!("Content-Disposition: attachment; filename=\"part-{number}\"\n\nIyEvYmluL3NoCg==\n"));
    }
    text.push_str("--B B--\n");
    let scan = || {
        let (mut parts, mut size) = (0, 0);
        let mut buffer = [0; 64];
        for part in Message::new("user-data", text.as_bytes()).parts().unwrap() {
            assert_eq!(part.content_type(), "text/x-shellscript");
            assert_eq!(part.charset().unwrap(), "utf-8");
            assert!(part.filename().unwrap().starts_with("part-"));
            size += part.reader().unwrap().read(&mut buffer).unwrap();
            parts += 1;
        }
        (parts, size)
    };
    let (found, count, _) = counted(scan);
    assert_eq!((found, count), ((100, 1_000), 0));
}

#[test]
fn scanning_interfaces_allocates_nothing() {
    let stanza =
        "auto eth0 eth1\n# comment\niface eth0 inet static inherits base\n  address 10.0.0.1/24\n  up a \\\n   b\n\n";
    let text = stanza.repeat(1_000);
    let scan = || {
        let (mut names, mut options, mut commands) = (0, 0, 0);
        for stanza in eni::parse(text.as_bytes()).unwrap().stanzas() {
            match stanza.keyword {
                eni::Keyword::Auto => names += stanza.head.value.words().count(),
                _ => assert!(stanza.iface().name.is("eth0") && stanza.iface().inherits.is_some()),
            }
            options += stanza.options.clone().count();
            commands += stanza.options.filter(|option| option.name.is("up") && option.value.is("a    b")).count();
        }
        (names, options, commands)
    };
    let (found, count, _) = counted(scan);
    assert_eq!((found, count), ((2_000, 2_000, 1_000), 0));
}

#[test]
fn scanning_a_command_line_allocates_nothing() {
    let text = "BOOT_IMAGE=/vmlinuz root=/dev/sda1 a=\"b c\" ds=nocloud;h=host;s=http://x/ quiet";
    let ((count_of_all, host), count, _) = counted(|| {
        let host = cmdline::Seed::of_command_line(text).and_then(|seed| seed.get(&["h"]));
        (cmdline::parameters(text).count(), host)
    });
    assert_eq!((count_of_all, host, count), (5, Some("host"), 0));
}

/// Reads to the end through a small buffer; the number of bytes and their sum.
fn drained(mut from: impl Read<Error = Error>) -> (u64, u64) {
    let (mut size, mut sum) = (0, 0);
    let mut buffer = [0; 4096];
    loop {
        match from.read(&mut buffer).unwrap() {
            0 => return (size, sum),
            count => {
                size += count as u64;
                sum += buffer[..count].iter().map(|byte| u64::from(*byte)).sum::<u64>();
            }
        }
    }
}

fn encoded(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for (at, three) in bytes.chunks(3).enumerate() {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let six = (bits >> (18 - 6 * place) & 63) as usize;
            text.push(if place <= three.len() { ALPHABET[six] } else { b'=' });
        }
        if at % 19 == 18 {
            text.push(b'\n');
        }
    }
    text
}

/// Ten MiB that are neither all alike nor without any pattern, and their gzip.
fn large() -> (Vec<u8>, Vec<u8>) {
    const SIZE: usize = 10 << 20;
    let mut seed = 1u32;
    let data: Vec<u8> = (0..SIZE)
        .map(|at| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if at % 64 < 32 { b'x' } else { (seed >> 24) as u8 & 0x3F }
        })
        .collect();
    let mut gzip = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255];
    gzip.extend(miniz_oxide::deflate::compress_to_vec(&data, 1));
    let mut crc = wisp::format::gzip::Crc32::new();
    crc.add(&data);
    gzip.extend_from_slice(&crc.value().to_le_bytes());
    gzip.extend_from_slice(&(SIZE as u32).to_le_bytes());
    (data, gzip)
}

fn sum(data: &[u8]) -> (u64, u64) {
    (data.len() as u64, data.iter().map(|byte| u64::from(*byte)).sum())
}

#[test]
fn decoders_hold_fixed_buffers() {
    let (data, gzip) = large();
    let text = encoded(&gzip);
    let mut decoded = base64::reader(&text, Padding::Required);
    let (found, _, held) = counted(|| drained(GzipReader::new(&mut decoded, data.len() as u64)));
    assert_eq!(found, sum(&data));
    assert!(held <= 38 << 10, "{held} bytes held");
    let (_, count, _) = counted(|| drained(base64::reader(&text, Padding::Required)));
    assert_eq!(count, 0, "base64");
    let (_, count, _) = counted(|| drained(quoted_printable::reader(&text)));
    assert_eq!(count, 0, "quoted-printable");
}

/// Runs `write_files` with one entry: what it wrote, and how much it held at most.
fn written(entry: &str, content: &[u8]) -> ((u64, u64), isize) {
    let mut text = format!("write_files:\n- path: /f\n  {entry}\n").into_bytes();
    for line in content.split(|byte| *byte == b'\n') {
        text.extend_from_slice(b"    ");
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    let mut config = Config::default();
    let source = config.sources.add("user-data", text);
    config.doc = yaml::parse(config.sources.text(source), source).unwrap();
    let (mut host, state) = (MemoryHost::new(), State::default());
    let instance = Instance::new("i-1", "DataSourceTest");
    host.drain("/f");
    let ((), _, held) = counted(|| {
        (module::find("write_files").unwrap().run)(&mut Context {
            host: &mut host,
            config: &config,
            instance: &instance,
            state: &state,
            args: Vec::new(),
            name: "write_files",
            resumed: false,
            renews_network: false,
            faults: &mut |_, text| panic!("{text}"),
        });
    });
    (host.drained(), held)
}

#[test]
fn a_file_of_10_mib_holds_64_kib_besides_the_input() {
    let (data, gzip) = large();
    let (data_text, gzip_text) = (encoded(&data), encoded(&gzip));
    for (entry, content) in [
        ("content: !!binary |", &data_text),
        ("content: !!binary", &data_text),
        ("encoding: b64\n  content: >", &data_text),
        ("encoding: gzip\n  content: !!binary |", &gzip_text),
        ("encoding: gz+b64\n  content: |", &gzip_text),
    ] {
        let (found, held) = written(entry, content);
        println!("{entry:?}: {held} bytes held");
        assert_eq!(found, sum(&data), "{entry:?}");
        let most = if entry.contains("gz") { 64 << 10 } else { 4 << 10 };
        assert!(held <= most, "{entry:?}: {held} bytes held");
    }
}
