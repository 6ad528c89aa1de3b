//! Questions that are asked again until they are answered: what DHCP of both kinds does on a channel of packets.

use core::time::Duration;

use crate::error::Error;
use crate::host::Host;
use crate::host::links::Nic;
use crate::host::packets::Channel;
use crate::limits::MAX_DHCP_PACKET;

use alloc::vec::Vec;

/// Who asks: it decides, [`run`] brings the packets and the time. Times are of the clock that never steps.
pub trait Asker {
    /// When it will have something to send.
    fn due(&self) -> Duration;

    /// What it sends now that this time has come; the next time is set. The random number is a new one for each.
    fn send(&mut self, now: Duration, random: u64) -> Vec<u8>;

    /// A packet has come. `None`: it is nothing of ours, or broken; true: the exchange is at its end.
    fn hear(&mut self, packet: &[u8]) -> Option<bool>;
}

/// Runs an exchange on a channel of a link to its end, or until the clock shows `until` or the host is to stop; true: it came to its end. A link that is down,
/// or has no address yet, may become what it should be: what cannot be sent is tried again when it is due.
///
/// # Errors
/// The channel cannot be opened. No source of random numbers. The time is up, and the last thing that happened was that sending or
/// hearing failed.
pub fn run(
    host: &mut dyn Host,
    nic: &Nic,
    channel: &Channel,
    asker: &mut dyn Asker,
    until: Duration,
) -> Result<bool, Error> {
    let mut channel = host.open_packets(nic, channel)?;
    let mut failed = None;
    let mut buffer = [0; MAX_DHCP_PACKET];
    loop {
        let now = host.now().up;
        if now >= until || host.is_stopped() {
            return failed.map_or(Ok(false), Err);
        }
        if now >= asker.due() {
            let mut random = [0; 8];
            host.random(&mut random)?;
            failed = channel.send(&asker.send(now, u64::from_ne_bytes(random))).err();
        }
        let next = asker.due().min(until);
        match channel.receive(&mut buffer, next) {
            Ok(Some(count)) if asker.hear(&buffer[..count]) == Some(true) => return Ok(true),
            Ok(_) => {}
            Err(error) => {
                failed = Some(error);
                host.sleep(next.saturating_sub(now));
            }
        }
    }
}
