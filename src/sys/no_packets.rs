//! The face of the packets port in a build without networks.

use wisp::error::{Errno, Error};
use wisp::host::links::Nic;
use wisp::host::packets::{Channel, Packets};

/// As of the real one.
///
/// # Errors
/// Always.
pub fn open(nic: &Nic, _: &Channel) -> Result<Box<dyn Packets>, Error> {
    Err(Error::new("listen on", &*nic.name, Errno::NOSYS))
}
