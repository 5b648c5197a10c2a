# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host tool as it is built for hosts, run in this process on a made-up instance, against a directory."""
from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.plugin_utils import _host_tool
from support.fake_host import State


@dataclass
class Done:
    """What a run of the tool left behind."""

    status: int
    output: str
    error: str

    @property
    def json(self):
        return json.loads(self.output)


@dataclass
class Host:
    """A configuration directory with one instance, and the tool on it."""

    directory: Path
    tool: Path
    capture: object
    settings: dict = field(default_factory=dict)

    @property
    def state(self) -> State:
        return State(self.directory / "home" / ".openclaw")

    @property
    def results(self) -> Path:
        """Where the tool keeps what is about the instance."""
        return self.directory / "var" / "one"

    @property
    def stored(self) -> Path:
        """The repository's directory."""
        return self.directory / "storage" / "one"

    def configure(self, name: str = "one", **settings) -> Path:
        """Write the configuration of an instance: that of the fixture with changes."""
        path = self.directory / "etc" / "instances" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**self.settings, "instance": name, **settings}))
        return path

    def run(self, *arguments: str) -> Done:
        """Run the tool."""
        places = ["--config", str(self.directory / "etc"), "--state", str(self.directory / "var")]
        self.capture.readouterr()
        try:
            status = importlib.import_module("openclaw_backup_tool.main").main([*arguments, *places])
        except SystemExit as exc:
            status = exc.code
        return Done(status, *self.capture.readouterr())

    def record(self, operation: str) -> dict:
        """The result that was kept of the last run of an operation."""
        return json.loads((self.results / f"last-{operation}.json").read_text())

    def add_notes(self, text: str = "more") -> None:
        """Change the instance's state."""
        path = self.state.path / "workspace" / "notes.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


@pytest.fixture(scope="session")
def tool(tmp_path_factory):
    """The tool's file; its packages can be imported from now on."""
    path = tmp_path_factory.mktemp("tool") / "openclaw-backup.pyz"
    path.write_bytes(_host_tool.build())
    sys.path.insert(0, str(path))
    yield path
    sys.path.remove(str(path))


@pytest.fixture
def host(tmp_path, tool, capsys, monkeypatch):
    """A host with one instance and an empty storage. The key lies open, which spares a test the stretching of a passphrase."""
    for name in [name for name in os.environ if name.startswith(("OPENCLAW_", "CREDENTIALS_"))]:
        monkeypatch.delenv(name)
    made = Host(tmp_path, tool, capsys, {
        "state_dir": str(tmp_path / "home" / ".openclaw"), "storage": {"url": f"file://{tmp_path}/storage"}, "encryption": {"enabled": False}})
    made.state.path.mkdir(parents=True, mode=0o700)
    made.state.config("{}")
    made.state.database_first()
    made.configure()
    return made


@pytest.fixture
def backed_up(host):
    """The same with a repository and one snapshot."""
    assert host.run("init").status == 0
    assert host.run("now").status == 0
    return host
