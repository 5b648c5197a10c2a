#!/bin/sh
# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# start-host.sh CGROUP DISK LOWER COMMAND...: runs a host until it is switched off, in a mount namespace of its own. COMMAND starts
# its systemd-nspawn. DISK: the host's directory with upper, work and root. LOWER: the root file system that it started from.
set -eu
cgroup=$1 disk=$2 lower=$3
shift 3

# The host has a control group for itself, so that it can be frozen; this loop has another, so that cutting the power ends both.
mkdir -p "$cgroup/loop" "$cgroup/machine"
echo $$ >"$cgroup/loop/cgroup.procs"
# systemd-nspawn keeps mounts there that would outlive a power cut.
mkdir -p /run/systemd
mount -t tmpfs -o mode=755 tmpfs /run/systemd
mount -t overlay -o "lowerdir=$lower,upperdir=$disk/upper,workdir=$disk/work" overlay "$disk/root"

while :; do
    status=0
    sh -c 'echo $$ >"$0/machine/cgroup.procs" && exec "$@"' "$cgroup" "$@" || status=$?
    # 133: the host wants a reboot. systemd-nspawn leaves that to its unit, and this is its unit.
    [ "$status" = 133 ] || exit "$status"
done
