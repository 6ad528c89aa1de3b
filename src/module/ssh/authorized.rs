//! Lines of authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT), and putting keys among those that are there.

use alloc::string::String;
use alloc::vec::Vec;

/// A line with a key in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// `from="…",no-pty`; empty if there are none.
    pub options: &'a str,
    /// Type, key and comment.
    pub rest: &'a str,
    /// The key alone: what tells two of them apart.
    pub base64: &'a str,
}

impl<'a> Key<'a> {
    /// Reads one line; `None` if no public key stands in it.
    pub fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        Self::bare(line, "").or_else(|| {
            let (options, rest) = line.split_at(options_end(line));
            Self::bare(rest.trim_start(), options)
        })
    }

    fn bare(rest: &'a str, options: &'a str) -> Option<Self> {
        let mut words = rest.split_whitespace();
        let (kind, base64) = (words.next()?, words.next()?);
        is_type(kind).then_some(Key { options, rest, base64 })
    }

    /// Adds the line; `prefix` takes the place of the key's own options, unless it is empty.
    fn write(&self, prefix: &str, out: &mut Vec<u8>) {
        let options = if prefix.is_empty() { self.options } else { prefix };
        for text in [options, if options.is_empty() { "" } else { " " }, self.rest, "\n"] {
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// A key type by its form, so that those to come are known too.
fn is_type(word: &str) -> bool {
    const SHORT: &[&str] = &["dsa", "rsa", "ecdsa", "ed25519"];
    const LONG: &[&str] = &["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-", "webauthn-sk-"];
    let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-@.".contains(&byte));
    SHORT.contains(&word) || (plain && LONG.iter().any(|start| word.starts_with(start)))
}

/// Where the options end: at the first blank outside of double quotes.
fn options_end(line: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'"' if !escaped => quoted = !quoted,
            b' ' | b'\t' if !quoted => return at,
            _ => {}
        }
        escaped = byte == b'\\' && !escaped;
    }
    line.len()
}

/// The file with these keys in it. A line with the same key gets our form of it, and a second such line goes; all other lines stay as
/// and where they are; keys that were not there come last, in their order.
pub fn merge(old: &[u8], keys: &[Key<'_>], prefix: &str) -> Vec<u8> {
    let mut placed = alloc::vec![false; keys.len()];
    let mut new = Vec::with_capacity(old.len() + 512);
    for line in old.split_inclusive(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        let ours = Key::parse(&text).and_then(|key| keys.iter().position(|our| our.base64 == key.base64));
        match ours {
            None => new.extend_from_slice(line),
            Some(at) if !placed[at] => {
                keys[at].write(prefix, &mut new);
                placed[at] = true;
            }
            Some(_) => {}
        }
    }
    if new.last().is_some_and(|last| *last != b'\n') {
        new.push(b'\n');
    }
    for (key, _) in keys.iter().zip(placed).filter(|(_, placed)| !placed) {
        key.write(prefix, &mut new);
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (line, wanted) in [
            ("ssh-rsa AAAA me@here", Some(("", "ssh-rsa AAAA me@here", "AAAA"))),
            ("  ssh-ed25519 AAAB\r\n", Some(("", "ssh-ed25519 AAAB", "AAAB"))),
            (
                r#"from="10.0.0.1,a b",command="echo \"x y\"" ecdsa-sha2-nistp256 AAAC c"#,
                Some((r#"from="10.0.0.1,a b",command="echo \"x y\"""#, "ecdsa-sha2-nistp256 AAAC c", "AAAC")),
            ),
            ("sk-ssh-ed25519@openssh.com AAAD", Some(("", "sk-ssh-ed25519@openssh.com AAAD", "AAAD"))),
            ("ssh_key_1", None),
            ("ssh-rsa", None),
            ("# ssh-rsa AAAA", None),
            ("no-pty words here", None),
            ("", None),
        ] {
            let got = Key::parse(line).map(|key| (key.options, key.rest, key.base64));
            assert_eq!(got, wanted, "{line:?}");
        }
    }

    #[test]
    fn merging_keeps_what_is_foreign() {
        let keys: Vec<Key<'_>> =
            ["ssh-rsa AAA1 new", "no-pty ssh-rsa AAA2 two"].into_iter().filter_map(Key::parse).collect();
        for (old, prefix, wanted) in [
            ("", "", "ssh-rsa AAA1 new\nno-pty ssh-rsa AAA2 two\n"),
            (
                "# mine\nssh-rsa BBB me\nfrom=\"x\" ssh-rsa AAA1 old\nssh-rsa AAA1 twice",
                "",
                "# mine\nssh-rsa BBB me\nssh-rsa AAA1 new\nno-pty ssh-rsa AAA2 two\n",
            ),
            ("ssh-rsa BBB no newline", "x", "ssh-rsa BBB no newline\nx ssh-rsa AAA1 new\nx ssh-rsa AAA2 two\n"),
        ] {
            let new = merge(old.as_bytes(), &keys, prefix);
            assert_eq!(String::from_utf8_lossy(&new), wanted, "{old:?}");
            assert_eq!(merge(&new, &keys, prefix), new, "a second time changes nothing");
        }
        assert!(merge(b"\xff\n", &keys, "").starts_with(b"\xff\n"));
    }
}
