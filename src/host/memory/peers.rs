//! Other machines on the tests' host: they say what the test lets them say, and what was sent to them is kept.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;

use super::{MemoryHost, Shared};
use crate::error::{Errno, Error};
use crate::host::Time;
use crate::host::packets::Packets;
use crate::host::stream::{Peer, Stream};

/// What another machine does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It sends these bytes.
    Bytes(Vec<u8>),
    /// It takes this long.
    Wait(Duration),
    /// It closes the connection.
    Close,
    /// The connection breaks, or is not made.
    Fail(Errno),
}

/// What the test lets other machines do; `None`: not this one.
pub(super) type Script = dyn FnMut(&str, &[u8]) -> Option<Vec<Said>>;

/// Each write to another machine: whose name, and what.
pub type Sent = Rc<RefCell<Vec<(String, Vec<u8>)>>>;

impl Shared {
    /// Nothing happens for a while.
    pub fn pass_time(&self, time: Duration) {
        let Time { wall, up } = self.clock.get();
        self.clock.set(Time { wall: wall + time, up: up + time });
    }

    /// Waits for something that takes `time`, at most until `until`. True: it has come.
    fn wait(&self, time: Duration, until: Duration) -> bool {
        let left = until.saturating_sub(self.clock.get().up);
        self.pass_time(time.min(left));
        time < left
    }
}

impl MemoryHost {
    pub(super) fn connect_to(&mut self, to: &Peer, until: Duration) -> Result<Box<dyn Stream>, Error> {
        let name = to.to_string();
        let failed = |errno| Error::new("connect to", name.clone(), errno);
        let Some(mut stream) = self.open(name.clone()) else { return Err(failed(Errno::CONNREFUSED)) };
        while let Some(next) = stream.said.front() {
            match *next {
                Said::Wait(time) if !self.shared.wait(time, until) => return Err(failed(Errno::TIMEDOUT)),
                Said::Fail(errno) => return Err(failed(errno)),
                Said::Wait(_) => stream.said.pop_front(),
                _ => break,
            };
        }
        Ok(Box::new(stream))
    }

    /// A channel for packets: what the script says at once was there before anything was sent.
    pub(super) fn open_packets_to(&mut self, name: String) -> Result<Box<dyn Packets>, Error> {
        match self.open(name.clone()) {
            None => Err(Error::new("listen on", name, Errno::NODEV)),
            Some(stream) => match stream.said.front() {
                Some(Said::Fail(errno)) => Err(Error::new("listen on", name, *errno)),
                _ => Ok(Box::new(stream)),
            },
        }
    }

    /// `None`: no script knows of it.
    fn open(&self, name: String) -> Option<MemoryStream> {
        let answers = |script: &&Rc<RefCell<Script>>| (script.borrow_mut())(&name, b"");
        let found = self.peers.iter().rev().find_map(|script| Some((script.clone(), answers(&script)?)));
        let (script, said) = found?;
        let (shared, sent) = (self.shared.clone(), self.sent.clone());
        Some(MemoryStream { name, said: said.into(), script, shared, sent })
    }
}

struct MemoryStream {
    name: String,
    said: VecDeque<Said>,
    script: Rc<RefCell<Script>>,
    shared: Rc<Shared>,
    sent: Sent,
}

impl MemoryStream {
    fn call(&self, operation: &'static str) -> Result<(), Error> {
        self.shared.gate.borrow_mut().call(operation, &self.name).map(|_| ())
    }
}

/// As datagrams: each of [`Said::Bytes`] is one, and a script's [`Said::Fail`] behind a sent one is heard at the next wait.
impl Packets for MemoryStream {
    fn send(&mut self, packet: &[u8]) -> Result<(), Error> {
        self.write(packet, Duration::MAX).map(|_| ())
    }

    fn receive(&mut self, out: &mut [u8], until: Duration) -> Result<Option<usize>, Error> {
        if matches!(self.said.front(), Some(Said::Bytes(bytes)) if bytes.len() > out.len()) {
            self.said.pop_front();
            return Ok(Some(0));
        }
        match self.read(out, until) {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.errno() == Some(Errno::TIMEDOUT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Stream for MemoryStream {
    fn read(&mut self, out: &mut [u8], until: Duration) -> Result<usize, Error> {
        let failed = |errno| Error::new("receive from", self.name.clone(), errno);
        self.call("receive from")?;
        loop {
            match self.said.pop_front() {
                None => {
                    self.shared.wait(Duration::MAX, until);
                    return Err(failed(Errno::TIMEDOUT));
                }
                Some(Said::Wait(time)) => {
                    let left = until.saturating_sub(self.shared.clock.get().up);
                    if !self.shared.wait(time, until) {
                        self.said.push_front(Said::Wait(time - left));
                        return Err(failed(Errno::TIMEDOUT));
                    }
                }
                Some(Said::Fail(errno)) => return Err(failed(errno)),
                Some(Said::Close) => {
                    self.said.push_front(Said::Close);
                    return Ok(0);
                }
                Some(Said::Bytes(mut bytes)) => {
                    let count = bytes.len().min(out.len());
                    out[..count].copy_from_slice(&bytes[..count]);
                    // Of a datagram the rest is lost; no test sends one that is too long.
                    let rest = bytes.split_off(count);
                    if !rest.is_empty() {
                        self.said.push_front(Said::Bytes(rest));
                    }
                    return Ok(count);
                }
            }
        }
    }

    fn write(&mut self, bytes: &[u8], _: Duration) -> Result<usize, Error> {
        self.call("send to")?;
        if self.said.front() == Some(&Said::Close) {
            return Err(Error::new("send to", self.name.clone(), Errno::CONNRESET));
        }
        self.sent.borrow_mut().push((self.name.clone(), bytes.to_vec()));
        let said = (self.script.borrow_mut())(&self.name, bytes).unwrap_or_default();
        self.said.extend(said);
        Ok(bytes.len())
    }
}
