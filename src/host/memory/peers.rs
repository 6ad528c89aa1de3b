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
        let answers = |script: &&Rc<RefCell<Script>>| (script.borrow_mut())(&name, b"");
        let found = self.peers.iter().rev().find_map(|script| Some((script.clone(), answers(&script)?)));
        let Some((script, said)) = found else { return Err(failed(Errno::CONNREFUSED)) };
        let mut said: VecDeque<Said> = said.into();
        while let Some(next) = said.front() {
            match *next {
                Said::Wait(time) if !self.shared.wait(time, until) => return Err(failed(Errno::TIMEDOUT)),
                Said::Fail(errno) => return Err(failed(errno)),
                Said::Wait(_) => said.pop_front(),
                _ => break,
            };
        }
        let (shared, sent) = (self.shared.clone(), self.sent.clone());
        Ok(Box::new(MemoryStream { name, said, script, shared, sent }))
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
                    if !self.shared.wait(time, until) {
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
