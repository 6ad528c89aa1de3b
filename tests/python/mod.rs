//! What the differential tests share: a Python that judges many inputs in one run, and a generator of numbers that is
//! the same every time.
#![allow(dead_code)] // Not every test that has this file uses all of it.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// Runs `script` with every case on its standard input, each behind its length (4 bytes, big end first); gives its
/// lines, one a case. The script finds the cases in `CASES`, as bytes.
pub fn judge(script: &str, cases: &[Vec<u8>]) -> Vec<String> {
    const READ_CASES: &str = "
import sys
CASES, data, at = [], sys.stdin.buffer.read(), 0
while at < len(data):
    size = int.from_bytes(data[at:at + 4], 'big')
    CASES.append(data[at + 4:at + 4 + size])
    at += 4 + size
";
    let mut python = Command::new("python3")
        .arg("-c")
        .arg(format!("{READ_CASES}{script}"))
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let mut input = Vec::new();
    for case in cases {
        input.extend_from_slice(&(case.len() as u32).to_be_bytes());
        input.extend_from_slice(case);
    }
    let mut stdin = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let mut output = String::new();
    python.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    writer.join().unwrap().unwrap();
    assert!(python.wait().unwrap().success(), "the script failed");
    let lines: Vec<String> = output.lines().map(str::to_string).collect();
    assert_eq!(lines.len(), cases.len(), "one line a case");
    lines
}

/// Numbers from a seed (xorshift64*).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize) % sides
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.roll(from.len())]
    }

    #[allow(dead_code)] // Not every test that includes this file mutates.
    /// One to three changes: a piece taken out, doubled, cut off, or a word of `vocabulary` put in.
    pub fn mutate(&mut self, text: &mut Vec<u8>, vocabulary: &[&[u8]]) {
        for _ in 0..=self.roll(3) {
            let at = self.roll(text.len() + 1);
            let end = (at + 1 + self.roll(8)).min(text.len()).max(at);
            match self.roll(8) {
                0 | 1 => drop(text.drain(at..end)),
                2 => {
                    let piece = text[at..end].to_vec();
                    text.splice(at..at, piece);
                }
                3 => text.truncate(at),
                _ => drop(text.splice(at..at, self.pick(vocabulary).iter().copied())),
            }
        }
    }
}

/// How many cases a differential test has: `WISP_CASES`, or this many.
pub fn cases(usual: usize) -> usize {
    std::env::var("WISP_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}
