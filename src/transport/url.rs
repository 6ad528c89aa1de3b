//! URLs of the scheme `http` (RFC 3986; RFC 9110 section 4.2; zones of link-local addresses: RFC 6874).

use alloc::format;
use alloc::string::String;

use crate::host::stream::{Peer, Transport};
use crate::limits::{MAX_HOST_NAME, MAX_URL};

/// The port of the scheme.
const PORT: u16 = 80;

/// Where something is. Nothing in it can end a line of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// User and password as they stand in the URL, percent-encoded, empty without them. A secret.
    pub user: String,
    /// A name, or an address without brackets, perhaps with `%ZONE`.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What is asked for: `/path?query`. The query may be a secret.
    pub target: String,
}

/// `text` behind `scheme` (in any case).
pub fn behind<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let head = text.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| &text[scheme.len()..])
}

/// A number in digits alone; `None`: it is none, or too large.
pub fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let add =
        |sum: u64, digit: &u8| sum.checked_mul(radix.into())?.checked_add(char::from(*digit).to_digit(radix)?.into());
    if digits.is_empty() { None } else { digits.iter().try_fold(0, add) }
}

/// Reads an absolute URL. What a path may not hold as it is (blanks, what is not ASCII) is percent-encoded.
///
/// # Errors
/// What was expected, in words that hold nothing of the URL.
pub fn parse(text: &str) -> Result<Url, &'static str> {
    const { assert!(MAX_URL == 4096, "the words below say 4096") };
    if text.len() > MAX_URL {
        return Err("a URL of more than 4096 bytes");
    }
    if behind(text, "https://").is_some() {
        return Err(
            "https is not supported: wisp has no TLS. Serve it over http on a network that is trusted, or put the \
                    content itself into the user-data",
        );
    }
    let rest = before(behind(text, "http://").ok_or("not a URL that begins with http://")?, b"#").0;
    let (authority, target) = before(rest, b"/?");
    let (user, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let is_address = place.starts_with('[');
    let (host, port) = if is_address { before(&place[1..], b"]") } else { before(place, b":") };
    let port = if is_address { port.strip_prefix(']').unwrap_or("x") } else { port };
    let host = host.split_once("%25").map_or_else(|| String::from(host), |(host, zone)| format!("{host}%{zone}"));
    let is_host = if is_address { Peer::parse(Transport::Tcp, &host, 0).is_some() } else { is_name(&host) };
    if !is_host {
        return Err("no host name or address in the URL");
    }
    let port = match port.as_bytes() {
        [] | [b':'] => PORT,
        [b':', port @ ..] => number(port, 10).and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
        _ => 0,
    };
    if port == 0 {
        return Err("no port number from 1 to 65535 behind the host of the URL");
    }
    let slash = if target.starts_with('/') { "" } else { "/" };
    Ok(Url { user: user.into(), host, port, target: encoded(slash, target) })
}

/// Splits before the first of these bytes.
fn before<'a>(text: &'a str, ends: &[u8]) -> (&'a str, &'a str) {
    text.split_at(text.bytes().position(|byte| ends.contains(&byte)).unwrap_or(text.len()))
}

fn is_name(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !host.is_empty() && host.len() <= MAX_HOST_NAME + 1 && host.bytes().all(plain)
}

/// `kept` and, behind it, `text` with every byte that a request line cannot hold as `%XX`.
fn encoded(kept: &str, text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::from(kept);
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            out.push(byte.into());
        } else {
            out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]].map(char::from));
        }
    }
    out
}

impl Url {
    /// The peer, if the host is an address.
    pub fn literal(&self) -> Option<Peer> {
        Peer::parse(Transport::Tcp, &self.host, self.port)
    }

    /// `HOST[:PORT]` as a request says it: without a zone, which means nothing elsewhere.
    pub fn authority(&self) -> String {
        let host = before(&self.host, b"%").0;
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        let mut text = format!("{open}{host}{close}:{}", self.port);
        if self.port == PORT {
            text.truncate(text.len() - ":80".len());
        }
        text
    }

    /// True if both are served at the same place.
    pub fn same_place(&self, other: &Url) -> bool {
        self.port == other.port && self.host.eq_ignore_ascii_case(&other.host)
    }

    /// For people and logs: without user, password and query.
    pub fn shown(&self) -> String {
        let (path, query) = before(&self.target, b"?");
        format!("http://{}{path}{}", self.authority(), if query.is_empty() { "" } else { "?…" })
    }

    /// Follows a redirect: to an absolute URL, or what stands in one behind the host or the last `/`. User and password go along
    /// to the same place only.
    ///
    /// # Errors
    /// As [`parse`]; the URL is as it was.
    #[inline(never)]
    pub fn join(&mut self, location: &str) -> Result<(), &'static str> {
        let (location, _) = before(location, b"#");
        let (_, rest) = before(location, b":/?");
        if rest.starts_with(':') || location.starts_with("//") {
            let mut url = parse(location)?;
            if url.user.is_empty() && url.same_place(self) {
                url.user = core::mem::take(&mut self.user);
            }
            *self = url;
            return Ok(());
        }
        let (path, _) = before(&self.target, b"?");
        let kept = match location.bytes().next() {
            Some(b'/') => "",
            Some(b'?') | None => path,
            _ => &path[..=path.rfind('/').unwrap_or(0)],
        };
        let target = encoded(kept, location);
        if target.len() > MAX_URL {
            return Err("a URL of more than 4096 bytes");
        }
        self.target = target;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn the_pieces_of_a_url() {
        for (text, user, host, port, target) in [
            ("http://host", "", "host", 80, "/"),
            ("HTTP://Host.example./a/b?c=d#e", "", "Host.example.", 80, "/a/b?c=d"),
            ("http://host?q", "", "host", 80, "/?q"),
            ("http://host#f", "", "host", 80, "/"),
            ("http://host:8080/", "", "host", 8080, "/"),
            ("http://host:/x", "", "host", 80, "/x"),
            ("http://us:p%40s@host/x@y", "us:p%40s", "host", 80, "/x@y"),
            ("http://a@b@host/", "a@b", "host", 80, "/"),
            ("http://192.0.2.1:81/x", "", "192.0.2.1", 81, "/x"),
            ("http://[2001:db8::1]/x", "", "2001:db8::1", 80, "/x"),
            ("http://[fe80::a9fe:a9fe%25eth0]:82/x", "", "fe80::a9fe:a9fe%eth0", 82, "/x"),
            ("http://[fe80::1%eth0]/", "", "fe80::1%eth0", 80, "/"),
            ("http://host/a b\r\nX: y/ü", "", "host", 80, "/a%20b%0D%0AX:%20y/%C3%BC"),
        ] {
            let wanted = Url { user: user.into(), host: host.into(), port, target: target.into() };
            assert_eq!(parse(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_told_without_it() {
        let long = format!("http://h/{}", "x".repeat(MAX_URL - 9));
        assert!(parse(&long).is_ok());
        for (text, wanted) in [
            (format!("{long}x"), "a URL of more than 4096 bytes"),
            ("HTTPS://h/".into(), "wisp has no TLS"),
            ("ftp://h/".into(), "not a URL that begins with http://"),
            ("secret".into(), "not a URL that begins with http://"),
            ("ü".into(), "not a URL that begins with http://"),
            ("http://".into(), "no host name or address"),
            ("http://:80/".into(), "no host name or address"),
            ("http://ho st/".into(), "no host name or address"),
            ("http://ho\nst/".into(), "no host name or address"),
            ("http://hö/".into(), "no host name or address"),
            ("http://[::1/".into(), "no port number"),
            ("http://[host]/".into(), "no host name or address"),
            ("http://host:0/".into(), "no port number"),
            ("http://host:65536/".into(), "no port number"),
            ("http://host:x/".into(), "no port number"),
            ("http://[::1]80/".into(), "no port number"),
        ] {
            let told = parse(&text).unwrap_err();
            assert!(told.contains(wanted) && !told.contains("secret"), "{text}: {told}");
        }
    }

    #[test]
    fn requests_and_people_see_what_is_for_them() {
        for (text, authority, shown) in [
            ("http://u:p@host:8080/a?token=x", "host:8080", "http://host:8080/a?…"),
            ("http://[fe80::1%25eth0]/", "[fe80::1]", "http://[fe80::1]/"),
            ("http://host", "host", "http://host/"),
        ] {
            let url = parse(text).unwrap();
            assert_eq!((url.authority().as_str(), url.shown().as_str()), (authority, shown), "{text}");
        }
    }

    #[test]
    fn numbers_are_digits() {
        for (text, radix, wanted) in [
            ("0", 10, Some(0)),
            ("007", 10, Some(7)),
            ("fF", 16, Some(255)),
            ("18446744073709551615", 10, Some(u64::MAX)),
            ("18446744073709551616", 10, None),
            ("ff", 10, None),
            ("+1", 10, None),
            ("-1", 10, None),
            (" 1", 10, None),
            ("", 10, None),
        ] {
            assert_eq!(number(text.as_bytes(), radix), wanted, "{text:?}");
        }
    }

    #[test]
    fn redirects_are_joined() {
        let base = parse("http://u:p@host:8080/a/b?c").unwrap();
        let joined = |location: &str| {
            let mut url = base.clone();
            url.join(location).map(|()| url)
        };
        let shown =
            |location: &str| joined(location).map(|url| (url.user, format!("{}:{}{}", url.host, url.port, url.target)));
        let rows: Vec<(&str, &str, &str)> = vec![
            ("http://other/x", "", "other:80/x"),
            ("http://HOST:8080/x", "u:p", "HOST:8080/x"),
            ("http://host/x", "", "host:80/x"),
            ("http://v@host:8080/x", "v", "host:8080/x"),
            ("/x?y#z", "u:p", "host:8080/x?y"),
            ("x", "u:p", "host:8080/a/x"),
            ("?d", "u:p", "host:8080/a/b?d"),
            ("", "u:p", "host:8080/a/b"),
            ("/x y\r\n", "u:p", "host:8080/x%20y%0D%0A"),
        ];
        for (location, user, wanted) in rows {
            assert_eq!(shown(location), Ok((user.into(), wanted.into())), "{location}");
        }
        assert!(joined("https://host/").unwrap_err().contains("no TLS"));
        assert!(joined("ftp://host/").is_err());
        assert!(joined("//other/x").is_err());
        assert!(joined(&"x".repeat(MAX_URL)).is_err());
    }
}
