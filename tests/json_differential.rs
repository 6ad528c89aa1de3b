//! JSON read and printed again by wisp, and by Python's `json`: the same texts are valid, and what is printed says the same.

mod python;

use python::{Dice, cases, judge};
use wisp::error::Error;
use wisp::format::doc::Sources;
use wisp::format::{emit, json};

/// Cases come in pairs: a text, and what we printed of it (nothing if we refused it). Of the first a line says whether it is
/// valid (`constants`, `deep`: only for Python, which takes `NaN` and `Infinity`, and more than 64 levels); of the second,
/// whether it is what `json.dumps(…, indent=1)` prints of the first, or says the same (numbers may be written in several
/// ways), or not. Lone surrogates are U+FFFD for us, which may make two keys one text; else no key is printed twice.
const SCRIPT: &str = r"
import json, re
def refuse(name):
    raise ValueError(name)
def read(text, **how):
    return json.loads(text.decode('utf-8-sig'), parse_int=lambda n: n, parse_float=lambda n: n, **how)
def known(value):
    return re.sub('[\ud800-\udfff]', '\ufffd', json.dumps(value, indent=1, ensure_ascii=False))
def depth(text):
    text = re.sub(rb'\x22(\\.|[^\x22\\])*\x22', b'', text, flags=re.S)
    deepest = level = 0
    for byte in text:
        level += (byte in b'[{') - (byte in b']}')
        deepest = max(deepest, level)
    return deepest
def judged(text):
    try:
        read(text)
    except (ValueError, RecursionError):
        return 'invalid'
    try:
        read(text, parse_constant=refuse)
    except ValueError:
        return 'constants'
    return 'deep' if depth(text) > 64 else 'valid'
for text, printed in zip(CASES[::2], CASES[1::2]):
    verdict = judged(text)
    print(verdict)
    if verdict != 'valid' or not printed:
        print('none')
    elif known(json.loads(text.decode('utf-8-sig'))) == printed.decode():
        print('exact')
    else:
        twice = False
        def pairs(all):
            global twice
            twice |= len(dict(all)) < len(all)
            return dict(all)
        same = known(read(text)) == known(read(printed, object_pairs_hook=pairs))
        print('same' if same and (not twice or '\ufffd' in printed.decode()) else 'differs')
";

#[derive(Default)]
struct Memory(Vec<u8>);

impl embedded_io::ErrorType for Memory {
    type Error = Error;
}

impl embedded_io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

fn printed(text: &[u8]) -> Option<Vec<u8>> {
    let mut sources = Sources::new();
    let source = sources.add("x", text.to_vec());
    let doc = json::parse(sources.text(source), source).ok()?;
    let mut memory = Memory::default();
    emit::json(&doc.value(&sources).unwrap(), Some(1), &mut memory).unwrap();
    Some(memory.0)
}

fn space(dice: &mut Dice, out: &mut String) {
    out.push_str(dice.pick(&["", "", "", " ", "\n", "\t", "\r\n  "]));
}

fn generate(dice: &mut Dice, depth: usize, out: &mut String) {
    space(dice, out);
    match dice.roll(if depth < 5 { 12 } else { 8 }) {
        0..=3 => string(dice, out),
        4 | 5 => out.push_str(dice.pick(&["0", "-0", "7", "-12", "1234567890123", "123456789012345678901234567890"])),
        6 => out.push_str(dice.pick(&["0.5", "-1.50", "1e5", "2E-3", "-0.0e+0", "1e999", "3.141592653589793"])),
        7 if dice.roll(40) == 0 => out.push_str(dice.pick(&["NaN", "Infinity", "-Infinity"])),
        7 => out.push_str(dice.pick(&["true", "false", "null"])),
        8 | 9 => {
            out.push('[');
            for at in 0..dice.roll(5) {
                out.push_str(if at == 0 { "" } else { "," });
                generate(dice, depth + 1, out);
            }
            space(dice, out);
            out.push(']');
        }
        _ => {
            out.push('{');
            // Now and then a long one, with short keys of which some come again.
            let long = depth > 2 && dice.roll(8) == 0;
            for at in 0..dice.roll(if long { 80 } else { 5 }) {
                out.push_str(if at == 0 { "" } else { "," });
                space(dice, out);
                if long && dice.roll(3) > 0 {
                    out.push_str(&format!("\"k{}\"", dice.roll(100)));
                } else {
                    string(dice, out);
                }
                space(dice, out);
                out.push(':');
                generate(dice, depth + 1, out);
            }
            space(dice, out);
            out.push('}');
        }
    }
    space(dice, out);
}

fn string(dice: &mut Dice, out: &mut String) {
    out.push('"');
    for _ in 0..dice.roll(5) {
        out.push_str(dice.pick(&[
            "a",
            "key",
            "two words",
            "é",
            "\u{1F600}",
            "\u{2028}",
            "\u{7f}",
            "\\n",
            "\\\"",
            "\\\\",
            "\\/",
            "\\b\\f\\r\\t",
            "\\u00e9",
            "\\uD83D\\ude00",
            "\\ud800",
            "\\udc00x",
            "\\u0000",
            "\\u001F",
            "'",
            "#",
        ]));
    }
    out.push('"');
}

const VOCABULARY: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\\u",
    b"0",
    b"1",
    b"-",
    b"+",
    b".",
    b"e",
    b"E",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"true",
    b"nul",
    b" ",
    b"\n",
    b"\x0B",
    b"\xC2\xA0",
    b"\0",
    b"\x1F",
    b"\x7F",
    b"\xC3",
    b"\xED\xA0\x80",
    b"\xEF\xBB\xBF",
    b"//",
    b"'",
];

#[test]
fn reads_and_prints_what_python_does() {
    let mut texts = Vec::new();
    let mut pairs = Vec::new();
    for number in 0..cases(12_000) {
        let mut dice = Dice::new(number as u64 + 1);
        let mut text = String::new();
        generate(&mut dice, 0, &mut text);
        if dice.roll(100) == 0 {
            let levels = 55 + dice.roll(20);
            text = format!("{}{text}{}", "[".repeat(levels), "]".repeat(levels));
        }
        let mut text = text.into_bytes();
        if number % 2 == 0 {
            dice.mutate(&mut text, VOCABULARY);
        }
        let ours = printed(&text);
        pairs.extend([text.clone(), ours.clone().unwrap_or_default()]);
        texts.push((text, ours));
    }
    let lines = judge(SCRIPT, &pairs);
    let (mut valid, mut exact, mut constants, mut deep, mut wrong) = (0, 0, 0, 0, Vec::new());
    for ((text, ours), line) in texts.iter().zip(lines.chunks(2)) {
        valid += usize::from(line[0] == "valid");
        exact += usize::from(line[1] == "exact");
        constants += usize::from(line[0] == "constants");
        deep += usize::from(line[0] == "deep");
        if (line[0] == "valid") != ours.is_some() || line[1] == "differs" {
            wrong.push((text, ours, line));
        }
    }
    println!("{} texts, {valid} valid, {exact} printed to the letter", texts.len());
    // RFC 8259 section 6 has no such numbers.
    println!("excused, only Python takes NaN and Infinity: {constants}");
    // RFC 8259 section 9 lets a reader set a limit; it is ours.
    println!("excused, nested deeper than our bound: {deep}");
    for (text, ours, line) in wrong.iter().take(5) {
        let ours = ours.as_deref().map(String::from_utf8_lossy);
        println!("---\n{}\nours {ours:?}\ntheirs {line:?}", String::from_utf8_lossy(text).escape_debug());
    }
    assert!(wrong.is_empty(), "{} of {} differ", wrong.len(), texts.len());
    assert!(constants > 0 && deep > 0 && (constants + deep) * 100 < texts.len(), "too few, or too many excuses");
    assert!(valid < texts.len() * 9 / 10 && exact > valid / 2, "too few of a kind");
}
