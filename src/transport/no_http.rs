//! The face of the HTTP client in a build without one.

use alloc::vec::Vec;
use core::time::Duration;

use super::url::Url;
use crate::error::Error;
use crate::host::Host;

/// Fetches nothing.
pub struct Client {
    /// As of the real one.
    pub total: Duration,
}

impl Client {
    /// As of the real one.
    pub fn new(_: u32) -> Self {
        Client { total: Duration::ZERO }
    }

    /// # Errors
    /// Always: HTTP is not in this build.
    pub fn get(&mut self, _: &mut dyn Host, url: Url, _: u64) -> Result<Option<Vec<u8>>, Error> {
        Err(Error::new("fetch", url.shown(), "HTTP is not in this build of wisp"))
    }
}
