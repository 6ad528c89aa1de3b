//! `serde FILE`: the median time, nanoseconds, in which serde_json reads a file's text into a `Value`, and drops it.

#[path = "../../parsers/src/timing.rs"]
mod timing;

use std::time::Duration;

fn main() {
    let path = std::env::args().nth(1).expect("usage: serde FILE");
    let text = std::fs::read(path).expect("a file");
    let parse = || serde_json::from_slice::<serde_json::Value>(&text).expect("JSON");
    println!("{}", timing::median(Duration::from_secs(1), parse));
}
