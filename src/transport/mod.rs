//! Ways to what other machines hold: HTTP, and the names and addresses that it needs. Machines over the ports: they decide, and
//! whoever is the host moves the bytes.

pub mod dns;
pub mod http;
pub mod url;
