# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real OpenClaw gateway on a host, as its own installer sets it up: a systemd user unit of a user without rights, who lingers.

Node.js and OpenClaw are mounted read-only at /opt/node and /opt/openclaw; the commands `node` and `openclaw` are on every user's
PATH. Several gateways may run for one user, each with a profile of its own.
"""
from __future__ import annotations

import json
from dataclasses import dataclass

from support.openclaw.gateway import TOKEN
from support.openclaw.model_server import MODEL

from . import lifecycle
from .host import Host

USER = "agent"
PORT = 18789  # of the default profile; other profiles say theirs
PROGRAM = "/opt/openclaw/node_modules/openclaw/dist/index.js"
READY_SECONDS = 240.0
STOPPED_SECONDS = 60.0
SCHEMA = "import sqlite3, sys; print(sqlite3.connect('file:%s?mode=ro' % sys.argv[1], uri=True).execute('PRAGMA user_version').fetchone()[0])"
# No channels, no updates, nothing announced on the network. OpenClaw's own place for such settings.
SETTINGS = "".join(f"{name}=1\n" for name in (
    "OPENCLAW_SKIP_CHANNELS", "OPENCLAW_DISABLE_BONJOUR", "OPENCLAW_NO_AUTO_UPDATE", "OPENCLAW_OFFLINE"))

# As `openclaw gateway install` of 2026.9.6 writes it.
UNIT = """\
[Unit]
Description=OpenClaw Gateway
After=network-online.target
Wants=network-online.target
StartLimitBurst=10
StartLimitIntervalSec=300

[Service]
ExecStart=/usr/local/bin/node --max-old-space-size=8192 {program} gateway --port {port}
Restart=always
RestartSec=5
RestartPreventExitStatus=78
SuccessExitStatus=0 143
TimeoutStopSec=330
TimeoutStartSec=30
OOMPolicy=continue
KillMode=mixed
EnvironmentFile=-{state_dir}/gateway.systemd.env
Environment=HOME={home}
Environment=TMPDIR={home}/tmp
Environment=PATH=/usr/local/bin:/usr/bin:/bin
Environment=NODE_OPTIONS=
Environment=OPENCLAW_GATEWAY_PORT={port}
Environment=OPENCLAW_SYSTEMD_UNIT={unit}
Environment=OPENCLAW_SERVICE_MARKER=openclaw
Environment=OPENCLAW_SERVICE_KIND=gateway
{profile_settings}
[Install]
WantedBy=default.target
"""


@dataclass(frozen=True)
class HostedGateway:
    """One gateway on a host. profile: None is the default one. models: the base address of a model server, if agents shall answer.

    agents: their ids, where it is to have more than the usual one, "main"; the others have workspaces of their own.
    """

    host: Host
    profile: str | None = None
    port: int = PORT
    user: str = USER
    models: str | None = None
    agents: tuple[str, ...] = ()

    @property
    def home(self) -> str:
        """The user's."""
        return f"/home/{self.user}"

    @property
    def state_dir(self) -> str:
        """Where this profile has its state."""
        return f"{self.home}/.openclaw" + (f"-{self.profile}" if self.profile else "")

    @property
    def unit(self) -> str:
        """The name of its unit."""
        return "openclaw-gateway" + (f"-{self.profile}" if self.profile else "") + ".service"

    @property
    def workspace(self) -> str:
        """Its agent's. OpenClaw puts those of all profiles into the directory of the default one."""
        return f"{self.home}/.openclaw/workspace" + (f"-{self.profile}" if self.profile else "")

    def workspace_of(self, agent: str) -> str:
        """The one of another agent."""
        return self.workspace if agent == "main" else f"{self.home}/{self.profile or 'default'}-{agent}"

    def install(self) -> None:
        """Write configuration and unit, let the user linger, start the unit now and at every boot. Does not wait for it."""
        self.host.inside("runuser", "-u", self.user, "--", "mkdir", "-p", "-m", "0700", self.state_dir)
        self.host.write(f"{self.state_dir}/openclaw.json", json.dumps(self.configuration(), indent=2), self.user, "0600")
        self.host.write(f"{self.state_dir}/gateway.systemd.env", SETTINGS, self.user, "0600")
        self.install_unit()
        self.start()

    def install_unit(self) -> None:
        """Only the unit, enabled, and a user who lingers: a host on which OpenClaw was installed and never used."""
        self.host.inside("runuser", "-u", self.user, "--", "mkdir", "-p", "-m", "0700", f"{self.home}/tmp")
        self.host.write(f"{self.home}/.config/systemd/user/{self.unit}", self._unit_text(), self.user)
        self.host.inside("loginctl", "enable-linger", self.user)
        lifecycle.wait(lambda: self.systemctl("is-system-running", check=False).stdout.strip() == "running" or None, 30.0,
                       f"{self.user}'s systemd on {self.host.name} does not run")
        self.systemctl("daemon-reload")
        self.systemctl("enable", self.unit)

    def configuration(self) -> dict:
        """What `openclaw onboard` would write: a gateway on loopback with a token, one agent."""
        configuration = {
            "gateway": {"mode": "local", "bind": "loopback", "port": self.port, "auth": {"mode": "token", "token": TOKEN}},
            "agents": {"defaults": {"workspace": self.workspace}},
        }
        if self.agents:
            configuration["agents"]["entries"] = {agent: {"workspace": self.workspace_of(agent)} for agent in self.agents}
        if self.models:
            model = {"id": MODEL, "name": MODEL, "contextWindow": 128000, "maxTokens": 4096, "input": ["text"], "reasoning": False}
            provider = {"baseUrl": self.models, "api": "openai-completions", "apiKey": "test-key", "models": [model]}
            configuration["models"] = {"mode": "merge", "providers": {"lab": provider}}
            configuration["agents"]["defaults"].update(model={"primary": f"lab/{MODEL}"}, models={f"lab/{MODEL}": {}})
        return configuration

    def _unit_text(self) -> str:
        named = f"Environment=OPENCLAW_PROFILE={self.profile}\nEnvironment=OPENCLAW_STATE_DIR={self.state_dir}\n" \
            f"Environment=OPENCLAW_CONFIG_PATH={self.state_dir}/openclaw.json\n" if self.profile else ""
        return UNIT.format(
            program=PROGRAM, port=self.port, state_dir=self.state_dir, home=self.home, unit=self.unit, profile_settings=named)

    def systemctl(self, *arguments, **options):
        """systemctl --user, as its user."""
        return self.host.as_user(self.user, "systemctl", "--user", *arguments, **options)

    def start(self) -> None:
        """Start it; does not wait until it is ready."""
        self.systemctl("start", self.unit)

    def stop(self) -> None:
        """Stop it, and wait until systemd says so."""
        self.systemctl("stop", self.unit)

    def process(self) -> int:
        """Its main process id on the host; 0 while it is stopped."""
        return int(self.systemctl("show", "--property=MainPID", "--value", self.unit).stdout)

    def probe(self, name: str) -> dict:
        """The JSON of a health address (healthz, readyz, startupz), or {} while there is none."""
        done = self.host.inside("curl", "--silent", "--max-time", "5", f"http://127.0.0.1:{self.port}/{name}", check=False)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {}

    def wait_until_ready(self) -> None:
        """Until it takes work."""
        lifecycle.wait(lambda: self.probe("readyz").get("ready") or None, READY_SECONDS,
                       f"{self.unit} on {self.host.name} does not get ready")

    def command(self, *arguments, **options):
        """Run `openclaw ...` for its profile, as its user."""
        profile = ("--profile", self.profile) if self.profile else ()
        return self.host.as_user(self.user, "openclaw", *profile, *arguments, **options)

    def schema(self) -> int:
        """The number that OpenClaw gave its own database's schema."""
        return int(self.host.as_user(self.user, "python3", "-c", SCHEMA, f"{self.state_dir}/state/openclaw.sqlite").stdout)

    def journal(self) -> str:
        """What it has said in this boot."""
        return self.host.inside("journalctl", "--boot", "--no-pager", f"--user-unit={self.unit}").stdout
