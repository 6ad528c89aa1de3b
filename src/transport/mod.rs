//! Ways to what other machines hold: HTTP, and the names and addresses that it needs. Machines over the ports: they decide, and
//! whoever is the host moves the bytes.

#[cfg(feature = "http")]
pub mod dns;
#[cfg(feature = "http")]
pub mod http;
#[cfg(not(feature = "http"))]
#[path = "no_http.rs"]
pub mod http;
pub mod url;
