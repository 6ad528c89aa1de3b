//! The `wisp` command.

#[allow(dead_code)] // until the commands use it
mod sys;

fn main() {}
