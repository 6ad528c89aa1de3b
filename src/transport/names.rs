//! Domain names as other machines send them (RFC 1035 section 3.1): in labels with their lengths, or as text.

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::{MAX_HOST_NAME, MAX_LEASE_ITEMS};

/// The longest part of a name between dots (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

/// A host or domain name in text, without the dot at its end or the NULs that some servers add. `None`: it is none that is safe to
/// hand on; what a server says ends in files and in the environment of scripts.
#[inline(never)]
pub fn host_name(mut text: &[u8]) -> Option<String> {
    while let [rest @ .., 0] = text {
        text = rest;
    }
    let text = text.strip_suffix(b".").unwrap_or(text);
    let good = |label: &[u8]| {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=MAX_LABEL).contains(&label.len()) && label[0] != b'-' && label.iter().all(is_plain)
    };
    let is_name = text.len() <= MAX_HOST_NAME && text.split(|byte| *byte == b'.').all(good);
    is_name.then(|| String::from_utf8(text.to_vec()).unwrap_or_default())
}

/// The names of a text with blanks between them, up to the first that is none.
pub fn words(text: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for word in text.split(|byte| *byte == b' ') {
        match host_name(word) {
            Some(name) if names.len() < MAX_LEASE_ITEMS => names.push(name),
            _ => break,
        }
    }
    names
}

/// The names of a list, the first [`MAX_LEASE_ITEMS`] of them; none where it is broken, or has one that [`host_name`] does not take.
/// Where `compressed`, the rest of one may be a pointer to what stands before it in the list (RFC 3397 section 2).
#[inline(never)]
pub fn list(data: &[u8], compressed: bool) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < data.len() && names.len() < MAX_LEASE_ITEMS {
        let mut name = Vec::new();
        let end = one(data, at, compressed, &mut name);
        match (end, host_name(&name)) {
            (Some(end), Some(name)) => {
                names.push(name);
                at = end;
            }
            // The root alone: nothing to search.
            (Some(end), None) if name.is_empty() => at = end,
            _ => return Vec::new(),
        }
    }
    names
}

/// Reads the name at `start`; where the next one begins.
fn one(data: &[u8], start: usize, compressed: bool, name: &mut Vec<u8>) -> Option<usize> {
    let (mut at, mut end) = (start, None);
    // Where the piece that is read begins: a pointer leads to an earlier one, so that following them comes to an end.
    let mut piece = start;
    loop {
        let length = usize::from(*data.get(at)?);
        at += 1;
        match length {
            0 => return Some(end.unwrap_or(at)),
            1..=MAX_LABEL if name.len() <= MAX_HOST_NAME => {
                name.extend_from_slice(data.get(at..at + length)?);
                name.push(b'.');
                at += length;
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
            ("the RFC's", &rfc[..], vec!["eng.apple.com", "marketing.apple.com"]),
            ("nothing", b"", vec![]),
            ("the root", b"\0", vec![]),
            ("a pointer to a pointer", b"\x01a\0\x01b\xc0\0\x01c\xc0\x03", vec!["a", "b.a", "c.b.a"]),
            ("a pointer alone", b"\x01a\0\xc0\0", vec!["a", "a"]),
            ("to itself", b"\xc0\0", vec![]),
            ("to its own begin", b"\x01a\xc0\0", vec![]),
            ("forward", b"\xc0\x02\x01a\0", vec![]),
            ("round", b"\x01a\xc0\x04\x01b\xc0\0", vec![]),
            ("half a pointer", b"\x01a\0\xc0", vec![]),
            ("no end", b"\x01a", vec![]),
            ("a label cut off", b"\x02a", vec![]),
            ("a reserved length", b"\x40a\0", vec![]),
            ("a blank", b"\x03a b\0", vec![]),
            ("a quote", b"\x03a\"b\0", vec![]),
            ("a dot", b"\x03a.b\0", vec!["a.b"]),
        ] {
            assert_eq!(list(data, true), wanted, "{what}");
        }
        assert_eq!(list(rfc, false), [""; 0], "no compression");
        assert_eq!(list(&rfc[..15], false), ["eng.apple.com"]);
    }

    #[test]
    fn the_longest_name_and_so_many_of_them() {
        let label = |length: usize| [&[length as u8][..], &vec![b'x'; length]].concat();
        for (last, fits) in [(61, true), (62, false)] {
            let data = [label(63), label(63), label(63), label(last), vec![0]].concat();
            assert_eq!(list(&data, false).first().map(String::len), fits.then_some(MAX_HOST_NAME), "{last}");
        }
        for count in [MAX_LEASE_ITEMS, MAX_LEASE_ITEMS + 1] {
            assert_eq!(words("a ".repeat(count).as_bytes()).len(), MAX_LEASE_ITEMS);
            assert_eq!(list(&b"\x01a\0".repeat(count), false).len(), MAX_LEASE_ITEMS);
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
            ("a.\0\0", Some("a")),
            ("a\0b", None),
            ("\0", None),
            ("ä", None),
        ] {
            assert_eq!(host_name(text.as_bytes()).as_deref(), wanted, "{text:?}");
        }
    }
}
