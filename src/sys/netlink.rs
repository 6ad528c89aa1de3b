//! rtnetlink(7): messages made by hand, sent to the kernel, and its answers.
//!
//! A socket lives for one exchange: nothing of an earlier one can be in it, and the kernel alone can send to it (others need
//! CAP_NET_ADMIN). The kernel does its work inside send(2), so no answer is waited for.

use rustix::buffer::spare_capacity;
use rustix::io::{Errno, Result, retry_on_intr};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use wisp::limits::{NETLINK_BUFFER, NETLINK_TRIES};

/// Numbers of include/uapi/linux/netlink.h.
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const DUMP: u16 = 0x300;
/// What was told is not of one state; since Linux 3.1.
const DUMP_INTERRUPTED: u16 = 0x10;
/// `NLM_F_REPLACE | NLM_F_CREATE`
pub const PUT: u16 = 0x100 | 0x400;
/// `NLM_F_EXCL | NLM_F_CREATE`
pub const MAKE: u16 = 0x200 | 0x400;
/// Bits of an attribute's kind that say how it is written (`NLA_TYPE_MASK`).
const KIND: u16 = 0x3fff;

/// `struct nlmsghdr`, bytes.
const HEADER: usize = 16;

/// Takes the kind and content of each part of a dump; `None`: what came so far is void.
pub type Parts<'a> = dyn FnMut(Option<(u16, &[u8])>) + 'a;

/// A message.
pub struct Message(Vec<u8>);

impl Message {
    /// One of this kind (`RTM_…`) with a fixed part.
    pub fn new(kind: u16, flags: u16, fixed: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(flags | REQUEST).to_ne_bytes());
        bytes.extend_from_slice(fixed);
        Message(bytes)
    }

    /// One more attribute (`struct rtattr`).
    #[inline(never)]
    pub fn put(&mut self, kind: u16, value: &[u8]) {
        let at = self.open(kind);
        self.0.extend_from_slice(value);
        self.close(at);
    }

    pub fn number(&mut self, kind: u16, value: u32) {
        self.put(kind, &value.to_ne_bytes());
    }

    /// One more attribute with a text, which ends in a NUL.
    pub fn text(&mut self, kind: u16, value: &str) {
        self.put(kind, &[value.as_bytes(), &[0]].concat());
    }

    /// Begins an attribute of attributes.
    pub fn open(&mut self, kind: u16) -> usize {
        let at = self.0.len();
        self.0.extend_from_slice(&[0, 0]);
        self.0.extend_from_slice(&kind.to_ne_bytes());
        at
    }

    /// Ends it.
    #[inline(never)]
    pub fn close(&mut self, at: usize) {
        let length = (self.0.len() - at) as u16;
        self.0[at..at + 2].copy_from_slice(&length.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    /// Asks for a change.
    pub fn carry_out(mut self) -> Result<()> {
        self.exchange(ACK, &mut |_, _| ())
    }

    /// Asks for everything.
    pub fn dump(mut self, each: &mut Parts<'_>) -> Result<()> {
        let mut tries = NETLINK_TRIES;
        loop {
            each(None);
            match self.exchange(DUMP, &mut |kind, content| each(Some((kind, content)))) {
                Err(Errno::INTR | Errno::NOBUFS) if tries > 1 => tries -= 1,
                done => return done,
            }
        }
    }

    /// Sends, and hands out what comes until the kernel says that it is all.
    fn exchange(&mut self, flags: u16, each: &mut dyn FnMut(u16, &[u8])) -> Result<()> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0[6] |= flags.to_ne_bytes()[0];
        self.0[7] |= flags.to_ne_bytes()[1];
        // Protocol 0 is NETLINK_ROUTE.
        let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        rustix::net::send(&fd, &self.0, SendFlags::empty())?;
        // Of its pages only those that an answer fills become memory.
        let mut told = Vec::with_capacity(NETLINK_BUFFER);
        let mut interrupted = false;
        loop {
            told.clear();
            let (_, length) = retry_on_intr(|| rustix::net::recv(&fd, spare_capacity(&mut told), RecvFlags::TRUNC))?;
            if length > told.len() {
                return Err(Errno::MSGSIZE);
            }
            if let Some(done) = take(&told, &mut interrupted, each) {
                return done;
            }
        }
    }
}

/// Hands out the messages of one answer. `None`: more is to come.
fn take(mut rest: &[u8], interrupted: &mut bool, each: &mut dyn FnMut(u16, &[u8])) -> Option<Result<()>> {
    while let Some((header, content)) = message(&mut rest) {
        *interrupted |= half(header, 6) & DUMP_INTERRUPTED != 0;
        match half(header, 4) {
            DONE if *interrupted => return Some(Err(Errno::INTR)),
            DONE | ERROR => return Some(answer(content)),
            kind => each(kind, content),
        }
    }
    None
}

/// `struct nlmsgerr`, and what ends a dump, begins with the errno, negative; 0 is "done".
fn answer(content: &[u8]) -> Result<()> {
    match word(content, 0) as i32 {
        0 => Ok(()),
        errno => Err(Errno::from_raw_os_error(errno.wrapping_neg())),
    }
}

/// Takes a message off the front. `None`: nothing, or nothing that is whole.
fn message<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    piece(rest, word(rest, 0) as usize, HEADER)
}

/// Takes a piece of `length` bytes with its padding off the front, and cuts it behind its header.
fn piece<'a>(rest: &mut &'a [u8], length: usize, header: usize) -> Option<(&'a [u8], &'a [u8])> {
    let piece = rest.get(..length)?.split_at_checked(header)?;
    *rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some(piece)
}

/// The attributes in `bytes`: kind and content.
pub fn attributes<'a>(mut bytes: &'a [u8]) -> impl Iterator<Item = (u16, &'a [u8])> {
    core::iter::from_fn(move || {
        let length = half(bytes, 0).into();
        let (header, content): (&[u8], &'a [u8]) = piece(&mut bytes, length, 4)?;
        Some((half(header, 2) & KIND, content))
    })
}

/// `struct rtnexthop`s: which link, and its attributes.
pub fn hops(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    core::iter::from_fn(move || {
        let length = half(bytes, 0).into();
        piece(&mut bytes, length, 8)
    })
}

/// The number at a place; 0 where there is none.
#[inline(never)]
pub fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

/// The same of 16 bits.
#[inline(never)]
pub fn half(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_nested() {
        let mut message = Message::new(16, MAKE, &[7; 16]);
        message.text(3, "eth0");
        let at = message.open(18);
        message.put(1, &[9]);
        message.close(at);
        assert_eq!(message.0.len(), 16 + 16 + 12 + 4 + 8);
        let all: Vec<_> = attributes(&message.0[32..]).collect();
        assert_eq!(all, [(3, &b"eth0\0"[..]), (18, &[5, 0, 1, 0, 9, 0, 0, 0][..])]);
        assert_eq!(attributes(all[1].1).collect::<Vec<_>>(), [(1, &[9][..])]);
        assert_eq!(half(&message.0, 6), MAKE | REQUEST);
    }

    #[test]
    fn what_is_not_whole_ends_a_walk() {
        // Length 0, a length that no header has room in, one beyond the end, and half a header.
        for bytes in [&[0u8; 8][..], &[3, 0, 1, 0], &[9, 0, 1, 0, 1, 2, 3, 4], &[4, 0], &[]] {
            assert_eq!(attributes(bytes).count(), 0, "{bytes:?}");
        }
        let two = [5, 0, 1, 0, 9, 0, 0, 0, 5, 0, 2, 0, 8];
        assert_eq!(attributes(&two).collect::<Vec<_>>(), [(1, &[9][..]), (2, &[8][..])], "the last has no padding");
        let mut rest = &[15u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..];
        assert_eq!(message(&mut rest), None, "a message shorter than its header");
        let mut rest = &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..];
        assert_eq!(message(&mut rest), None, "a message longer than anything");
    }

    /// A message of this kind, with these flags.
    fn told(kind: u16, flags: u16, content: &[u8]) -> Vec<u8> {
        let mut message = Message::new(kind, flags, content).0;
        let length = message.len() as u32;
        message[..4].copy_from_slice(&length.to_ne_bytes());
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    #[test]
    fn the_kernels_answers() {
        let (done, refused) = (0i32.to_ne_bytes(), (-17i32).to_ne_bytes());
        for (wanted, parts, answer) in [
            (Some(Ok(())), 2, [told(20, 2, &[1; 8]), told(20, 2, &[2; 9]), told(DONE, 2, &done)].concat()),
            (None, 2, [told(20, 2, &[1; 8]), told(20, 2, &[2; 9])].concat()),
            (Some(Err(Errno::INTR)), 1, [told(20, DUMP_INTERRUPTED, &[1; 8]), told(DONE, 2, &done)].concat()),
            (Some(Err(Errno::INTR)), 0, told(DONE, DUMP_INTERRUPTED, &done)),
            (Some(Err(Errno::EXIST)), 1, [told(20, 2, &[1; 8]), told(DONE, 2, &refused)].concat()),
            (Some(Ok(())), 0, told(ERROR, 0, &done)),
            (Some(Err(Errno::EXIST)), 0, [told(ERROR, 0, &refused), told(20, 2, &[1; 8])].concat()),
            (None, 0, vec![0; 5]),
        ] {
            let mut seen = 0;
            assert_eq!(take(&answer, &mut false, &mut |_, _| seen += 1), wanted, "{answer:?}");
            assert_eq!(seen, parts, "{answer:?}");
        }
        // What was told before counts too.
        assert_eq!(take(&told(DONE, 2, &done), &mut true, &mut |_, _| ()), Some(Err(Errno::INTR)));
    }
}
