//! Templates against their judge: `render_jinja_payload` of Debian's cloud-init with Debian's Jinja (`tests/oracle/`),
//! over the templates of a table, those that cloud-init itself ships, and random ones. `WISP_CASES` asks for more of
//! the last, `WISP_SEED` for others.

mod judge;
mod python;

use std::fmt::Write as _;
use std::path::Path;

use judge::{ask, modules, quoted};
use python::{Dice, cases};
use wisp::format::doc::{Doc, Sources};
use wisp::format::jinja::{Variables, render};
use wisp::format::json;

#[path = "jinja_templates/mod.rs"]
mod templates;

const HEADER: &str = "## template: jinja\n";

/// How the judge's answer, or ours, looks.
type Answer = Result<String, String>;

fn theirs(cases: &[(String, &str)]) -> Vec<Answer> {
    let mut lines = String::new();
    for (template, data) in cases {
        lines.push_str("{\"template\":");
        quoted(&mut lines, template);
        lines.push_str(",\"data\":");
        quoted(&mut lines, data);
        lines.push_str("}\n");
    }
    let answers: Vec<Answer> = ask("render.py", lines).iter().map(|line| answer(line)).collect();
    assert_eq!(answers.len(), cases.len(), "one answer a case");
    answers
}

fn parsed(text: &str) -> (Doc, Sources) {
    let mut sources = Sources::new();
    let id = sources.add("data", text.into());
    let doc = json::parse(sources.text(id), id).unwrap();
    (doc, sources)
}

fn answer(line: &str) -> Answer {
    let (doc, sources) = parsed(line);
    let answer = doc.value(&sources).unwrap();
    match answer.get("text") {
        Some(text) => Ok(text.text().unwrap()),
        None => Err(answer.get("error").unwrap().text().unwrap()),
    }
}

fn ours(template: &str, data: &str) -> Answer {
    let (doc, sources) = parsed(data);
    let variables = Variables::new(&doc.value(&sources).unwrap()).unwrap();
    render(template.as_bytes(), &variables).map(|done| done.text).map_err(|error| error.to_string())
}

/// A text cut into what can be a number, and what stands between.
fn numbers(text: &str) -> Vec<&str> {
    let in_number = |c: char| c.is_ascii_digit() || ".e+-".contains(c);
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| in_number(c) != in_number(first)).unwrap_or(rest.len());
        pieces.push(&rest[..end]);
        rest = &rest[end..];
    }
    pieces
}

/// Differences that are meant, or that no user-data has, each with a name.
fn excuse(theirs: &Answer, ours: &Answer) -> Option<&'static str> {
    let says = |words: &str| ours.as_ref().is_err_and(|error| error.contains(words));
    let shows = |words: &str| theirs.as_ref().is_ok_and(|text| text.contains(words));
    let near = |one: &str, other: &str| {
        let (one, other) = (numbers(one), numbers(other));
        one.len() == other.len()
            && one.iter().zip(&other).all(|(one, other)| match (one.parse::<f64>(), other.parse::<f64>()) {
                (Ok(one), Ok(other)) => one == other || ((one - other) / other).abs() < 1e-14,
                _ => one == other,
            })
    };
    match (theirs, ours) {
        (Ok(_), Err(_)) if says("at most 64 bits") => Some("an integer over 64 bits"),
        (Ok(_), Err(_)) if shows("<generator object") || shows("dict_") || shows("<bound method") => {
            Some("Python's own objects, printed")
        }
        (Ok(_), Ok(_)) if shows("Markup(") => Some("Python's own objects, printed"),
        (Err(kind), Ok(_)) if kind == "TemplateAssertionError" => {
            Some("an unknown filter or test in a branch not taken")
        }
        (Ok(one), Ok(other)) if one.to_lowercase() == other.to_lowercase() && !one.is_ascii() => {
            Some("the case of letters outside ASCII")
        }
        (Ok(one), Ok(other)) if near(one, other) => Some("the last digit of a float"),
        (Ok(_), Ok(_)) if shows("<generator object") || shows("dict_") || shows("range(") || shows("built-in") => {
            Some("Python's own objects, printed")
        }
        _ => None,
    }
}

/// Compares all cases; the number of those that both render.
fn compare(cases: &[(String, &str)], most_excused: usize) -> usize {
    let theirs = theirs(cases);
    let (mut differing, mut report, mut rendered) = (0, String::new(), 0);
    let mut excused: Vec<(&str, usize)> = Vec::new();
    for ((template, data), wanted) in cases.iter().zip(&theirs) {
        let got = ours(template, data);
        match (wanted, &got) {
            (Err(_), Err(_)) => continue,
            (Ok(one), Ok(other)) if one == other => {
                rendered += 1;
                continue;
            }
            _ => {}
        }
        match excuse(wanted, &got) {
            Some(name) => match excused.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => excused.push((name, 1)),
            },
            None => {
                differing += 1;
                if differing <= 15 {
                    let _ = writeln!(report, "template {template:?}\n  wanted {wanted:?}\n  got    {got:?}\n");
                }
            }
        }
    }
    println!("{} cases, {rendered} rendered alike, excused: {excused:?}", cases.len());
    assert!(differing == 0, "{differing} of {} cases differ, the first of them:\n{report}", cases.len());
    let excused: usize = excused.iter().map(|(_, count)| count).sum();
    assert!(excused <= most_excused, "{excused} excused of {}", cases.len());
    rendered
}

#[test]
fn templates_as_people_write_them() {
    let cases: Vec<(String, &str)> =
        templates::TABLE.iter().map(|template| (format!("{HEADER}{template}"), templates::DATA)).collect();
    let rendered = compare(&cases, 0);
    assert!(rendered >= 90, "only {rendered} of {} templates are rendered at all", cases.len());
}

#[test]
fn cloud_inits_own_templates() {
    let dir = Path::new(&modules()).join("../../../../etc/cloud/templates");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        if text.starts_with("## template:jinja") || text.starts_with("## template: jinja") {
            cases.extend(templates::SYSTEM_DATA.iter().map(|data| (text.clone(), *data)));
        }
    }
    assert!(cases.len() > 40, "only {} cases: where are cloud-init's templates?", cases.len());
    assert_eq!(compare(&cases, 0), cases.len());
}

#[test]
fn random_templates() {
    let seed = std::env::var("WISP_SEED").map_or(1, |seed| seed.parse().expect("WISP_SEED"));
    let mut dice = Dice::new(seed);
    let count = cases(4_000);
    let all: Vec<(String, &str)> =
        (0..count).map(|_| (format!("{HEADER}{}", templates::random(&mut dice)), templates::DATA)).collect();
    let rendered = compare(&all, count / 100);
    assert!(rendered > count / 5, "only {rendered} of {count} are rendered: the generator is too wild");
    assert!(rendered < count / 2, "{rendered} of {count} are rendered: the generator is too tame");
}
