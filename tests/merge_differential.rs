//! Merging against its judge: random parts with random `merge_how`, through ours and through the merger of Debian's cloud-init
//! package (`tests/oracle/`). `WISP_MERGE_CASES` and `WISP_MERGE_SEED` ask for more, or others.

use std::fmt::Write as _;

use wisp::config::merge::{How, merge};
use wisp::format::doc::{Doc, Sources};
use wisp::format::json;

use judge::{ask, dump, quoted};

mod judge;

const CASES: u64 = 2_000;

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

struct Part {
    text: String,
    header: String,
}

const MERGERS: &[&str] = &["list", "dict", "str", "list", "dict", "LIST", "m_dict", " str", "set", "list "];
const OPTIONS: &[&str] = &[
    "append",
    "prepend",
    "replace",
    "no_replace",
    "recurse_list",
    "recurse_array",
    "recurse_dict",
    "recurse_str",
    "allow_delete",
    "no-replace",
    "Append",
    "nonsense",
    "",
];

fn options(dice: &mut Dice) -> Vec<&'static str> {
    (0..dice.below(4)).map(|_| dice.one(OPTIONS)).collect()
}

fn how_text(dice: &mut Dice) -> String {
    let mergers: Vec<String> = (0..dice.below(5))
        .map(|_| match dice.below(40) {
            0 => dice.one(MERGERS).to_string(),
            1 => format!("{}({}", dice.one(MERGERS), options(dice).join(",")),
            2 => String::new(),
            _ => format!("{}({})", dice.one(&MERGERS[..5]), options(dice).join(dice.one(&[",", ", "]))),
        })
        .collect();
    mergers.join(dice.one(&["+", " + "]))
}

/// The value of `merge_how`, as JSON.
fn how_value(dice: &mut Dice) -> String {
    if dice.below(3) > 0 {
        return format!("\"{}\"", how_text(dice));
    }
    let quoted = |words: Vec<&str>| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(",");
    let items: Vec<String> = (0..dice.below(4))
        .map(|_| {
            let (name, words) = (dice.one(&["list", "dict", "str", "dict"]), options(dice));
            match dice.below(12) {
                0 => format!("{{\"name\":\"{name}\"}}"),
                1 => format!("{{\"name\":\"{name}\",\"settings\":\"{}\"}}", words.join(" ")),
                2 => format!("{{\"name\":\"{name}\",\"settings\":null}}"),
                3 => format!("\"{name}\""),
                4 | 5 => format!("[{}]", quoted([vec![name], words].concat())),
                _ => format!("{{\"name\":\"{name}\",\"settings\":[{}]}}", quoted(words)),
            }
        })
        .collect();
    format!("[{}]", items.join(","))
}

fn value(dice: &mut Dice, depth: u64) -> String {
    match dice.below(if depth == 0 { 6 } else { 14 }) {
        0 => "null".into(),
        1 => dice.one(&["true", "false", "0", "1", "-7", "2.5"]).into(),
        2..6 => format!("\"{}\"", dice.one(&["", "x", "yes", "words here", "né", "1", "q\\\"\\n"])),
        6..9 => {
            let items: Vec<String> = (0..dice.below(4)).map(|_| value(dice, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
        _ => format!("{{{}}}", pairs(dice, depth - 1).join(",")),
    }
}

fn pairs(dice: &mut Dice, depth: u64) -> Vec<String> {
    (0..dice.below(5)).map(|_| format!("\"{}\":{}", dice.one(&["a", "b", "c", "d", "é"]), value(dice, depth))).collect()
}

fn part(dice: &mut Dice) -> Part {
    let mut pairs = pairs(dice, 3);
    for (key, chance) in [("merge_how", 3), ("merge_type", 6)] {
        if dice.below(chance) == 0 {
            let how = if dice.below(15) == 0 { dice.one(&["null", "3", "{}", "true"]).into() } else { how_value(dice) };
            let at = dice.below(pairs.len() as u64 + 1) as usize;
            pairs.insert(at, format!("\"{key}\":{how}"));
        }
    }
    let header = if dice.below(4) == 0 { how_text(dice) } else { String::new() };
    Part { text: format!("{{{}}}", pairs.join(",")), header }
}

fn add(doc: &mut Doc, sources: &mut Sources, part: &Part) -> Result<(), String> {
    let id = sources.add("part", part.text.clone().into_bytes());
    let mut other = json::parse(sources.text(id), id).map_err(|error| format!("the case is no JSON: {error}"))?;
    let own = How::take(&mut other, sources).map_err(|error| error.to_string())?;
    let how = own.unwrap_or_default().or(How::parse(&part.header)?);
    let how = if how == How::default() { How::PARTS } else { how };
    merge(doc, sources, other, &how).map_err(|error| error.to_string())
}

fn ours(parts: &[Part]) -> String {
    let (mut doc, mut sources) = (Doc::new(), Sources::new());
    let failed: Vec<bool> = parts.iter().map(|part| add(&mut doc, &mut sources, part).is_err()).collect();
    let mut out = format!("{{\"failed\":{failed:?},\"result\":").replace(' ', "");
    match doc.value(&sources) {
        Some(root) => dump(&mut out, &root),
        None => out.push_str("{}"),
    }
    out + "}"
}

fn theirs(cases: &[Vec<Part>]) -> Vec<String> {
    let mut lines = String::new();
    for parts in cases {
        lines.push('[');
        for (at, part) in parts.iter().enumerate() {
            lines.push_str(if at > 0 { ",{\"text\":" } else { "{\"text\":" });
            // The text of a part is JSON itself: `quoted` escapes what it holds.
            quoted(&mut lines, &part.text);
            lines.push_str(",\"header\":");
            quoted(&mut lines, &part.header);
            lines.push('}');
        }
        lines.push_str("]\n");
    }
    ask("merge.py", lines)
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

#[test]
fn merges_as_debians_cloud_init_does() {
    let mut dice = Dice(setting("WISP_MERGE_SEED", 1));
    let cases: Vec<Vec<Part>> = (0..setting("WISP_MERGE_CASES", CASES))
        .map(|_| (0..1 + dice.below(4)).map(|_| part(&mut dice)).collect())
        .collect();
    let theirs = theirs(&cases);
    assert_eq!(theirs.len(), cases.len(), "one answer a case");
    let mut differing = String::new();
    let (mut count, mut failed) = (0, 0);
    for (parts, wanted) in cases.iter().zip(&theirs) {
        let got = ours(parts);
        failed += usize::from(wanted.contains("true,") || wanted.contains("true]"));
        if got != *wanted {
            count += 1;
            if count <= 5 {
                for part in parts {
                    let _ = writeln!(differing, "  part {} header {:?}", part.text, part.header);
                }
                let _ = writeln!(differing, "  wanted {wanted}\n  got    {got}\n");
            }
        }
    }
    assert!(count == 0, "{count} of {} cases differ, the first of them:\n{differing}", cases.len());
    assert!(failed > cases.len() / 50, "only {failed} cases in which a part fails: the generator is too tame");
}
