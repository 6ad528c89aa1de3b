//! The face of the links port in a build without networks: it lists what sysfs has.

use wisp::error::{Errno, Error};
use wisp::host::links::{Address, Links, Nic, Request, RouteEntry};
use wisp::host::{Host, sysfs};

use super::LiveHost;

impl Links for LiveHost {
    fn list(&mut self) -> Result<Vec<Nic>, Error> {
        sysfs::links(self.files())
    }

    fn addresses(&mut self) -> Result<Vec<Address>, Error> {
        Err(Error::new("list", "addresses", Errno::NOSYS))
    }

    fn routes(&mut self) -> Result<Vec<RouteEntry>, Error> {
        Err(Error::new("list", "routes", Errno::NOSYS))
    }

    fn request(&mut self, _: &Request<'_>) -> Result<(), Error> {
        Err(Error::new("change", "a network link", Errno::NOSYS))
    }
}
