//! A shell script from a list of commands (`runcmd`, `bootcmd`), as cloud-init's `shellify` makes it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::format::doc::{Kind, Value};
use crate::format::scalar::Scalar;

/// The script, and what was left out of it.
#[derive(Debug, Default)]
pub struct Script {
    /// Its text, `#!/bin/sh` first.
    pub text: String,
    /// Commands in it.
    pub commands: usize,
    /// Items that are no command, each with its place.
    pub faults: Vec<Error>,
}

/// Makes a script of a list: a text is a line of it as it stands, a list is one command whose words are quoted (a number
/// or boolean as it was written), null is nothing. Any other item is left out, with an error that says where it stands.
///
/// # Errors
/// `commands` is no list.
pub fn script(commands: &Value<'_>) -> Result<Script, Error> {
    if !commands.is_sequence() {
        return Err(commands.error("a list of commands"));
    }
    let mut script = Script { text: "#!/bin/sh\n".into(), ..Script::default() };
    for item in commands.items().filter(|item| !item.is_null()) {
        let length = script.text.len();
        match add(&item, &mut script.text) {
            Ok(()) => {
                script.text.push('\n');
                script.commands += 1;
            }
            Err(error) => {
                script.text.truncate(length);
                script.faults.push(error);
            }
        }
    }
    Ok(script)
}

fn add(item: &Value<'_>, line: &mut String) -> Result<(), Error> {
    match item.kind() {
        Kind::Scalar if matches!(item.scalar(), Scalar::Text | Scalar::Binary) => line.push_str(&item.text()?),
        Kind::Sequence => {
            for (at, word) in item.items().enumerate() {
                if word.kind() != Kind::Scalar {
                    return Err(word.error("a word of a command"));
                }
                if at > 0 {
                    line.push(' ');
                }
                quote(&word.text()?, line);
            }
        }
        Kind::Mapping => {
            return Err(item.error("a command, which is text or a list of words (text with `: ` in it needs quotes)"));
        }
        _ => return Err(item.error("a command, which is text or a list of words")),
    }
    Ok(())
}

/// Adds `word` in single quotes, so that a POSIX shell reads it as one word (POSIX.1 Shell Command Language 2.2.2).
pub fn quote(word: &str, out: &mut String) {
    out.push('\'');
    for (at, piece) in word.split('\'').enumerate() {
        if at > 0 {
            out.push_str("'\\''");
        }
        out.push_str(piece);
    }
    out.push('\'');
}
