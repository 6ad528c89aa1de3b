//! The network: many dialects in, one model, many dialects out.
//!
//! [`model`] is what a machine's network is to be; read its documentation first. [`parse`] reads it from each input dialect (one file each,
//! and their table), [`choose`] says which of the sources of a boot is taken, [`resolve`] brings it together with the NICs that are
//! there, whose places OpenStack's [`devices`] may name, [`dump`] prints it as network-config v2, [`render`] writes the files of an image's network service, and [`live`] tells
//! the kernel where there is none. Up to there nothing asks the machine about its links: they come in as a list.
//!
//! ```text
//! Candidates ──choose──▶ NetConfig ──resolve (NICs)──▶ NetConfig with names ──▶ a renderer, or live
//!               └──────── the document as it was written, for netplan ─────────▶
//! ```
//!
//! [`manifest`] exchanges the files of the last network for those of the next, [`activate`] has the network service take them up, [`extra`] adds addresses.
//! [`rename`] gives NICs their names; [`root`] tells which of them it has to leave alone. [`show`], [`offer`] and [`flush`] are for people.
//! [`interfaces`] follows what an interfaces file sources. A fault is told through [`Report`] with file, line and column, and costs the item that has it; the rest of the network still comes up.

pub mod activate;
pub mod address;
pub mod choose;
pub mod devices;
pub mod dump;
pub mod extra;
pub mod flush;
pub mod interfaces;
pub mod live;
pub mod manifest;
pub mod model;
pub mod offer;
pub mod options;
pub mod parse;
pub mod rename;
pub mod render;
pub mod report;
pub mod resolve;
pub mod root;
pub mod show;

pub use model::NetConfig;
pub use report::Report;
