//! Reading a text takes time in proportion to its size, whatever stands in it. `make bench` measures that exactly; here only what is
//! far from it fails: sixteen times the text may take eighty times as long, where a quadratic reader takes 256 times.

#[path = "../benches/parsers/src/shapes.rs"]
mod shapes;

use std::hint::black_box;
use std::time::{Duration, Instant};

use shapes::{Format, SHAPES};
use wisp::error::ParseError;
use wisp::format::doc::{Doc, SourceId};
use wisp::format::{json, yaml};

const SMALL: usize = 16 << 10;
const TIMES: usize = 16;
const MOST: u32 = 80;
/// What is quicker is taken to be as slow as this: the clock and a page fault count otherwise.
const LEAST: Duration = Duration::from_micros(100);

fn read(format: Format, text: &[u8]) -> Result<Doc, ParseError> {
    match format {
        Format::Json => json::parse(text, SourceId(0)),
        Format::Yaml => yaml::parse(text, SourceId(0)),
    }
}

fn quickest(runs: usize, format: Format, text: &[u8]) -> Duration {
    let run = |_| {
        let start = Instant::now();
        drop(black_box(read(format, text)));
        start.elapsed()
    };
    (0..runs).map(run).min().unwrap_or_default().max(LEAST)
}

#[test]
fn no_text_is_slow_to_read() {
    for shape in SHAPES {
        let (small, large) = ((shape.text)(SMALL), (shape.text)(TIMES * SMALL));
        for text in [&small, &large] {
            let found = read(shape.format, text).map(|_| ());
            assert_eq!(found.is_ok(), shape.accepted, "{}: {found:?}", shape.name);
        }
        // A neighbour that takes the machine for a moment makes one run slow, but not the quickest of many.
        let slow = |runs| quickest(runs, shape.format, &large) > MOST * quickest(runs, shape.format, &small);
        assert!(![2, 5, 20].into_iter().all(slow), "{} takes more than {MOST} times as long", shape.name);
    }
}
