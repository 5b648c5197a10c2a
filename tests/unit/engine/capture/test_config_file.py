# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The config is read as OpenClaw reads it; whatever is wrong with it becomes a Finding and loses nothing that can be read."""
from __future__ import annotations

import json
import os

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.config_file import (
    INCLUDE_SIZE_LIMIT, include_roots, load_config, merge,
)
from support.fake_host import write


def codes(config):
    return [finding.code for finding in config.findings]


def test_includes_are_merged_as_openclaw_does(tmp_path):
    write(tmp_path / "openclaw.json", """{
        // one file, with siblings that win
        agents: { $include: './agents.json5', defaults: { workspace: '/own' } },
        broadcast: { $include: ['a.json', 'sub/b.json'] },
        tools: { $include: 'tools.json' },
    }""")
    write(tmp_path / "agents.json5", "{defaults:{workspace:'/included',model:'m'},entries:{main:{}}}")
    write(tmp_path / "a.json", '{"list": [1], "x": {"p": 1}}')
    write(tmp_path / "sub/b.json", '{"$include": "../c.json", "list": [2], "x": {"q": 2}}')
    write(tmp_path / "c.json", '{"deep": true}')
    write(tmp_path / "tools.json", "[1, 2]")
    config = load_config(str(tmp_path / "openclaw.json"))
    assert config.data == {
        "agents": {"defaults": {"workspace": "/own", "model": "m"}, "entries": {"main": {}}},
        "broadcast": {"list": [1, 2], "x": {"p": 1, "q": 2}, "deep": True},
        "tools": [1, 2],
    }
    assert [os.path.relpath(path, tmp_path) for path in config.files] == ["agents.json5", "a.json", "sub/b.json", "c.json", "tools.json"]
    assert not config.findings and not config.broken and config.exists


def test_an_include_outside_is_not_followed_unless_a_root_allows_it(tmp_path):
    outside = write(tmp_path / "shared/team.json", '{"a": 1}')
    home = tmp_path / "home"
    write(home / "openclaw.json", json.dumps({"x": {"$include": str(outside)}, "y": {"$include": "../shared/team.json"}}))
    config = load_config(str(home / "openclaw.json"))
    assert config.data == {"x": None, "y": None} and codes(config) == ["include-outside"] and not config.files
    roots = {"OPENCLAW_INCLUDE_ROOTS": f"relative:~/nothing: {tmp_path}/shared"}
    allowed = include_roots(roots, lambda path: path.replace("~", "/home/u"))
    assert allowed == ["/home/u/nothing", f"{tmp_path}/shared"]
    config = load_config(str(home / "openclaw.json"), allowed)
    assert config.data == {"x": {"a": 1}, "y": {"a": 1}} and config.files == [str(outside)]


def test_a_link_does_not_lead_out(tmp_path):
    write(tmp_path / "secret.json", '{"a": 1}')
    home = tmp_path / "home"
    write(home / "openclaw.json", '{"x": {"$include": "inner.json"}}')
    (home / "inner.json").symlink_to(tmp_path / "secret.json")
    assert codes(load_config(str(home / "openclaw.json"))) == ["include-outside"]


def test_cycles_depth_and_repetition_end(tmp_path):
    write(tmp_path / "openclaw.json", '{"$include": "a.json", "own": 1}')
    write(tmp_path / "a.json", '{"$include": "b.json"}')
    write(tmp_path / "b.json", '{"$include": "a.json", "b": 2}')
    config = load_config(str(tmp_path / "openclaw.json"))
    assert codes(config) == ["include-cycle"] and config.data == {"own": 1, "b": 2}
    for level in range(20):
        write(tmp_path / f"deep{level}.json", json.dumps({"$include": f"deep{level + 1}.json", f"k{level}": 1}))
    config = load_config(str(tmp_path / "deep0.json"))
    assert "include-too-deep" in codes(config) and len(config.files) == 10
    for level in range(10):
        write(tmp_path / f"wide{level}.json", json.dumps({"$include": [f"wide{level + 1}.json"] * 50}))
    config = load_config(str(tmp_path / "wide0.json"))
    assert "include-too-many" in codes(config)


def test_a_missing_or_oversized_include_is_said(tmp_path):
    write(tmp_path / "openclaw.json", '{"x": {"$include": ["gone.json", "big.json", "ok.json"]}, "y": {"$include": 5}}')
    write(tmp_path / "big.json", '"' + "a" * INCLUDE_SIZE_LIMIT + '"')
    write(tmp_path / "ok.json", '{"k": 1}')
    config = load_config(str(tmp_path / "openclaw.json"))
    assert config.data["x"] == {"k": 1}
    assert codes(config) == ["include-missing", "config-too-large", "include-invalid"]
    assert config.files == [str(tmp_path / "big.json"), str(tmp_path / "ok.json")]


def test_a_typo_never_loses_a_workspace(tmp_path):
    write(tmp_path / "openclaw.json", """{
        agents: { defaults: { workspace: "/srv/main" } }
        other: 'comma missing above',
        more: { $include: "agents.json5" },
        list: [ { agentDir: '/srv/agent' } ],
    }""")
    write(tmp_path / "agents.json5", "{entries: {work: {workspace: '/srv/work'}}}")
    config = load_config(str(tmp_path / "openclaw.json"))
    assert config.broken and config.data == {} and codes(config) == ["config-syntax"]
    assert config.scanned["workspace"] == ["/srv/main", "/srv/work"] and config.scanned["agentDir"] == ["/srv/agent"]
    assert config.files == [str(tmp_path / "agents.json5")]
    assert "line 3" in config.findings[0].message


def test_a_typo_in_an_included_file_leaves_the_rest_readable(tmp_path):
    write(tmp_path / "openclaw.json", '{"a": 1, "agents": {"$include": "agents.json5"}}')
    write(tmp_path / "agents.json5", "{defaults: {workspace: '/srv/main'}, oops")
    config = load_config(str(tmp_path / "openclaw.json"))
    assert config.data == {"a": 1, "agents": None} and config.broken and config.scanned["workspace"] == ["/srv/main"]


@pytest.mark.parametrize("content, code", [
    ("[1]", "config-not-an-object"), ('"text"', "config-not-an-object"), ("", "config-syntax"), (b"\xff\xfe{", "config-syntax"),
    ("{}" + " " * (8 << 20), "config-too-large"),
])
def test_strange_configs_are_findings(tmp_path, content, code):
    write(tmp_path / "openclaw.json", content)
    config = load_config(str(tmp_path / "openclaw.json"))
    assert config.data == {} and config.broken and codes(config) == [code]


def test_no_config_is_no_error(tmp_path):
    config = load_config(str(tmp_path / "none/openclaw.json"))
    assert (config.data, config.exists, config.broken, config.findings) == ({}, False, False, [])


def test_a_fifo_does_not_make_the_reader_wait(tmp_path):
    os.mkfifo(tmp_path / "openclaw.json")
    assert codes(load_config(str(tmp_path / "openclaw.json"))) == ["config-unreadable"]


def test_merge_drops_keys_that_change_prototypes():
    assert merge({"a": {"x": 1}}, {"a": {"y": 2}, "__proto__": {"z": 3}}) == {"a": {"x": 1, "y": 2}}
