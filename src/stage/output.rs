//! Where the programs of a stage print: `output:` of cloud.cfg.

use alloc::format;
use alloc::string::{String, ToString};

use crate::config::Config;
use crate::host::StageOutput;
use crate::paths::OUTPUT_LOG;

/// What `output:` says for a stage: the key of the stage, else `all`; a target for both, or a list or mapping of standard
/// output's and error's, of which the first counts (both go one way here). Targets: `| tee [-a] FILE`, `>> FILE`, `> FILE`, `FILE`.
/// The second value says why the default is used where one is asked for that we do not have.
pub fn choose(config: &Config, stage: &str, keep_stdin: bool) -> (StageOutput, Option<String>) {
    let default = StageOutput { file: Some((OUTPUT_LOG.to_string(), false)), console: true, keep_stdin };
    let key = match stage {
        "init-local" | "init" => "output.init",
        "modules-config" => "output.config",
        "modules-final" => "output.final",
        _ => "output.all",
    };
    let Some(value) = config.get_any(&[key, "output.all"]) else { return (default, None) };
    let first = value.items().next().or_else(|| value.get("output")).unwrap_or(value);
    match first.text().ok().and_then(|target| read(&target)) {
        Some((path, truncate, console)) => (StageOutput { file: Some((path, truncate)), console, keep_stdin }, None),
        None => {
            let at = first.position();
            (
                default,
                Some(format!("{at}: expected `| tee [-a] FILE`, `>> FILE`, `> FILE` or `FILE`: {OUTPUT_LOG} is used")),
            )
        }
    }
}

/// File, whether it is emptied first, whether the console gets it too.
fn read(target: &str) -> Option<(String, bool, bool)> {
    let target = target.trim();
    let (words, truncate, console) = if let Some(command) = target.strip_prefix('|') {
        let arguments = command.trim_start().strip_prefix("tee")?;
        match arguments.trim_start().strip_prefix("-a ") {
            Some(file) => (file, false, true),
            None => (arguments.strip_prefix(char::is_whitespace)?, true, true),
        }
    } else if let Some(file) = target.strip_prefix(">>") {
        (file, false, false)
    } else if let Some(file) = target.strip_prefix('>') {
        (file, true, false)
    } else {
        (target, false, false)
    };
    let path = words.trim();
    let is_path = path.starts_with('/') && !path.contains(char::is_whitespace) && !path.contains('|');
    is_path.then(|| (path.to_string(), truncate, console))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_a_shell_would() {
        for (target, wanted) in [
            ("| tee -a /var/log/x.log", Some(("/var/log/x.log", false, true))),
            ("|tee -a  /x", Some(("/x", false, true))),
            ("| tee /x", Some(("/x", true, true))),
            (">> /x", Some(("/x", false, false))),
            (">/x", Some(("/x", true, false))),
            ("/x", Some(("/x", false, false))),
            ("| tee -a /x | logger", None),
            ("| logger -t cloud", None),
            ("| teeth /x", None),
            ("", None),
            ("x", None),
        ] {
            let read = read(target);
            let read = read.as_ref().map(|(path, truncate, console)| (path.as_str(), *truncate, *console));
            assert_eq!(read, wanted, "{target}");
        }
    }
}
