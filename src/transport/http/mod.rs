//! HTTP/1.1, the client's side (RFC 9110, RFC 9112): what a URL holds, whole and in memory.
//!
//! A [`Client`] asks again where the server or the connection failed, follows redirects, and keeps its last connection for the next
//! request to the same place. Everything is bounded: the head, the content, each wait, the number of tries and redirects, and the
//! time of it all, by the clock that never steps. Not there: TLS (an error that says so), proxies, cookies, compression (it is not asked for).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::{Cause, Error};
use crate::format::base64::Base64Writer;
use crate::format::mime;
use crate::host::stream::{Stream, write_all};
use crate::host::write::Buffer;
use crate::host::{Host, Level};
use crate::limits::{HTTP_TIMEOUT, MAX_HTTP_TIME, MAX_REDIRECTS, MAX_URL};
use crate::transport::dns::{self, Family};
use crate::transport::url::Url;

mod answer;
mod wire;

use answer::Answer;
use wire::Wire;

/// Our name in the log.
const AREA: &str = "http";
/// What servers are told that we are.
const AGENT: &str = concat!("User-Agent: wisp/", env!("CARGO_PKG_VERSION"), "\r\n");

/// One wait: for a connection, for the next bytes.
const WAIT: Duration = Duration::from_secs(HTTP_TIMEOUT);

/// Answers that pass: the server, or what stands before it, is not ready yet (contracts: OpenStack metadata service).
const NOT_READY: &[u16] = &[408, 429, 500, 502, 503, 504];
/// Answers that are found elsewhere.
const ELSEWHERE: &[u16] = &[301, 302, 303, 307, 308];

/// The operation of errors that say all in their cause, and will be there the next time as well.
const LASTING: &str = "use";
/// The operation of errors that say all in their cause, and may be gone the next time. Those of the connection, whatever their
/// operation, are so too.
const PASSING: &str = "wait for";

fn lasting(cause: impl Into<Cause>) -> Error {
    Error::new(LASTING, "", cause)
}

fn passing(cause: impl Into<Cause>) -> Error {
    Error::new(PASSING, "", cause)
}

/// Asks servers.
pub struct Client {
    retries: u32,
    /// One request in all.
    pub total: Duration,
    kept: Option<Wire>,
}

impl Client {
    /// One that tries so often after the first time.
    pub fn new(retries: u32) -> Self {
        Client { retries, total: Duration::from_secs(MAX_HTTP_TIME), kept: None }
    }

    /// What is at `url`, at most `max` bytes; `None`: nothing (404).
    ///
    /// # Errors
    /// "cannot fetch URL: why", the URL without user, password and query, as everything that is logged here.
    #[inline(never)]
    pub fn get(&mut self, host: &mut dyn Host, mut url: Url, max: u64) -> Result<Option<Vec<u8>>, Error> {
        const { assert!(MAX_REDIRECTS == 10, "the words below say 10") };
        let end = host.now().up + self.total;
        let (mut tries, mut redirects) = (0, 0);
        loop {
            let error = match self.once(host, &url, max, end) {
                Ok(Answer { status: 200, content, .. }) => return Ok(Some(content)),
                Ok(Answer { status: 404, .. }) => return Ok(None),
                Ok(Answer { status, location: Some(location), .. }) if ELSEWHERE.contains(&status) => {
                    redirects += 1;
                    match url.join(&location) {
                        _ if redirects > MAX_REDIRECTS => lasting("more than 10 redirects"),
                        Ok(()) => continue,
                        Err(cause) => lasting(format!("redirected: {cause}")),
                    }
                }
                Ok(Answer { status, .. }) => {
                    let operation = if NOT_READY.contains(&status) { PASSING } else { LASTING };
                    Error::new(operation, "", format!("the server answered with status {status}"))
                }
                Err(error) => error,
            };
            let wait = Duration::from_secs(1 << tries.min(5));
            let again = error.operation != LASTING && tries < self.retries && host.now().up + wait < end;
            let says_all = matches!(error.operation, LASTING | PASSING);
            let cause = if says_all { error.into_cause() } else { error.to_string().into() };
            let error = Error::new("fetch", url.shown(), cause);
            if !again {
                return Err(error);
            }
            tries += 1;
            host.log(Level::Info, AREA, &error);
            host.sleep(wait);
        }
    }

    /// One request, on the connection kept if it leads there.
    #[inline(never)]
    fn once(&mut self, host: &mut dyn Host, url: &Url, max: u64, end: Duration) -> Result<Answer, Error> {
        let request = request(url);
        let mut kept = self.kept.take().filter(|wire| wire.place.same_place(url));
        loop {
            let is_new = kept.is_none();
            let mut wire = match kept.take() {
                Some(wire) => wire,
                None => Wire::new(connect(host, url, end)?, url.clone()),
            };
            wire.end = end;
            match exchange(host, &mut wire, &request, max) {
                // The server closed it since the last request, as it may.
                Err(_) if !is_new && !wire.heard => {}
                done => {
                    if wire.reusable {
                        self.kept = Some(wire);
                    }
                    return done;
                }
            }
        }
    }
}

/// Sends the request and reads the answer.
#[inline(never)]
fn exchange(host: &mut dyn Host, wire: &mut Wire, request: &[u8], max: u64) -> Result<Answer, Error> {
    wire.heard = false;
    wire.reusable = false;
    let until = wire.until(host);
    // A server that refuses may close before it has read everything; what it said still counts.
    let sent = write_all(&mut *wire.stream, request, until);
    match Answer::read(host, wire, max) {
        Err(_) if sent.is_err() => Err(sent.unwrap_err()),
        answer => answer,
    }
}

/// Connects to the first address that lets us. IPv6 is looked up only where IPv4 did not help: a machine that has only that says
/// so at once, and many that have an address of each reach nothing by the second.
#[inline(never)]
fn connect(host: &mut dyn Host, url: &Url, end: Duration) -> Result<Box<dyn Stream>, Error> {
    let mut last = lasting("no such host name");
    for family in [Family::V4, Family::V6] {
        let literal = url.literal();
        let is_literal = literal.is_some();
        let peers = match literal {
            Some(peer) => Ok(vec![peer]),
            None => dns::resolve(host, &url.host, family, end),
        };
        match peers {
            Err(error) if last.operation == LASTING => last = error,
            Err(_) => {}
            Ok(peers) => {
                for mut peer in peers {
                    peer.port = url.port;
                    let until = end.min(host.now().up + WAIT);
                    match host.connect(&peer, until) {
                        Ok(stream) => return Ok(stream),
                        Err(error) => last = error,
                    }
                }
            }
        }
        if is_literal {
            break;
        }
    }
    Err(last)
}

#[inline(never)]
fn request(url: &Url) -> Vec<u8> {
    let mut text = format!("GET {} HTTP/1.1\r\nHost: {}\r\n{AGENT}Accept: */*\r\n", url.target, url.authority());
    if !url.user.is_empty() {
        text += "Authorization: Basic ";
        text += &credentials(&url.user);
        text += "\r\n";
    }
    text += "\r\n";
    text.into_bytes()
}

/// User and password as RFC 7617 wants them. Without a `:` the password is empty.
#[inline(never)]
fn credentials(user: &str) -> String {
    let mut plain = Vec::new();
    mime::percent_decoded(user.as_bytes(), &mut plain);
    if !user.contains(':') {
        plain.push(b':');
    }
    let mut encoded = Buffer::new(2 * MAX_URL);
    let mut writer = Base64Writer::new(&mut encoded, None);
    // The buffer has room for it: a URL has at most MAX_URL bytes.
    let _ = embedded_io::Write::write_all(&mut writer, &plain);
    let _ = writer.finish();
    String::from_utf8(encoded.bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests;
