# make        the static binary, target/x86_64-unknown-linux-musl/release/wisp
# make small  the same without what a tiny image can do without, wisp-small beside it
# make demo   a config drive configures a machine in QEMU, three boots, checked from outside
# make test   formatting, lints (of shell scripts too), all tests; those in QEMU too; as root: tests have machines of their own
# make bench  what it costs, in numbers, on this machine and in the demo's guest
# make fuzz   libFuzzer on every parser, FUZZ_SECONDS each (a minute)
# make clean  removes target/
#
# Each gets the programs it lacks from the distribution's packages (as root, or through sudo), says what it
# runs and what it could not get. What can stay inside the checkout does: the guest's kernel and busybox
# are unpacked under target/guest/.

WISP_BIN := $(CURDIR)/target/x86_64-unknown-linux-musl/release/wisp
export WISP_BIN

# Debian keeps mke2fs, debugfs and depmod where a user's PATH does not look.
export PATH := $(PATH):/usr/sbin:/sbin

BOOT_TOOLS := qemu-system-x86_64=qemu-system-x86 genisoimage=genisoimage mke2fs=e2fsprogs debugfs=e2fsprogs \
	mkfs.vfat=dosfstools mcopy=mtools unshare=util-linux depmod=kmod xz=xz-utils python3=python3 dpkg-deb=dpkg cc=gcc
TEST_TOOLS := cpio=cpio strace=strace losetup=mount ip=iproute2 dnsmasq=dnsmasq-base /usr/lib/python3/dist-packages/yaml=python3-yaml \
	/usr/include/linux/seccomp.h=linux-libc-dev shellcheck=shellcheck

# Every file there whose first line names a shell.
SHELL_SCRIPTS = .ci/build .ci/link-gcc .ci/need $(shell find initramfs tests benches fuzz/run -type f \
	-exec awk 'FNR == 1 && /^\#!.*sh$$/ { print FILENAME }' {} + | sort)

.PHONY: all small demo test bench fuzz clean guest host-rust root

all:
	@.ci/build

small:
	@.ci/build small

demo: all guest
	tests/boot/demo

test: root all small guest host-rust
	@.ci/need $(TEST_TOOLS)
	shellcheck $(SHELL_SCRIPTS)
	cargo fmt --check
	set -e; for crate in benches/parsers benches/serde; do cargo fmt --check --manifest-path $$crate/Cargo.toml; done
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --no-default-features -- -D warnings
	WISP_SIZE_LINE=$$(cat $(WISP_BIN).line) cargo test --locked --no-fail-fast
	WISP_SIZE_LINE=$$(cat $(WISP_BIN)-small.line) WISP_BIN=$(WISP_BIN)-small cargo test --locked --test elf
	WISP_BIN=$(WISP_BIN)-small tests/boot/demo >target/demo-small.log || { cat target/demo-small.log; exit 1; }

bench: all guest
	@status=0; for bench in benches/run benches/parsers/run tests/boot/demo; do echo "+ $$bench"; $$bench || status=1; done; exit $$status

FUZZ_SECONDS := 60

fuzz: host-rust
	fuzz/run $(FUZZ_SECONDS)

clean:
	rm -rf target

root:
	@[ "$$(id -u)" = 0 ] || { echo "make test needs root: its machines have namespaces, mounts and roots of their own" >&2; exit 1; }

# The kernel, its modules and busybox for the guest.
guest:
	@.ci/need $(BOOT_TOOLS)
	@tests/boot/guest target/guest

# Tests run on the host's own target, by whatever cargo is in PATH.
host-rust:
	@.ci/need cargo=cargo-web rustc=rustc-web /etc/ssl/certs/ca-certificates.crt=ca-certificates
	@cargo fmt --version >/dev/null 2>&1 || .ci/need cargo-fmt=rustfmt-web
	@cargo clippy --version >/dev/null 2>&1 || .ci/need cargo-clippy=rust-web-clippy
