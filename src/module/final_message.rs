//! Module `final_message`: says that the boot is done, in the log and at the console, and writes `boot-finished`.
//!
//! | key | value |
//! | --- | --- |
//! | `final_message` | the text. `$version`, `$timestamp`, `$datasource` and `$uptime` in it are replaced, in lower or upper case, also as `${uptime}` and `{{ uptime }}`; other names stay as they are. A first line `## template: jinja` is dropped |
//!
//! `boot-finished` in the instance's directory holds `<uptime> - <date> - v. <version>`, whatever the text is. A machine for which
//! no datasource was found gets a warning.
//!
//! Source: cloud-init's page "Module reference", Final Message.

use alloc::format;
use alloc::string::{String, ToString};

use super::Context;
use crate::format::doc::Value;
use crate::host::Create;
use crate::host::log::Rfc2822;
use crate::host::write::write_file;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const DEFAULT: &str = "Cloud-init v. $version finished at $timestamp. Datasource $datasource. Up $uptime seconds";

/// Says it.
pub fn run(context: &mut Context<'_>) {
    let now = context.host.now();
    let facts = Facts {
        uptime: format!("{}.{:02}", now.up.as_secs(), now.up.subsec_millis() / 10),
        timestamp: Rfc2822(now.wall).to_string(),
        datasource: context.instance.description.clone(),
    };
    for line in facts.fill(&text(context)).lines() {
        context.info(&line);
        context.host.print(&line);
    }
    let path = context.instance_path("boot-finished");
    let content = format!("{} - {} - v. {VERSION}\n", facts.uptime, facts.timestamp);
    let written = write_file(context.host.files(), &path, &Create::mode(0o644), content.as_bytes());
    context.take(written);
    if context.instance.is_none() {
        context.warn(&"no datasource was found: this machine runs with its own configuration only");
    }
}

/// The first argument, else the configured text, else ours.
fn text(context: &mut Context<'_>) -> String {
    let configured = match context.args.first() {
        Some(argument) => Some(argument.clone()),
        None => {
            let value = context.get(&["final_message"]);
            value.and_then(|value: Value<'_>| context.take(value.text()))
        }
    };
    let text = configured.unwrap_or_default();
    let text = text.trim();
    let text = match text.split_once('\n') {
        Some((first, rest)) if first.replace(' ', "").starts_with("##template:") => rest.trim(),
        _ => text,
    };
    if text.is_empty() { DEFAULT.into() } else { text.into() }
}

struct Facts {
    uptime: String,
    timestamp: String,
    datasource: String,
}

impl Facts {
    fn get(&self, name: &str) -> Option<&str> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match () {
            () if is("version") => Some(VERSION),
            () if is("timestamp") => Some(&self.timestamp),
            () if is("datasource") => Some(&self.datasource),
            () if is("uptime") => Some(&self.uptime),
            () => None,
        }
    }

    fn fill(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(at) = rest.find(['$', '{']) {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            match variable(from).and_then(|(name, length)| Some((self.get(name)?, length))) {
                Some((value, length)) => {
                    out.push_str(value);
                    rest = &from[length..];
                }
                None => {
                    out.push_str(&from[..1]);
                    rest = &from[1..];
                }
            }
        }
        out.push_str(rest);
        out
    }
}

/// The name in `$name`, `${name}` or `{{ name }}` at the beginning of `text`, and how long all of it is.
fn variable(text: &str) -> Option<(&str, usize)> {
    for (open, close) in [("${", "}"), ("{{", "}}")] {
        if let Some(inside) = text.strip_prefix(open) {
            let end = inside.find(close)?;
            return Some((inside[..end].trim(), open.len() + end + close.len()));
        }
    }
    let name = text.strip_prefix('$')?;
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
    Some((&name[..end], 1 + end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        let facts = Facts { uptime: "1.25".into(), timestamp: "today".into(), datasource: "DataSourceX [a=b]".into() };
        for (template, wanted) in [
            ("up $UPTIME, $uptime, ${UpTime}, {{uptime}}, {{ UPTIME }}", "up 1.25, 1.25, 1.25, 1.25, 1.25"),
            ("$timestamp.$datasource", "today.DataSourceX [a=b]"),
            ("v$version!", concat!("v", env!("CARGO_PKG_VERSION"), "!")),
            ("$HOME costs 5$ {x} ${uptime {{uptime} $", "$HOME costs 5$ {x} ${uptime {{uptime} $"),
            ("é$uptimeé", "é1.25é"),
            ("", ""),
        ] {
            assert_eq!(facts.fill(template), wanted, "{template:?}");
        }
    }
}
