//! The client of RFC 2131 section 4.4 as a machine: it is told the time and what came, and says what to send and when.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::time::Duration;

use super::lease::Lease;
use super::message::{self, Ethernet, Message, Outgoing, kind};
use crate::host::packets::DHCP4_PORTS;
use crate::transport::exchange::Asker;
use crate::transport::udp;

/// Who asks, and for what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The host's name, for the server; empty: none.
    pub host_name: &'a str,
    /// The client identifier with its type in front (RFC 2132 section 9.14), at most 255 bytes; empty: the hardware address.
    pub client_id: &'a [u8],
    /// An address that this host had; asked for first, where it may be that of another network (INIT-REBOOT).
    pub previous: Option<Ipv4Addr>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Any server for any address (INIT, SELECTING).
    Discover,
    /// A server for what it offered (REQUESTING).
    Request,
    /// Any server for an address that we had (REBOOTING).
    Reboot,
    /// For more time (RENEWING, REBINDING).
    Renew,
}

/// How often the same thing is asked before all begins anew.
const TRIES: u32 = 4;
/// Between the first two messages, seconds; then twice as long so often, until 64 (RFC 2131 section 4.1).
const MIN_WAIT: u32 = 4;
const MAX_DOUBLINGS: u32 = 4;
/// Each wait is so much longer or shorter, milliseconds.
const JITTER: u32 = 1_000;
/// Between two requests for more time (RFC 2131 section 4.4.5).
const MIN_RENEW_WAIT: Duration = Duration::from_secs(60);

/// A client in one exchange.
pub struct Client<'a> {
    /// What it got.
    pub lease: Option<Box<Lease>>,
    /// The server refused what we asked to keep.
    pub refused: bool,
    mac: Ethernet,
    options: Options<'a>,
    phase: Phase,
    transaction: u32,
    began: Option<Duration>,
    /// When what we ask for is of no use any more.
    end: Duration,
    /// When the last message was sent: a lease counts from there.
    sent: Duration,
    seconds: u16,
    due: Duration,
    tries: u32,
    refusals: u32,
    address: Ipv4Addr,
    /// The one that we deal with; `None`: all.
    server: Option<Ipv4Addr>,
}

impl<'a> Client<'a> {
    /// Asks for an address, over [`crate::host::packets::Channel::Raw`].
    pub fn new(mac: Ethernet, options: Options<'a>) -> Self {
        Client {
            lease: None,
            refused: false,
            mac,
            options,
            phase: if options.previous.is_some() { Phase::Reboot } else { Phase::Discover },
            transaction: 0,
            began: None,
            end: Duration::MAX,
            sent: Duration::ZERO,
            seconds: 0,
            due: Duration::ZERO,
            tries: 0,
            refusals: 0,
            address: options.previous.unwrap_or(Ipv4Addr::UNSPECIFIED),
            server: None,
        }
    }

    /// Asks for more time for an address, over [`crate::host::packets::Channel::Udp4`], until `end`: its server, or `None` of any.
    pub fn renewing(
        mac: Ethernet,
        options: Options<'a>,
        lease: &Lease,
        server: Option<Ipv4Addr>,
        end: Duration,
    ) -> Self {
        Client { phase: Phase::Renew, address: lease.address, server, end, ..Client::new(mac, options) }
    }

    /// The message that gives a lease back.
    pub fn release(mac: Ethernet, lease: &Lease, random: u32) -> Vec<u8> {
        let mut client = Client::renewing(mac, Options::default(), lease, None, Duration::MAX);
        client.transaction = random;
        message::write(&Outgoing { server: Some(lease.server), ..client.message(kind::RELEASE) })
    }

    fn message(&self, kind: u8) -> Outgoing<'a> {
        Outgoing {
            kind,
            transaction: self.transaction,
            seconds: self.seconds,
            // We hear what is sent to our hardware address; not every server, and not every virtual switch, can send that to a host
            // without an address.
            broadcast: !self.is_bound() && self.tries % 2 == 1,
            mac: self.mac,
            client_id: self.options.client_id,
            host_name: self.options.host_name,
            address: if self.is_bound() { self.address } else { Ipv4Addr::UNSPECIFIED },
            requested: None,
            server: None,
        }
    }

    fn is_bound(&self) -> bool {
        self.phase == Phase::Renew
    }

    fn enter(&mut self, phase: Phase, due: Duration) {
        (self.phase, self.due, self.tries) = (phase, due, 0);
    }

    /// Begins anew; at once, but one server that refuses again and again is not asked without pauses.
    fn restart(&mut self) {
        let wait = if self.refusals == 0 { Duration::ZERO } else { backoff(self.refusals - 1, self.transaction) };
        self.refusals += 1;
        self.server = None;
        self.enter(Phase::Discover, self.sent + wait);
    }

    /// Takes what an offer or an acknowledgement gives.
    fn take(&mut self, message: &Message, sender: Ipv4Addr) -> Option<bool> {
        let lease = message.lease(sender, self.sent)?;
        if self.phase == Phase::Discover {
            (self.address, self.server) = (lease.address, Some(lease.server));
            self.enter(Phase::Request, Duration::ZERO);
            return Some(false);
        }
        self.lease = Some(Box::new(lease));
        Some(true)
    }
}

/// Twice as long with each try, with its jitter (RFC 2131 section 4.1).
#[inline(never)]
fn backoff(tries: u32, random: u32) -> Duration {
    let seconds = MIN_WAIT << tries.min(MAX_DOUBLINGS);
    Duration::from_millis((seconds * 1_000 - JITTER + random % (2 * JITTER + 1)).into())
}

impl Asker for Client<'_> {
    fn due(&self) -> Duration {
        self.due
    }

    fn send(&mut self, now: Duration, random: u64) -> Vec<u8> {
        if self.tries == TRIES && matches!(self.phase, Phase::Request | Phase::Reboot) {
            self.server = None;
            self.enter(Phase::Discover, now);
        }
        // What is offered and taken is one exchange, of one number and one time (RFC 2131 section 4.4.1).
        if self.phase != Phase::Request {
            if self.tries == 0 {
                self.transaction = (random >> 32) as u32;
            }
            let began = *self.began.get_or_insert(now);
            self.seconds = now.saturating_sub(began).as_secs().min(u16::MAX.into()) as u16;
        }
        let message = match self.phase {
            Phase::Discover => Outgoing { requested: self.options.previous, ..self.message(kind::DISCOVER) },
            Phase::Request | Phase::Reboot => {
                Outgoing { requested: Some(self.address), server: self.server, ..self.message(kind::REQUEST) }
            }
            Phase::Renew => self.message(kind::REQUEST),
        };
        let message = message::write(&message);
        self.sent = now;
        let wait = match self.phase {
            Phase::Renew => (self.end.saturating_sub(now) / 2).max(MIN_RENEW_WAIT),
            _ => backoff(self.tries, random as u32),
        };
        self.due = now.saturating_add(wait);
        self.tries = self.tries.saturating_add(1);
        if self.is_bound() {
            return message;
        }
        let (ours, theirs) = DHCP4_PORTS;
        udp::write((Ipv4Addr::UNSPECIFIED, ours), (Ipv4Addr::BROADCAST, theirs), &message)
    }

    fn hear(&mut self, packet: &[u8]) -> Option<bool> {
        let (sender, message) = match self.is_bound() {
            true => (self.server.unwrap_or(Ipv4Addr::UNSPECIFIED), packet),
            false => udp::read(packet, DHCP4_PORTS.0)?,
        };
        let message = Message::parse(message)?;
        let is_other = self.server.zip(message.server()).is_some_and(|(ours, theirs)| ours != theirs);
        if is_other || !message.is_for(self.transaction, &self.mac) || self.tries == 0 {
            return None;
        }
        match (message.kind(), self.phase) {
            (kind::OFFER, Phase::Discover) => self.take(&message, sender),
            (_, Phase::Discover) => None,
            (kind::ACK, _) => self.take(&message, sender),
            (kind::NAK, Phase::Renew) => {
                self.refused = true;
                Some(true)
            }
            (kind::NAK, _) => {
                self.restart();
                Some(false)
            }
            _ => None,
        }
    }
}
