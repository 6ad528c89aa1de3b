//! `Launch-Index`: which of the instances launched together a part of user-data is for (cloud-init's filter of that name).
//!
//! The instance's number is its metadata's `launch-index`, `launch_index` (OpenStack) or `ami-launch-index` (EC2). A part's is
//! its header, or the key `launch-index` of a cloud-config without the header. A part without a number is for all, one whose
//! header is no number is for none, and where the instance has no number every part is for it.
//!
//! cloud-init 22.4 looks for `launch-index` alone outside EC2, so that there the header does nothing on OpenStack.

use super::part::Part;
use crate::format::doc::{Kind, Sources, Value};
use crate::format::scalar::{Scalar, may_contain};
use crate::format::yaml;
use crate::instance::Instance;

const KEY: &str = "launch-index";
const NAMES: [&str; 3] = [KEY, "launch_index", "ami-launch-index"];

/// The instance's number, if it has one.
pub fn of_instance(instance: &Instance) -> Option<u32> {
    NAMES.iter().find_map(|name| instance.meta(name)).and_then(|value| number(&value))
}

/// True if the part is for the instance of this number.
#[inline(never)]
pub fn is_for(part: &Part, index: u32) -> bool {
    if !part.launch_index.is_empty() {
        return part.launch_index.trim().parse() == Ok(index);
    }
    own(part).is_none_or(|own| own == index)
}

/// What a cloud-config says of itself. One that cannot be read says nothing: its handler tells what is wrong with it.
#[inline(never)]
fn own(part: &Part) -> Option<u32> {
    if part.content_type != "text/cloud-config" || !may_contain(&part.text, KEY) {
        return None;
    }
    let mut sources = Sources::new();
    let id = sources.add("", part.text.clone());
    let doc = yaml::parse(sources.text(id), id).ok()?;
    number(&doc.value(&sources)?.get(KEY)?)
}

fn number(value: &Value<'_>) -> Option<u32> {
    match value.scalar() {
        Scalar::Int(number) => number.try_into().ok(),
        Scalar::Bool(truth) => Some(truth.into()),
        Scalar::Text if value.kind() == Kind::Scalar => value.text().ok()?.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_for_its_instance() {
        for (content_type, header, text, wanted) in [
            ("text/x-shellscript", "", "#!/bin/sh\n# launch-index: 1\n", [true, true]),
            ("text/x-shellscript", "0", "", [true, false]),
            ("text/x-shellscript", " 1 ", "", [false, true]),
            ("text/x-shellscript", "first", "", [false, false]),
            ("text/cloud-config", "", "a: launch-index\n", [true, true]),
            ("text/cloud-config", "", "launch-index: 1\n", [false, true]),
            ("text/cloud-config", "", "launch-index: '0'\n", [true, false]),
            ("text/cloud-config", "", "launch-index: first\n", [true, true]),
            ("text/cloud-config", "", "launch-index: [1]\n", [true, true]),
            ("text/cloud-config", "", "launch-index:\n", [true, true]),
            ("text/cloud-config", "", "launch-index: 'unclosed\n", [true, true]),
            ("text/cloud-config", "0", "launch-index: 1\n", [true, false]),
        ] {
            let mut part = Part { content_type: content_type.into(), text: text.into(), ..Part::new(1, None) };
            part.launch_index = header.into();
            assert_eq!([is_for(&part, 0), is_for(&part, 1)], wanted, "{header:?} {text:?}");
        }
    }

    #[test]
    fn where_the_instances_number_stands() {
        for (metadata, wanted) in [
            ("{}", None),
            (r#"{"launch_index": 2}"#, Some(2)),
            (r#"{"launch-index": "1", "launch_index": 2}"#, Some(1)),
            (r#"{"ami-launch-index": "3"}"#, Some(3)),
            (r#"{"launch_index": null}"#, None),
            (r#"{"launch_index": "x"}"#, None),
        ] {
            let mut instance = Instance::new("i-1", "DataSourceConfigDrive");
            instance.metadata = Some(instance.add_document("meta_data.json", metadata.into()).unwrap());
            assert_eq!(of_instance(&instance), wanted, "{metadata}");
        }
    }
}
