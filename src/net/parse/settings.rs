//! Parameters of bonds and bridges, as each dialect writes their values.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Reading, number, unknown, whole, words};
use crate::error::Error;
use crate::format::doc::Value;
use crate::net::options::{Parameter, Setting, Value as Set, ValueKind, get};
use crate::net::report::filled;

/// Sets a parameter; an earlier setting of it is replaced.
#[inline(never)]
pub(super) fn set(settings: &mut Vec<Setting>, parameter: &'static Parameter, value: Set) {
    let setting = Setting { parameter, value };
    match settings.iter_mut().find(|setting| core::ptr::eq(setting.parameter, parameter)) {
        Some(earlier) => *earlier = setting,
        None => settings.push(setting),
    }
}

/// The same where one option says one port: it adds to the earlier ones.
pub(super) fn add(settings: &mut Vec<Setting>, parameter: &'static Parameter, mut value: Set) {
    if let Set::Ports(more) = &mut value
        && let Some(Set::Ports(earlier)) = get(settings, parameter.name)
    {
        let mut all = earlier.clone();
        all.append(more);
        *more = all;
    }
    set(settings, parameter, value);
}

impl Reading<'_> {
    /// A parameter's value.
    #[inline(never)]
    pub(super) fn setting(&mut self, row: &'static Parameter, value: &Value<'_>) -> Result<Set, Error> {
        Ok(match row.kind {
            ValueKind::Number(max) => Set::Number(number(value, max)?),
            ValueKind::Millis => Set::Number(time(value, 1, u32::MAX)?),
            ValueKind::Seconds(max) => Set::Number(time(value, 1000, max)?),
            ValueKind::Flag => Set::Flag(super::flag(value)?),
            ValueKind::Link | ValueKind::Text => Set::Text(value.text()?),
            ValueKind::Ports => Set::Ports(ports(value)?),
            ValueKind::Word(words) => {
                let text = value.text()?;
                // A truth (`arp_validate: true`) is the kernel's number of it.
                let truth = || super::flag(value).ok().and_then(|truth| words.get(usize::from(truth)));
                let word = row.word(&text).or_else(|| truth().copied());
                Set::Word(word.ok_or_else(|| unknown(value, &filled("one of ", &words.join(", "), &[])))?)
            }
            ValueKind::Addresses => {
                let mut addresses = Vec::new();
                words(value, &mut |text, at| {
                    addresses.push(text.parse().map_err(|_| at.error("an IPv4 address"))?);
                    Ok(())
                })?;
                if addresses.len() > 16 {
                    return Err(value.error("at most 16 addresses"));
                }
                Set::Addresses(addresses)
            }
        })
    }
}

/// A parameter's value in a text (`BONDING_OPTS`, ENI); `None`: it cannot be that.
#[inline(never)]
pub(super) fn of_text(row: &'static Parameter, text: &str) -> Option<Set> {
    Some(match row.kind {
        ValueKind::Number(max) | ValueKind::Seconds(max) => {
            Set::Number(whole(text).ok().filter(|number| *number <= max)?)
        }
        ValueKind::Millis => Set::Number(whole(text).ok()?),
        ValueKind::Flag => Set::Flag(match text {
            "1" | "on" | "yes" | "true" => true,
            "0" | "off" | "no" | "false" => false,
            _ => return None,
        }),
        ValueKind::Word(_) => Set::Word(row.word(text)?),
        ValueKind::Link | ValueKind::Text => Set::Text(text.into()),
        ValueKind::Addresses => {
            let mut addresses = Vec::new();
            for word in text.split(super::is_separator).filter(|word| !word.is_empty()) {
                addresses.push(word.parse().ok()?);
            }
            Set::Addresses(addresses)
        }
        ValueKind::Ports => {
            let mut ports = Vec::new();
            port(text, &mut ports)?;
            Set::Ports(ports)
        }
    })
}

/// A time in units of so many milliseconds: a number, or one with `ms` or `s` behind it.
#[inline(never)]
fn time(value: &Value<'_>, unit: u64, max: u32) -> Result<u32, Error> {
    let text = value.text()?;
    let (digits, factor) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => text.strip_suffix('s').map_or((text.as_str(), unit), |digits| (digits, 1000)),
    };
    let time = whole(digits.trim()).ok().map(|number| u64::from(number) * factor);
    let number = time.filter(|time| time % unit == 0).and_then(|time| u32::try_from(time / unit).ok());
    let expected = if unit == 1 { "milliseconds, or a number" } else { "whole seconds, or a number" };
    let expected = || value.error(filled(expected, " with `ms` or `s` behind it, at most {}", &[&max.to_string()]));
    number.filter(|number| *number <= max).ok_or_else(expected)
}

/// `PORT NUMBER` (one, a list, or several with commas), or a mapping of ports.
fn ports(value: &Value<'_>) -> Result<Vec<(String, u32)>, Error> {
    let mut ports = Vec::new();
    for (port, value) in value.entries() {
        ports.push((port.text()?, number(&value, u32::MAX)?));
    }
    for item in value.items() {
        listed(&item.text()?, &item, &mut ports)?;
    }
    if let Ok(all) = number(value, u32::MAX) {
        // For every port; `check` knows which those are.
        ports.push((String::new(), all));
    } else if !value.is_mapping() && !value.is_sequence() {
        for text in value.text()?.split([',', '\n']) {
            listed(text, value, &mut ports)?;
        }
    }
    Ok(ports)
}

#[inline(never)]
fn listed(text: &str, at: &Value<'_>, to: &mut Vec<(String, u32)>) -> Result<(), Error> {
    port(text, to).ok_or_else(|| at.error("a port and its number, as in `eth0 50`"))
}

#[inline(never)]
fn port(text: &str, to: &mut Vec<(String, u32)>) -> Option<()> {
    let (port, number) = text.trim().split_once([' ', '\t'])?;
    to.push((port.to_string(), whole(number.trim()).ok()?));
    Some(())
}
