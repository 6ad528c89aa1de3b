//! UDP over IPv4 as bytes (RFC 768, RFC 791): what a host says on a link on which it has no address, where the kernel's sockets do not help.

use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// Bytes of an IPv4 header without options.
const IP: usize = 20;
/// Bytes of a UDP header.
const UDP: usize = 8;
/// Version 4, a header of 5 words.
const PLAIN: u8 = 0x45;
/// IP's number of UDP.
const PROTOCOL: u8 = 17;
/// Hops that a packet lives (RFC 1700).
const HOPS: u8 = 64;

/// A packet with `payload`, which is short enough for one, between these addresses and ports.
pub fn write(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(IP + UDP + payload.len());
    packet.extend([PLAIN, 0]);
    packet.extend(((IP + UDP + payload.len()) as u16).to_be_bytes());
    packet.extend([0, 0, 0, 0, HOPS, PROTOCOL, 0, 0]);
    packet.extend(from.0.octets());
    packet.extend(to.0.octets());
    let header = (!sum(0, &packet)).to_be_bytes();
    packet[10..12].copy_from_slice(&header);
    for number in [from.1, to.1, (UDP + payload.len()) as u16, 0] {
        packet.extend(number.to_be_bytes());
    }
    packet.extend(payload);
    let check = match !checked(&packet, IP) {
        // 0 says that there is none.
        0 => u16::MAX,
        check => check,
    };
    packet[IP + 6..IP + UDP].copy_from_slice(&check.to_be_bytes());
    packet
}

/// The sender's address and what it says to `port`. `None`: to another port, of another protocol, a fragment, broken. A UDP checksum
/// of 0 is none; what stands behind the packet's end is the link's padding.
pub fn read(packet: &[u8], port: u16) -> Option<(Ipv4Addr, &[u8])> {
    let word = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let first = *packet.first()?;
    let header = usize::from(first & 0x0f) * 4;
    let packet = packet.get(..word(2)?.into())?;
    let udp = packet.get(header..)?;
    // Neither more fragments nor an offset.
    let whole = word(6)? & 0x3fff == 0;
    if first >> 4 != 4 || header < IP || !whole || packet[9] != PROTOCOL || sum(0, &packet[..header]) != u16::MAX {
        return None;
    }
    let length = usize::from(word(header + 4)?);
    let payload = udp.get(UDP..length)?;
    let is_checked = word(header + 6)? == 0 || checked(&packet[..header + length], header) == u16::MAX;
    if word(header + 2)? != port || !is_checked {
        return None;
    }
    let from: [u8; 4] = packet[12..16].try_into().ok()?;
    Some((from.into(), payload))
}

/// The sum over a packet's UDP with its pseudo header (RFC 768), all ones where its checksum is right.
fn checked(packet: &[u8], header: usize) -> u16 {
    let udp = &packet[header..];
    sum(sum(udp.len() as u16 + u16::from(PROTOCOL), &packet[12..IP]), udp)
}

/// The sum of 16-bit words in ones' complement (RFC 1071), added to another.
fn sum(start: u16, bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(start, |sum, word| {
        let word = u16::from_be_bytes([word[0], word.get(1).copied().unwrap_or(0)]);
        let (sum, carry) = sum.overflowing_add(word);
        sum + u16::from(carry)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 67);
    const TO: (Ipv4Addr, u16) = (Ipv4Addr::BROADCAST, 68);

    #[test]
    fn sums_are_as_the_rfcs_have_them() {
        // RFC 1071 section 3.
        assert_eq!(sum(0, &[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
        assert_eq!(sum(0xffff, &[1]), 0x0100);
        // A header whose checksum is known to be b861: of a datagram of 115 bytes from 192.168.0.1 to 192.168.0.199.
        let header = [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 17, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7];
        assert_eq!(!sum(0, &header), 0xb861);
    }

    #[test]
    fn what_is_written_is_read() {
        for payload in [&b""[..], b"x", b"hello", &[0xff; 1400]] {
            let packet = write(FROM, TO, payload);
            assert_eq!(packet.len(), 28 + payload.len());
            assert_eq!(read(&packet, 68), Some((FROM.0, payload)));
            let padded = [&packet[..], b"padding"].concat();
            assert_eq!(read(&padded, 68), Some((FROM.0, payload)));
            for end in 0..packet.len() {
                assert_eq!(read(&packet[..end], 68), None, "{end}");
            }
        }
        // A sum of zero is sent as its other form: RFC 768.
        let zero = (0..=u16::MAX).map(|word| write(FROM, TO, &word.to_be_bytes())).find(|p| p[26..28] == [0xff, 0xff]);
        assert!(read(&zero.unwrap(), 68).is_some());
    }

    #[test]
    fn what_is_not_for_us_or_broken_is_not_read() {
        let good = write(FROM, TO, b"payload");
        // With its header's checksum made right again.
        let changed = |at: usize, to: u8| {
            let mut packet = good.clone();
            packet[at] = to;
            packet[10..12].fill(0);
            let header = (!sum(0, &packet[..20])).to_be_bytes();
            packet[10..12].copy_from_slice(&header);
            packet
        };
        assert!(read(&changed(8, 1), 68).is_some(), "hops");
        assert!(read(&changed(6, 0x40), 68).is_some(), "must not be fragmented");
        for (what, at, to) in [
            ("version", 0, 0x65),
            ("header too short", 0, 0x44),
            ("header too long", 0, 0x4f),
            ("total length", 3, 200),
            ("total length in the header", 3, 19),
            ("more fragments", 6, 0x20),
            ("an offset", 7, 1),
            ("protocol", 9, 6),
            ("sender", 12, 193),
            ("port", 23, 69),
            ("length of UDP too large", 25, 16),
            ("length of UDP too small", 25, 7),
            ("payload", 30, b'x'),
        ] {
            assert_eq!(read(&changed(at, to), 68), None, "{what}");
        }
        let mut packet = good.clone();
        packet[8] = 1;
        assert_eq!(read(&packet, 68), None, "checksum of the header");
        assert_eq!(read(&good, 67), None, "another port");
        let mut unchecked = good.clone();
        unchecked[26..28].fill(0);
        unchecked[30] = b'x';
        assert!(read(&unchecked, 68).is_some(), "no checksum");
        // Options of IP.
        let mut options = good.clone();
        options.splice(20..20, [1, 1, 1, 0]);
        options[0] = 0x46;
        options[3] += 4;
        options[10..12].fill(0);
        let header = (!sum(0, &options[..24])).to_be_bytes();
        options[10..12].copy_from_slice(&header);
        assert_eq!(read(&options, 68), Some((FROM.0, &b"payload"[..])));
    }
}
