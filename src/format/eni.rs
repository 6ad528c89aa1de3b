//! ENI: `/etc/network/interfaces`, the file of Debian's ifupdown, with what ifupdown-ng and busybox add to its grammar.
//!
//! | stanza | options |
//! | --- | --- |
//! | `auto NAME…`, `allow-CLASS NAME…`, `no-auto-down NAME…`, `no-scripts NAME…`, `rename CUR=NEW…` | none |
//! | `source PATH…`, `source-directory PATH…` (or `source-dir`) | none |
//! | `mapping PATTERN…` | `script` (once), `map` |
//! | `iface NAME [FAMILY [METHOD]] [inherits PARENT]` | any: the first word is its name, the rest of the line its value |
//! | `template NAME` and so on as `iface` (ifupdown-ng) | as of `iface` |
//!
//! A stanza goes on until a line that begins another; indentation means nothing. A line whose first character behind blanks is
//! `#` is a comment; a `#` further on is text. A `\` at the very end of a line continues it, unless it is a comment. Options may be
//! repeated, and their order counts. What all this means (which families, methods and options there are, what
//! a parent hands down) is the caller's, and so is opening what `source` names.
//!
//! Where the dialects differ: `iface NAME` alone is ifupdown-ng's, where ifupdown wants a family and a method, or `inherits`; a
//! lone `auto` inside an `iface` stanza is its option there. An option without a value is refused, as by ifupdown.
//! Sources: interfaces(5) of ifupdown 0.8.41 and of ifupdown-ng 0.11.4, and what these two say to the odd cases; busybox 1.35.

use alloc::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::{eof, opt, recognize};
use nom::multi::{many0_count, many1_count};
use nom::sequence::{pair, preceded, terminated};
use nom::{IResult, Parser};

use crate::error::{self, ParseError};

/// Reads an interfaces file. Nothing is allocated, neither here nor while stanzas and options are looked at.
///
/// # Errors
/// The first word that the grammar does not allow, or the end of the line that lacks one; a text that is not UTF-8.
pub fn parse(text: &[u8]) -> Result<Interfaces<'_>, ParseError> {
    let text = core::str::from_utf8(text).map_err(|error| ParseError::at(text, error.valid_up_to(), "UTF-8 text"))?;
    let interfaces = Interfaces { text };
    let mut items = interfaces.items();
    while let Some(item) = items.next() {
        item.map_err(|fault| interfaces.error(fault.at, fault.expected))?;
    }
    Ok(interfaces)
}

/// A file that [`parse`] has read.
#[derive(Clone, Copy, Debug)]
pub struct Interfaces<'a> {
    text: &'a str,
}

impl<'a> Interfaces<'a> {
    /// The stanzas, in order.
    pub fn stanzas(&self) -> Stanzas<'a> {
        Stanzas { items: self.items() }
    }

    /// Line and column, from 1, of a piece of this file.
    pub fn position(&self, piece: Text<'a>) -> (u32, u32) {
        // The piece is a slice of the text: the distance of their first bytes is its offset.
        error::position(self.text.as_bytes(), piece.0.as_ptr().addr() - self.text.as_ptr().addr())
    }

    /// What is wrong with a piece of this file.
    pub fn error(&self, piece: Text<'a>, expected: impl Into<Cow<'static, str>>) -> ParseError {
        let (line, column) = self.position(piece);
        ParseError { line, column, expected: expected.into() }
    }

    fn items(&self) -> Items<'a> {
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(self.text);
        // A `\` that ends the text continues the last line with nothing.
        Items { lines: Lines { rest: text.strip_suffix('\\').unwrap_or(text) }, inside: Inside::Nothing }
    }
}

/// One stanza.
#[derive(Clone, Debug)]
pub enum Stanza<'a> {
    /// `auto`, `allow-auto`: names or patterns (`/eth*=eth`) of interfaces to be brought up at boot.
    Auto(Text<'a>),
    /// `allow-CLASS`: to be brought up by whoever asks for the class (`hotplug`).
    Allow {
        /// What stands behind `allow-`.
        class: Text<'a>,
        /// Names or patterns.
        names: Text<'a>,
    },
    /// `no-auto-down`: to be left up at shutdown.
    NoAutoDown(Text<'a>),
    /// `no-scripts`: without the hooks in `/etc/network/if-*.d`.
    NoScripts(Text<'a>),
    /// `rename`: pairs `CUR=NEW`.
    Rename(Text<'a>),
    /// `source`: paths, with wildcards; relative ones are in this file's directory.
    Source(Text<'a>),
    /// `source-directory`: directories, likewise; of the files in them those with a [`is_sourced`] name.
    SourceDirectory(Text<'a>),
    /// `mapping`: which logical interface a physical one becomes is for a script to say.
    Mapping {
        /// Patterns of the physical interfaces' names.
        patterns: Text<'a>,
        /// `script` and `map`.
        options: Options<'a>,
    },
    /// `iface`, `template`.
    Iface(Iface<'a>),
}

/// The definition of a logical interface. Several of the same name add up.
#[derive(Clone, Debug)]
pub struct Iface<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// `inet`, `inet6`, …
    pub family: Option<Text<'a>>,
    /// `static`, `dhcp`, …; never without a family.
    pub method: Option<Text<'a>>,
    /// The `iface` or `template` whose options it has too.
    pub inherits: Option<Text<'a>>,
    /// Words behind all that, empty for none. ifupdown warns of them and goes on.
    pub extra: Text<'a>,
    /// True for ifupdown-ng's `template`: only there to be inherited from.
    pub template: bool,
    /// Its options.
    pub options: Options<'a>,
}

/// One option: a line in a stanza.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The first word.
    pub name: Text<'a>,
    /// The rest of the line.
    pub value: Text<'a>,
}

/// A piece of one line, without blanks around it; continued lines stand in it as they were written.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// The text on one line; only a continued one is a copy.
    pub fn joined(&self) -> Cow<'a, str> {
        let mut pieces = self.pieces();
        match (pieces.next(), pieces.next()) {
            (first, None) => Cow::Borrowed(first.unwrap_or_default()),
            _ => Cow::Owned(self.pieces().collect()),
        }
    }

    /// Its words. Of nothing there are none.
    pub fn words(&self) -> impl Iterator<Item = Text<'a>> + Clone + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (after, found) = preceded(gap, word).parse(rest).ok()?;
            rest = after;
            Some(Text(found))
        })
    }

    /// True if this is its text.
    pub fn is(&self, text: &str) -> bool {
        self.pieces().try_fold(text, |rest, piece| rest.strip_prefix(piece)) == Some("")
    }

    /// True without a word.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What stands between the places where lines are continued.
    fn pieces(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.split("\\\n").flat_map(|lines| lines.split("\\\r\n"))
    }

    /// The place behind it.
    fn end(&self) -> Text<'a> {
        Text(&self.0[self.0.len()..])
    }
}

/// True for the name of a file that `source-directory` takes; others (`eth0.dpkg-new`, `eth0~`) are passed over.
pub fn is_sourced(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Iterator over stanzas.
#[derive(Clone, Debug)]
pub struct Stanzas<'a> {
    items: Items<'a>,
}

impl<'a> Iterator for Stanzas<'a> {
    type Item = Stanza<'a>;

    fn next(&mut self) -> Option<Stanza<'a>> {
        loop {
            if let Item::Stanza(stanza) = self.items.next()?.ok()? {
                return Some(stanza);
            }
        }
    }
}

/// Iterator over the options of a stanza.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    items: Items<'a>,
}

impl<'a> Iterator for Options<'a> {
    type Item = Setting<'a>;

    fn next(&mut self) -> Option<Setting<'a>> {
        match self.items.next() {
            Some(Ok(Item::Setting(setting))) => Some(setting),
            _ => {
                self.items.lines.rest = "";
                None
            }
        }
    }
}

/// A place, and what was expected there.
struct Fault<'a> {
    at: Text<'a>,
    expected: &'static str,
}

fn fault<'a, T>(at: Text<'a>, expected: &'static str) -> Result<T, Fault<'a>> {
    Err(Fault { at, expected })
}

/// What one line is.
enum Item<'a> {
    Stanza(Stanza<'a>),
    Setting(Setting<'a>),
}

/// Which options may stand on the next line.
#[derive(Clone, Copy, Debug)]
enum Inside {
    Nothing,
    Mapping { has_script: bool },
    Iface,
}

/// The lines, and what each of them is.
#[derive(Clone, Debug)]
struct Items<'a> {
    lines: Lines<'a>,
    inside: Inside,
}

impl<'a> Items<'a> {
    fn next(&mut self) -> Option<Result<Item<'a>, Fault<'a>>> {
        let line = self.lines.next()?;
        Some(self.stanza(&line).and_then(|stanza| match stanza {
            Some(stanza) => Ok(Item::Stanza(stanza)),
            None => self.setting(line).map(Item::Setting),
        }))
    }

    /// The stanza that the line begins, if its first word begins one.
    fn stanza(&mut self, line: &Setting<'a>) -> Result<Option<Stanza<'a>>, Fault<'a>> {
        let lists: [(&str, fn(Text<'a>) -> Stanza<'a>); 8] = [
            ("auto", Stanza::Auto),
            ("allow-auto", Stanza::Auto),
            ("no-auto-down", Stanza::NoAutoDown),
            ("no-scripts", Stanza::NoScripts),
            ("rename", Stanza::Rename),
            ("source", Stanza::Source),
            ("source-directory", Stanza::SourceDirectory),
            ("source-dir", Stanza::SourceDirectory),
        ];
        let (name, value) = (line.name, line.value);
        let list = lists.iter().find(|(keyword, _)| name.is(keyword));
        let stanza = match (list, name.0.strip_prefix("allow-")) {
            (Some((keyword, _)), _) if value.is_empty() && keyword.starts_with("source") => {
                return fault(name.end(), "a path");
            }
            (Some(("auto", _)), _) if value.is_empty() && matches!(self.inside, Inside::Iface) => return Ok(None),
            (Some((_, list)), _) => list(value),
            (None, Some(class)) if !class.is_empty() => Stanza::Allow { class: Text(class), names: value },
            _ if name.is("mapping") => {
                self.inside = Inside::Mapping { has_script: false };
                return Ok(Some(Stanza::Mapping { patterns: value, options: self.options() }));
            }
            _ if name.is("iface") || name.is("template") => {
                self.inside = Inside::Iface;
                let template = name.is("template");
                return iface(line, template, self.options()).map(Stanza::Iface).map(Some);
            }
            _ => return Ok(None),
        };
        self.inside = Inside::Nothing;
        Ok(Some(stanza))
    }

    fn options(&self) -> Options<'a> {
        Options { items: self.clone() }
    }

    fn setting(&mut self, line: Setting<'a>) -> Result<Setting<'a>, Fault<'a>> {
        match &mut self.inside {
            Inside::Nothing => fault(line.name, "a stanza (`iface`, `auto`, …) before an option"),
            Inside::Mapping { has_script } => match (line.name.is("script"), line.name.is("map")) {
                (true, _) if *has_script => fault(line.name, "one `script` in a mapping"),
                (false, false) => fault(line.name, "`script` or `map` in a mapping"),
                (is_script, _) => {
                    *has_script |= is_script;
                    Ok(line)
                }
            },
            Inside::Iface if line.value.is_empty() && !line.name.is("auto") => {
                fault(line.name.end(), "a value behind the option's name")
            }
            Inside::Iface => Ok(line),
        }
    }
}

/// The definition that the line begins.
fn iface<'a>(line: &Setting<'a>, template: bool, options: Options<'a>) -> Result<Iface<'a>, Fault<'a>> {
    let mut words = line.value.words();
    let Some(name) = words.next() else { return fault(line.name.end(), "the name of an interface") };
    let end = line.value.end();
    let mut iface = Iface { name, family: None, method: None, inherits: None, extra: end, template, options };
    for word in words.by_ref() {
        if word.is("inherits") {
            let Some(parent) = words.next() else { return fault(end, "a name behind `inherits`") };
            iface.inherits = Some(parent);
            iface.extra = words.next().map_or(end, |extra| behind(line.value, extra));
            break;
        }
        match (iface.family, iface.method) {
            (None, _) => iface.family = Some(word),
            (_, None) => iface.method = Some(word),
            _ => {
                iface.extra = behind(line.value, word);
                break;
            }
        }
    }
    match iface {
        Iface { family: Some(_), method: None, inherits: None, .. } => {
            fault(end, "a method behind the family, or `inherits`")
        }
        iface => Ok(iface),
    }
}

/// The end of `value` that begins with `word`, a word of it.
fn behind<'a>(value: Text<'a>, word: Text<'a>) -> Text<'a> {
    Text(&value.0[word.0.as_ptr().addr() - value.0.as_ptr().addr()..])
}

/// The lines that say something, each as its first word and the rest.
#[derive(Clone, Debug)]
struct Lines<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Setting<'a>;

    fn next(&mut self) -> Option<Setting<'a>> {
        let line = (word, preceded(gap, words), gap, line_end);
        let silent = many0_count(alt((comment, empty_line)));
        // Any text is lines. That there is none here means that the text is over.
        let (rest, (name, value, ..)) = preceded((silent, gap), line).parse(self.rest).ok()?;
        self.rest = rest;
        Some(Setting { name: Text(name), value: Text(value) })
    }
}

type Parsed<'a> = IResult<&'a str, &'a str>;

/// As isspace(3) has it, but for the line's end.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\x0B' | '\x0C')
}

/// A `\`, and the line end that it hides.
fn continuation(input: &str) -> Parsed<'_> {
    recognize((char('\\'), opt(char('\r')), char('\n'))).parse(input)
}

/// Blanks and continued lines, if any.
fn gap(input: &str) -> Parsed<'_> {
    recognize(many0_count(alt((take_while1(is_blank), continuation)))).parse(input)
}

fn word(input: &str) -> Parsed<'_> {
    let plain = take_while1(|c| !is_blank(c) && c != '\n' && c != '\\');
    recognize(many1_count(alt((plain, continuation, tag("\\"))))).parse(input)
}

/// All words to the line's end, or nothing.
fn words(input: &str) -> Parsed<'_> {
    recognize(opt(pair(word, many0_count(pair(gap, word))))).parse(input)
}

fn line_end(input: &str) -> Parsed<'_> {
    alt((tag("\n"), eof)).parse(input)
}

fn comment(input: &str) -> Parsed<'_> {
    recognize((take_while(is_blank), char('#'), take_till(|c| c == '\n'), line_end)).parse(input)
}

fn empty_line(input: &str) -> Parsed<'_> {
    recognize(terminated(gap, char('\n'))).parse(input)
}

#[cfg(test)]
mod tests;
