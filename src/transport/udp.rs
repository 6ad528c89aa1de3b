//! UDP over IPv4 as bytes (RFC 768, RFC 791): what a host says on a link on which it has no address, where the kernel's sockets do not help.

use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// Bytes of an IPv4 header without options.
const IP: usize = 20;
/// Bytes of a UDP header.
const UDP: usize = 8;
/// IP's number of UDP.
const PROTOCOL: u8 = 17;
/// Hops that a packet lives (RFC 1700).
const HOPS: u8 = 64;

/// A packet with `payload`, which is short enough for one, between these addresses and ports.
pub fn write(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
    let mut head = [0; IP + UDP];
    // Version 4, a header of 5 words.
    head[0] = 0x45;
    head[2..4].copy_from_slice(&((IP + UDP + payload.len()) as u16).to_be_bytes());
    (head[8], head[9]) = (HOPS, PROTOCOL);
    head[12..16].copy_from_slice(&from.0.octets());
    head[16..20].copy_from_slice(&to.0.octets());
    let check = !sum(0, &head[..IP]);
    head[10..12].copy_from_slice(&check.to_be_bytes());
    head[20..22].copy_from_slice(&from.1.to_be_bytes());
    head[22..24].copy_from_slice(&to.1.to_be_bytes());
    head[24..26].copy_from_slice(&((UDP + payload.len()) as u16).to_be_bytes());
    let check = match !sum(checked(&head[12..IP], &head[IP..], UDP + payload.len()), payload) {
        // 0 says that there is none.
        0 => u16::MAX,
        check => check,
    };
    head[26..28].copy_from_slice(&check.to_be_bytes());
    [&head, payload].concat()
}

/// The sender's address and what it says to `port`. `None`: to another port, of another protocol, a fragment, broken. A UDP checksum
/// of 0 is none; what stands behind the packet's end is the link's padding.
pub fn read(packet: &[u8], port: u16) -> Option<(Ipv4Addr, &[u8])> {
    let word = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let ip = packet.first_chunk::<IP>()?;
    let (header, udp) = packet.get(..word(ip, 2).into())?.split_at_checked(usize::from(ip[0] & 0x0f) * 4)?;
    // Neither more fragments nor an offset.
    let is_whole = word(ip, 6) & 0x3fff == 0;
    if ip[0] >> 4 != 4 || header.len() < IP || !is_whole || ip[9] != PROTOCOL || sum(0, header) != u16::MAX {
        return None;
    }
    let udp = udp.get(..word(udp.first_chunk::<UDP>()?, 4).into())?;
    let (head, payload) = udp.split_first_chunk::<UDP>()?;
    let is_checked = word(head, 6) == 0 || checked(&ip[12..], udp, udp.len()) == u16::MAX;
    let from = Ipv4Addr::new(ip[12], ip[13], ip[14], ip[15]);
    (word(head, 2) == port && is_checked).then_some((from, payload))
}

/// The sum over UDP's pseudo header (RFC 768) and its bytes, all ones where these are all of them and their checksum is right.
fn checked(addresses: &[u8], udp: &[u8], length: usize) -> u16 {
    sum(sum(length as u16 + u16::from(PROTOCOL), addresses), udp)
}

/// The sum of 16-bit words in ones' complement (RFC 1071), added to another.
#[inline(never)]
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
