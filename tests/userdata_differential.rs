//! User-data against its judge: random mixtures of MIME, archives, gzip, base64, cloud-config with random `merge_how` and headers,
//! patches and launch indexes, as the user's and both vendors' data above a random cloud.cfg, through ours and through
//! cloud-init's own processing, cloud-config handler and layers (`tests/oracle/user_data.py`). `WISP_CASES` asks for more.

use wisp::config::load::{Above, load};
use wisp::config::{Config, DEFAULT};
use wisp::format::doc::Sources;
use wisp::format::gzip::Crc32;
use wisp::format::yaml;
use wisp::host::memory::MemoryHost;
use wisp::instance::{DataKind, Instance};
use wisp::paths::State;
use wisp::userdata::consume;

use judge::{ask, dump_as, quoted};
use python::{Dice, cases as count};

mod judge;
mod python;

const CASES: usize = 300;
const DIR: &str = "/var/lib/cloud/instances/i-1";

struct Case {
    raw: [Option<Vec<u8>>; 3],
    index: Option<usize>,
    cfg: String,
}

/// In the order of a case's `raw`.
const KINDS: [(DataKind, &str); 3] =
    [(DataKind::User, "user"), (DataKind::Vendor, "vendor"), (DataKind::Vendor2, "vendor2")];

fn value(dice: &mut Dice, depth: usize) -> String {
    match dice.roll(if depth == 0 { 6 } else { 13 }) {
        0 => "null".into(),
        1 => dice.pick(&["true", "false", "0", "1", "-7", "2.5"]).into(),
        2..6 => {
            dice.pick(&["\"\"", "\"x\"", "\"yes\"", "\"words here\"", "\"né\"", "\"1\"", "\"q\\\"\\\\ \\n\""]).into()
        }
        6..9 => {
            let items: Vec<String> = (0..dice.roll(4)).map(|_| value(dice, depth - 1)).collect();
            format!("[{}]", items.join(", "))
        }
        _ => format!("{{{}}}", pairs(dice, depth - 1).join(", ")),
    }
}

fn pairs(dice: &mut Dice, depth: usize) -> Vec<String> {
    let mut names = vec!["a", "b", "c", "d", "é"];
    (0..dice.roll(5))
        .map(|_| format!("\"{}\": {}", names.swap_remove(dice.roll(names.len())), value(dice, depth)))
        .collect()
}

fn how(dice: &mut Dice) -> String {
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
    ];
    let merger = |dice: &mut Dice, name: &str| {
        let options: Vec<&str> = (0..dice.roll(4)).map(|_| dice.pick(OPTIONS)).collect();
        format!("{name}({})", options.join(","))
    };
    let mut mergers: Vec<String> = ["list", "dict", "str"].iter().map(|name| merger(dice, name)).collect();
    if dice.roll(6) == 0 {
        mergers.remove(dice.roll(3));
    }
    mergers.rotate_left(dice.roll(2));
    if dice.roll(60) == 0 { "list(".into() } else { mergers.join("+") }
}

/// The text of a cloud-config, a key a line, for block style's sake.
fn config(dice: &mut Dice, launch: bool) -> String {
    let mut lines = pairs(dice, 2);
    if dice.roll(3) == 0 {
        lines.push(format!("{}: '{}'", dice.pick(&["merge_how", "merge_type"]), how(dice)));
    }
    if launch && dice.roll(12) == 0 {
        lines.push(format!("launch-index: {}", dice.roll(3)));
    }
    match dice.roll(50) {
        0 => lines.push("- broken".into()),
        1 => lines = vec!["[a, list]".into()],
        2 => lines.clear(),
        _ => {}
    }
    lines.join("\n") + "\n"
}

fn patch(dice: &mut Dice) -> String {
    let path = |dice: &mut Dice| {
        let deeper = ["", "", "", "/b", "/0", "/-", "/1", "/c"];
        format!("/{}{}", dice.pick(&["a", "b", "c", "d", "é", "e"]), dice.pick(&deeper))
    };
    let operations: Vec<String> = (0..1 + dice.roll(2))
        .map(|_| {
            // Not into a text: jsonpatch has characters there.
            let (path, from) = (path(dice), format!("/{}", dice.pick(&["a", "b", "c", "d", "é", "e"])));
            match dice.roll(10) {
                0..6 => format!(r#"{{"op": "add", "path": "{path}", "value": {}}}"#, value(dice, 2)),
                6 => format!(r#"{{"op": "remove", "path": "{path}"}}"#),
                7 => format!(r#"{{"op": "replace", "path": "{path}", "value": {}}}"#, value(dice, 1)),
                8 => format!(r#"{{"op": "copy", "path": "{path}", "from": "{from}"}}"#),
                _ => format!(r#"{{"op": "move", "path": "{path}", "from": "{from}"}}"#),
            }
        })
        .collect();
    format!("[{}]\n", operations.join(", "))
}

fn base64(data: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in data.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at)) as usize & 63] as char;
            text.push(if at <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

/// One gzip member of one block.
fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(miniz_oxide::deflate::compress_to_vec(data, 6));
    let mut crc = Crc32::new();
    crc.add(data);
    out.extend(crc.value().to_le_bytes());
    out.extend((data.len() as u32).to_le_bytes());
    out
}

/// A content and the header that it has in MIME; `true`: its text says what it is.
fn content(dice: &mut Dice, launch: bool) -> (String, String, bool) {
    match dice.roll(12) {
        0..6 => {
            let named = dice.roll(3) == 0;
            let first = if named && dice.roll(2) == 0 { "" } else { "#cloud-config\n" };
            let header = if named {
                "text/cloud-config"
            } else {
                dice.pick(&["text/plain", "text/x-shellscript", "text/x-not-multipart"])
            };
            (header.into(), format!("{first}{}", config(dice, launch)), !first.is_empty())
        }
        6..9 => ("text/plain".into(), format!("#cloud-config-jsonp\n{}", patch(dice)), true),
        9 => ("text/cloud-config-jsonp".into(), patch(dice), false),
        10 => ("text/x-unknown".into(), "#cloud-config\nunknown: 1\n".into(), false),
        _ => ("text/plain".into(), archive(dice), true),
    }
}

fn archive(dice: &mut Dice) -> String {
    let mut text = String::from("#cloud-config-archive\n");
    for _ in 0..dice.roll(4) {
        let content = match dice.roll(3) {
            0 => format!("#cloud-config-jsonp\n{}", patch(dice)),
            _ => format!("#cloud-config\n{}", config(dice, true)),
        };
        let mut entry = String::new();
        quoted(&mut entry, &content);
        if dice.roll(3) > 0 {
            entry = format!("{{content: {entry}");
            if dice.roll(3) == 0 {
                entry += &format!(", Merge-Type: '{}'", how(dice));
            }
            if dice.roll(6) == 0 {
                entry += &format!(", launch-index: {}", dice.roll(3));
            }
            if dice.roll(4) == 0 {
                entry += ", type: text/cloud-config";
            }
            entry.push('}');
        }
        text += &format!("- {entry}\n");
    }
    text
}

fn part(dice: &mut Dice, depth: usize) -> String {
    if depth > 0 && dice.roll(8) == 0 {
        return multipart(dice, depth - 1);
    }
    let (mut header, text, says) = content(dice, true);
    let mut body = text.clone().into_bytes();
    let mut fields = String::new();
    // cloud-init 22.4 spoils what is not ASCII in a part of 8bit, and in a compressed one.
    let mut coded = !text.is_ascii() || dice.roll(3) == 0;
    if says && text.is_ascii() && dice.roll(8) == 0 {
        header = dice.pick(&["application/x-gzip", "application/gzip", "application/x-compressed"]).into();
        body = gzip(&body);
        coded = true;
    }
    for name in ["Merge-Type", "X-Merge-Type"] {
        if dice.roll(7) == 0 {
            fields += &format!("{name}: {}\n", how(dice));
        }
    }
    if dice.roll(8) == 0 {
        fields += &format!("Launch-Index: {}\n", dice.pick(&["0", "1", "2", "x"]));
    }
    let charset = if header.starts_with("text/") { "; charset=\"utf-8\"" } else { "" };
    let head = format!("Content-Type: {header}{charset}\nMIME-Version: 1.0\n{fields}");
    if coded {
        format!("{head}Content-Transfer-Encoding: base64\n\n{}\n", base64(&body))
    } else {
        format!("{head}Content-Transfer-Encoding: 8bit\n\n{text}")
    }
}

fn multipart(dice: &mut Dice, depth: usize) -> String {
    let boundary = format!("=={}{depth}==", dice.roll(1 << 20));
    let mut text = format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\n\n");
    for _ in 0..1 + dice.roll(4) {
        text += &format!("--{boundary}\n{}\n", part(dice, depth));
    }
    text + &format!("--{boundary}--\n")
}

fn raw(dice: &mut Dice) -> Option<Vec<u8>> {
    let text = match dice.roll(12) {
        0 => return None,
        1..4 => content(dice, true).1,
        _ => multipart(dice, 2),
    };
    let text = text.into_bytes();
    Some(if dice.roll(6) == 0 { gzip(&text) } else { text })
}

fn case(dice: &mut Dice) -> Case {
    let mut cfg = pairs(dice, 2);
    if dice.roll(3) == 0 {
        // cloud-init dies of one in cloud.cfg that it cannot read.
        cfg.push(format!("merge_how: '{}'", Some(how(dice)).filter(|how| how.ends_with(')')).unwrap_or_default()));
    }
    let cfg = cfg.join("\n") + "\n";
    Case { raw: [raw(dice), raw(dice), raw(dice)], index: (dice.roll(3) > 0).then(|| dice.roll(3)), cfg }
}

fn read(text: Vec<u8>) -> String {
    let mut sources = Sources::new();
    let id = sources.add("cloud-config.txt", text);
    let doc = yaml::parse(sources.text(id), id).expect("what we write we read");
    shown(doc.value(&sources))
}

fn shown(value: Option<wisp::format::doc::Value<'_>>) -> String {
    let mut out = String::new();
    match value {
        Some(value) if !value.is_null() => dump_as(&mut out, &value, true),
        _ => out.push_str("{}"),
    }
    out
}

fn ours(case: &Case) -> String {
    let mut host = MemoryHost::new();
    host.put("/etc/cloud/cloud.cfg", 0o644, case.cfg.clone());
    let mut instance = Instance::new("i-1", "DataSourceConfigDrive");
    if let Some(index) = case.index {
        let metadata = format!("{{\"launch-index\": {index}}}");
        instance.metadata = Some(instance.add_document("meta_data.json", metadata.into()).unwrap());
    }
    let mut out = String::new();
    for ((kind, name), raw) in KINDS.iter().zip(&case.raw) {
        out += &format!("\"{name}\":");
        match raw {
            None => out += "{},",
            Some(raw) => {
                // Vendor-data knows no launch index; the judge is not given one for it.
                host.put(&format!("{DIR}/{}", kind.raw_file()), 0o600, raw.clone());
                consume(&mut host, &State::default(), &instance, &Config::default(), *kind);
                out += &format!("{},", read(host.bytes(&format!("{DIR}/{}", kind.cloud_config_file()))));
            }
        }
    }
    let files: Vec<String> =
        DataKind::ALL.iter().rev().map(|kind| format!("{DIR}/{}", kind.cloud_config_file())).collect();
    let config = load(&mut host, Above { instance: &files, ..Above::default() }, &mut |_| {});
    format!("{{\"merged\":{},{}}}", shown(config.root()), out.trim_end_matches(','))
}

fn line(case: &Case) -> String {
    let mut line = String::from("{");
    for ((_, name), raw) in KINDS.iter().zip(&case.raw) {
        line += &format!("\"{name}\":");
        match raw {
            None => line += "null,",
            Some(raw) => line += &format!("\"{}\",", base64(raw)),
        }
    }
    line += &case.index.map_or("\"index\":null".into(), |index| format!("\"index\":{index}"));
    for (name, text) in [("cfg", case.cfg.as_str()), ("default", DEFAULT)] {
        line += &format!(",\"{name}\":");
        quoted(&mut line, text);
    }
    line + "}\n"
}

#[test]
fn user_data_becomes_what_cloud_init_makes_of_it() {
    let mut dice = Dice::new(7);
    let cases: Vec<Case> = (0..count(CASES)).map(|_| case(&mut dice)).collect();
    let theirs = ask("user_data.py", cases.iter().map(line).collect());
    assert_eq!(theirs.len(), cases.len(), "one answer a case");
    let mut differing = Vec::new();
    let mut full = 0;
    for (case, wanted) in cases.iter().zip(&theirs) {
        let got = ours(case);
        full += usize::from(!wanted.contains("\"user\":{}"));
        if got != *wanted {
            let raw: Vec<String> =
                case.raw.iter().flatten().map(|raw| String::from_utf8_lossy(raw).into_owned()).collect();
            let (index, cfg) = (case.index, &case.cfg);
            differing
                .push(format!("{}\nindex {index:?} cfg {cfg}\nwanted {wanted}\ngot    {got}\n", raw.join("\n-----\n")));
        }
    }
    let all = cases.len();
    assert!(
        differing.is_empty(),
        "{} of {all} differ:\n{}",
        differing.len(),
        differing[..differing.len().min(3)].join("\n")
    );
    assert!(full > all / 2, "only {full} of {all} have anything in the user's config: the generator is too tame");
}
