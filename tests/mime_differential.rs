//! Messages read by `wisp::format::mime` and by Python's `email`: the same tree, types, names, character sets and bytes.

mod python;

use embedded_io::Read;
use python::{Dice, cases, judge};
use wisp::error::Error;
use wisp::format::mime::Message;

/// One line a message: `type|file name|charset|body in hexadecimal`, parts in brackets, `?` for a multipart that has none.
/// Python takes what it can of broken base64, and decodes uuencode, where we refuse: `refused`, by rules of its own in this script.
/// It does not know an encoding with a blank behind it; we do.
/// Python's names keep the line ends of folding and their encoded words; both are taken off here.
const SCRIPT: &str = r"
import email, email.header, re
GROUP = b'[A-Za-z0-9+/]'
STRICT = re.compile(b'(%s{4})*(%s{2}(==?)?|%s{3}=?)?' % (GROUP, GROUP, GROUP))
def body(message):
    encoding = str(message.get('content-transfer-encoding', '')).strip().lower()
    if encoding in ('x-uuencode', 'uuencode', 'uue', 'x-uue'):
        return 'refused'
    if encoding:
        message.replace_header('content-transfer-encoding', encoding)
    if encoding == 'base64':
        text = message.get_payload().encode('utf-8', 'surrogateescape')
        if not STRICT.fullmatch(re.sub(b'[ \t\n\x0b\x0c\r]', b'', text)):
            return 'refused'
    return message.get_payload(decode=True).hex()
def word(text):
    text = re.sub('[\r\n]', '', text)
    if '=?' in text:
        pieces = email.header.decode_header(text)
        text = ''.join(p if isinstance(p, str) else p.decode(c or 'latin-1', 'replace') for p, c in pieces).strip()
    return text
def tree(message):
    kind = message.get_content_type()
    if message.is_multipart():
        return kind + '[' + ','.join(tree(part) for part in message.get_payload()) + ']'
    if kind.startswith(('multipart/', 'message/')):
        return kind + '?'
    name = message.get_filename()
    charset = message.get_param('charset')
    if isinstance(charset, tuple):
        charset = email.utils.collapse_rfc2231_value(charset)
    name = '-' if name is None else word(name)
    charset = '-' if charset is None else word(charset)
    extra = [re.sub('[\r\n]', '', str(message.get(field, '-'))) for field in ('x-merge-type', 'subject')]
    return '|'.join([kind, name, charset, body(message)] + extra)
for case in CASES:
    try:
        line = tree(email.message_from_bytes(case))
    except Exception as fault:
        line = 'raised ' + repr(fault)
    sys.stdout.write(re.sub('[\r\n]', ' ', line).encode('ascii', 'backslashreplace').decode() + '\n')
";

fn content(message: &Message) -> Result<String, Error> {
    let mut reader = message.reader()?;
    let (mut out, mut buffer) = (String::new(), [0; 100]);
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(out),
            count => buffer[..count].iter().for_each(|byte| out.push_str(&format!("{byte:02x}"))),
        }
    }
}

fn tree(message: &Message) -> String {
    let kind = message.content_type().replace(['\r', '\n'], " ");
    if message.is_multipart() {
        return match message.parts() {
            Ok(parts) => format!("{kind}[{}]", parts.map(|part| tree(&part)).collect::<Vec<_>>().join(",")),
            Err(_) => format!("{kind}?"),
        };
    }
    let body = content(message).unwrap_or_else(|_| "refused".into());
    let or_dash = |text: Option<std::borrow::Cow<str>>| text.map_or("-".into(), std::borrow::Cow::into_owned);
    let field = |name| or_dash(message.header(name).map(|header| header.text()));
    let line = [
        &*kind,
        &or_dash(message.filename()),
        &or_dash(message.charset()),
        &body,
        &field("X-Merge-Type"),
        &field("Subject"),
    ];
    let line = line.join("|");
    line.replace(['\r', '\n'], " ").chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect()
}

/// As Python's backslashreplace.
fn escaped(c: char) -> String {
    match c as u32 {
        code @ 0..=0xFF => format!("\\x{code:02x}"),
        code @ 0..=0xFFFF => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

struct Generator {
    dice: Dice,
    eol: &'static str,
    out: String,
}

impl Generator {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        // Now and then a line ends as its neighbours do not.
        let eol = if self.dice.roll(200) == 0 { self.dice.pick(&["\n", "\r\n", "\r"]) } else { self.eol };
        self.out.push_str(eol);
    }

    fn fields(&mut self) {
        for _ in 0..self.dice.roll(4) {
            let field = self.dice.pick(&[
                "MIME-Version: 1.0",
                "X-Merge-Type: list(append)+dict(recurse_array)+str()",
                "Subject: folded\n over two\n\tand three",
                "content-disposition: attachment; filename=\"part-001\"",
                "Content-Disposition: attachment; filename=plain.sh; size=3",
                "Content-Disposition: inline;\n filename=\"semi;colon \\\"quoted\\\".txt\"",
                "Content-Disposition: attachment; filename*=utf-8''caf%C3%A9.txt",
                "Content-Disposition: attachment; filename*0=\"one\"; filename*1*=%20two; filename*2=\".txt\"",
                "Content-Disposition: attachment;\n filename*0*=iso-8859-1'fr'caf%E9; filename*1=\" au lait\"",
                "Content-Disposition: attachment; filename=\"=?utf-8?B?w6k=?=.txt\"",
                "Content-Disposition: attachment; filename=\"=?utf-8?q?caf=C3=A9_x?=\"",
                "Content-Disposition: attachment",
                "Launch-Index: 0",
                "x-merge-type:\n list(append)\n\t+dict()",
                "Subject:",
                "Content-Disposition:\n attachment;\n\tfilename=folded.txt",
                "Content-Disposition: attachment; FileName = \"spaces around.sh\" ; x",
                "Content-Disposition: attachment; filename=\"no end",
                "Content-Disposition: attachment; filename=a b.txt",
            ]);
            let folded = field.replace('\n', self.eol);
            self.line(&folded);
        }
    }

    fn message(&mut self, depth: usize) {
        if self.dice.roll(40) == 0 {
            self.line("From someone Thu Jan  1 00:00:00 1970");
        }
        self.fields();
        match self.dice.roll(if depth < 3 { 10 } else { 6 }) {
            0..=5 => self.leaf(),
            6 => {
                self.line("Content-Type: message/rfc822");
                self.line("");
                self.message(depth + 1);
            }
            _ => self.multipart(depth),
        }
    }

    fn leaf(&mut self) {
        let kind = self.dice.pick(&[
            "Content-Type: text/x-shellscript; charset=\"us-ascii\"",
            "Content-type: Text/Cloud-Config; charset=utf-8; name=\"from type.cfg\"",
            "CONTENT-TYPE:text/plain",
            "Content-Type: text/cloud-boothook;\n charset=utf-8",
            "Content-Type: nonsense",
            "Content-Type: a/b/c",
            "Content-Type: ;charset=x",
            "X-None: 1",
            "Content-Type:\n text/x-shellscript;\n charset=\"iso-8859-1\"",
            "Content-Type: text/plain; charset=utf-8; charset=latin1",
            "Content-Type: text/plain; charset*=us-ascii'en'utf-8",
        ]);
        let folded = kind.replace('\n', self.eol);
        self.line(&folded);
        let encoding = self.dice.pick(&[
            "",
            "7bit",
            "8bit",
            "Binary",
            "base64",
            "BASE64",
            "quoted-printable",
            "Quoted-Printable \t",
            "\n base64",
            "8-bit",
            "base64; x=y",
        ]);
        let encoding = if self.dice.roll(1000) == 0 { "x-uuencode" } else { encoding };
        if !encoding.is_empty() {
            let folded = encoding.replace('\n', self.eol);
            self.line(&format!("Content-Transfer-Encoding: {folded}"));
        }
        let encoding = encoding.trim();
        if self.dice.roll(8) != 0 {
            self.line("");
        }
        for _ in 0..self.dice.roll(5) {
            let line = match encoding.to_ascii_lowercase().as_str() {
                "base64" if self.dice.roll(400) > 0 => {
                    self.dice.pick(&["IyEvYmluL3No", "QUJDREVGR0hJ ", "\tSktMTU5P", "QUJD REVG"])
                }
                "base64" => self.dice.pick(&["IyEvYmluL3NoCg==", "QUI=", "QQ", "Zm9vYg", "*"]),
                "quoted-printable" => {
                    self.dice.pick(&["caf=C3=A9", "soft =", "a=3Db ", "tab\t=", "=e9", "=", "= ", "x=4"])
                }
                _ => self.dice.pick(&[
                    "#!/bin/sh",
                    "#cloud-config",
                    "",
                    "echo \u{e9}",
                    "key: value",
                    " - x",
                    "--",
                    "--A",
                    "x:y",
                ]),
            };
            self.line(line);
        }
    }

    fn multipart(&mut self, depth: usize) {
        let boundary = self.dice.pick(&["A", "AB", "===============123==", "a b", "x'+?", "A--"]);
        let written = match self.dice.roll(6) {
            0 if !boundary.contains([' ', '=', '?', ';']) => boundary.to_string(),
            1 => format!("\"{boundary} \""),
            _ => format!("\"{boundary}\""),
        };
        let fold = self.dice.pick(&[" ", "\n ", "\n\t"]).replace('\n', self.eol);
        if self.dice.roll(25) != 0 {
            self.line(&format!("Content-Type: multipart/mixed;{fold}boundary={written}"));
        } else {
            self.line("Content-Type: multipart/mixed");
        }
        self.fields();
        self.line("");
        if self.dice.roll(4) == 0 {
            self.line("This is a multi-part message.");
        }
        for _ in 0..self.dice.roll(4) {
            let space = self.dice.pick(&["", "", "", " ", "\t "]);
            self.line(&format!("--{boundary}{space}"));
            if self.dice.roll(20) == 0 {
                self.line(&format!("--{boundary}"));
            }
            self.message(depth + 1);
        }
        if self.dice.roll(6) != 0 {
            self.line(&format!("--{boundary}--"));
        }
        if self.dice.roll(5) == 0 {
            self.line("epilogue");
        }
    }
}

const VOCABULARY: &[&[u8]] = &[
    b"\n",
    b"\r\n",
    b"\r",
    b"\n\n",
    b" ",
    b"\t",
    b":",
    b";",
    b"\"",
    b"\\",
    b"=",
    b"--",
    b"--A\n",
    b"\n--A--\n",
    b"--AB",
    b"boundary=",
    b"Content-Type: text/x\n",
    b"Content-Transfer-Encoding: base64\n",
    b"X: y",
    b"'",
    b"*",
    b"%41",
    b"\xC3\xA9",
    b"\x7F",
    b"name=",
];

#[test]
fn reads_what_python_reads() {
    let mut messages = Vec::new();
    for number in 0..cases(4_000) {
        let mut dice = Dice::new(number as u64 + 1);
        let eol = dice.pick(&["\n", "\n", "\r\n"]);
        let mut generator = Generator { dice, eol, out: String::new() };
        if generator.dice.roll(3) == 0 {
            generator.message(0)
        } else {
            generator.multipart(0)
        }
        let mut text = generator.out.into_bytes();
        if number % 5 == 0 {
            generator.dice.mutate(&mut text, VOCABULARY);
        }
        messages.push(text);
    }
    let theirs = judge(SCRIPT, &messages);
    let mut wrong = Vec::new();
    let (mut refused, mut header_not_ascii, mut unknown_charset, mut raised, mut broken_word) = (0, 0, 0, 0, 0);
    for (text, theirs) in messages.iter().zip(&theirs) {
        let ours = tree(&Message::new("x", text));
        refused += usize::from(ours.contains("refused"));
        if ours == *theirs {
        } else if theirs.starts_with("raised ") {
            raised += 1;
        } else if ours.contains("=?") {
            broken_word += 1;
        } else if theirs.contains("\\ufffd") {
            header_not_ascii += 1;
        } else if theirs.contains("\\xc3\\xa9") {
            unknown_charset += 1;
        } else {
            wrong.push((text, ours, theirs));
        }
    }
    println!("excused, broken base64, and uuencode: {refused} of {}", messages.len());
    // Python makes one U+FFFD of each byte of a header that is not ASCII; we read UTF-8.
    println!("excused, header not ASCII: {header_not_ascii} of {}", messages.len());
    // In a character set that it does not know, Python leaves bytes as they are; we read UTF-8 where it is.
    println!("excused, character set not known: {unknown_charset} of {}", messages.len());
    // An unknown character set in an encoded word, `name*` and `name*0` together: Python raises LookupError, TypeError.
    println!("excused, Python raises: {raised} of {}", messages.len());
    // Encoded words that are not right: Python takes what it can of them, we leave them as they stand.
    println!("excused, broken encoded word: {broken_word} of {}", messages.len());
    let refused_or = refused + broken_word;
    assert!((refused_or + raised + header_not_ascii + unknown_charset) * 100 < messages.len());
    for (text, ours, theirs) in wrong.iter().take(5) {
        println!("---\n{}\nours   {ours}\ntheirs {theirs}", String::from_utf8_lossy(text).escape_debug());
    }
    assert!(wrong.is_empty(), "{} of {} differ", wrong.len(), messages.len());
}
