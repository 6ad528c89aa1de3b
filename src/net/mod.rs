//! The network, as text: what its many dialects say is read here. Nothing here asks the kernel for an interface.

pub mod interfaces;
