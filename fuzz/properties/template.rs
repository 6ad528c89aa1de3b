//! Templates, over data of a fixed shape.

use wisp::format::doc::Sources;
use wisp::format::jinja::{self, Variables};
use wisp::format::json;
use wisp::limits::MAX_TEMPLATE_OUTPUT;

use super::is_inside;

const DATA: &str = r#"{"v1": {"local-hostname": "h1", "region": null, "keys": ["a", "b"]}, "n": 7, "f": -1.5, "s": "a b é",
    "ds": {"meta_data": {"x-y": {"z": [1, 2, {"k": true}]}}}, "list": [3, 1, 2], "empty": {}, "big": 123456789012345678901}"#;

pub fn template(data: &[u8]) {
    let mut sources = Sources::new();
    let id = sources.add("data", DATA.into());
    let doc = json::parse(DATA.as_bytes(), id).expect("good data");
    let variables = Variables::new(&doc.value(&sources).expect("data")).expect("variables");
    let text = [b"## template: jinja\n", data].concat();
    match jinja::render(&text, &variables) {
        Ok(done) => {
            assert!(done.text.len() <= MAX_TEMPLATE_OUTPUT);
            if !data.contains(&b'{') && !data.contains(&b'\r') {
                assert_eq!(done.text.as_bytes(), data, "plain text");
            }
        }
        Err(error) => is_inside(&error, &text),
    }
}
