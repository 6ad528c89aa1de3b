//! A connection as HTTP reads it: lines, counted bytes, and the end.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::{WAIT, lasting, passing};
use crate::error::Error;
use crate::host::Host;
use crate::host::stream::Stream;
use crate::limits::COPY_BUFFER;
use crate::transport::url::Url;

/// A connection with what was received and not yet read.
pub struct Wire {
    /// The connection.
    pub stream: Box<dyn Stream>,
    /// Where it leads.
    pub place: Url,
    /// Something was received since the request.
    pub heard: bool,
    /// Another request may follow.
    pub reusable: bool,
    /// When everything has to be over.
    pub end: Duration,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
}

impl Wire {
    /// A new connection.
    pub fn new(stream: Box<dyn Stream>, place: Url) -> Self {
        let buffer = vec![0; COPY_BUFFER];
        Wire { stream, place, heard: false, reusable: false, end: Duration::ZERO, buffer, at: 0, filled: 0 }
    }

    /// When a wait that begins now is over.
    pub fn until(&self, host: &mut dyn Host) -> Duration {
        self.end.min(host.now().up + WAIT)
    }

    /// True if everything received was read.
    pub fn is_empty(&self) -> bool {
        self.at == self.filled
    }

    /// At most `most` of the bytes that are there, or come next; none at the end of the connection.
    pub fn some(&mut self, host: &mut dyn Host, most: u64) -> Result<&[u8], Error> {
        if self.is_empty() {
            let until = self.until(host);
            self.at = 0;
            self.filled = 0;
            self.filled = self.stream.read(&mut self.buffer, until)?;
            self.heard |= self.filled > 0;
        }
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(self.filled - self.at);
        let taken = &self.buffer[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    /// The next line without its end, within what is `left` for lines.
    pub fn line(&mut self, host: &mut dyn Host, left: &mut usize) -> Result<Vec<u8>, Error> {
        let mut line = Vec::new();
        loop {
            match self.some(host, 1)? {
                [] => return Err(passing("the server closed the connection before its answer was whole")),
                [b'\n'] => break,
                byte => line.extend(byte),
            }
            *left = left.checked_sub(1).ok_or_else(|| lasting("the head of the answer is too long"))?;
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(line)
    }
}
