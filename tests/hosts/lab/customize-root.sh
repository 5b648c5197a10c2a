#!/bin/sh
# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# customize-root.sh ROOT PACKAGE...: makes a minimal Debian root file system into that of a test host. PACKAGE: what the host's
# own package repository holds. Called once, while the root file system is built and still has a network.
set -eu
root=$1
shift

chroot "$root" useradd --create-home --shell /bin/bash deploy
printf 'deploy ALL=(ALL) NOPASSWD: ALL\n' >"$root/etc/sudoers.d/deploy"
chmod 440 "$root/etc/sudoers.d/deploy"
# Whom the agent runs as: no rights at all.
chroot "$root" useradd --create-home --shell /bin/bash agent

# Every host gets a name, keys and a machine id of its own.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname"
: >"$root/etc/machine-id"
printf 'PasswordAuthentication no\nPermitRootLogin no\nUseDNS no\n' >"$root/etc/ssh/sshd_config.d/test-host.conf"

mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=persistent\nSystemMaxUse=64M\nRateLimitIntervalSec=0\n' >"$root/etc/systemd/journald.conf.d/test-host.conf"
# What needs a network, a clock or a kernel of its own.
for unit in console-getty.service systemd-resolved.service systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer \
    dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# Node.js, OpenClaw and Python packages come from the machine, read-only, when the host starts.
mkdir -p "$root/opt/node" "$root/opt/openclaw" "$root/srv/wheels"
ln -s /opt/node/node_modules/.bin/node "$root/usr/local/bin/node"
ln -s /opt/openclaw/node_modules/.bin/openclaw "$root/usr/local/bin/openclaw"
printf '[global]\nno-index = true\nfind-links = /srv/wheels\ndisable-pip-version-check = true\n' >"$root/etc/pip.conf"

# A package repository with all that these packages need, as the only source.
chroot "$root" apt-get -qq clean
chroot "$root" apt-get -qq -y install --download-only --no-install-recommends "$@" >/dev/null
mkdir -p "$root/srv/packages"
mv "$root"/var/cache/apt/archives/*.deb "$root/srv/packages/"
(cd "$root/srv/packages" && apt-ftparchive packages . >Packages && apt-ftparchive release . >../Release && mv ../Release .)
rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* "$root"/etc/resolv.conf
rm -rf "$root"/var/lib/apt/lists/*
printf 'deb [trusted=yes] file:/srv/packages ./\n' >"$root/etc/apt/sources.list"
printf 'APT::Install-Recommends "false";\nAPT::Sandbox::User "root";\nAcquire::Languages "none";\n' >"$root/etc/apt/apt.conf.d/90test-host"
chroot "$root" apt-get -qq update
