//! `--root DIR` from the outside: the system in DIR is configured, and the one that wisp is started on stays as it was.

mod machine;

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;

use machine::{Machine, STAGES, differences, make_image, mount, mounts, scratch, seed, tree, with_machine};

/// What `/outside` of the outer system holds; a link in the image tries to lead there.
const OUTSIDE: &str = "of the outer system\n";

/// An image in `/sysroot`, with nothing of the kernel's mounted, and a seed in it.
fn plant_image(machine: &Machine) {
    let image = machine.root.join("sysroot");
    make_image(&image);
    for dir in ["proc", "dev", "sys"] {
        fs::remove_dir(image.join(dir)).unwrap();
    }
    symlink("../../../../outside", image.join("etc/resolv.conf")).unwrap();
    symlink("../../../../../outside", image.join("root/up")).unwrap();
    seed::write(machine, &format!("sysroot/{}", seed::DIR), seed::ID, seed::everything());
    machine.put("outside", 0o644, OUTSIDE);
}

/// The outer system without the image, and without `/run` where that is the image's as well.
fn outer(machine: &Machine, initramfs: bool) -> std::collections::BTreeMap<String, String> {
    let run = if initramfs { "run" } else { "sysroot" };
    tree(&machine.root, &["proc", "dev", "sys", "sysroot", run])
}

fn stages_configure_the_image_alone(machine: &Machine, initramfs: bool) {
    let before = (outer(machine, initramfs), mounts());
    for (at, stage) in STAGES.into_iter().enumerate() {
        // However the directory is written.
        let dir = ["/sysroot", "/sysroot/", "sysroot", "/./sysroot/../sysroot"][at];
        let ran = machine.wisp(&[&["--root", dir], stage].concat());
        assert_eq!(ran.code, 0, "{stage:?}: {}", ran.said());
        assert_eq!(mounts(), before.1, "{stage:?} left something mounted");
    }
    let changes = differences(&before.0, &outer(machine, initramfs));
    assert!(changes.is_empty(), "the outer system changed:\n{}", changes.join("\n"));
    assert_eq!(machine.read("outside"), OUTSIDE);

    // The image is configured. Links lead to where they would if it were booted.
    assert!(machine.read("sysroot/etc/station/plain.conf").contains("edited on the machine"));
    assert_eq!(machine.read("sysroot/var/station/runs"), "script on station\n");
    assert!(machine.read("sysroot/outside").contains("nameserver 192.0.2.53\n"));
    assert_eq!(fs::read_link(machine.root.join("sysroot/etc/resolv.conf")).unwrap(), Path::new("../../../../outside"));
    assert!(machine.read("sysroot/var/log/cloud-init.log").contains("modules-final ends with exit status 0"));
    for name in ["proc", "dev", "sys"] {
        let left: Vec<_> = fs::read_dir(machine.root.join("sysroot").join(name)).unwrap().collect();
        assert!(left.is_empty(), "/{name} of the image: {left:?}");
    }
    // In an initramfs the state of this boot is handed over in /run, which the booted system takes on.
    let (with, without) = if initramfs { ("", "sysroot/") } else { ("sysroot/", "") };
    assert!(machine.exists(&format!("{with}run/cloud-init/status.json")));
    assert!(!machine.exists(&format!("{without}run/cloud-init")));

    let ran = machine.wisp(&["--root", "/sysroot", "query", "-n", "instance_id"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, concat!("83679162-1378-4288-a2d4-70e13ec132aa", "\n")));
    assert_eq!(mounts(), before.1);
}

#[test]
fn from_an_initramfs() {
    with_machine("root-initramfs", |machine| {
        // The disk.
        fs::create_dir(machine.root.join("sysroot")).unwrap();
        mount("tmpfs", &machine.root.join("sysroot"), "tmpfs", 0, "mode=755");
        plant_image(machine);
        machine.put("init", 0o755, "");
        stages_configure_the_image_alone(machine, true);
    });
}

#[test]
fn from_a_system_on_a_disk() {
    with_machine("root-disk", |machine| {
        let disk = scratch("root-on-disk");
        let dir = disk.to_str().unwrap();
        let memory = fs::read_to_string("/proc/thread-self/mounts").unwrap();
        let memory = memory.lines().any(|line| line.starts_with(&format!("tmpfs {dir} ")));
        mount(dir, &disk, "", libc::MS_BIND, "");
        make_image(&disk);
        mount("proc", &disk.join("proc"), "proc", 0, "");
        machine.root.clone_from(&disk);
        plant_image(machine);
        stages_configure_the_image_alone(machine, memory);
        fs::remove_dir_all(disk.join("sysroot")).unwrap();
    });
}

/// `/proc`, `/dev` and `/sys` of the image as links: what would be mounted there would be mounted outside.
#[test]
fn links_do_not_lead_the_mounts_out() {
    with_machine("root-links", |machine| {
        fs::create_dir(machine.root.join("sysroot")).unwrap();
        plant_image(machine);
        fs::create_dir(machine.root.join("elsewhere")).unwrap();
        for name in ["dev", "proc", "sys"] {
            let link = machine.root.join("sysroot").join(name);
            for target in ["/elsewhere", "../../elsewhere", "no/such"] {
                symlink(target, &link).unwrap();
                let before = (machine.tree(), mounts());
                let ran = machine.wisp(&["--root", "/sysroot", "init", "--local"]);
                let wanted = format!("wisp: cannot bind /sysroot/{name}: not a directory\n");
                assert_eq!((ran.code, ran.stderr), (1, wanted), "{target}");
                let mut after = machine.tree();
                // Directories for the others may have been made.
                for made in ["dev", "proc"] {
                    after.remove(&format!("sysroot/{made}"));
                }
                let mut before = before;
                for made in ["dev", "proc"] {
                    before.0.remove(&format!("sysroot/{made}"));
                }
                assert_eq!(differences(&before.0, &after), [""; 0]);
                assert_eq!(mounts(), before.1);
                fs::remove_file(&link).unwrap();
            }
        }
    });
}

#[test]
fn without_privilege_it_says_so() {
    with_machine("root-user", |machine| {
        fs::create_dir(machine.root.join("sysroot")).unwrap();
        plant_image(machine);
        let before = machine.tree();
        let mut command = machine.command("/usr/bin/wisp", &["--root", "/sysroot", "init", "--local"]);
        // SAFETY: numbers; runs after the machine was entered.
        unsafe {
            command.pre_exec(|| {
                libc::setgid(65534);
                libc::setuid(65534);
                Ok(())
            });
        }
        let ran = machine::ended(command.output().unwrap());
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.starts_with("wisp: cannot "), "{}", ran.stderr);
        assert_eq!(differences(&before, &machine.tree()), [""; 0]);
    });
}
