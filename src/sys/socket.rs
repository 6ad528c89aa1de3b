//! Connections: sockets that never block, and ppoll(2) for the waits. Every wait ends by CLOCK_MONOTONIC.

use core::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use core::sync::atomic::{AtomicI32, Ordering};
use core::time::Duration;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno as Kernel;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use wisp::error::Error;
use wisp::host::stream::{Peer, Stream, Transport};

use super::{clock, failed};

/// The signal by which this process was asked to end, where that is listened for; 0: none. It ends waits.
pub static STOPPED: AtomicI32 = AtomicI32::new(0);

/// socket(2), connect(2).
pub fn connect(to: &Peer, until: Duration) -> Result<Box<dyn Stream>, Error> {
    let name = to.to_string();
    match open(to, until) {
        Ok(fd) => Ok(Box::new(Socket { fd, name })),
        Err(errno) => Err(failed("connect to", &name, errno)),
    }
}

fn open(to: &Peer, until: Duration) -> rustix::io::Result<OwnedFd> {
    let family = if to.address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let kind = if to.transport == Transport::Tcp { SocketType::STREAM } else { SocketType::DGRAM };
    let fd = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    let address: SocketAddr = match to.address {
        IpAddr::V4(address) => SocketAddrV4::new(address, to.port).into(),
        IpAddr::V6(address) => {
            let none = to.zone.is_empty();
            let zone = if none { 0 } else { rustix::net::netdevice::name_to_index(&fd, &to.zone)? };
            SocketAddrV6::new(address, to.port, 0, zone).into()
        }
    };
    match rustix::net::connect(&fd, &address) {
        Err(Kernel::INPROGRESS) => {
            wait(&fd, PollFlags::OUT, until)?;
            rustix::net::sockopt::socket_error(&fd)??;
        }
        done => done?,
    }
    Ok(fd)
}

/// Waits until the socket is ready for `what`, or broken; ETIMEDOUT when the time is up, EINTR if we are to end.
pub fn wait(fd: &OwnedFd, what: PollFlags, until: Duration) -> rustix::io::Result<()> {
    if any(&mut [PollFd::new(fd, what)], until)? { Ok(()) } else { Err(Kernel::TIMEDOUT) }
}

/// Waits for nothing but the time.
pub fn sleep(time: Duration) {
    let _ = any(&mut [], clock::now().up + time);
}

/// ppoll(2), interrupted or not, until then. True: one is ready.
fn any(fds: &mut [PollFd<'_>], until: Duration) -> rustix::io::Result<bool> {
    loop {
        let left = until.saturating_sub(clock::now().up);
        if left.is_zero() {
            return Ok(false);
        }
        let seconds = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
        match poll(fds, Some(&Timespec { tv_sec: seconds, tv_nsec: left.subsec_nanos().into() })) {
            Ok(0) => {}
            Err(Kernel::INTR) if STOPPED.load(Ordering::Relaxed) == 0 => {}
            done => return done.map(|_| true),
        }
    }
}

struct Socket {
    fd: OwnedFd,
    name: String,
}

impl Socket {
    /// Does `work` as soon as it does not block.
    fn ready(
        &self,
        operation: &'static str,
        what: PollFlags,
        until: Duration,
        work: &mut dyn FnMut(&OwnedFd) -> rustix::io::Result<usize>,
    ) -> Result<usize, Error> {
        loop {
            let error = match work(&self.fd) {
                Ok(count) => return Ok(count),
                Err(Kernel::INTR) => continue,
                Err(Kernel::AGAIN) => match wait(&self.fd, what, until) {
                    Ok(()) => continue,
                    Err(errno) => errno,
                },
                Err(errno) => errno,
            };
            return Err(failed(operation, &self.name, error));
        }
    }
}

impl Stream for Socket {
    fn read(&mut self, out: &mut [u8], until: Duration) -> Result<usize, Error> {
        self.ready("receive from", PollFlags::IN, until, &mut |fd| {
            Ok(rustix::net::recv(fd, &mut *out, RecvFlags::empty())?.0)
        })
    }

    fn write(&mut self, bytes: &[u8], until: Duration) -> Result<usize, Error> {
        // MSG_NOSIGNAL: a peer that has gone is an error, and not a signal that kills us.
        self.ready("send to", PollFlags::OUT, until, &mut |fd| rustix::net::send(fd, bytes, SendFlags::NOSIGNAL))
    }
}
