# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other versions of OpenClaw for a gateway on a host: packages that hand over to the real one, and one that is broken."""
from __future__ import annotations

import base64
import json
from pathlib import Path

from support import made_up_openclaw

from .gateway import PROGRAM, HostedGateway

INSTALLED, NEXT, BROKEN = "2026.9.5", "2026.9.6", "2026.9.7"
# Spoils the state, and ends as the real one does that finds its state unusable.
_BROKEN = """import fs from "node:fs"
fs.writeFileSync("%s/SOUL.md", "spoilt")
process.exit(78)
"""
_NPM = """#!/bin/sh
test "$1" != --version || { echo 10.0.0; exit; }
for word; do case $word in *.tgz) archive=$word;; openclaw@*) archive=$HOME/${word#openclaw@}.tgz;; */.openclaw-other-*) prefix=$word;; esac; done
mkdir -p $prefix/lib/node_modules/openclaw && tar -xzf $archive --strip-components=1 -C $prefix/lib/node_modules/openclaw
"""


def hand_over(to: str = PROGRAM) -> str:
    """A program that becomes another one."""
    return f'process.execve(process.execPath, [process.execPath, "{to}", ...process.argv.slice(2)], process.env)\n'


class Programs:
    """The first of some programs in the user's npm prefix, which the gateway's unit starts once it is restarted; npm finds them all.

    programs: version → text; by default INSTALLED, NEXT and BROKEN.
    """

    def __init__(self, gateway: HostedGateway, directory: Path, programs: dict[str, str] | None = None) -> None:
        programs = programs or {INSTALLED: hand_over(), NEXT: hand_over(), BROKEN: _BROKEN % gateway.workspace}
        self._gateway, self._host = gateway, gateway.host
        self.prefix = f"{gateway.home}/.npm-global"
        self._package = f"{self.prefix}/lib/node_modules/openclaw"
        self._drop_in = f"{gateway.home}/.config/systemd/user/{gateway.unit}.d/10-program.conf"
        for version, program in programs.items():
            packed = base64.b64encode(made_up_openclaw.pack(directory / "x.tgz", version, program=program).read_bytes()).decode()
            self._host.as_user(gateway.user, "sh", "-c", f"base64 -d > {self.archive(version)}", input=packed)
        self._host.write(f"{self.prefix}/bin/npm", _NPM, gateway.user, "0755")
        self._host.as_user(gateway.user, "mkdir", "-p", self._package)
        self._host.as_user(gateway.user, "tar", "-xzf", self.archive(next(iter(programs))), "--strip-components=1", "-C", self._package)
        self._host.write(self._drop_in, "[Service]\nExecStart=\nExecStart=/usr/local/bin/node "
                         f"{self._package}/dist/index.js gateway --port {gateway.port}\n", gateway.user)
        gateway.systemctl("daemon-reload")

    def archive(self, version: str) -> str:
        """Its path on the host, to be given as the version to install."""
        return f"{self._gateway.home}/{version}.tgz"

    def version(self) -> str:
        """Of what is installed."""
        return json.loads(self._host.inside("cat", f"{self._package}/package.json").stdout)["version"]

    def left_over(self) -> str:
        """What an update should not have left: files of another user's, and directories for what was fetched."""
        gateway = self._gateway
        foreign = self._host.inside("find", self.prefix, gateway.state_dir, gateway.workspace, "!", "-user", gateway.user).stdout
        return foreign + self._host.inside("find", self.prefix, "-name", ".openclaw-other-*").stdout

    def remove(self) -> None:
        """The unit starts the real one again, which is running when this returns."""
        self._host.inside("rm", self._drop_in)
        self._gateway.systemctl("daemon-reload")
        self._gateway.stop()
        self._gateway.start()
        self._gateway.wait_until_ready()
