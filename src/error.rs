//! The two errors of the core: [`ParseError`] says where in a text and what was expected there;
//! [`Error`] says which operation on which object failed, and why.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::ops::{Deref, DerefMut};

/// A text that cannot be read: a [`Fault`], one word wide, since every step of a reader returns room for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError(Box<Fault>);

/// What a [`ParseError`] says: where, and what the text's grammar expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
    /// What was expected, in the format's own words ("a value after `:`").
    pub expected: Cow<'static, str>,
}

impl ParseError {
    /// The error at a line and column, both from 1.
    pub fn new(line: u32, column: u32, expected: impl Into<Cow<'static, str>>) -> Self {
        ParseError(Box::new(Fault { line, column, expected: expected.into() }))
    }

    /// The error at byte `offset` of `text`.
    #[cold]
    #[inline(never)]
    pub fn at(text: &[u8], offset: usize, expected: impl Into<Cow<'static, str>>) -> Self {
        let (line, column) = position(text, offset);
        ParseError::new(line, column, expected)
    }
}

impl Deref for ParseError {
    type Target = Fault;

    fn deref(&self) -> &Fault {
        &self.0
    }
}

impl DerefMut for ParseError {
    fn deref_mut(&mut self) -> &mut Fault {
        &mut self.0
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: expected {}", self.line, self.column, self.expected)
    }
}

/// Line and column (bytes), both from 1, of byte `offset` of `text`. `\n`, `\r\n` and a lone `\r` end a line.
pub fn position(text: &[u8], offset: usize) -> (u32, u32) {
    let offset = offset.min(text.len());
    let (mut line, mut start) = (1u32, 0usize);
    for (at, byte) in text[..offset].iter().enumerate() {
        let ends = match byte {
            b'\n' => true,
            b'\r' => text.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        if ends {
            line += 1;
            start = at + 1;
        }
    }
    (line, (offset - start) as u32 + 1)
}

/// Characters of a foreign text that a message has room for.
const SHOWN: usize = 120;

/// A foreign text as a message may hold it: on one line, without control characters, and not too long.
pub fn one_line(text: &str) -> String {
    text.chars().take(SHOWN).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// An operation on the machine or on input that failed: a [`Failure`], one word wide, since every `Result` of the program
/// has room for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Failure>);

/// What an [`Error`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was tried, as a verb: "read", "mount".
    pub operation: &'static str,
    /// What it was tried on: a path, a device, a user-data part, a module's item.
    pub object: String,
    /// Why it failed.
    pub cause: Cause,
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The kernel's answer (errno(3)).
    Errno(Errno),
    /// The object is a text that cannot be read.
    Parse(ParseError),
    /// Anything else, in words that follow "cannot OPERATION OBJECT: ".
    Text(Cow<'static, str>),
}

impl Error {
    /// "cannot OPERATION OBJECT: CAUSE".
    pub fn new(operation: &'static str, object: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Error(Box::new(Failure { operation, object: object.into(), cause: cause.into() }))
    }

    /// The same, said of another object.
    pub fn on(mut self, object: impl Into<String>) -> Self {
        self.object = object.into();
        self
    }

    /// Only why.
    pub fn into_cause(self) -> Cause {
        self.0.cause
    }

    /// The errno behind this error, if the kernel gave one.
    pub fn errno(&self) -> Option<Errno> {
        match self.cause {
            Cause::Errno(errno) => Some(errno),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.operation, self.object, self.cause)
    }
}

impl Deref for Error {
    type Target = Failure;

    fn deref(&self) -> &Failure {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Failure {
        &mut self.0
    }
}

impl core::error::Error for Error {}

impl embedded_io::Error for Error {
    fn kind(&self) -> embedded_io::ErrorKind {
        match self.errno() {
            Some(Errno::NOENT) => embedded_io::ErrorKind::NotFound,
            Some(Errno::ACCES | Errno::PERM) => embedded_io::ErrorKind::PermissionDenied,
            _ => embedded_io::ErrorKind::Other,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Errno(errno) => errno.fmt(f),
            Cause::Parse(parse) => parse.fmt(f),
            Cause::Text(text) => f.write_str(text),
        }
    }
}

impl From<Errno> for Cause {
    fn from(errno: Errno) -> Self {
        Cause::Errno(errno)
    }
}

impl From<ParseError> for Cause {
    fn from(parse: ParseError) -> Self {
        Cause::Parse(parse)
    }
}

impl From<&'static str> for Cause {
    fn from(text: &'static str) -> Self {
        Cause::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cause {
    fn from(text: String) -> Self {
        Cause::Text(Cow::Owned(text))
    }
}

/// An error number of Linux, the same on every architecture for those named here
/// (`include/uapi/asm-generic/errno-base.h`, `errno.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

macro_rules! errnos {
    ($($name:ident $number:literal $text:literal)*) => {
        impl Errno {
            $(#[doc = $text] pub const $name: Errno = Errno($number);)*
        }
        impl fmt::Display for Errno {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    $($number => f.write_str($text),)*
                    other => write!(f, "error number {other}"),
                }
            }
        }
    };
}

errnos! {
    PERM 1 "operation not permitted"
    NOENT 2 "no such file or directory"
    INTR 4 "interrupted"
    IO 5 "input/output error"
    NXIO 6 "no such device or address"
    TOOBIG 7 "argument list too long"
    NOEXEC 8 "not an executable the kernel knows (no #! line?)"
    CHILD 10 "no child process"
    AGAIN 11 "try again"
    NOMEM 12 "out of memory"
    ACCES 13 "permission denied"
    BUSY 16 "device or resource busy"
    EXIST 17 "file exists"
    XDEV 18 "on another file system"
    NODEV 19 "no such device"
    NOTDIR 20 "not a directory"
    ISDIR 21 "is a directory"
    INVAL 22 "invalid argument"
    TXTBSY 26 "text file busy"
    FBIG 27 "file too large"
    NOSPC 28 "no space left on device"
    ROFS 30 "read-only file system"
    PIPE 32 "broken pipe"
    NAMETOOLONG 36 "file name too long"
    NOSYS 38 "not a function of this kernel"
    NOTEMPTY 39 "directory not empty"
    LOOP 40 "too many symbolic links"
    OPNOTSUPP 95 "not supported"
    AFNOSUPPORT 97 "addresses of this family are not supported there"
    NETDOWN 100 "network is down"
    NETUNREACH 101 "network is unreachable"
    CONNRESET 104 "connection reset by peer"
    TIMEDOUT 110 "timed out"
    CONNREFUSED 111 "connection refused"
    HOSTUNREACH 113 "no route to host"
    NOMEDIUM 123 "no medium in the drive"
    DQUOT 122 "disk quota exceeded"
    MEDIUMTYPE 124 "wrong medium type"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_of_every_ending() {
        for (text, offset, wanted) in [
            ("", 0, (1, 1)),
            ("ab", 1, (1, 2)),
            ("a\nb", 2, (2, 1)),
            ("a\r\nb", 3, (2, 1)),
            ("a\rb", 2, (2, 1)),
            ("a\n\nbc", 4, (3, 2)),
            ("a", 9, (1, 2)),
        ] {
            assert_eq!(position(text.as_bytes(), offset), wanted, "{text:?} at {offset}");
        }
    }
}
