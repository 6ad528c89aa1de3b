//! Times wisp's parsers with the code and the heap of the release.
//!
//!     parsers write SHAPE BYTES         the text of a shape on stdout
//!     parsers time yaml|json FILE       the median time of reading it, then of that and of each scalar's type and text, nanoseconds
//!     parsers linear [NAME]             for each shape (that has NAME in its own): exponent, MB/s at 10 KiB and at 10 MiB, name
//!
//! The exponent is the slope of time over size, least squares over the logarithms of medians. It is that of reading and decoding.

// The allocator of the binary, and what it needs around it.
#[path = "../../../src/sys/heap.rs"]
mod heap;
mod shapes;
mod timing;

/// What `heap` calls where no memory can be had.
mod files {
    pub fn full_write(_: impl Sized, text: &[u8]) -> Result<(), ()> {
        eprintln!("{}", String::from_utf8_lossy(text));
        Ok(())
    }
}

mod crash {
    pub fn die() -> ! {
        std::process::abort()
    }
}

use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

use embedded_io::Read;
use shapes::{Format, SHAPES, Shape};
use wisp::error::{Error, ParseError};
use wisp::format::doc::{Doc, Kind, NodeId, SourceId, Sources, Value};
use wisp::format::{json, yaml};

#[global_allocator]
static HEAP: heap::Heap = heap::Heap::new();

/// Bytes, each four times the one before.
const SIZES: [usize; 6] = [10 << 10, 40 << 10, 160 << 10, 640 << 10, 2560 << 10, 10 << 20];

/// Texts up to this size have no more nodes than a document may hold.
const DENSE: usize = 2560 << 10;

/// How often all sizes are measured, in turns.
const ROUNDS: usize = 3;

fn read(format: Format, sources: &Sources) -> Result<Doc, ParseError> {
    match format {
        Format::Json => json::parse(sources.text(SourceId(0)), SourceId(0)),
        Format::Yaml => yaml::parse(sources.text(SourceId(0)), SourceId(0)),
    }
}

/// Reads, types every scalar and decodes it to its end, once each.
fn decode(format: Format, sources: &Sources) -> Result<(), Error> {
    let doc = read(format, sources).map_err(|error| Error::new("read", "text", error))?;
    let mut buffer = [0; 4096];
    for id in (0..doc.len() as u32).map(NodeId).filter(|id| doc.node(*id).kind() == Kind::Scalar) {
        let value = Value::new(&doc, sources, id);
        black_box(value.scalar());
        let mut reader = value.reader();
        while reader.read(&mut buffer)? > 0 {}
    }
    Ok(())
}

fn sources(text: Vec<u8>) -> Sources {
    let mut sources = Sources::new();
    sources.add("text", text);
    sources
}

/// A panic of the release has no words.
fn fail(words: &str) -> ! {
    eprintln!("parsers: {words}");
    std::process::exit(1)
}

/// The slope of the line through points of (size, time) on logarithmic scales.
fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(size, time)| (size.ln(), time.ln())).collect();
    let count = logs.len() as f64;
    let (sum_x, sum_y) = logs.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x, sum.1 + y));
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let (above, below) = logs
        .iter()
        .fold((0.0, 0.0), |sum, (x, y)| (sum.0 + (x - mean_x) * (y - mean_y), sum.1 + (x - mean_x) * (x - mean_x)));
    above / below
}

/// Fails where a text is read that should be refused, or the other way round.
fn check(shape: &Shape, size: usize, texts: &Sources) {
    match read(shape.format, texts) {
        Ok(_) if !shape.accepted => fail(&format!("{} of {size} bytes can be read", shape.name)),
        // The dense ones have more than a document may hold.
        Err(error) if shape.accepted && !(size > DENSE && error.expected.contains("nodes")) => {
            fail(&format!("{} of {size} bytes: {error}", shape.name))
        }
        _ => {}
    }
}

fn linear(shape: &Shape) {
    let texts = SIZES.map(|size| sources((shape.text)(size)));
    let mut times = [[0; ROUNDS]; SIZES.len()];
    SIZES.iter().zip(&texts).for_each(|(size, texts)| check(shape, *size, texts));
    for round in 0..ROUNDS {
        for (times, texts) in times.iter_mut().zip(&texts) {
            times[round] = timing::median(Duration::from_millis(20), || decode(shape.format, texts).is_ok());
        }
    }
    let points: Vec<(f64, f64)> = times
        .iter_mut()
        .zip(&texts)
        .map(|(times, texts)| {
            times.sort_unstable();
            (texts.text(SourceId(0)).len() as f64, times[ROUNDS / 2] as f64)
        })
        .collect();
    let speed = |(size, time): (f64, f64)| size * 1000.0 / time;
    let (first, last) = (speed(points[0]), speed(points[points.len() - 1]));
    println!("{:.3} {first:.0} {last:.0} {}", slope(&points), shape.name);
}

fn time(format: Format, texts: &Sources) {
    if let Err(error) = decode(format, texts) {
        fail(&error.to_string());
    }
    let second = Duration::from_secs(1);
    let reading = timing::median(second, || read(format, texts).is_ok());
    println!("{reading} {}", timing::median(second, || decode(format, texts).is_ok()));
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["write", name, size] => {
            let shape = SHAPES.iter().find(|shape| shape.name == name).expect("a shape");
            std::io::stdout().write_all(&(shape.text)(size.parse().expect("bytes"))).expect("stdout");
        }
        ["time", format, path] => {
            let texts = sources(std::fs::read(path).expect("a file"));
            time(if format == "json" { Format::Json } else { Format::Yaml }, &texts);
        }
        ["linear"] => SHAPES.iter().for_each(linear),
        ["linear", name] => SHAPES.iter().filter(|shape| shape.name.contains(name)).for_each(linear),
        _ => panic!("usage: parsers write SHAPE BYTES | time yaml|json FILE | linear"),
    }
}
