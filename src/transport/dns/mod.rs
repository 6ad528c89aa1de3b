//! Host names to addresses: hosts(5), then the name servers of resolv.conf(5), over UDP. Of an answer that does not fit into a
//! datagram the addresses that did are used; where none did, it is an error. (The C library's resolver is several times larger, and measures its waits with the clock that steps.)
//!
//! Honoured of resolv.conf: `nameserver`, `search`, `domain`, and of `options` `ndots`, `timeout`, `attempts`. Nothing is cached.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use crate::error::{Errno, Error};
use crate::gather::Gather;
use crate::host::Host;
use crate::host::stream::{Peer, Transport, write_all};
use crate::host::write::read_file;
use crate::limits::{MAX_DNS_ANSWER, MAX_NAME_SERVERS, MAX_SEARCH_DOMAINS, MAX_STATE_FILE};
use crate::paths::{HOSTS, RESOLV_CONF};
use crate::transport::url::number;

mod message;

pub use message::Family;
use message::Reply;

const PORT: u16 = 53;

/// The addresses of `name`, for a TCP port that the caller fills in; none: it has none of this family, or there is no such name. Ends when the clock that never steps shows `until`.
///
/// # Errors
/// No name server said anything of use.
#[inline(never)]
pub fn resolve(host: &mut dyn Host, name: &str, family: Family, until: Duration) -> Result<Vec<Peer>, Error> {
    let mut found = Vec::new();
    let plain = name.strip_suffix('.').unwrap_or(name);
    each_line(host, HOSTS, &mut |words| {
        let [address, names @ ..] = words else { return };
        if names.iter().any(|word| word.eq_ignore_ascii_case(plain))
            && let Some(peer) = Peer::parse(Transport::Tcp, address, 0)
            && family.has(peer.address)
        {
            found.push(peer);
        }
    });
    if !found.is_empty() {
        return Ok(found);
    }
    let conf = Conf::load(host);
    let dots = name.bytes().filter(|byte| *byte == b'.').count() as u64;
    let domains = if name.ends_with('.') { &[] } else { &conf.search[..] };
    // Where the name as it is stands among the names tried.
    let own = if dots >= conf.ndots { 0 } else { domains.len() };
    for at in 0..=domains.len() {
        let full = match at {
            at if at == own => name.to_string(),
            at => format!("{name}.{}", domains[at - usize::from(at > own)]),
        };
        found = conf.ask(host, &full, family, until)?;
        if !found.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// Hands on the words of each line of a file, without its comment. A file that cannot be read has no lines.
fn each_line(host: &mut dyn Host, path: &str, each: &mut dyn FnMut(&[&str])) {
    let text = read_file(host.files(), path, MAX_STATE_FILE).ok().flatten().unwrap_or_default();
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.split(|byte| matches!(byte, b'#' | b';')).next().unwrap_or_default();
        each(&core::str::from_utf8(line).unwrap_or_default().split_ascii_whitespace().gather());
    }
}

/// resolv.conf(5).
struct Conf {
    servers: Vec<Peer>,
    search: Vec<String>,
    /// A name with at least so many dots is tried as it is before the search domains.
    ndots: u64,
    /// Waiting for one answer, seconds.
    timeout: u64,
    /// Rounds over all servers.
    attempts: u64,
}

impl Conf {
    #[inline(never)]
    fn load(host: &mut dyn Host) -> Self {
        // The man page's numbers; further down the C library's bounds.
        let mut conf = Conf { servers: Vec::new(), search: Vec::new(), ndots: 1, timeout: 5, attempts: 2 };
        each_line(host, RESOLV_CONF, &mut |words| match words {
            ["nameserver", address, ..] if conf.servers.len() < MAX_NAME_SERVERS => {
                if let Some(server) = Peer::parse(Transport::Udp, address, PORT) {
                    conf.servers.push(server);
                }
            }
            // The last one counts.
            ["search" | "domain", domains @ ..] => {
                conf.search = domains.iter().take(MAX_SEARCH_DOMAINS).map(ToString::to_string).gather();
            }
            ["options", options @ ..] => {
                for (name, value) in options.iter().filter_map(|option| option.split_once(':')) {
                    let number = |low, high| number(value.as_bytes(), 10).unwrap_or(high).clamp(low, high);
                    match name {
                        "ndots" => conf.ndots = number(0, 15),
                        "timeout" => conf.timeout = number(1, 30),
                        "attempts" => conf.attempts = number(1, 5),
                        _ => {}
                    }
                }
            }
            _ => {}
        });
        if conf.servers.is_empty() {
            conf.servers.extend(Peer::parse(Transport::Udp, "127.0.0.1", PORT));
        }
        conf
    }

    /// Asks one server after the other.
    #[inline(never)]
    fn ask(&self, host: &mut dyn Host, name: &str, family: Family, until: Duration) -> Result<Vec<Peer>, Error> {
        let mut id = [0; 2];
        host.random(&mut id)?;
        let Some(question) = message::question(u16::from_be_bytes(id), name, family) else {
            return Ok(Vec::new());
        };
        let mut last = None;
        for at in 0..self.attempts as usize * self.servers.len() {
            let server = &self.servers[at % self.servers.len()];
            let now = host.now().up;
            if now >= until && last.is_some() {
                break;
            }
            let until = until.min(now + Duration::from_secs(self.timeout));
            last = Some(match exchange(host, server, &question, until) {
                Ok(Reply::Addresses(addresses)) => return Ok(addresses),
                Ok(Reply::Truncated) => "the answer does not fit into a datagram".into(),
                Ok(Reply::Failed(code)) => format!("{server} answered with code {code}"),
                Err(error) => error.to_string(),
            });
        }
        Err(Error::new("look up", name, last.unwrap_or_default()))
    }
}

/// One question and its answer.
#[inline(never)]
fn exchange(host: &mut dyn Host, server: &Peer, question: &[u8], until: Duration) -> Result<Reply, Error> {
    let mut stream = host.connect(server, until)?;
    write_all(&mut *stream, question, until)?;
    let mut buffer = [0; MAX_DNS_ANSWER];
    loop {
        let count = stream.read(&mut buffer, until)?;
        if let Some(reply) = message::answer(question, &buffer[..count]) {
            return Ok(reply);
        }
        // Whatever else came: what was asked for may follow. Each read has the same end, but need not wait for it: a
        // server that never stops talking nonsense ends here.
        if host.now().up >= until {
            return Err(Error::new("read from", server.to_string(), Errno::TIMEDOUT));
        }
    }
}

#[cfg(test)]
mod tests;
