//! `## template: jinja`: a part that is rendered with the instance's data, and then handled as what it has become.
//!
//! What it becomes is known by how the rendered text begins, as with a part without a type. One that cannot be rendered is left out;
//! errors in the rendered text say `as rendered`, and count its lines.

use alloc::format;
use alloc::string::String;
use core::mem::take;

use super::{Context, Target, boothook, find, part_handler};
use crate::error::Error;
use crate::format::jinja::{Variables, render_within};
use crate::instance::data;
use crate::limits::MAX_TEMPLATE_WORK;
use crate::userdata::part::{Part, TEMPLATE, by_prefix};

/// Where an earlier run put what the template became, if that was a script. (Files of templates are always made anew; a
/// boothook that is no longer one is removed by [`handle`].)
pub fn file(target: &Target<'_>, part: &Part) -> Option<String> {
    find("text/x-shellscript").and_then(|row| (row.file)(target, &Part { content_type: String::new(), ..part.clone() }))
}

/// Renders the part and gives it to the handler of what it is then.
pub fn handle(context: &mut Context<'_>, part: &mut Part) {
    let label = context.label(part);
    if let Err(error) = rendered(context, part, &label) {
        return context.broken(error);
    }
    let content_type = by_prefix(&part.text).unwrap_or_default();
    if content_type != boothook::CONTENT_TYPE
        && let Some(former) = boothook::file(&context.target, part)
    {
        let removed = context.host.files().remove(&former).map(drop);
        context.done(part, removed);
    }
    if part.text.trim_ascii().is_empty() {
        return context.log(&format_args!("{label}: nothing in it once it is rendered"));
    }
    // A part handler would be missing at later boots.
    let Some(handler) = find(content_type).filter(|_| ![TEMPLATE, part_handler::CONTENT_TYPE].contains(&content_type))
    else {
        return context.keep(part, &"a template that becomes nothing that is handled in a template");
    };
    part.content_type = content_type.into();
    let sound = context.outcome.recoverable.len();
    (handler.handle)(context, part);
    for error in &mut context.outcome.recoverable[sound..] {
        error.object.push_str(", as rendered");
    }
}

/// Puts the rendered text in place of the part's.
fn rendered(context: &mut Context<'_>, part: &mut Part, label: &str) -> Result<(), Error> {
    if context.variables.is_none() {
        let (doc, sources) = data::document(context.host, context.target.instance, context.target.config)?;
        let variables = doc.value(&sources).map(|root| Variables::new(&root)).transpose()?;
        context.variables = variables.map(|variables| (variables, MAX_TEMPLATE_WORK));
    }
    let Some((variables, work)) = &mut context.variables else {
        return Err(Error::new("render", label, "no instance data"));
    };
    let rendered =
        render_within(&take(&mut part.text), variables, work).map_err(|error| Error::new("render", label, error))?;
    part.text = rendered.text.into_bytes();
    if !rendered.missing.is_empty() {
        let names = rendered.missing.join("`, `");
        context.outcome.warnings.push(format!("{label}: the template names what is not defined: `{names}`"));
    }
    Ok(())
}
