//! SELinux labels of what a stage made: a file that took the place of another has that one's, a new one only its directory's kind. The policy knows
//! better (`ssh_home_t` for `/root/.ssh`), and restorecon(8) asks it, once a stage. In another root no policy runs yet, as in an initramfs: there
//! it is setfiles(8) with that root's own policy.

use alloc::string::String;
use alloc::vec::Vec;

use crate::host::write::{is_there, read_text};
use crate::host::{Command, Exit, Files, Host, Input, Level, Output};
use crate::limits::MAX_STATE_FILE;
use crate::paths::{SELINUX_CONFIG, SELINUX_RUNS};

/// Who says so in the log.
const AREA: &str = "selinux";

/// Labels what is new, if labels count here.
#[inline(never)]
pub(super) fn relabel(host: &mut dyn Host, another_root: bool) {
    let mut paths = String::new();
    host.files().unlabelled(&mut |path| {
        // The programs read a path a line.
        if !path.contains('\n') {
            paths.extend([path, "\n"]);
        }
    });
    if paths.is_empty() {
        return;
    }
    let contexts = if another_root { contexts(host.files()) } else { None };
    let argv: &[&str] = match &contexts {
        Some(contexts) => &["setfiles", "-i", "-f", "-", contexts],
        None if !another_root && SELINUX_RUNS.iter().any(|path| is_there(host.files(), path)) => {
            &["restorecon", "-i", "-f", "-"]
        }
        None => return,
    };
    let command = Command { argv, env: &[], input: Input::Bytes(paths.as_bytes()), output: Output::Capture };
    let mut said = Vec::new();
    let fault = match host.procs().run(&command, &mut said) {
        Ok(Exit::Code(0)) => return,
        Ok(exit) => alloc::format!("{exit}: {}", String::from_utf8_lossy(&said).trim_end()),
        Err(error) => alloc::format!("{error}"),
    };
    let told = "new files have the SELinux label of their directories";
    host.log(Level::Warning, AREA, &format_args!("{}: {fault}; {told} (`touch /.autorelabel` mends it)", argv[0]));
}

/// Where the policy of this root says what label a path has; `None` where SELinux is off in it.
fn contexts(files: &mut dyn Files) -> Option<String> {
    let config = read_text(files, SELINUX_CONFIG, MAX_STATE_FILE).ok()??;
    let value = |name: &str| {
        let mut lines = config.lines();
        lines.find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('=')).map(str::trim)
    };
    let kind = value("SELINUXTYPE").filter(|_| value("SELINUX") != Some("disabled"))?;
    Some(["/etc/selinux/", kind, "/contexts/files/file_contexts"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Errno;
    use crate::host::memory::{Answer, MemoryHost};

    const RUNS: (&str, &str) = ("/sys/fs/selinux/enforce", "1");
    const ROOT: &str = "/root/.ssh\n/root/.ssh/authorized_keys\n";

    fn machine(files: &[(&str, &str)], new: &[&str]) -> MemoryHost {
        let mut host = MemoryHost::new();
        for (path, text) in files {
            host.put(path, 0o644, *text);
        }
        host.unlabelled = new.iter().map(|path| String::from(*path)).collect();
        host
    }

    #[test]
    fn new_files_are_labelled_where_labels_count() {
        let targeted = (SELINUX_CONFIG, "# SELINUXTYPE= can be:\nSELINUX=enforcing\nSELINUXTYPE=targeted \n");
        let off = (SELINUX_CONFIG, "SELINUX=disabled\nSELINUXTYPE=targeted\n");
        let keys = &["/root/.ssh", "/root/.ssh/authorized_keys", "/root/odd\nname"][..];
        let of_root = "setfiles -i -f - /etc/selinux/targeted/contexts/files/file_contexts";
        for (files, another_root, new, wanted) in [
            (&[RUNS, targeted][..], false, keys, Some("restorecon -i -f -")),
            (&[("/selinux/enforce", "0")], false, keys, Some("restorecon -i -f -")),
            // Nothing new; a kernel without it.
            (&[RUNS, targeted], false, &[], None),
            (&[targeted], false, keys, None),
            (&[targeted], true, keys, Some(of_root)),
            (&[RUNS, targeted], true, keys, Some(of_root)),
            (&[off], true, keys, None),
            (&[], true, keys, None),
        ] {
            let mut host = machine(files, new);
            relabel(&mut host, another_root);
            let ran: Vec<_> = host.ran.iter().map(|ran| (ran.line(), ran.input.clone())).collect();
            let wanted = wanted.map(|line| (line.into(), Some(ROOT.into())));
            assert_eq!(ran, wanted.into_iter().collect::<Vec<_>>(), "{files:?} {another_root}");
            assert!(host.log_lines.is_empty(), "{:?}", host.log_lines);
        }
    }

    #[test]
    fn what_cannot_be_labelled_is_told() {
        for (answer, wanted) in [
            (Answer::code(255).saying("no policy\n"), "restorecon: exit status 255: no policy; new files have"),
            (
                Answer::error(Errno::NOENT),
                "restorecon: cannot run restorecon: no such file or directory; new files have",
            ),
        ] {
            let mut host = machine(&[RUNS], &["/opt/new"]);
            host.on_run(move |_, _| Some(answer.clone()));
            relabel(&mut host, false);
            let [(Level::Warning, _, text)] = &host.log_lines[..] else { panic!("{:?}", host.log_lines) };
            assert!(text.starts_with(wanted), "{text}");
        }
    }
}
