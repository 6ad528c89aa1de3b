//! Puts the build id into the binary.
fn main() {}
