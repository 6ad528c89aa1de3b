//! Questions and answers of the DNS (RFC 1035 section 4), as much of them as the addresses of a name take.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::host::stream::{Peer, Transport};
use crate::limits::{MAX_ADDRESSES, MAX_HOST_NAME};

/// Bytes before the question.
const HEADER: usize = 12;
/// The longest part of a name between dots (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;
/// Class "Internet".
const INTERNET: u16 = 1;

/// Which addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4, records of type A.
    V4,
    /// IPv6, records of type AAAA (RFC 3596).
    V6,
}

impl Family {
    fn record(self) -> u16 {
        if self == Family::V4 { 1 } else { 28 }
    }

    /// True for an address of this family.
    pub fn has(self, address: IpAddr) -> bool {
        address.is_ipv4() == (self == Family::V4)
    }
}

/// What a name server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// These are the addresses; none: it has none, or there is no such name.
    Addresses(Vec<Peer>),
    /// None of them fitted into the datagram.
    Truncated,
    /// It cannot or will not say (RFC 1035: RCODE).
    Failed(u8),
}

/// A question for the addresses of `name` (a dot at its end may be there). `None`: no name can be so.
#[inline(never)]
pub fn question(id: u16, name: &str, family: Family) -> Option<Vec<u8>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > MAX_HOST_NAME {
        return None;
    }
    let mut message = Vec::with_capacity(HEADER + name.len() + 6);
    message.extend(id.to_be_bytes());
    // Recursion desired; one question.
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        if label.is_empty() || label.len() > MAX_LABEL {
            return None;
        }
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(family.record().to_be_bytes());
    message.extend(INTERNET.to_be_bytes());
    Some(message)
}

/// Reads the answer to `question`. `None`: it is none, but somebody else's, an older one, or broken.
#[inline(never)]
pub fn answer(question: &[u8], message: &[u8]) -> Option<Reply> {
    let asked = question.get(HEADER..)?;
    let rest = message.get(HEADER..)?;
    let is_answer = message[..2] == question[..2] && message[2] & 0x80 != 0 && message[4..6] == [0, 1];
    // Without regard to case; the lengths among the letters are too small to be letters.
    if !is_answer || !rest.get(..asked.len())?.eq_ignore_ascii_case(asked) {
        return None;
    }
    let code = message[3] & 0x0f;
    match code {
        0 => {}
        // No such name.
        3 => return Some(Reply::Addresses(Vec::new())),
        _ => return Some(Reply::Failed(code)),
    }
    let mut records = Records(&rest[asked.len()..]);
    let wanted: [u8; 2] = [asked[asked.len() - 4], asked[asked.len() - 3]];
    let mut addresses = Vec::new();
    let mut whole = true;
    for _ in 0..u16::from_be_bytes([message[6], message[7]]) {
        // The records of an alias's chain have the addresses of its end among them.
        match records.next() {
            Some((kind, data)) => {
                if kind == wanted
                    && let Some(peer) = address(data)
                    && peer.address.is_ipv4() == (kind == [0, 1])
                {
                    addresses.push(peer);
                }
            }
            None => {
                whole = false;
                break;
            }
        }
    }
    addresses.truncate(MAX_ADDRESSES);
    let truncated = message[2] & 2 != 0;
    match addresses.is_empty() {
        true if truncated => Some(Reply::Truncated),
        true if !whole => None,
        _ => Some(Reply::Addresses(addresses)),
    }
}

fn address(data: &[u8]) -> Option<Peer> {
    let address: Option<IpAddr> = match data.len() {
        4 => <[u8; 4]>::try_from(data).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(data).ok().map(IpAddr::from),
        _ => None,
    };
    Some(Peer { transport: Transport::Tcp, address: address?, zone: String::new(), port: 0 })
}

/// Resource records (RFC 1035 section 4.1.3).
struct Records<'a>(&'a [u8]);

impl<'a> Records<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Type and data of the next one.
    fn next(&mut self) -> Option<([u8; 2], &'a [u8])> {
        loop {
            match self.take(1)?[0] {
                0 => break,
                // A pointer to the rest of the name (RFC 1035 section 4.1.4) ends it.
                length if length >= 0xc0 => {
                    self.take(1)?;
                    break;
                }
                length => self.take(length.into())?,
            };
        }
        let fixed = self.take(10)?;
        let data = self.take(u16::from_be_bytes([fixed[8], fixed[9]]).into())?;
        Some(([fixed[0], fixed[1]], data))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    /// An answer to `question` with these records: type and data, all of the asked name.
    pub fn reply(question: &[u8], code: u8, records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] = 0x81;
        message[3] = 0x80 | code;
        message[7] = records.len() as u8;
        for (kind, data) in records {
            message.extend([0xc0, 12]);
            message.extend(kind.to_be_bytes());
            message.extend([0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
            message.extend(*data);
        }
        message
    }

    #[test]
    fn questions_are_as_the_rfc_draws_them() {
        let wanted = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x1c\0\x01";
        assert_eq!(question(0x1234, "www.example", Family::V6).unwrap(), wanted);
        assert_eq!(question(0x1234, "www.example.", Family::V6).unwrap(), wanted);
        let label = "x".repeat(63);
        assert!(question(1, &label, Family::V4).is_some());
        let long = [label.as_str(); 4].join(".");
        assert!(question(1, &long[..253], Family::V4).is_some());
        for name in ["", ".", "a..b", ".a", "a..", &(label + "x"), &long[..254]] {
            assert_eq!(question(1, name, Family::V4), None, "{name}");
        }
    }

    #[test]
    fn answers() {
        let asked = question(7, "a.example", Family::V4).unwrap();
        let address = |text: &str| Reply::Addresses(vec![Peer::parse(Transport::Tcp, text, 0).unwrap()]);
        let none = Reply::Addresses(Vec::new());
        let good = reply(&asked, 0, &[(5, b"\x01b\0"), (1, &[192, 0, 2, 1])]);
        let changed = |at: usize, to: u8| {
            let mut message = good.clone();
            message[at] = to;
            message
        };
        let mut truncated = reply(&asked, 0, &[]);
        truncated[2] |= 2;
        let mut upper = good.clone();
        upper[13] = b'A';
        let mut cut = good.clone();
        cut[2] |= 2;
        for (what, message, wanted) in [
            ("an alias and its address", good.clone(), Some(address("192.0.2.1"))),
            ("the case of the name", upper, Some(address("192.0.2.1"))),
            ("cut, with what was wanted", cut, Some(address("192.0.2.1"))),
            ("cut, without", truncated, Some(Reply::Truncated)),
            ("no such name", reply(&asked, 3, &[]), Some(none.clone())),
            ("no address", reply(&asked, 0, &[]), Some(none.clone())),
            ("one of the other family", reply(&asked, 0, &[(28, &[0; 16])]), Some(none.clone())),
            ("of a wrong length", reply(&asked, 0, &[(1, &[1, 2, 3])]), Some(none)),
            ("it cannot", reply(&asked, 2, &[]), Some(Reply::Failed(2))),
            ("another id", changed(1, 8), None),
            ("a question", changed(2, 1), None),
            ("another name", changed(13, b'b'), None),
            ("two questions", changed(5, 2), None),
            ("record cut off", good[..good.len() - 1].to_vec(), None),
            ("nothing", Vec::new(), None),
            ("header alone", good[..12].to_vec(), None),
        ] {
            assert_eq!(answer(&asked, &message), wanted, "{what}");
        }
        for end in 0..good.len() {
            assert_eq!(answer(&asked, &good[..end]), None, "{end}");
        }
    }

    #[test]
    fn so_many_addresses_and_no_more() {
        let asked = question(7, "a", Family::V6).unwrap();
        let data = [1; 16];
        let many = vec![(28, &data[..]); MAX_ADDRESSES + 1];
        for count in [MAX_ADDRESSES, MAX_ADDRESSES + 1] {
            let Some(Reply::Addresses(found)) = answer(&asked, &reply(&asked, 0, &many[..count])) else { panic!() };
            assert_eq!(
                (found.len(), found[0].to_string().as_str()),
                (MAX_ADDRESSES, "[101:101:101:101:101:101:101:101]:0")
            );
        }
    }
}
