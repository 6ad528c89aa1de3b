use super::*;
use crate::format::yaml;
use crate::limits::{MAX_MERGED_NODES, MAX_VISITS};
use alloc::format;
use alloc::string::{String, ToString};

fn show(value: &Value<'_>) -> String {
    match value.kind() {
        Kind::Mapping => {
            let entries: Vec<String> =
                value.entries().map(|(key, value)| format!("{}: {}", show(&key), show(&value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Kind::Sequence => format!("[{}]", value.items().map(|item| show(&item)).collect::<Vec<_>>().join(", ")),
        _ => value.text().unwrap(),
    }
}

struct Merged {
    doc: Doc,
    sources: Sources,
}

impl Merged {
    fn new() -> Self {
        Merged { doc: Doc::new(), sources: Sources::new() }
    }

    fn add(&mut self, text: &str, how: &How) -> Result<(), Error> {
        let id = self.sources.add("part", text.into());
        let other = yaml::parse(self.sources.text(id), id).unwrap();
        merge(&mut self.doc, &mut self.sources, other, how)
    }

    fn shown(&self) -> String {
        self.doc.value(&self.sources).map_or_else(String::new, |root| show(&root))
    }
}

fn merged(texts: &[&str], how: &str) -> String {
    let mut merged = Merged::new();
    for text in texts {
        merged.add(text, &How::parse(how).unwrap()).unwrap();
    }
    merged.shown()
}

#[test]
fn rules_of_the_contract() {
    for (how, base, other, wanted) in [
        ("dict(replace)+list()+str()", "{a: {x: 1}, b: [1]}", "{a: {y: 2}, c: 3}", "{a: {y: 2}, b: [1], c: 3}"),
        (
            "list()+dict()+str()",
            "{a: {x: 1}, b: [1], c: 1}",
            "{a: {x: 2, y: 2}, b: [2], c: 2}",
            "{a: {x: 1, y: 2}, b: [1], c: 1}",
        ),
        ("list()+dict(recurse_list)", "{a: [1, 2, 3]}", "{a: [9]}", "{a: [9, 2, 3]}"),
        ("list()+dict(recurse_list)", "{a: [1]}", "{a: [9, 8]}", "{a: [9]}"),
        ("list(append)+dict(recurse_array)+str()", "{a: [1]}", "{a: [2]}", "{a: [1, 2]}"),
        ("list(prepend)+dict(recurse_list)", "{a: [1]}", "{a: [2, 3]}", "{a: [2, 3, 1]}"),
        ("str(append)+dict(recurse_str)", "{a: x, n: 1}", "{a: y, n: z}", "{a: xy, n: 1}"),
        ("dict(allow_delete)", "{a: 1, b: 2}", "{a: null}", "{b: 2}"),
        ("dict(recurse_list)", "{a: [1]}", "{a: [2], b: 3}", "{a: [1], b: 3}"),
        // Keys are those of Python: a number and its text are two, a number and its other spelling one.
        ("dict(replace)", "{1: a, '1': b, true: c}", "{1.0: d, '1': e}", "{1: d, 1: e}"),
        ("dict(replace)", "{a: 1, a: 2}", "{b: 3}", "{a: 2, b: 3}"),
    ] {
        assert_eq!(merged(&[base, other], how), wanted, "{how}: {base} and {other}");
    }
}

#[test]
fn what_has_no_merger_stays() {
    assert_eq!(merged(&["{a: 1}"], "list()"), "{}");
    assert_eq!(merged(&["{a: [1]}", "{a: [2]}"], "dict(recurse_list)"), "{a: [1]}");
}

/// An anchored mapping that two keys share is one for each of them once a merge changes it.
#[test]
fn shared_nodes_are_not_changed_together() {
    let how = "dict(recurse_list)+list(append)";
    let base = "{a: &m {x: [1]}, b: *m}";
    assert_eq!(merged(&[base, "{a: {x: [2], y: 3}}", "{b: {x: [4]}}"], how), "{a: {x: [1, 2], y: 3}, b: {x: [1, 4]}}");
}

#[test]
fn a_merge_that_fails_changes_nothing() {
    let how = How::parse("dict(recurse_list,recurse_str)+str(append)+list(append)").unwrap();
    let mut merged = Merged::new();
    merged.add("{a: {x: [1], t: u}, s: t, z: 1}", &how).unwrap();
    merged.add("{a: {x: [2], t: v}, y: 3}", &how).unwrap();
    let before = merged.shown();
    assert_eq!(before, "{a: {x: [1, 2], t: uv}, s: t, z: 1, y: 3}");
    let error = merged.add("{a: {x: [5], n: 6, t: w}, s: {no: text}}", &how).unwrap_err();
    assert_eq!(error.to_string(), "cannot read part: line 1, column 30: expected a text, to be appended to a text");
    assert_eq!(merged.shown(), before);
    merged.add("{s: u}", &how).unwrap();
    assert_eq!(merged.shown(), before.replace("s: t", "s: tu"));
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}1{}", "{a: ".repeat(depth), "}".repeat(depth));
    let mut inside = Merged::new();
    inside.add(&nested(MAX_NESTING), &How::LAYERS).unwrap();
    inside.add(&nested(MAX_NESTING), &How::LAYERS).unwrap();
    // Aliases make a document deeper than its text.
    let mut deep = String::from("{k0: &a0 {x: 1}");
    for level in 1..=2 * MAX_NESTING {
        deep += &format!(", k{level}: &a{level} {{x: *a{}}}", level - 1);
    }
    deep.push('}');
    let mut outside = Merged::new();
    outside.add(&deep, &How::LAYERS).unwrap();
    let error = outside.add(&deep, &How::LAYERS).unwrap_err();
    assert!(error.to_string().ends_with("expected collections nested less deeply"), "{error}");
}

/// Rows grow with what is merged, not with what is there already.
#[test]
fn many_parts_stay_linear() {
    let mut merged = Merged::new();
    let how = How::parse("dict(recurse_list)+list(append)").unwrap();
    for part in 0..1000 {
        merged.add(&format!("{{k{part}: 1, all: [{part}]}}"), &how).unwrap();
    }
    assert!(merged.doc.len() < 20_000, "{} rows", merged.doc.len());
    assert_eq!(merged.doc.value(&merged.sources).unwrap().get("all").unwrap().items().count(), 1000);
}

#[test]
fn mergers_are_refused_with_words() {
    for (text, wanted) in [
        ("list", "a merger of the form `name(options)`, not `list`"),
        ("list(append", "a merger of the form `name(options)`, not `list(append`"),
        ("set()", "one of the mergers list, dict, str, not `set`"),
    ] {
        assert_eq!(How::parse(text).unwrap_err(), wanted);
    }
    assert_eq!(How::parse(" LIST( Append ) + DICT(No-Replace)+").unwrap(), How::parse("list(append)+dict()").unwrap());
    assert_eq!(How::parse("dict(replace)+list()+str()").unwrap(), How::PARTS);
    assert_eq!(How::parse("list()+dict()+str()").unwrap(), How::LAYERS);
}

#[test]
fn the_keys_that_say_how_are_taken_out() {
    for (text, how, rest) in [
        ("{a: 1}", None, "{a: 1}"),
        ("{merge_how: 'list(append)', a: 1}", Some("list(append)"), "{a: 1}"),
        ("{a: 1, merge_type: 'str()'}", Some("str()"), "{a: 1}"),
        ("{merge_how: null, a: 1, merge_type: 'str()'}", Some("str()"), "{a: 1}"),
        ("{merge_how: 'dict()', merge_type: 'str()'}", Some("dict()"), "{merge_type: str()}"),
        ("{merge_how: [{name: list, settings: [append]}]}", Some("list(append)"), "{}"),
        ("{merge_how: [[dict, replace]]}", Some("dict(replace)"), "{}"),
        ("{merge_how: ''}", None, "{}"),
    ] {
        let mut sources = Sources::new();
        let id = sources.add("part", text.into());
        let mut doc = yaml::parse(sources.text(id), id).unwrap();
        let wanted = how.map(|how| How::parse(how).unwrap());
        assert_eq!(How::take(&mut doc, &sources).unwrap(), wanted, "{text}");
        assert_eq!(show(&doc.value(&sources).unwrap()), rest, "{text}");
    }
    let mut sources = Sources::new();
    let id = sources.add("part", "a: 1\nmerge_how: [{name: heap, settings: []}]\n".into());
    let mut doc = yaml::parse(sources.text(id), id).unwrap();
    let error = How::take(&mut doc, &sources).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read part: line 2, column 13: expected one of the mergers list, dict, str, not `heap`"
    );
}

/// The rows of all documents count, those that nothing names too.
#[test]
fn the_nodes_of_all_documents_are_bounded() {
    let mut sources = Sources::new();
    let id = sources.add("part", "ab".into());
    let scalar = |at: usize| Node::new(Kind::Scalar, Style::Plain, id, at, at + 1);
    let of = |rows: usize| {
        let mut doc = Doc::new();
        let root = doc.push(Node::new(Kind::Mapping, Style::Flow, id, 1, 1));
        (1..rows).for_each(|_| {
            doc.push(scalar(0));
        });
        doc.set_root(root);
        doc
    };
    for (more, fits) in [(0, true), (1, false)] {
        let (mut doc, other) = (of(MAX_MERGED_NODES - 10), of(10 + more));
        let result = merge(&mut doc, &mut sources, other, &How::PARTS).map_err(|error| error.to_string());
        let wanted =
            "cannot read part: line 1, column 2: expected at most 8,388,608 nodes in all documents that are merged";
        assert_eq!(result.err(), (!fits).then(|| wanted.to_string()));
    }
}

/// Every item that is appended counts; the ten that were there count twice, and five nodes around them.
#[test]
fn visits_are_bounded() {
    let how = How::parse("list(append)+dict(recurse_list)").unwrap();
    for (items, fits) in [(MAX_VISITS - 25, true), (MAX_VISITS - 24, false)] {
        let mut merged = Merged::new();
        merged.add(&format!("a: [{}]", "x,".repeat(10)), &How::PARTS).unwrap();
        let result = merged.add(&format!("a: [{}]", "x,".repeat(items)), &how);
        assert_eq!(result.is_ok(), fits, "{result:?}");
        if let Err(error) = result {
            let text = error.to_string();
            assert!(text.ends_with("expected at most 1,000,000 nodes once aliases are followed"), "{text}");
        }
    }
}
