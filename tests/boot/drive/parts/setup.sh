#!/bin/sh
# Runs once an instance. Each run leaves one line, so that a second run shows.
echo "run $(cut -d' ' -f1 /proc/uptime) $(hostname)" >>/var/station/runs
# What the drive injected is written on a new instance only: this line must outlive a reboot.
echo 'calibrated' >>/etc/station/injected.conf
echo "the script's words on $(hostname)"
