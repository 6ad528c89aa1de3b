//! Counts allocations: scanning makes none beyond the table of a document, and streaming holds fixed buffers.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use embedded_io::Read;
use wisp::error::Error;
use wisp::format::base64::{self, Padding};
use wisp::format::doc::SourceId;
use wisp::format::gzip::GzipReader;
use wisp::format::mime::Message;
use wisp::format::{cmdline, eni, json, quoted_printable};

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

#[test]
fn json_is_one_table() {
    let item = r#"{"name": "a\n\u00e9", "list": [1, 2.5, true, null, {}], "nested": {"k": "v"}}, "#;
    let text = format!("[{}0]", item.repeat(5_000));
    let (doc, count, _) = counted(|| json::parse(text.as_bytes(), SourceId(0)).unwrap());
    // The table begins at a node in 32 bytes of text, and doubles where there are more: here one in six.
    assert!(count <= 4, "{count} allocations for {} nodes", doc.len());
    let (refused, count, _) = counted(|| json::parse(b"?", SourceId(0)).is_err());
    assert!(refused && count == 1);
}

#[test]
fn scanning_mime_allocates_nothing() {
    let mut text = String::from("MIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=\"B B\"\n\n");
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

#[test]
fn streaming_10_mib_holds_64_kib() {
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
    let text = encoded(&gzip);
    let wanted = (SIZE as u64, data.iter().map(|byte| u64::from(*byte)).sum());
    let mut decoded = base64::reader(&text, Padding::Required);
    let (found, count, held) = counted(|| drained(GzipReader::new(&mut decoded, SIZE as u64)));
    assert_eq!(found, wanted);
    println!("10 MiB behind base64 and gzip: {count} allocations, {held} bytes held");
    assert!(held <= 64 << 10, "{held} bytes held");
    let (_, count, _) = counted(|| drained(base64::reader(&text, Padding::Required)));
    assert_eq!(count, 0, "base64");
    let (_, count, _) = counted(|| drained(quoted_printable::reader(&text)));
    assert_eq!(count, 0, "quoted-printable");
}
