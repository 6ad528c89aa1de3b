#!/bin/bash
# dracut module: configures the root file system from a config drive before the switch to it.
# Goes to /usr/lib/dracut/modules.d/90wisp/. Left out unless asked for:  dracut --add wisp
# See dracut.modules(7).

check() {
    require_binaries wisp || return 1
    # 255: only when another module or the configuration names it.
    return 255
}

depends() {
    echo rootfs-block
}

# What reads a config drive: the optical drive's driver, and the file systems a drive comes in. The NICs of virtual machines, which a
# network config names by their addresses; a machine of metal names its own:  add_drivers+=" ixgbe "
installkernel() {
    instmods sr_mod cdrom isofs vfat nls_cp437 nls_ascii nls_iso8859-1 ata_piix virtio_blk virtio_scsi
    instmods virtio_net vmxnet3 xen-netfront hv_netvsc ena gve e1000 e1000e ixgbevf mlx5_core bonding 8021q bridge
}

install() {
    inst_binary wisp
    # shellcheck disable=SC2154 # dracut sets moddir
    inst_hook pre-pivot 50 "$moddir/wisp-pre-pivot.sh"
}
