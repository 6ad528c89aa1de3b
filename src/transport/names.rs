//! Domain names as other machines send them (RFC 1035 section 3.1): in labels with their lengths, or as text.

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::{MAX_HOST_NAME, MAX_LEASE_ITEMS};

/// The longest part of a name between dots (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

/// A host or domain name in text, without the dot at its end. `None`: it is none that is safe to hand on; what a server says ends in
/// files and in the environment of scripts.
pub fn host_name(text: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(text).ok()?;
    let text = text.strip_suffix('.').unwrap_or(text);
    let good = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    (text.len() <= MAX_HOST_NAME && text.split('.').all(good)).then_some(text)
}

/// The names of a list, the first [`MAX_LEASE_ITEMS`] of them. Where `compressed`, the rest of one may be a pointer to what stands
/// before it in the list (RFC 3397 section 2). `None`: broken, or names that [`host_name`] does not take.
pub fn list(data: &[u8], compressed: bool) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < data.len() && names.len() < MAX_LEASE_ITEMS {
        let (name, end) = one(data, at, compressed)?;
        // The root alone: nothing to search.
        if !name.is_empty() {
            names.push(host_name(&name).map(String::from)?);
        }
        at = end;
    }
    Some(names)
}

/// The name at `start`, and where the next one begins.
fn one(data: &[u8], start: usize, compressed: bool) -> Option<(Vec<u8>, usize)> {
    let mut name = Vec::new();
    let (mut at, mut end) = (start, None);
    // Where the piece that is read begins: a pointer leads to an earlier one, so that following them comes to an end.
    let mut piece = start;
    loop {
        let length = usize::from(*data.get(at)?);
        at += 1;
        match length {
            0 => return Some((name, end.unwrap_or(at))),
            1..=MAX_LABEL => {
                name.extend(data.get(at..at + length)?);
                name.push(b'.');
                at += length;
                if name.len() > MAX_HOST_NAME + 1 {
                    return None;
                }
            }
            0xc0.. if compressed => {
                let to = (length & 0x3f) << 8 | usize::from(*data.get(at)?);
                end = end.or(Some(at + 1));
                if to >= piece {
                    return None;
                }
                (at, piece) = (to, to);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn lists() {
        // RFC 3397 section 2.1: the pointer counts from the list's begin.
        let rfc = b"\x03eng\x05apple\x03com\0\x09marketing\xc0\x04";
        for (what, data, wanted) in [
            ("the RFC's", &rfc[..], Some(vec!["eng.apple.com", "marketing.apple.com"])),
            ("nothing", b"", Some(vec![])),
            ("the root", b"\0", Some(vec![])),
            ("a pointer to a pointer", b"\x01a\0\x01b\xc0\0\x01c\xc0\x03", Some(vec!["a", "b.a", "c.b.a"])),
            ("a pointer alone", b"\x01a\0\xc0\0", Some(vec!["a", "a"])),
            ("to itself", b"\xc0\0", None),
            ("to its own begin", b"\x01a\xc0\0", None),
            ("forward", b"\xc0\x02\x01a\0", None),
            ("round", b"\x01a\xc0\x04\x01b\xc0\0", None),
            ("half a pointer", b"\x01a\0\xc0", None),
            ("no end", b"\x01a", None),
            ("a label cut off", b"\x02a", None),
            ("a reserved length", b"\x40a\0", None),
            ("a blank", b"\x03a b\0", None),
            ("a quote", b"\x03a\"b\0", None),
            ("a dot", b"\x03a.b\0", Some(vec!["a.b"])),
        ] {
            let wanted = wanted.map(|names| names.into_iter().map(String::from).collect::<Vec<_>>());
            assert_eq!(list(data, true), wanted, "{what}");
        }
        assert_eq!(list(rfc, false), None, "no compression");
        assert_eq!(list(&rfc[..15], false), Some(vec!["eng.apple.com".into()]));
    }

    #[test]
    fn the_longest_name_and_so_many_of_them() {
        let label = |length: usize| [&[length as u8][..], &vec![b'x'; length]].concat();
        for (last, fits) in [(61, true), (62, false)] {
            let data = [label(63), label(63), label(63), label(last), vec![0]].concat();
            assert_eq!(list(&data, false).map(|names| names[0].len()), fits.then_some(MAX_HOST_NAME), "{last}");
        }
        for count in [MAX_LEASE_ITEMS, MAX_LEASE_ITEMS + 1] {
            assert_eq!(list(&b"\x01a\0".repeat(count), false).unwrap().len(), MAX_LEASE_ITEMS);
        }
    }

    #[test]
    fn names_as_text() {
        for (text, wanted) in [
            ("host", Some("host")),
            ("a-1.Lab_2.example.", Some("a-1.Lab_2.example")),
            ("", None),
            (".", None),
            ("a..b", None),
            ("-a", None),
            ("a b", None),
            ("a;b", None),
            ("$(a)", None),
            ("a\0", None),
            ("ä", None),
        ] {
            assert_eq!(host_name(text.as_bytes()), wanted, "{text:?}");
        }
    }
}
