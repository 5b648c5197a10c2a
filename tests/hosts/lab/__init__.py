# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real hosts for tests: Debian with systemd as PID 1, an address, an sshd, a disk; several on one machine.

A *lab* is what one run has: a bridge, its hosts, their keys. It lives in namespaces of its own (contained.py), so that
nothing of it is left when the run ends, however it ends. Hosts are systemd-nspawn machines over a root file system that is
built once (rootfs.py). There is no route out of a lab.

Standard library only. `tools/test-hosts` is the command line (__main__.py); tests/hosts/README.md shows how to use it.
"""
