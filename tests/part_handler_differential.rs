//! Part handlers in Python against cloud-init's own way with them: the same module and parts, through our driver in a real
//! Python and through cloud-init's handlers; each notes what it is called with.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use wisp::config::Config;
use wisp::host::memory::{Answer, MemoryHost};
use wisp::instance::{DataKind, Instance};
use wisp::paths::State;
use wisp::userdata::{consume, has_part_handlers, repeat};

mod judge;
mod python;

const NOTE: &str = "
import os
def note(*what):
    with open(os.environ['NOTES'], 'a') as notes:
        notes.write(' | '.join(ascii(one) for one in what) + '\\n')
def list_types():
    return ['text/x-foo', 'application/x-bar', 'text/cloud-config']
def some(headers):
    return [headers.get(name) for name in ('Content-Type', 'Merge-Type', 'Launch-Index')]
";

/// What stands below [`NOTE`], each another module.
const MODULES: &[&str] = &[
    "def handle_part(data, ctype, filename, payload):\n    note(ctype, filename, payload)\n",
    "handler_version = 1\ndef handle_part(data, ctype, filename, payload):\n    note(ctype, filename, payload)\n",
    "handler_version = 2\ndef handle_part(data, ctype, filename, payload, frequency):\n    note(ctype, filename, payload, frequency)\n",
    "handler_version = '2'\nfrequency = 'always'\ndef handle_part(*more):\n    note(*more[1:])\n",
    "handler_version = 3\nfrequency = 'always'\ndef handle_part(data, ctype, filename, payload, frequency, headers):\n    \
        note(ctype, filename, payload, frequency, some(headers))\n",
    "handler_version = 'x'\ndef handle_part(*more):\n    note(*more[1:])\n",
    "handler_version = 4\ndef handle_part(*more):\n    note(*more[1:])\n",
    "frequency = 'once'\ndef handle_part(*more):\n    note(*more[1:])\n",
    "seen = []\ndef handle_part(data, ctype, filename, payload):\n    seen.append(ctype)\n    \
        if filename == 'two.txt':\n        raise ValueError('two')\n    note(seen)\n",
    "print('words at the start')\ndef handle_part(*more):\n    print('words')\n    note(*more[1:])\n",
    "import no_such_module\ndef handle_part(*more):\n    note(*more[1:])\n",
    "def handle_part(:\n",
    "list_types = None\n",
];

const THEIRS: &str = "
import contextlib, importlib, io, json, logging, os, shutil, tempfile
from unittest import mock
for name in ('requests', 'requests.exceptions', 'jinja2'):
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = mock.MagicMock()
from cloudinit import handlers, helpers
from cloudinit.user_data import UserDataProcessor
logging.disable(logging.CRITICAL)
sys.dont_write_bytecode = True
for case in CASES:
    frequency, raw = case.split(b'\\0', 1)
    frequency = frequency.decode()
    top = tempfile.mkdtemp()
    os.environ['NOTES'] = notes = top + '/notes'
    open(notes, 'w').close()
    sys.path.insert(0, top)
    sys.modules.pop('part-handler-000', None)
    importlib.invalidate_caches()
    message = UserDataProcessor(helpers.Paths({'cloud_dir': top})).process(raw)
    registered = helpers.ContentHandlers()
    seen = {'handlers': registered, 'data': None, 'frequency': frequency, 'excluded': [], 'handlercount': 0, 'handlerdir': top}
    with contextlib.redirect_stdout(io.StringIO()):
        handlers.walk(message, handlers.walker_callback, data=seen)
        for module in registered.initialized:
            handlers.call_end(module, None, frequency)
    sys.path.remove(top)
    print(json.dumps(open(notes).read()))
    shutil.rmtree(top)
";

fn message(module: &str) -> String {
    format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n\
        --XX\nContent-Type: text/part-handler\n\n#part-handler\n{NOTE}{module}\n\
        --XX\nContent-Type: text/x-foo\nContent-Disposition: attachment; filename=\"one.txt\"\nMerge-Type: list()\n\n words\nand more\n\n\
        --XX\nContent-Type: text/x-foo; charset=\"utf-8\"\nContent-Transfer-Encoding: base64\nLaunch-Index: 0\n\
        Content-Disposition: attachment; filename=\"two.txt\"\n\nw6kK/wo=\n\
        --XX\nContent-Type: application/x-bar\nContent-Transfer-Encoding: base64\n\nAAH/Cg==\n\
        --XX\nContent-Type: text/plain\nContent-Disposition: attachment; filename=\"a.cfg\"\n\n#cloud-config\na: 1\n\
        --XX--\n"
    )
}

/// What our driver called the module with, at the first boot or at a later one.
fn ours(module: &str, first: bool) -> String {
    let dir: PathBuf = std::env::temp_dir().join(format!("wisp-part-handler-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let (file, notes) = (dir.join("part-handler-000.py"), dir.join("notes"));
    fs::write(&file, format!("#part-handler\n{NOTE}{module}")).unwrap();
    let mut host = MemoryHost::new();
    host.put("/usr/bin/python3", 0o755, b"\x7fELF");
    let real = Arc::new(Mutex::new((file, notes.clone())));
    host.on_run(move |ran, _| {
        let (file, notes) = &*real.lock().unwrap();
        let mut python = Command::new("python3");
        python.arg(&ran.argv[1]).arg(&ran.argv[2]).arg(file).args(&ran.argv[4..]).env("NOTES", notes);
        python.envs(ran.env.iter().cloned()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = python.spawn().unwrap();
        // One that cannot be read does not read.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), ran.input.as_ref().unwrap());
        let output = child.wait_with_output().unwrap();
        Some(Answer::code(output.status.code().unwrap()).saying(output.stdout))
    });
    let (state, instance) = (State::default(), Instance::new("i-1", "DataSourceConfigDrive"));
    host.put("/var/lib/cloud/instances/i-1/user-data.txt", 0o600, message(module));
    fs::write(&notes, "").unwrap();
    consume(&mut host, &state, &instance, &Config::default(), DataKind::User);
    if !first {
        fs::write(&notes, "").unwrap();
        assert!(has_part_handlers(&mut host, &state, &instance));
        repeat(&mut host, &state, &instance, &Config::default(), true);
    }
    let noted = fs::read_to_string(notes).unwrap();
    fs::remove_dir_all(dir).unwrap();
    noted
}

#[test]
fn modules_are_called_as_cloud_init_calls_them() {
    let script = format!("sys.path.insert(0, {:?})\n{THEIRS}", judge::modules());
    let cases: Vec<(&str, bool)> = MODULES.iter().flat_map(|module| [(*module, true), (*module, false)]).collect();
    let word = |first: bool| if first { "once-per-instance" } else { "always" };
    let inputs: Vec<Vec<u8>> =
        cases.iter().map(|(module, first)| format!("{}\0{}", word(*first), message(module)).into_bytes()).collect();
    let theirs = python::judge(&script, &inputs);
    let mut called = 0;
    for ((module, first), wanted) in cases.iter().zip(&theirs) {
        let mut got = String::new();
        judge::quoted(&mut got, &ours(module, *first));
        assert_eq!(got, *wanted, "first boot: {first}\n{module}");
        called += usize::from(got.len() > 2);
    }
    assert!(called > 8, "only {called} of the modules were called at all");
}
