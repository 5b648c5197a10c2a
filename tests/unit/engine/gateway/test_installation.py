# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which OpenClaw runs an instance and how it came there is read from the disk; another one takes its place by rename, and goes again."""
from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.locate import locate
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway import installation, version_switch
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.node_range import fits
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import GatewayOptions, InstanceOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from support import made_up_openclaw
from support.fake_host import tree, unit, write


class Host:
    """A home with a unit that starts a made-up OpenClaw with a made-up Node."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / ".openclaw").mkdir(parents=True)
        self.node = write(home / "node/bin/node", "#!/bin/sh\necho v24.16.1\n", 0o755)
        self.npm = made_up_openclaw.fake_npm(home / "node/bin/npm")
        self.context = Context(environment={"HOME": str(home)}, run=made_up_openclaw.run)
        self.options = GatewayOptions()

    def serve(self, script: Path) -> None:
        """Let the unit start it."""
        write(self.home / ".config/systemd/user/openclaw-gateway.service", unit(f"ExecStart={self.node} {script} gateway"), 0o644)

    def npm_global(self, version: str = "2026.9.6", **more) -> None:
        """As `npm install --global` leaves it."""
        self.serve(made_up_openclaw.install(self.home / "npm/lib/node_modules/openclaw", version, **more))

    def npm_local(self, version: str = "2026.9.6") -> None:
        """As `npm install` in a directory leaves it."""
        self.serve(made_up_openclaw.install(self.home / "app/node_modules/openclaw", version))
        write(self.home / "app/package.json", '{"private": true}')

    @property
    def location(self):
        return locate(InstanceOptions(), self.context)

    def find(self) -> installation.Installation:
        return installation.find(self.location, self.options, self.context)

    def prepare(self, spec: str) -> version_switch.Switch:
        return version_switch.prepare(self.find(), spec, self.context)

    def activate(self, switch: version_switch.Switch) -> str:
        return switch.activate(self.location, self.options, self.context)


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path / "home")


def test_an_installation_is_described(host):
    host.npm_global(node=">=24.16.0 <25 || >=26.1.0")
    found = host.find()
    assert (found.method, found.version, found.node_version, found.node_fits) == ("npm-global", "2026.9.6", "24.16.1", True)
    assert found.owner.uid == os.geteuid() and found.base == str(host.home / "npm/lib/node_modules")
    assert found.places == tuple(str(host.home / path) for path in ("npm/lib/node_modules", "npm/bin/openclaw", "node/bin/node"))
    assert json.dumps(found.to_dict())


@pytest.mark.parametrize("place, method", [
    ("npm/lib/node_modules/openclaw", "npm-global"), ("app/node_modules/openclaw", "npm-local"),
    (".local/share/pnpm/global/5/.pnpm/openclaw@2026.9.6_ab12/node_modules/openclaw", "pnpm"), ("src/openclaw", "unknown")])
def test_the_method_is_where_it_lies(host, place, method):
    host.serve(made_up_openclaw.install(host.home / place, "2026.9.6"))
    write(host.home / "app/package.json", "{}")
    assert host.find().method == method


def test_a_checkout_and_a_missing_one(host):
    host.serve(made_up_openclaw.install(host.home / "src/openclaw", "2026.9.6"))
    (host.home / "src/openclaw/.git").mkdir()
    with pytest.raises(EngineError, match="checkout") as caught:
        host.prepare("2026.9.7")
    assert caught.value.code == "openclaw-method-unknown"


def test_a_host_without_openclaw(host, monkeypatch):
    monkeypatch.setattr(installation, "find_package", lambda *_words: None)
    with pytest.raises(EngineError) as caught:
        host.find()
    assert caught.value.code == "openclaw-missing"


@pytest.mark.parametrize("kind", ["npm_global", "npm_local"])
def test_another_version_takes_its_place_and_goes_again(host, kind):
    getattr(host, kind)()
    before = {path: (host.home / path).stat().st_ino for path in tree(host.home) if "calls" not in path}
    switch = host.prepare("2026.9.7")
    assert switch.new == "2026.9.7" and host.find().version == "2026.9.6", "only fetched"
    switch = version_switch.from_dict(json.loads(json.dumps(switch.to_dict())))
    assert host.activate(switch) == "2026.9.7" and host.find().version == "2026.9.7"
    assert host.activate(switch) == "2026.9.7", "done already"
    for _again in range(2):
        switch.revert(host.context)
        after = {path: (host.home / path).stat().st_ino for path in tree(host.home) if "calls" not in path}
        assert after == before, "the same files, not equal ones"


@pytest.mark.parametrize("kind", ["npm_global", "npm_local"])
def test_what_is_committed_leaves_nothing_behind(host, kind):
    getattr(host, kind)()
    switch = host.prepare("2026.9.7")
    host.activate(switch)
    switch.commit(host.context)
    assert host.find().version == "2026.9.7" and not [path for path in tree(host.home) if "openclaw-other" in path]


@pytest.mark.parametrize("kind", ["npm_global", "npm_local"])
@pytest.mark.parametrize("moves", range(7))
def test_a_power_cut_between_two_renames_can_be_gone_on_from_both_ways(host, kind, moves):
    """mv works so many times, then no more."""
    getattr(host, kind)()
    before = {path: (host.home / path).stat().st_ino for path in tree(host.home) if "calls" not in path}
    for forward in (True, False):
        switch = host.prepare("2026.9.7")
        write(host.home / "node/bin/mv", f'#!/bin/sh\ntest "$(cat {host.home}/left)" -gt 0 || exit 1\n'
              f'echo $(($(cat {host.home}/left) - 1)) > {host.home}/left; exec /bin/mv "$@"\n', 0o755)
        write(host.home / "left", str(moves))
        try:
            host.activate(switch)
        except EngineError as exc:
            assert exc.code in ("openclaw-install-failed", "openclaw-missing")
        (host.home / "node/bin/mv").unlink()
        (host.home / "left").unlink()
        if forward:
            assert host.activate(switch) == "2026.9.7"
        switch.revert(host.context)
        assert {path: (host.home / path).stat().st_ino for path in tree(host.home) if "calls" not in path} == before


def test_a_version_that_there_is_not_changes_nothing(host):
    host.npm_global()
    before = tree(host.home) | {"node/bin/npm.calls"}
    with pytest.raises(EngineError, match="ETARGET") as caught:
        host.prepare("9.9.9")
    assert caught.value.code == "openclaw-install-failed" and tree(host.home) == before


def test_a_version_that_needs_another_node_is_refused_before_anything_stops(host):
    host.npm_global()
    before = tree(host.home) | {"node/bin/npm.calls"}
    with pytest.raises(EngineError, match="24.16.1") as caught:
        host.prepare("8.0.0")
    assert caught.value.code == "node-unfit" and tree(host.home) == before


@pytest.mark.parametrize("spec", ["", "-g", "; rm -rf /", "../x.tgz", "a b", "/x y.tgz", "git+ssh://x"])
def test_what_is_no_version_is_refused(host, spec):
    host.npm_global()
    with pytest.raises(EngineError) as caught:
        host.prepare(spec)
    assert caught.value.code == "option-invalid"


def test_npm_that_asks_for_it_is_told_whose_scripts_to_run(host):
    host.npm_global()
    made_up_openclaw.fake_npm(host.npm, "11.19.1")
    host.prepare("2026.9.7")
    calls = Path(f"{host.npm}.calls").read_text()
    assert "--allow-scripts=openclaw" in calls and "openclaw@2026.9.7" in calls


def test_a_program_of_somebody_else_is_not_run(host, monkeypatch):
    host.npm_global()
    found = host.find()
    other = type(found.owner)("other", 4711, 4711, str(host.home))
    monkeypatch.setattr(os, "stat", lambda path, real=os.stat: type("Status", (), {"st_uid": 4712})() if "npm" in str(path) else real(path))
    assert installation.program(installation.Installation(**{**vars(found), "owner": other}), "npm") is None


def test_a_command_of_ones_own_installs_and_goes_back(host):
    package = made_up_openclaw.install(host.home / "src/openclaw", "2026.9.6").parent.parent
    host.serve(package / "dist/index.js")
    script = write(host.home / "update", f"""#!/bin/sh
sed -i 's/"version": "[^"]*"/"version": "'$1'"/' {package}/package.json\n""", 0o755)
    host.options = GatewayOptions(install_command=(str(script), "{version}"))
    switch = host.prepare("2026.9.7")
    assert host.find().version == "2026.9.6" and host.activate(switch) == "2026.9.7"
    switch.revert(host.context)
    assert host.find().version == "2026.9.6"


def test_an_installation_that_the_service_does_not_start_is_noticed(host):
    host.serve(made_up_openclaw.install(host.home / "src/openclaw", "2026.9.6"))
    host.options = GatewayOptions(install_command=("true", "{version}"))
    with pytest.raises(EngineError, match="starts 2026.9.6") as caught:
        host.activate(host.prepare("2026.9.7"))
    assert caught.value.code == "openclaw-version-wrong"


@pytest.mark.parametrize("version, wanted, verdict", [
    ("24.16.0", ">=24.16.0 <25 || >=26.1.0", True), ("24.15.9", ">=24.16.0 <25 || >=26.1.0", False),
    ("25.0.0", ">=24.16.0 <25 || >=26.1.0", False), ("26.1.0", ">=24.16.0 <25 || >=26.1.0", True), ("v22.12.1", ">=22.12", True),
    ("22.11.9", ">=22.12", False), ("24.2.0", "^24.1", True), ("25.0.0", "^24.1", False), ("24.1.9", "~24.1.3", True),
    ("24.2.0", "~24.1.3", False), ("22.9.1", "22", True), ("23.0.0", "22.x", False), ("23.0.0", ">22", True), ("22.5.0", ">22", False),
    ("22.5.0", "<=22", True), ("18.0.0", "*", True), ("18.0.0", "", True), ("18.0.0", "latest || >=99", None), ("18.0.0", "lts", None),
    ("nightly", ">=18", None), ("20.0.0", "lts || >=18", True)])
def test_which_node_is_wanted(version, wanted, verdict):
    assert fits(version, wanted) is verdict
