#!/bin/sh
# Runs in the initramfs when the root is mounted at $NEWROOT: the first two stages, so that host name, keys,
# files and the network's configuration stand there before the root's own init starts. The later stages run
# users' scripts, which want a running system: they stay with the root's own services.
# A stage that fails says why in the root's /var/log/cloud-init.log; the boot goes on.

# dracut leaves the root read-only where the command line says ro.
root_was_read_only() {
    while read -r _ place _ options _; do
        if [ "$place" = "$NEWROOT" ]; then
            case ",$options," in *,ro,*) return 0 ;; *) return 1 ;; esac
        fi
    done </proc/mounts
    return 1
}

read_only=''
if root_was_read_only; then
    read_only=1
    mount -o remount,rw "$NEWROOT" || warn "wisp: cannot write to $NEWROOT"
fi
wisp init --local --root "$NEWROOT" || warn "wisp: init --local failed"
wisp init --root "$NEWROOT" || warn "wisp: init failed"
[ -z "$read_only" ] || mount -o remount,ro "$NEWROOT"
