# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real OpenClaw judges files that it has not been given yet; the real npm puts another version in place."""
from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.accounts import find_account
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.locate import locate
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway import installation, preflight, version_switch
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import GatewayOptions, InstanceOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from support import made_up_openclaw
from support.fake_host import tree, unit, write
from support.openclaw import installation as installed

STATE, AGENT = "state/openclaw.sqlite", "agents/main/agent/openclaw-agent.sqlite"


@pytest.fixture
def staged(openclaw_gateway, tmp_path):
    """Copies of a running gateway's databases, each one file, and of its config."""
    for name in (STATE, AGENT):
        path = tmp_path / "staged" / name
        path.parent.mkdir(parents=True)
        source = sqlite3.connect(f"file:{openclaw_gateway.openclaw.state_dir}/{name}?mode=ro", uri=True)
        with sqlite3.connect(path) as target:
            source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
        target.close()
        source.close()
    shutil.copy(f"{openclaw_gateway.openclaw.state_dir}/openclaw.json", tmp_path / "staged/openclaw.json")
    return tmp_path / "staged"


def judge(staged: Path, cache: str) -> preflight.Judgement:
    node, openclaw = installed.directories(cache)
    files = preflight.Files(str(staged / "openclaw.json"), str(staged / STATE), {"main": str(staged / AGENT)})
    return preflight.judge(
        files, f"{openclaw}/node_modules/openclaw", installed.OPENCLAW_VERSION, f"{node}/node_modules/.bin/node",
        find_account(os.geteuid()), Context(run=made_up_openclaw.run))


@pytest.mark.long
def test_openclaw_accepts_its_own_state_and_touches_nothing(staged, openclaw_cache):
    before = {name: (staged / name).read_bytes() for name in tree(staged) if (staged / name).is_file()}
    judged = judge(staged, openclaw_cache)
    assert [one.verdict for one in judged.verdicts] == [preflight.FITS] * 3, judged
    judged.require()
    assert {name: (staged / name).read_bytes() for name in tree(staged) if (staged / name).is_file()} == before
    assert not [name for name in os.listdir("/tmp") if name.startswith("openclaw-backup-preflight")]


@pytest.mark.long
def test_openclaw_refuses_what_it_could_not_start_with(staged, openclaw_cache):
    with sqlite3.connect(staged / AGENT) as database:
        database.execute("PRAGMA user_version=99")
    database.close()
    (staged / STATE).write_bytes(b"SQLite format 3\0 and no more")
    config = (staged / "openclaw.json").read_text()
    (staged / "openclaw.json").write_text(config.rstrip().rstrip("}") + ', "noSuchKey": 1}')
    judged = judge(staged, openclaw_cache)
    assert [one.verdict for one in judged.verdicts] == [preflight.UNKNOWN, preflight.REFUSED, preflight.REFUSED], judged
    assert "99" in judged.verdicts[1].reason and "noSuchKey" in judged.verdicts[2].reason
    with pytest.raises(EngineError, match="newer") as caught:
        judged.require()
    assert caught.value.code == "openclaw-refuses-state"


@pytest.mark.parametrize("place, words", [("npm/lib", ["--global", "--prefix", "npm"]), ("app", ["--prefix", "app"])])
def test_the_real_npm_puts_another_version_in_place_and_the_old_one_comes_back(tmp_path, openclaw_cache, place, words):
    """Made-up packages: what is asked here is npm, and the real OpenClaw would take a minute."""
    old, new = (made_up_openclaw.pack(tmp_path / f"openclaw-{version}.tgz", version) for version in ("2026.9.6", "2026.9.7"))
    write(tmp_path / "app/package.json", '{"private": true}')
    node = f"{installed.directories(openclaw_cache)[0]}/node_modules/.bin/node"
    npm = made_up_openclaw.run(["npm", "install", *[str(tmp_path / word) if word in ("npm", "app") else word for word in words], str(old)])
    assert npm.code == 0, npm
    (tmp_path / "home/.openclaw").mkdir(parents=True)
    script = tmp_path / place / "node_modules/openclaw/dist/index.js"
    write(tmp_path / "home/.config/systemd/user/openclaw-gateway.service", unit(f"ExecStart={node} {script} gateway"), 0o644)
    context = Context(environment={"HOME": str(tmp_path / "home")}, run=made_up_openclaw.run)
    location = locate(InstanceOptions(), context)
    found = installation.find(location, GatewayOptions(), context)
    before = tree(tmp_path)
    switch = version_switch.prepare(found, str(new), context)
    assert Path(switch.directory).is_dir() and switch.new == "2026.9.7"
    assert switch.activate(location, GatewayOptions(), context) == "2026.9.7"
    listed = made_up_openclaw.run(["npm", "list", *(str(tmp_path / word) if word in ("npm", "app") else word for word in words)])
    assert "2026.9.7" in listed.output
    switch.revert(context)
    assert installation.find(location, GatewayOptions(), context).version == "2026.9.6" and tree(tmp_path) == before
