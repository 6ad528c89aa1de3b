//! `#include` and `#include-once`: lines of URLs, each of which is user-data again.
//!
//! A line is `http://…`, `file:///PATH` or `/PATH`; blank lines and those that begin with `#` say nothing. A line may begin with
//! `#include` or `#include-once` itself, also with an URL behind it on the same line; what it says of "once" holds until another
//! line says otherwise. What `#include-once` fetched is kept in the instance's directory and not fetched again for this instance. Header
//! fields of the part that includes (`Merge-Type`, `Launch-Index`) say nothing of what is included, as in cloud-init.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::part::Part;
use crate::error::{Cause, Errno, Error};
use crate::host::write::{read_file, write_file};
use crate::host::{Create, Host, Level};
use crate::instance::DsMode;
use crate::limits::{HTTP_RETRIES, MAX_HTTP_TIME, MAX_INCLUDE_TIME};
use crate::transport::http::Client;
use crate::transport::url;

/// The type of a part that includes.
const INCLUDE: &str = "text/x-include-url";
/// The type of one whose URLs are fetched once an instance.
const ONCE: &str = "text/x-include-once-url";
/// Below the instance's directory (contracts: `urlcache`).
pub const CACHE: &str = "data/urlcache";

/// One URL of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its line, from 1.
    pub number: usize,
    /// As it stands there.
    pub url: String,
    /// What is fetched is kept.
    pub once: bool,
}

/// Fetches what a line names, at most so many bytes; the text is for people: the line's place.
pub type Fetch<'a> = dyn FnMut(&Line, &str, u64) -> Result<Vec<u8>, Error> + 'a;

/// True for parts of this kind.
pub fn includes(part: &Part) -> bool {
    part.content_type == INCLUDE || part.content_type == ONCE
}

/// The lines that name something.
pub fn lines(part: &Part) -> Vec<Line> {
    let mut once = part.content_type == ONCE;
    let mut found = Vec::new();
    let text = String::from_utf8_lossy(&part.text);
    for (at, line) in text.lines().enumerate() {
        let mut line = line.trim();
        for (word, means_once) in [("#include-once", true), ("#include", false)] {
            if let Some(rest) = url::behind(line, word) {
                (line, once) = (rest.trim_start(), means_once);
                break;
            }
        }
        if !line.is_empty() && !line.starts_with('#') {
            found.push(Line { number: at + 1, url: line.into(), once });
        }
    }
    found
}

/// Fetches for one user-data, all of it within [`MAX_INCLUDE_TIME`].
pub struct Fetcher<'a> {
    host: &'a mut dyn Host,
    client: Client,
    /// Where content is kept that is fetched once.
    cache: String,
    /// The instance's data is read before anybody has set up the network.
    early: bool,
    end: Duration,
}

impl<'a> Fetcher<'a> {
    /// For an instance of this mode that keeps content in the directory `cache`. Before the network nothing is tried twice.
    pub fn new(host: &'a mut dyn Host, cache: String, mode: DsMode) -> Self {
        let early = mode == DsMode::Local;
        let client = Client::new(if early { 0 } else { HTTP_RETRIES });
        let end = host.now().up + Duration::from_secs(MAX_INCLUDE_TIME);
        Fetcher { host, client, cache, early, end }
    }

    /// [`Fetch`].
    ///
    /// # Errors
    /// It cannot be fetched or read. The URL is named without user, password and query.
    #[inline(never)]
    pub fn fetch(&mut self, line: &Line, place: &str, max: u64) -> Result<Vec<u8>, Error> {
        let path = url::behind(&line.url, "file://").unwrap_or(&line.url);
        if path.starts_with('/') {
            let found = read_file(self.host.files(), path, max)
                .and_then(|found| found.ok_or_else(|| Error::new("read", path, Errno::NOENT)));
            return found.map_err(|error| located(error, place));
        }
        let kept = format!("{}/{:016x}", self.cache, hash(line.url.as_bytes()));
        if line.once
            && let Some(content) = read_file(self.host.files(), &kept, max)?
        {
            self.host.log(Level::Debug, super::AREA, &format_args!("{place}: {kept} has it from an earlier boot"));
            return Ok(content);
        }
        let content = self.download(&line.url, place, max)?;
        if line.once
            && let Err(error) = self.keep(&kept, &content)
        {
            self.host.log(Level::Warning, super::AREA, &format_args!("{error}; it is used all the same"));
        }
        Ok(content)
    }

    /// On disk before it is used: what may be had only once must not be lost with the power.
    fn keep(&mut self, path: &str, content: &[u8]) -> Result<(), Error> {
        self.host.files().make_dir(&self.cache, 0o700)?;
        write_file(self.host.files(), path, &Create::mode(0o600).durable(), content)
    }

    #[inline(never)]
    fn download(&mut self, text: &str, place: &str, max: u64) -> Result<Vec<u8>, Error> {
        let failed = |cause: &'static str| Error::new("fetch", place, cause);
        if url::behind(text, "http").is_none() {
            return Err(failed("expected http://HOST/PATH, file:///PATH or /PATH"));
        }
        let url = url::parse(text).map_err(failed)?;
        let shown = url.shown();
        if !self.host.may_connect(&format_args!("fetch {shown} ({place})")) {
            return Ok(Vec::new());
        }
        let left = self.end.saturating_sub(self.host.now().up);
        self.client.total = left.min(Duration::from_secs(MAX_HTTP_TIME));
        let cause: Cause = if left.is_zero() {
            format!("all includes together have taken more than {MAX_INCLUDE_TIME} seconds").into()
        } else {
            match self.client.get(self.host, url, max) {
                Ok(Some(content)) => return Ok(content),
                Ok(None) => "the server answered with status 404: there is no such thing".into(),
                Err(error) if self.early => {
                    let why = error.into_cause();
                    format!("{why} (this instance's data is read before the network is up: dsmode is local)").into()
                }
                Err(error) => error.into_cause(),
            }
        };
        Err(located(Error::new("fetch", shown, cause), place))
    }
}

fn located(error: Error, place: &str) -> Error {
    let object = format!("{} ({place})", error.object);
    error.on(object)
}

/// FNV-1a, 64 bits (the reference's constants): a name for the file that a URL is kept in. A URL may be longer than a file name, and
/// may hold a secret. (cloud-init's name is an MD5, and nothing but it reads the file.)
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_name_something() {
        let line = |number, url: &str, once| Line { number, url: url.into(), once };
        for (content_type, text, wanted) in [
            (
                INCLUDE,
                "#include\nhttp://a/\n\n# words\n  # more\n\thttp://b/ \r\n/c\n",
                &[line(2, "http://a/", false), line(6, "http://b/", false), line(7, "/c", false)][..],
            ),
            (
                INCLUDE,
                "#include http://a/\n#INCLUDE-once http://b/\nhttp://c/\n#include\nd",
                &[
                    line(1, "http://a/", false),
                    line(2, "http://b/", true),
                    line(3, "http://c/", true),
                    line(5, "d", false),
                ],
            ),
            (
                INCLUDE,
                "http://a/\n#include-once\nhttp://b/\n",
                &[line(1, "http://a/", false), line(3, "http://b/", true)],
            ),
            (ONCE, "http://a/\n#include http://b/\n", &[line(1, "http://a/", true), line(2, "http://b/", false)]),
            (INCLUDE, "#include\n#include-once\n#includes\n", &[line(3, "s", false)]),
            (INCLUDE, "", &[]),
        ] {
            let part = Part { content_type: content_type.into(), text: text.into(), ..Part::default() };
            assert_eq!(lines(&part), wanted, "{text:?}");
        }
    }

    #[test]
    fn names_are_those_of_the_reference() {
        for (text, wanted) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(hash(text.as_bytes()), wanted, "{text}");
        }
    }
}
