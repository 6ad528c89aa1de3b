//! The command line: `argv` to a command of the table, a command to a stage. Nothing here decides anything else.
//!
//! Called as `cloud-init` (a link) it is the same program; only the name in messages about arguments differs. Exit status 2: arguments
//! that cannot be used.

use std::ffi::OsString;
use std::io::Write;

use lexopt::{Arg, Parser, ValueExt};
use wisp::error::Error;
use wisp::gather::Gather;
use wisp::host::{Host, Level};
use wisp::module::{Frequency, Stage};
use wisp::stage::{self, Options};

use crate::sys;

#[cfg(feature = "devel")]
mod devel;
mod help;
#[cfg(feature = "network")]
mod net;

/// Exit status for arguments that cannot be used.
const USAGE: u8 = 2;

/// Why nothing was run.
#[derive(Debug)]
struct Refused {
    code: u8,
    message: String,
}

/// Arguments that cannot be used.
impl From<String> for Refused {
    fn from(message: String) -> Self {
        Refused { code: USAGE, message }
    }
}

/// The machine did not let us.
impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused { code: 1, message: error.to_string() }
    }
}

/// One subcommand.
struct Command {
    name: &'static str,
    /// The options it takes besides those that all take, by their long names.
    options: &'static [&'static str],
    /// Options with a value that mean something with this command alone, letter and name; they stand behind it.
    own: &'static [(char, &'static str)],
    /// Whether arguments may follow.
    arguments: bool,
    run: fn(&Call) -> Result<u8, Refused>,
}

static TABLE: &[Command] = &[
    Command { name: "init", options: &["local"], own: &[], arguments: false, run: init },
    Command { name: "modules", options: &["mode"], own: &[], arguments: false, run: modules },
    Command { name: "single", options: &["name", "frequency", "report"], own: &[], arguments: true, run: single },
    Command { name: "query", options: &["name"], own: &[], arguments: false, run: query },
    #[cfg(feature = "plan")]
    Command { name: "plan", options: &[], own: &[], arguments: false, run: plan },
    #[cfg(feature = "network")]
    Command {
        name: "net",
        options: &["json", "dry-run", "background"],
        own: net::OPTIONS,
        arguments: true,
        run: net::net,
    },
    #[cfg(feature = "devel")]
    Command { name: "devel", options: &[], own: devel::OPTIONS, arguments: true, run: devel::devel },
];

/// What the command line said.
#[derive(Default)]
struct Call {
    program: String,
    options: Options,
    root: Option<String>,
    local: bool,
    json: bool,
    dry_run: bool,
    background: bool,
    mode: Option<String>,
    name: Option<String>,
    frequency: Option<String>,
    /// The command's own options, by their long names, in order.
    own: Vec<(&'static str, String)>,
    arguments: Vec<String>,
}

/// Runs the program and returns its exit status.
pub fn main() -> u8 {
    let mut arguments = std::env::args_os();
    let program = arguments.next().map(name_of).unwrap_or_default();
    match dispatch(&program, Parser::from_args(arguments)) {
        Ok(code) => code,
        Err(Refused { code, message }) => {
            eprintln!("{program}: {message}");
            code
        }
    }
}

/// The last component of argv[0].
fn name_of(argument: OsString) -> String {
    let text = argument.to_string_lossy();
    text.rsplit('/').next().unwrap_or_default().to_string()
}

fn dispatch(program: &str, mut parser: Parser) -> Result<u8, Refused> {
    let mut call = Call { program: program.to_string(), ..Call::default() };
    call.options.environment = std::env::var("CLOUD_CFG").ok().filter(|path| !path.is_empty());
    let mut command: Option<&Command> = None;
    // Options of one command may stand before its name (`cloud-init --file F init`), so they are judged at the end.
    let mut given: Vec<&'static str> = Vec::new();
    while let Some(argument) = parser.next().map_err(text)? {
        let own = command.map_or(&[][..], |command| command.own).iter().find(|(letter, name)| match argument {
            Arg::Short(given) => given == *letter,
            Arg::Long(given) => given == *name,
            Arg::Value(_) => false,
        });
        if let Some((_, name)) = own {
            call.own.push((name, value(&mut parser)?));
            continue;
        }
        let mut valued = None;
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(print(help::of(command.map(|command| command.name)))),
            Arg::Short('v') | Arg::Long("version") => return Ok(print(&version(program))),
            Arg::Short('f') | Arg::Long("file") => call.options.files.push(value(&mut parser)?),
            Arg::Short('d') | Arg::Long("debug") => call.options.debug = true,
            Arg::Long("force") => call.options.force = true,
            Arg::Long("root") => {
                call.root = Some(value(&mut parser)?);
                call.options.another_root = true;
            }
            Arg::Short('l') | Arg::Long("local") => {
                call.local = true;
                given.push("local");
            }
            Arg::Short('m') | Arg::Long("mode") => valued = Some(("mode", &mut call.mode)),
            Arg::Short('n') | Arg::Long("name") => valued = Some(("name", &mut call.name)),
            Arg::Long("frequency") => valued = Some(("frequency", &mut call.frequency)),
            Arg::Long("report") => given.push("report"),
            Arg::Long("json") => {
                call.json = true;
                given.push("json");
            }
            Arg::Long("dry-run") => {
                call.dry_run = true;
                given.push("dry-run");
            }
            Arg::Long("background") => {
                call.background = true;
                given.push("background");
            }
            Arg::Value(word) => {
                let word = utf8(word)?;
                match command {
                    None => command = Some(find(&word)?),
                    Some(_) => call.arguments.push(word),
                }
                // `net lease IF COMMAND`: whatever follows is the command's.
                if matches!(&call.arguments[..], [verb, _, _] if verb == "lease") {
                    rest(&mut parser, &mut call.arguments)?;
                }
            }
            other => return Err(format!("{}; see `{program} --help`", other.unexpected()).into()),
        }
        if let Some((name, of)) = valued {
            *of = Some(value(&mut parser)?);
            given.push(name);
        }
    }
    let Some(command) = command else {
        eprintln!("{program}: no command given; see `{program} --help`");
        // cloud-init answers 1 to options without a command, and so do we.
        return Ok(1);
    };
    if let Some(option) = given.iter().find(|option| !command.options.contains(option)) {
        return Err(
            format!("`{}` has no option --{option}; see `{program} {} --help`", command.name, command.name).into()
        );
    }
    if let Some(extra) = call.arguments.first().filter(|_| !command.arguments) {
        return Err(
            format!("`{}` takes no argument `{extra}`; see `{program} {} --help`", command.name, command.name).into()
        );
    }
    (command.run)(&call)
}

fn find(word: &str) -> Result<&'static Command, String> {
    TABLE.iter().find(|command| command.name == word).ok_or_else(|| {
        let names: Vec<_> = TABLE.iter().map(|command| command.name).gather();
        format!("no command `{word}`; there are: {}", names.join(", "))
    })
}

/// The value of an option. What looks like an option is none, as in cloud-init: `init --file --help` must not begin a boot. (With `=`
/// it is.)
fn value(parser: &mut Parser) -> Result<String, Refused> {
    utf8(parser.values().map_err(text)?.next().unwrap_or_default())
}

/// What is left, options or not.
#[inline(never)]
fn rest(parser: &mut Parser, to: &mut Vec<String>) -> Result<(), Refused> {
    for word in parser.raw_args().map_err(text)? {
        to.push(utf8(word)?);
    }
    Ok(())
}

#[inline(never)]
fn utf8(word: OsString) -> Result<String, Refused> {
    word.string().map_err(text)
}

fn text(error: lexopt::Error) -> Refused {
    error.to_string().into()
}

fn version(program: &str) -> String {
    let program = if program == "cloud-init" { program } else { "wisp" };
    format!("{program} {} (build {})\n", stage::VERSION, env!("WISP_BUILD_ID"))
}

/// Prints to standard output; a reader that went away is no error worth words.
fn print(text: &str) -> u8 {
    let _ = std::io::stdout().write_all(text.as_bytes());
    0
}

fn init(call: &Call) -> Result<u8, Refused> {
    let run = if call.local { stage::init_local } else { stage::init };
    on_machine(call, |host| run(host, &call.options))
}

fn modules(call: &Call) -> Result<u8, Refused> {
    let mode = match call.mode.as_deref() {
        // cloud-init's own default.
        None | Some("config") => Stage::Config,
        Some("init") => Stage::Init,
        Some("final") => Stage::Final,
        Some(other) => return Err(format!("--mode takes init, config or final, not `{other}`").into()),
    };
    on_machine(call, |host| stage::modules(host, &call.options, mode))
}

fn single(call: &Call) -> Result<u8, Refused> {
    let name = call.name.as_deref().ok_or_else(|| "`single` needs --name MODULE".to_string())?;
    let frequency = match call.frequency.as_deref() {
        None => None,
        Some(word) => Some(
            Frequency::from_word(word)
                .ok_or_else(|| format!("--frequency takes always, instance or once, not `{word}`"))?,
        ),
    };
    on_machine(call, |host| stage::single(host, &call.options, name, frequency, &call.arguments))
}

fn query(call: &Call) -> Result<u8, Refused> {
    let Some(name) = call.name.as_deref() else {
        eprintln!("{}: `query` needs -n NAME; see `{} query --help`", call.program, call.program);
        return Ok(1);
    };
    let mut host = machine(call)?;
    match stage::query::query(&mut host, name) {
        Ok(mut bytes) => {
            if !bytes.ends_with(b"\n") {
                bytes.push(b'\n');
            }
            Ok(u8::from(std::io::stdout().write_all(&bytes).is_err()))
        }
        Err(error) => {
            eprintln!("{}: {error}", call.program);
            Ok(1)
        }
    }
}

/// The four stages over a preview of this machine: what they would do is printed, and nothing is done.
#[cfg(feature = "plan")]
fn plan(call: &Call) -> Result<u8, Refused> {
    let mut live = machine(call)?;
    let mut preview = wisp::host::preview::PreviewHost::new(&mut live, call.options.debug);
    let codes = [
        stage::init_local(&mut preview, &call.options),
        stage::init(&mut preview, &call.options),
        stage::modules(&mut preview, &call.options, Stage::Config),
        stage::modules(&mut preview, &call.options, Stage::Final),
    ];
    preview.print_actions();
    Ok(u8::from(codes.iter().any(|code| *code != 0)))
}

/// The live machine, inside `--root` if that was given.
fn machine(call: &Call) -> Result<sys::LiveHost, Refused> {
    let mut kmsg = None;
    if let Some(root) = &call.root {
        kmsg = Some(sys::root::in_initramfs());
        sys::root::enter_root(root)?;
    }
    sys::crash::install();
    let stderr = if call.options.debug { Level::Debug } else { Level::Warning };
    let mut host = sys::LiveHost::new(sys::Options { stderr, kmsg, ..sys::Options::default() });
    match call.options.files.iter().find(|file| host.files().stat(file, true) == Ok(None)) {
        Some(file) => Err(format!("--file {file}: no such file").into()),
        None => Ok(host),
    }
}

fn on_machine(call: &Call, run: impl FnOnce(&mut sys::LiveHost) -> i32) -> Result<u8, Refused> {
    let mut host = machine(call)?;
    Ok(u8::try_from(run(&mut host)).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(words: &[&str]) -> String {
        let refused = dispatch("wisp", Parser::from_args(words)).expect_err("these arguments cannot be used");
        assert_eq!(refused.code, USAGE);
        refused.message
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        const NET: &str = "`net` has these commands: show [IF] [--json], lease [--timeout SECONDS] IF [COMMAND ...|--json], flush IF, rename [--dry-run] [FROM=TO|MAC=TO ...], renew [--background]";
        const PARSE: &str = "`devel parse` takes KIND FILE; kinds: yaml, json, mime, eni, cmdline, user-data";
        const CONVERT: [&str; 12] =
            ["devel", "net-convert", "-p", "x", "-k", "eni", "-d", "/x", "-D", "debian", "-O", "netplan"];
        let convert = |more: &[&'static str]| [&CONVERT[..], more].concat();
        for (words, wanted) in [
            (&["frobnicate"][..], "no command `frobnicate`; there are: init, modules, single, query, plan, net, devel"),
            (&["init", "--mode", "final"], "`init` has no option --mode; see `wisp init --help`"),
            (&["modules", "-m", "last"], "--mode takes init, config or final, not `last`"),
            (&["modules", "final"], "`modules` takes no argument `final`; see `wisp modules --help`"),
            (&["--bogus", "init"], "invalid option '--bogus'; see `wisp --help`"),
            (&["single"], "`single` needs --name MODULE"),
            (
                &["single", "-n", "ssh", "--frequency", "daily"],
                "--frequency takes always, instance or once, not `daily`",
            ),
            (&["devel"], "`devel` has no command ``; there are: parse, net-convert"),
            (&["devel", "sing", "x"], "`devel` has no command `sing`; there are: parse, net-convert"),
            (&["devel", "parse"], PARSE),
            (&["devel", "parse", "eni"], PARSE),
            (&["devel", "parse", "eni", "a", "b"], PARSE),
            (&["devel", "parse", "xml", "x"], PARSE),
            (&["devel", "parse", "-k", "eni", "x"], "`devel parse` has no option --kind; see `wisp devel --help`"),
            (&CONVERT[..10], "`devel net-convert` needs --output-kind"),
            (&["devel", "net-convert"], "`devel net-convert` needs --network-data"),
            (&convert(&["x"]), "`devel net-convert` takes no argument `x`"),
            (&convert(&["-k", "xml"]), "--kind takes eni, yaml, network_data.json, cmdline, klibc, ifcfg, not `xml`"),
            (
                &convert(&["--output-kind=live"]),
                "--output-kind takes eni, sysconfig, netplan, network-manager, networkd, not `live`",
            ),
            (&convert(&["-m", "eth0"]), "--mac takes NAME,MAC, not `eth0`"),
            (&convert(&["-m", "eth0,1:2"]), "--mac takes NAME,MAC, not `eth0,1:2`"),
            (&["net"], NET),
            (&["net", "up"], NET),
            (&["net", "show", "a", "b"], NET),
            (&["net", "show", "--dry-run"], NET),
            (&["net", "flush"], NET),
            (&["net", "flush", "a", "--json"], NET),
            (&["net", "flush", "a", "--background"], NET),
            (&["net", "renew", "eth0"], NET),
            (&["net", "renew", "--dry-run"], NET),
            (&["net", "rename", "--json"], NET),
            (&["net", "rename", "--timeout", "5"], NET),
            (&["net", "flush", "a", "-t", "5"], NET),
            (&["net", "lease"], NET),
            (&["net", "lease", "--json"], NET),
            (&["net", "lease", "a", "--dry-run"], NET),
            (&["net", "lease", "--background", "a", "true"], NET),
            (&["net", "lease", "--json", "a", "true"], NET),
            (&["net", "lease", "--bogus", "a"], "invalid option '--bogus'; see `wisp --help`"),
            (&["net", "lease", "-t", "1.5", "a"], NET),
            (&["net", "lease", "-t", "4294967296", "a"], NET),
            (&["net", "lease", "a", "--timeout=soon"], NET),
            (&["net", "lease", "a", "-t"], "missing argument for option '-t'"),
            (
                &["net", "rename", "eth0"],
                "`eth0` is neither FROM=TO nor MAC=TO; TO is an interface name: 1 to 15 bytes without blanks, `/` and `:`",
            ),
            (&["plan", "--json"], "`plan` has no option --json; see `wisp plan --help`"),
            (&["-p", "x", "devel", "net-convert"], "invalid option '-p'; see `wisp --help`"),
            (&["init", "-f"], "missing argument for option '-f'"),
            (&["init", "--file", "--help"], "missing argument for option '--file'"),
        ] {
            assert_eq!(usage(words), wanted, "{words:?}");
        }
    }

    #[test]
    fn every_command_has_its_help() {
        for command in TABLE {
            let text = help::of(Some(command.name));
            assert!(text.contains(&format!("wisp {}", command.name)), "{}", command.name);
            for option in command.options.iter().copied().chain(command.own.iter().map(|(_, name)| *name)) {
                assert!(text.contains(&format!("--{option}")), "{}: --{option}", command.name);
            }
            assert!(help::of(None).contains(command.name), "{}", command.name);
        }
    }
}
