//! wisp: cloud-init in one static file, for where cloud-init does not fit.
//!
//! This library is all of the behaviour and none of the machine: it is `no_std`, has no `unsafe`, and
//! asks for everything outside itself through [`host::Host`]. The binary (`main.rs`, `cli/`, `sys/`)
//! brings the live machine; the tests bring one in memory.
//!
//! Ranks, lowest first; a module uses lower ranks only and never a sibling folder of its own rank
//! (`tests/layers.rs` holds this):
//!
//! | rank | modules |
//! | --- | --- |
//! | 0 | [`limits`], [`paths`], [`error`], [`gather`] |
//! | 1 | [`format`], [`host`] |
//! | 2 | [`config`], [`net`], [`transport`] |
//! | 3 | [`instance`] |
//! | 4 | [`datasource`], [`userdata`] |
//! | 5 | [`module`], [`devel`] |
//! | 6 | [`stage`] |
//!
//! What an image can do without is a feature of `Cargo.toml`, on `mod` lines and rows of tables; a `no_*.rs` is the face of what is not there.
//!
//! Size is counted: `#[inline(never)]` stands where a function, most often one with a single caller, was measured to be smaller on its
//! own than inside its caller's large frame, whose far offsets take four bytes in each instruction that uses one.
//!
//! To add a config module, read [`stage`], `module/write_files.rs` and the table in [`module`].
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

pub mod config;
pub mod datasource;
#[cfg(feature = "devel")]
pub mod devel;
pub mod error;
pub mod format;
pub mod gather;
pub mod host;
pub mod instance;
pub mod limits;
pub mod module;
#[cfg(feature = "network")]
pub mod net;
pub mod paths;
pub mod stage;
pub mod transport;
pub mod userdata;
