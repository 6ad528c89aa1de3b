//! Streams of bytes.

use embedded_io::Read;
use wisp::error::Error;
use wisp::format::base64::{self, Base64Writer, Padding};
use wisp::format::gzip::GzipReader;
use wisp::format::quoted_printable;
use wisp::format::stream::Bytes;

use super::Held;

const OUTPUT: u64 = 1 << 20;

/// Reads to the end through pieces of odd sizes, as callers with small buffers do.
fn read(from: &mut dyn Read<Error = Error>, piece: usize) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut buffer = vec![0; piece];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(out),
            count => out.extend_from_slice(&buffer[..count]),
        }
        assert!(out.len() as u64 <= OUTPUT + piece as u64, "more than was allowed");
    }
}

pub fn base64(data: &[u8]) {
    for padding in [Padding::Required, Padding::Optional] {
        let one = read(&mut base64::reader(data, padding), 1);
        let many = read(&mut base64::reader(data, padding), 4096);
        assert_eq!(one.is_ok(), many.is_ok());
        if let (Ok(one), Ok(many)) = (one, many) {
            assert_eq!(one, many);
        }
    }
    let mut text = Held::new(usize::MAX);
    let mut writer = Base64Writer::new(&mut text, Some(76));
    embedded_io::Write::write_all(&mut writer, data).unwrap();
    writer.finish().unwrap();
    assert_eq!(read(&mut base64::reader(&text.bytes, Padding::Required), 57).unwrap(), data);
}

pub fn gzip(data: &[u8]) {
    let all = read(&mut GzipReader::new(&mut Bytes(data), OUTPUT), 4096);
    if let Ok(all) = all {
        assert!(all.len() as u64 <= OUTPUT);
        if all.len() < 4096 {
            assert_eq!(read(&mut GzipReader::new(&mut Bytes(data), OUTPUT), 1).unwrap(), all);
        }
    }
}

pub fn quoted_printable(data: &[u8]) {
    let one = read(&mut quoted_printable::reader(data), 1).unwrap();
    assert_eq!(one, read(&mut quoted_printable::reader(data), 4096).unwrap());
    assert!(one.len() <= data.len());
}
