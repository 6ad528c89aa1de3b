//! Our YAML against PyYAML's safe loader (Debian's python3-yaml): random documents and damaged ones, read by both to the same tree, or
//! refused by both; and the examples of cloud-init's documentation, as Debian ships them, whole and damaged.
//! `WISP_YAML_CASES` says how many documents (each is also damaged once), `WISP_YAML_SEED` which.
//!
//! The loader is the pure Python one, as cloud-init uses it, without the resolver for dates, which are text here.

mod yaml_generator;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wisp::format::doc::{Kind, Sources, Value};
use wisp::format::scalar::{Float, Scalar};
use wisp::format::{emit_yaml, yaml};
use yaml_generator::{Random, damage, document};

/// Reads documents from stdin (a length in decimal and a line end before each), answers one line for each.
const READER: &str = r#"
import struct, sys
try:
    import yaml
except ImportError:
    sys.exit(77)
class Loader(yaml.SafeLoader):
    pass
Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in rows if not tag.endswith(':timestamp')]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()}
def tree(value, above):
    if value is None: return 'n'
    if value is True: return 'b1'
    if value is False: return 'b0'
    if isinstance(value, int): return 'i%d' % value if -2**63 <= value < 2**63 else 'big'
    if isinstance(value, float): return 'f' + ('nan' if value != value else struct.pack('>d', value).hex())
    if isinstance(value, str): return 's' + value.encode('utf-8', 'surrogatepass').hex()
    if isinstance(value, bytes): return 'x' + value.hex()
    if id(value) in above: raise ValueError('recursive')
    above = above | {id(value)}
    if isinstance(value, list): return '[' + ','.join(tree(item, above) for item in value) + ']'
    if isinstance(value, dict):
        return '{' + ','.join(sorted(tree(key, above) + ':' + tree(item, above) for key, item in value.items())) + '}'
    raise ValueError('other type: %s' % type(value))
data = sys.stdin.buffer
while True:
    length = data.readline()
    if not length: break
    text = data.read(int(length))
    try:
        print('ok', tree(yaml.load(text, Loader), frozenset()))
    except Exception as fault:
        print('no', ' '.join(('%s: %s' % (type(fault).__name__, fault)).split()))
"#;

/// Python's equality of keys: `1`, `1.0` and `true` are one key.
fn identity(tree: &str) -> String {
    match tree.as_bytes().first() {
        Some(b'b') => format!("i{}", &tree[1..]),
        Some(b'f') if tree != "fnan" => {
            let float = f64::from_bits(u64::from_str_radix(&tree[1..], 16).unwrap());
            if float.fract() == 0.0 && float.abs() < 1e18 { format!("i{}", float as i64) } else { tree.into() }
        }
        _ => tree.into(),
    }
}

fn tree(value: &Value<'_>) -> Result<String, String> {
    Ok(match value.kind() {
        Kind::Sequence => {
            let items = value.items().map(|item| tree(&item)).collect::<Result<Vec<_>, _>>()?;
            format!("[{}]", items.join(","))
        }
        Kind::Mapping => {
            let mut rows: BTreeMap<String, (String, String)> = BTreeMap::new();
            for (key, item) in value.entries() {
                let (key, item) = (tree(&key)?, tree(&item)?);
                rows.entry(identity(&key)).or_insert((key, String::new())).1 = item;
            }
            let mut rows: Vec<_> = rows.into_values().map(|(key, item)| format!("{key}:{item}")).collect();
            rows.sort();
            format!("{{{}}}", rows.join(","))
        }
        _ => match value.scalar() {
            Scalar::Null => "n".into(),
            Scalar::Bool(truth) => format!("b{}", u8::from(truth)),
            Scalar::Int(int) => format!("i{int}"),
            Scalar::Float(Float::NotANumber) => "fnan".into(),
            Scalar::Float(float) => {
                let double: f64 = float.to_string().replace(".inf", "inf").parse().unwrap();
                format!("f{:016x}", double.to_bits())
            }
            kind => {
                let mut text = String::from(if kind == Scalar::Binary { "x" } else { "s" });
                for byte in value.bytes(1 << 20).map_err(|fault| fault.to_string())? {
                    write!(text, "{byte:02x}").unwrap();
                }
                text
            }
        },
    })
}

fn ours(text: &[u8]) -> Result<String, String> {
    let mut sources = Sources::new();
    let source = sources.add("case", text.to_vec());
    let doc = yaml::parse(text, source).map_err(|fault| fault.to_string())?;
    doc.value(&sources).map_or(Ok("n".into()), |root| tree(&root))
}

/// What our writer makes of a document that we can read.
fn rewritten(text: &[u8]) -> Option<Vec<u8>> {
    let mut sources = Sources::new();
    let source = sources.add("case", text.to_vec());
    let doc = yaml::parse(text, source).ok()?;
    let mut written = Written(Vec::new());
    emit_yaml::yaml(&doc.value(&sources)?, &mut written).expect("a document that was read can be written");
    Some(written.0)
}

struct Written(Vec<u8>);

impl embedded_io::ErrorType for Written {
    type Error = wisp::error::Error;
}

impl embedded_io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

fn theirs(cases: &[Vec<u8>]) -> Vec<Result<String, String>> {
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("/usr/bin/python3 runs: apt-get install python3 python3-yaml");
    let mut stdin = python.stdin.take().unwrap();
    let mut input = Vec::new();
    for case in cases {
        writeln!(input, "{}", case.len()).unwrap();
        input.extend_from_slice(case);
    }
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = python.wait_with_output().unwrap();
    assert_ne!(output.status.code(), Some(77), "PyYAML is missing: apt-get install python3-yaml");
    assert!(output.status.success(), "the Python side ended with {}", output.status);
    writer.join().unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| match line.split_at(3) {
            ("ok ", tree) => Ok(tree.to_string()),
            (_, fault) => Err(fault.to_string()),
        })
        .collect()
}

type Answer = Result<String, String>;

/// A difference that is meant. `true` if it is this one.
struct Excuse {
    name: &'static str,
    applies: fn(&str, &Answer, &Answer) -> bool,
}

fn ours_says(answer: &Answer, words: &str) -> bool {
    matches!(answer, Err(fault) if fault.contains(words))
}

fn theirs_says(answer: &Answer, words: &str) -> bool {
    matches!(answer, Err(fault) if fault.contains(words))
}

/// What we do otherwise; the first two arguments after the text are ours and theirs.
const EXCUSES: &[Excuse] = &[
    Excuse {
        name: "an alias inside its own anchor is refused",
        applies: |_, ours, theirs| {
            ours_says(ours, "inside its own anchor") && (theirs.is_ok() || theirs_says(theirs, "recursive"))
        },
    },
    Excuse {
        name: "half a surrogate pair is refused, a pair is one character",
        applies: |text, ours, _| {
            let lower = text.to_ascii_lowercase();
            ["8", "9", "a", "b", "c", "d", "e", "f"].iter().any(|digit| lower.contains(&format!("\\ud{digit}")))
                && (ours.is_ok() || ours_says(ours, "half of one"))
        },
    },
    Excuse {
        name: "a whole number beyond 64 bits is text",
        applies: |_, ours, theirs| ours.is_ok() && matches!(theirs, Ok(tree) if tree.contains("big")),
    },
    Excuse {
        name: "a sexagesimal float that begins with a number beyond 64 bits is text, or refused behind !!float",
        applies: |text, ours, theirs| {
            let digits =
                |part: &str| part.bytes().rev().take_while(|byte| byte.is_ascii_digit() || *byte == b'_').count();
            let meant = ours.is_ok() || ours_says(ours, "a number behind !!float");
            meant && theirs.is_ok() && text.split(':').any(|part| digits(part) >= 19)
        },
    },
    Excuse {
        name: "around a number behind !!int or !!float no white space beyond ASCII is passed over",
        applies: |text, ours, theirs| {
            theirs.is_ok()
                && (ours_says(ours, "a whole number behind !!int") || ours_says(ours, "a number behind !!float"))
                && text.contains(['\u{85}', '\u{a0}', '\u{2028}', '\u{2029}'])
        },
    },
    Excuse {
        name: "a number of underscores alone is text",
        applies: |text, ours, theirs| {
            ours.is_ok()
                && theirs_says(theirs, "invalid literal for int")
                && (text.contains("0x_") || text.contains("0b_"))
        },
    },
    Excuse {
        name: "base64 of a value that an equal key replaces is not read",
        applies: |text, ours, theirs| text.contains("!!binary") && ours.is_ok() && theirs_says(theirs, "base64 data"),
    },
    Excuse {
        name: "%TAG and tags beyond our eight are refused",
        applies: |_, ours, theirs| ours_says(ours, "not supported") && theirs.is_ok(),
    },
];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// How many of the cases are valid. They are read by both, and must be the same, excused differences apart: less than 1 % of all.
fn same(cases: &[Vec<u8>]) -> u64 {
    let theirs = theirs(cases);
    assert_eq!(theirs.len(), cases.len(), "one answer a case");
    let mut excused = vec![0u64; EXCUSES.len()];
    let (mut valid, mut wrong) = (0, Vec::new());
    for (case, theirs) in cases.iter().zip(&theirs) {
        let ours = ours(case);
        valid += u64::from(theirs.is_ok());
        if ours.as_ref().ok() == theirs.as_ref().ok() {
            continue;
        }
        let text = String::from_utf8_lossy(case);
        match EXCUSES.iter().position(|excuse| (excuse.applies)(&text, &ours, theirs)) {
            Some(index) => excused[index] += 1,
            None => wrong.push(format!(
                "---- text\n{text}\n---- escaped\n{text:?}\n---- ours\n{ours:?}\n---- theirs\n{theirs:?}\n"
            )),
        }
    }
    println!("{} documents, {valid} of them valid", cases.len());
    for (excuse, count) in EXCUSES.iter().zip(&excused) {
        println!("excused {count:6}: {}", excuse.name);
    }
    let shown = wrong.iter().take(number("WISP_YAML_SHOWN", 5) as usize).cloned().collect::<String>();
    assert!(wrong.is_empty(), "{} of {} differ:\n{shown}", wrong.len(), cases.len());
    let all: u64 = excused.iter().sum();
    assert!(all * 100 < cases.len() as u64, "{all} of {} differences excused: 1 % at most", cases.len());
    valid
}

#[test]
fn documents_read_as_pyyaml_reads_them() {
    let count = number("WISP_YAML_CASES", 2000);
    let mut random = Random::new(number("WISP_YAML_SEED", 20));
    let mut cases = Vec::new();
    for _ in 0..count {
        let text = document(&mut random);
        cases.push(damage(&mut random, &text));
        cases.push(text);
    }
    let valid = same(&cases);
    assert!(valid * 2 > count, "only {valid} valid documents of {}: the generator is broken", cases.len());
}

/// What cloud-init's package has of YAML: the examples of its documentation, among them some that are none, and its configuration.
fn examples() -> Vec<(PathBuf, Vec<u8>)> {
    let fetch = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/fetch-cloud-init");
    let fetched = Command::new(fetch).stderr(Stdio::inherit()).output().unwrap();
    assert!(fetched.status.success(), "the examples are not there: tests/oracle/fetch-cloud-init failed (see above)");
    let modules = PathBuf::from(String::from_utf8(fetched.stdout).unwrap().trim());
    let root = modules.ancestors().nth(4).unwrap();
    let mut files = Vec::new();
    for dir in [
        "usr/share/doc/cloud-init/examples",
        "usr/share/doc/cloud-init/examples/seed",
        "etc/cloud",
        "etc/cloud/cloud.cfg.d",
    ] {
        for entry in std::fs::read_dir(root.join(dir)).unwrap() {
            let path = entry.unwrap().path();
            let text = match path.extension() {
                _ if path.is_dir() => continue,
                Some(ending) if ending == "gz" => Command::new("gzip").arg("-dc").arg(&path).output().unwrap().stdout,
                _ => std::fs::read(&path).unwrap(),
            };
            assert!(!text.is_empty(), "{}", path.display());
            files.push((path, text));
        }
    }
    files.sort();
    files
}

/// No difference is excused here.
#[test]
fn the_examples_of_cloud_init_read_to_the_same_tree() {
    let files = examples();
    let texts: Vec<Vec<u8>> = files.iter().map(|(_, text)| text.clone()).collect();
    let mut read = 0;
    for ((path, text), theirs) in files.iter().zip(theirs(&texts)) {
        let ours = ours(text);
        assert_eq!(ours.as_ref().ok(), theirs.as_ref().ok(), "{}: {ours:?}, {theirs:?}", path.display());
        match &theirs {
            Ok(tree) => read += usize::from(tree.len() > 2),
            // What is no YAML is no cloud-config.
            Err(fault) => assert!(!text.starts_with(b"#cloud-config"), "{}: {fault}", path.display()),
        }
    }
    println!("{read} of {} files are YAML with something in it", files.len());
    assert!(read >= 32, "only {read} of {} files are YAML", files.len());
}

#[test]
fn damaged_examples_read_as_pyyaml_reads_them() {
    let mut random = Random::new(number("WISP_YAML_SEED", 20) + 2);
    let texts: Vec<Vec<u8>> =
        examples().into_iter().map(|(_, text)| text).filter(|text| text.len() < 8 << 10).collect();
    let count = number("WISP_YAML_CASES", 2000) / 5;
    let cases: Vec<_> = (0..count)
        .map(|_| {
            let text = &texts[random.below(texts.len())];
            damage(&mut random, text)
        })
        .collect();
    let valid = same(&cases);
    assert!(valid * 10 > count, "only {valid} of {count} are valid");
}

#[test]
fn what_is_written_reads_back_as_it_was() {
    let count = number("WISP_YAML_CASES", 2000) / 2;
    let mut random = Random::new(number("WISP_YAML_SEED", 20) + 1);
    let mut cases = Vec::new();
    while (cases.len() as u64) < count {
        let text = document(&mut random);
        // What cannot be decoded (broken base64) cannot be written either.
        let Ok(before) = ours(&text) else { continue };
        let Some(written) = rewritten(&text) else { continue };
        cases.push((text, written, before));
    }
    let texts: Vec<Vec<u8>> = cases.iter().map(|(_, written, _)| written.clone()).collect();
    let theirs = theirs(&texts);
    assert_eq!(theirs.len(), cases.len(), "one answer a case");
    for ((text, written, before), theirs) in cases.iter().zip(&theirs) {
        let (text, shown) = (String::from_utf8_lossy(text), String::from_utf8_lossy(written));
        assert_eq!(ours(written).as_ref(), Ok(before), "{text}\n---- written\n{shown}");
        let big = matches!(theirs, Ok(tree) if tree.contains("big"));
        assert!(big || theirs.as_ref() == Ok(before), "{text}\n---- written\n{shown}\n{theirs:?}\n{before:?}");
    }
}
