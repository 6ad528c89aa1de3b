//! Ways to what other machines hold: HTTP, the names and addresses that it needs, and DHCP. Machines over the ports: they decide, and
//! whoever is the host moves the bytes.

#[cfg(feature = "network")]
pub mod dhcp;
#[cfg(feature = "network")]
pub mod dhcp6;
#[cfg(feature = "http")]
pub mod dns;
#[cfg(feature = "network")]
mod exchange;
#[cfg(feature = "http")]
pub mod http;
#[cfg(not(feature = "http"))]
#[path = "no_http.rs"]
pub mod http;
pub mod names;
#[cfg(feature = "network")]
pub mod udp;
pub mod url;
