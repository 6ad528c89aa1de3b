//! Syntax: bytes in, borrowed values out. One file a format, each with its reader and, where we write the
//! format, its writer. Nothing here opens a file, logs, or knows what a value is for.

pub mod assignments;
pub mod base64;
pub mod cmdline;
pub mod doc;
pub mod emit;
pub mod emit_yaml;
pub mod eni;
pub mod gzip;
mod inflate;
#[cfg(feature = "templates")]
pub mod jinja;
pub mod json;
pub mod mime;
pub mod quoted_printable;
pub mod scalar;
pub mod sha1;
pub mod stream;
pub mod superblock;
pub mod yaml;
