use super::*;
use crate::format::base64::Base64Writer;
use crate::userdata::include::Line;
use alloc::format;
use alloc::vec;

const MIXED: &[u8] = include_bytes!("../../../tests/data/userdata/mixed.mime");

fn sample(name: &str) -> &'static [u8] {
    match name {
        "mixed.mime" => MIXED,
        "mixed.mime.gz" => include_bytes!("../../../tests/data/userdata/mixed.mime.gz"),
        "mixed.mime.b64" => include_bytes!("../../../tests/data/userdata/mixed.mime.b64"),
        "mixed.mime.gz.b64" => include_bytes!("../../../tests/data/userdata/mixed.mime.gz.b64"),
        "nested.mime" => include_bytes!("../../../tests/data/userdata/nested.mime"),
        other => panic!("{other}"),
    }
}

/// Gets nothing that is included.
pub fn nothing(_: &Line, place: &str, _: u64) -> Result<Vec<u8>, Error> {
    panic!("{place} is fetched")
}

fn exploded(raw: &[u8]) -> Exploded {
    explode(DataKind::User, raw.to_vec(), &mut nothing)
}

fn listed(exploded: &Exploded) -> Vec<(usize, &str, &str, &str)> {
    let text = |part: &Part| core::str::from_utf8(Vec::leak(part.text.clone())).unwrap();
    exploded.parts.iter().map(|p| (p.number, p.name.as_str(), p.content_type.as_str(), text(p))).collect()
}

fn faults(exploded: &Exploded) -> Vec<String> {
    exploded.errors.iter().map(ToString::to_string).collect()
}

fn encoded(data: &[u8]) -> Vec<u8> {
    let mut out = Buffer::new(usize::MAX);
    let mut writer = Base64Writer::new(&mut out, Some(76));
    stream::copy(&mut Bytes(data), &mut writer).unwrap();
    writer.finish().unwrap();
    out.bytes
}

const SCRIPT: &str = "#!/bin/sh\necho hello\n";
const CONFIG: &str = "#cloud-config\n# größer: in UTF-8\nruncmd:\n- [echo, 'a: b']\n";
const JOB: &str = "#upstart-job\ndescription \"job\"\nexec /bin/true\n";

#[test]
fn what_pythons_email_writes_however_wrapped() {
    for name in ["mixed.mime", "mixed.mime.gz", "mixed.mime.b64", "mixed.mime.gz.b64"] {
        let exploded = exploded(sample(name));
        let wanted = [
            (1, "hello.sh", "text/x-shellscript", SCRIPT),
            (2, "init.cfg", "text/cloud-config", CONFIG),
            (3, "myjob", "text/upstart-job", JOB),
        ];
        assert_eq!(listed(&exploded), wanted, "{name}");
        assert_eq!(exploded.errors, [], "{name}");
    }
}

#[test]
fn nested_parts_of_every_encoding() {
    let exploded = exploded(sample("nested.mime"));
    let wanted = [
        (1, "hello.sh", "text/x-shellscript", SCRIPT),
        (2, "init.cfg", "text/cloud-config", CONFIG),
        (3, "myjob", "text/upstart-job", JOB),
        (4, "packed.sh", "text/x-shellscript", "#!/bin/sh\necho packed\n"),
        (5, "part-005", "text/x-shellscript", "#!/bin/sh\necho unnamed\n"),
        (6, "größe/../thing", "application/x-thing", "\0\u{1}\u{2}"),
        (7, "part-007", "text/cloud-config", "#cloud-config\nquoted: 'a=b é'\nlong: one two\n"),
    ];
    assert_eq!(listed(&exploded), wanted);
    assert_eq!(exploded.parts[6].merge_type, "list(append)+dict(recurse_list)");
    assert_eq!(exploded.errors, []);
}

#[test]
fn a_plain_text_is_one_part() {
    for (text, wanted) in [
        ("#!/bin/sh\n", "text/x-shellscript"),
        ("#cloud-config\na: 1\n", "text/cloud-config"),
        ("nothing known\n", NOT_MULTIPART),
        // Base64 of nothing that user-data can be is a text like any other.
        ("hello", NOT_MULTIPART),
        ("abcd", NOT_MULTIPART),
        ("", NOT_MULTIPART),
    ] {
        assert_eq!(listed(&exploded(text.as_bytes())), [(1, "part-001", wanted, text)]);
        if wanted != NOT_MULTIPART {
            assert_eq!(listed(&exploded(&encoded(text.as_bytes()))), [(1, "part-001", wanted, text)]);
            assert_eq!(listed(&exploded(&encoded(&encoded(text.as_bytes())))).len(), 1);
        }
    }
}

/// User-data is moved, not copied.
#[test]
fn a_plain_text_is_not_copied() {
    let raw = b"#cloud-config\n".repeat(10);
    let at = raw.as_ptr();
    assert_eq!(explode(DataKind::User, raw, &mut nothing).parts[0].text.as_ptr(), at);
}

#[test]
fn broken_wrappings_say_where() {
    let gz = sample("mixed.mime.gz");
    let mut b64 = sample("mixed.mime.b64").to_vec();
    b64[80] = b'!';
    for (raw, wanted) in [
        (&gz[..gz.len() - 9], "cannot inflate user-data: the gzip data ends early"),
        (&gz[..100], "cannot inflate user-data: the gzip data ends early"),
        (&b64, "cannot read user-data: line 2, column 4: expected "),
        (&sample("mixed.mime.b64")[..601], "cannot read user-data: line 8, column "),
    ] {
        let exploded = exploded(raw);
        assert_eq!(exploded.parts, []);
        assert_eq!(exploded.errors.len(), 1);
        assert!(faults(&exploded)[0].starts_with(wanted), "{:?}", faults(&exploded));
    }
}

/// Wherever the fault is, in place of a character or between two, in the first characters too.
#[test]
fn base64_with_a_fault_is_told_with_its_place() {
    let message =
        b"Content-Type: text/x-shellscript\nX-Long: abcdefghijklmnopqrstuvwxyz\nMIME-Version: 1.0\n\n#!/bin/sh\n";
    let include = b"#include\nhttp://192.0.2.1/one\nhttp://192.0.2.1/two\nhttp://192.0.2.1/three\n";
    let long = [SCRIPT, &"echo and so on\n".repeat(9)].concat();
    let gz = sample("mixed.mime.gz");
    for whole in [long.as_bytes(), CONFIG.repeat(2).as_bytes(), JOB.repeat(2).as_bytes(), message, include, gz] {
        let good = encoded(whole);
        let text = String::from_utf8_lossy(whole);
        assert!(whole == include || exploded(&good).errors.is_empty(), "{text}");
        for at in [0, 1, 2, 3, 4, 5, 17, 18, 31, 32, 40, 75, 80] {
            // The line's end is behind 76 of them.
            let (line, column) = if at < 76 { (1, at + 1) } else { (2, at - 75) };
            let place = if at < 76 { at } else { at + 1 };
            let wanted = format!("cannot read user-data: line {line}, column {column}: expected a base64 character");
            for fault in ["*", "!", "-", "\u{e9}", "\0"] {
                for taken in [0, 1] {
                    let bad = [&good[..place], fault.as_bytes(), &good[place + taken..]].concat();
                    let exploded = exploded(&bad);
                    assert_eq!(faults(&exploded), [&*wanted], "{fault:?} at {at}, {taken}: {text}");
                    assert_eq!(exploded.parts, [], "{text}");
                }
            }
        }
    }
    // Short ones, of less than the head; and of many lines with a fault in each.
    for (text, column) in
        [("*yEvYmluL3NoCg==", 1), ("IyEv*mluL3NoCg==", 5), ("IyEvYmluL3NoCg=*", 16), ("IyEvYmluL3NoCg==*", 17)]
    {
        let wanted = format!("cannot read user-data: line 1, column {column}: expected ");
        let faults = faults(&exploded(text.as_bytes()));
        assert!(faults.len() == 1 && faults[0].starts_with(&wanted), "{text}: {faults:?}");
    }
    let url_safe: Vec<u8> = encoded(gz).iter().map(|byte| if *byte == b'/' { b'_' } else { *byte }).collect();
    assert!(url_safe.contains(&b'_') && faults(&exploded(&url_safe))[0].contains("expected a base64 character"));
}

/// Words, names, keys, other encodings, and base64 of what user-data cannot be.
#[test]
fn a_text_that_is_no_base64_is_not_taken_for_a_broken_one() {
    let random: Vec<u8> = (0..3000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let (mut binary, mut image) =
        (encoded(&random), encoded(b"\x89PNG\r\n\x1a\n and more than a line of an image that goes on"));
    (binary[7], image[3]) = (b'*', b'*');
    let prose = b"I'yEvYmluL3NoCg== is how a script begins that was encoded, and this is prose about it, with words";
    for text in [
        &b"nothing-known\n"[..],
        b"key: value\nother: value\n",
        b"{\"instance\": {\"id\": \"83679162-1378-4288-a2d4-70e13ec132aa\"}}\n",
        b"I_Explicitly_Encoded_Identifiers_Are_No_Base64_At_All",
        b"x_very_long_identifier_that_goes_on_and_on_and_on\n",
        b"83679162-1378-4288-a2d4-70e13ec132aa",
        b"ssh-ed25519AAAAC3NzaC1lZDI1NTE5AAAAIGxyzxyzxyz",
        b"-----BEGIN CERTIFICATE-----\nMIIByjCCAXCgAwIBAgIUJyEvYmluL3NoCg==\n-----END CERTIFICATE-----\n",
        b"<html><head><title>404</title></head></html>",
        b"H4sI, as is well known, is what base64 of gzip begins with",
        b"*",
        b"-",
        b"=",
        b"====",
        b"\xff\xfe\x00\x01\x02",
        b"\x00\x00\x00\x00",
        prose,
        &binary,
        &image,
        &random,
    ] {
        let exploded = exploded(text);
        assert_eq!(faults(&exploded), [""; 0], "{}", String::from_utf8_lossy(text));
        assert_eq!(exploded.parts.len(), 1, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_broken_part_leaves_the_others() {
    let text = String::from_utf8(MIXED.to_vec()).unwrap();
    let broken = text.replace("I2Nsb3Vk", "I2N*b3Vk");
    let found = exploded(broken.as_bytes());
    assert_eq!(listed(&found).iter().map(|part| part.0).collect::<Vec<_>>(), [1, 3]);
    let wanted = "cannot read user-data part 2 (init.cfg), in the whole message: line 18, column 4: expected ";
    assert!(faults(&found)[0].starts_with(wanted), "{:?}", faults(&found));

    let mut packed = String::from_utf8(sample("nested.mime").to_vec()).unwrap();
    let at = packed.find("H4sI").unwrap();
    packed.replace_range(at + 24..at + 48, "");
    let found = exploded(packed.as_bytes());
    assert_eq!(listed(&found).iter().map(|part| part.0).collect::<Vec<_>>(), [1, 2, 3, 5, 6, 7]);
    assert_eq!(found.errors.len(), 1);
    assert!(faults(&found)[0].starts_with("cannot inflate user-data part 4 (packed.sh): "), "{:?}", faults(&found));

    let other = text.replacen("base64", "x-uuencode", 1);
    let found = exploded(other.as_bytes());
    assert_eq!(listed(&found).len(), 2);
    assert!(faults(&found)[0].starts_with("cannot read user-data part 1 (hello.sh), in the whole message: line 7"));
}

/// As people write it by hand; Python's `email` takes the body as it stands.
#[test]
fn an_unknown_transfer_encoding_is_none() {
    for encoding in ["8-bit", "utf-8", "UTF-8 ", "text", "base64;", "7bit; x=y"] {
        let text = format!(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/cloud-config\nContent-Transfer-Encoding: {encoding}\n\na: =3D\n--b--\n"
        );
        let found = exploded(text.as_bytes());
        assert_eq!(listed(&found), [(1, "part-001", "text/cloud-config", "a: =3D")], "{encoding}");
        let wanted = "user-data part 1 (part-001): its transfer encoding is not known; it is read as it stands";
        assert_eq!((found.warnings.as_slice(), found.errors.len()), (&[wanted.to_string()][..], 0), "{encoding}");
    }
}

fn message_of(parts: usize) -> Vec<u8> {
    let part = "--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n";
    format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n{}--b--\n", part.repeat(parts))
        .into_bytes()
}

#[test]
fn parts_are_counted() {
    let found = exploded(&message_of(MAX_PARTS));
    assert_eq!((found.parts.len(), found.errors.len()), (MAX_PARTS, 0));
    let found = exploded(&message_of(MAX_PARTS + 1));
    assert_eq!(found.parts.len(), MAX_PARTS);
    assert_eq!(faults(&found), ["cannot read user-data: more than 1,024 parts; the first of them are used"]);
}

#[test]
fn multiparts_nest_so_deep() {
    use crate::limits::MAX_MIME_NESTING;
    let nested = |depth: usize| {
        let mut text = String::from("MIME-Version: 1.0\n");
        for level in 0..depth {
            text += &format!("Content-Type: multipart/mixed; boundary=b{level}x\n\n--b{level}x\n");
        }
        text + "Content-Type: text/x-shellscript\n\n#!/bin/sh\n"
    };
    assert_eq!(exploded(nested(MAX_MIME_NESTING).as_bytes()).parts.len(), 1);
    let deep = nested(MAX_MIME_NESTING + 1);
    let found = exploded(deep.as_bytes());
    assert_eq!((found.parts.len(), found.errors.len()), (0, 1));
    // The parts beside it go on.
    let script = "Content-Type: text/x-shellscript\n\n#!/bin/sh\n";
    let deep = nested(MAX_MIME_NESTING);
    let deep = deep.strip_prefix("MIME-Version: 1.0\n").unwrap();
    let text = format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=bx\n\n--bx\n{script}--bx\n{deep}--bx\n{script}--bx--\n"
    );
    let found = exploded(text.as_bytes());
    assert_eq!(found.parts.len(), 2, "{:?}", faults(&found));
    assert_eq!(found.errors.len(), 1);
    assert!(faults(&found)[0].ends_with("expected at most 16 multiparts inside each other"), "{:?}", faults(&found));
}

/// A few KiB that would inflate to more than all parts together may have.
#[test]
fn inflating_is_bounded() {
    let bomb = |size: usize| {
        let mut gz = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        let data = vec![b' '; size];
        gz.extend(miniz_oxide::deflate::compress_to_vec(&data, 1));
        let mut crc = gzip::Crc32::new();
        crc.add(&data);
        gz.extend_from_slice(&crc.value().to_le_bytes());
        gz.extend_from_slice(&(size as u32).to_le_bytes());
        gz
    };
    let within = |raw: &[u8]| explode_within(DataKind::User, raw.to_vec(), 100_000, &mut nothing);
    assert_eq!(within(&bomb(100_000)).parts[0].text.len(), 100_000);
    let found = within(&bomb(100_001));
    assert_eq!(faults(&found), ["cannot inflate user-data: it inflates to more than 100000 bytes"]);
    // The bound is one for all parts together.
    let part_of = |gz: &[u8]| {
        let text = String::from_utf8(encoded(gz)).unwrap();
        format!("--b\nContent-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n{text}")
    };
    let part = |size| part_of(&bomb(size));
    let message = |sizes: &[usize]| {
        format!(
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n{}--b--\n",
            sizes.iter().map(|size| part(*size)).collect::<String>()
        )
    };
    assert_eq!(within(message(&[60_000, 40_000]).as_bytes()).parts.len(), 2);
    let found = within(message(&[60_000, 40_001, 1, 0]).as_bytes());
    assert_eq!((found.parts.len(), found.parts[1].text.len()), (2, 0));
    let wanted = |part| {
        format!(
            "cannot inflate user-data part {part} (part-{part:03}): all parts together inflate to more than 100000 bytes"
        )
    };
    assert_eq!(faults(&found), [wanted(2), wanted(3)]);
    // So does what was inflated of a part that turns out to be damaged.
    let mut damaged = bomb(60_000);
    *damaged.last_mut().unwrap() ^= 1;
    let parts = message(&[60_000, 40_001]).replace(&part(60_000), &part_of(&damaged));
    assert_eq!(faults(&within(parts.as_bytes()))[1..], [wanted(2)]);
}

#[test]
fn an_archive_is_its_entries() {
    let archive = "#cloud-config-archive\n\
        - type: text/x-shellscript\n  filename: a.sh\n  content: |\n    #!/bin/sh\n    echo a\n\
        - |\n  #!/bin/sh\n  echo b\n\
        - 'a: 1'\n\
        - [no, part]\n\
        - {content: 'b: 2', merge-type: 'list(append)', launch-index: 3}\n\
        - {content: !!binary AAE=}\n\
        - {type: TEXT/Upstart-Job}\n";
    let wanted = [
        (1, "a.sh", "text/x-shellscript", "#!/bin/sh\necho a\n"),
        (2, "part-002", "text/x-shellscript", "#!/bin/sh\necho b\n"),
        (3, "part-003", "text/cloud-config", "a: 1"),
        (5, "part-005", "text/cloud-config", "b: 2"),
        (6, "part-006", "application/octet-stream", "\0\u{1}"),
        (7, "part-007", "text/upstart-job", ""),
    ];
    let found = exploded(archive.as_bytes());
    assert_eq!(listed(&found), wanted);
    assert_eq!((found.parts[3].merge_type.as_str(), found.parts[3].launch_index.as_str()), ("list(append)", "3"));
    let fault = "cannot read user-data part 1 (part-001): line 11, column 3: expected a part: a text, or a mapping with `content`";
    assert_eq!(faults(&found), [fault]);
    for (text, wanted) in [
        ("#cloud-config-archive\na: 1\n", "line 2, column 1: expected a list of parts"),
        ("#cloud-config-archive\n- 'a\n", "line "),
    ] {
        let found = exploded(text.as_bytes());
        let wanted = format!("cannot read user-data part 1 (part-001): {wanted}");
        assert!(found.parts.is_empty() && faults(&found)[0].starts_with(&wanted), "{:?}", faults(&found));
    }
    let entries = |count: usize| format!("#cloud-config-archive\n{}", "- a\n".repeat(count));
    assert_eq!(exploded(entries(MAX_PARTS).as_bytes()).errors.len(), 0);
    let found = exploded(entries(2 * MAX_PARTS).as_bytes());
    assert_eq!((found.parts.len(), found.errors.len()), (MAX_PARTS, 1));
}

/// Aliases make a small archive large: all its contents together are bounded.
#[test]
fn an_archive_does_not_grow_without_end() {
    let text = format!("#cloud-config-archive\n- &a {}\n{}", "x".repeat(60_000), "- *a\n".repeat(3));
    let found = explode_within(DataKind::User, text.into_bytes(), 150_000, &mut nothing);
    assert_eq!((found.parts.len(), found.errors.len()), (2, 2));
}
