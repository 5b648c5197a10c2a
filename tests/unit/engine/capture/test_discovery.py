# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An instance is found in every layout that releases of OpenClaw leave behind, whole or broken, and never by a glob alone."""
from __future__ import annotations

import os
import sqlite3
import tarfile
import time
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.instance import discover, discover_all
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import InstanceOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from support.fake_host import FakeHost, database, leave_log, register, tree, write

CLAW = 1000 if os.getuid() != 1000 else 1001  # a user that is not the one who runs the tests
FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"


@pytest.fixture
def host(tmp_path):
    made = FakeHost(tmp_path.resolve() / "host")
    made.user("claw", CLAW)
    return made


def look(host, environment=None, **options):
    options.setdefault("user", "claw")
    return discover(InstanceOptions(**options), Context(environment=environment or {}), root=str(host.root))


def paths(host, found, role):
    """The paths of a role's roots, as the host has them."""
    return [root.path[len(str(host.root)):] for root in found.roots if root.role == role]


def codes(found):
    return sorted({finding.code for finding in found.findings})


def ordinary(host, *agents):
    state = host.state("/home/claw/.openclaw").database_first(*agents)
    state.workspace()
    state.config({
        "agents": {"defaults": {"workspace": "/home/claw/.openclaw/workspace"}}, "meta": {"lastTouchedVersion": "2026.9.6"}})
    return state


def test_the_ordinary_instance(host):
    ordinary(host)
    unit = host.user_unit("/home/claw", "openclaw-gateway.service", "Environment=HOME=/home/claw")
    key = write(host.place("/home/claw/.config/openclaw/auth-profile.key"), "made-up")
    found = look(host)
    assert (found.name, found.user, found.uid, found.gid, found.profile, found.layout) == (
        "crab-claw", "claw", CLAW, CLAW, None, "database")
    assert found.state_dir == str(host.place("/home/claw/.openclaw")) and found.config_path == f"{found.state_dir}/openclaw.json"
    assert (found.unit, found.agents, found.foreign, found.findings) == ("openclaw-gateway.service", ("main",), (), ())
    assert found.versions["openclaw"] == "2026.9.6"
    assert [root.required for root in found.roots if root.role in ("state", "config")] == [True, True]
    assert paths(host, found, "workspace") == ["/home/claw/.openclaw/workspace"]
    assert [root.path for root in found.roots if root.role == "unit"] == [str(unit)]
    assert [root.path for root in found.roots if root.role == "auxiliary"] == [str(key.parent)]
    assert [name[len(found.state_dir) + 1:] for name in found.databases] == [
        "state/openclaw-quarantine.sqlite", "state/openclaw.sqlite", "agents/main/agent/openclaw-agent.sqlite"]


def test_discovery_leaves_no_trace_and_is_quick(host):
    state = ordinary(host)
    before = tree(host.root)
    look(host)
    began = time.perf_counter()
    look(host)
    assert time.perf_counter() - began < 0.5  # 5 ms here; a loaded machine gets room
    assert tree(host.root) == before and state.path.exists()


def test_agents_with_workspaces_and_directories_elsewhere(host):
    state = ordinary(host, "main", "work")
    state.config("""{ // JSON5 on purpose
      agents: { defaults: { workspace: '~/base' },
        entries: { main: { default: true }, Work: { workspace: '${WS_ROOT}/work', agentDir: '~/adir' }, idle: {}, side: {} } } }""")
    write(state.path / ".env", "WS_ROOT=/srv/agents\n")
    for path in ("/home/claw/base", "/srv/agents/work", "/home/claw/base/side"):
        state.workspace(host.place(path))
    database(host.place("/home/claw/adir/openclaw-agent.sqlite"))
    found = look(host)
    assert {root.path[len(str(host.root)):]: root.agent for root in found.roots if root.role == "workspace"} == {
        "/home/claw/base": "main", "/srv/agents/work": "work", "/home/claw/base/side": "side"}
    assert set(paths(host, found, "agent")) == {"/home/claw/.openclaw/agents/main", "/home/claw/.openclaw/agents/work", "/home/claw/adir"}
    assert str(host.place("/home/claw/adir/openclaw-agent.sqlite")) in found.databases
    assert found.agents == ("main", "work", "idle", "side") and codes(found) == []


def test_the_older_list_of_agents(host):
    state = host.state("/home/claw/.openclaw").file_backed("main", "ops")
    state.config({"agents": {"list": [{"id": "ops", "default": True, "workspace": "/srv/ops"}, {"id": "main"}, "nonsense", {"id": 5}]}})
    state.workspace(host.place("/srv/ops"))
    state.workspace(state.path / "workspace-main")
    found = look(host)
    assert {root.path[len(str(host.root)):]: root.agent for root in found.roots if root.role == "workspace"} == {
        "/srv/ops": "ops", "/home/claw/.openclaw/workspace-main": "main"}
    assert found.layout == "file"
    assert [os.path.basename(name) for name in found.databases] == ["openclaw.sqlite", "main.sqlite"]


def test_the_real_state_of_an_older_release(tmp_path):
    host = FakeHost(tmp_path.resolve() / "host")
    home = host.user("openclaw", 1000)
    with tarfile.open(FIXTURES / "openclaw-2026.6.11-state.tgz") as archive:
        archive.extraction_filter = lambda member, path: member  # this project's own archive; it has absolute links
        archive.extractall(home)
    found = look(host, user="openclaw")
    assert (found.layout, found.agents, codes(found)) == ("file", ("main",), [])
    assert found.versions["openclaw"] == "2026.6.11"
    assert paths(host, found, "workspace") == ["/home/openclaw/.openclaw/workspace"]
    assert [os.path.basename(name) for name in found.databases] == ["openclaw.sqlite"]


def test_a_profile_has_its_workspace_inside_the_default_state(host):
    default = ordinary(host)
    rescue = host.state("/home/claw/.openclaw-rescue").database_first()
    rescue.config("{}")
    default.workspace(default.path / "workspace-rescue")
    default.workspace(default.path / "workspace-retired")
    host.user_unit("/home/claw", "openclaw-gateway-rescue.service", "Environment=OPENCLAW_PROFILE=rescue")
    found = look(host)
    assert [name[len(str(host.root)):] for name in found.foreign] == ["/home/claw/.openclaw/workspace-rescue"]
    assert paths(host, found, "workspace") == ["/home/claw/.openclaw/workspace", "/home/claw/.openclaw/workspace-retired"]
    found = look(host, profile="rescue")
    assert (found.name, found.profile, found.unit) == ("crab-claw-rescue", "rescue", "openclaw-gateway-rescue.service")
    assert found.state_dir == str(rescue.path) and found.foreign == ()
    assert paths(host, found, "workspace") == ["/home/claw/.openclaw/workspace-rescue"]


def test_a_workspace_that_two_instances_use_is_kept_and_said(host):
    default = ordinary(host)
    default.config({"agents": {"entries": {"main": {}, "rescue": {}}}})
    host.state("/home/claw/.openclaw-rescue").database_first().config("{}")
    default.workspace(default.path / "workspace-rescue")
    found = look(host)
    assert found.foreign == () and codes(found) == ["workspace-shared"]


def test_state_and_config_named_by_the_environment(host, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: CLAW)
    state = host.state("/data/.openclaw").database_first()
    state.workspace(host.place("/data/workspace"))
    write(host.place("/etc/openclaw/config.json5"), "{agents: {}}", 0o644)
    write(host.place("/etc/openclaw/config.json5.bak.1"), "{}", 0o644)
    write(host.place("/data/oauth/creds.json"), "{}")
    found = look(host, user=None, environment={
        "OPENCLAW_STATE_DIR": "/data/.openclaw", "OPENCLAW_CONFIG_PATH": "/etc/openclaw/config.json5", "OPENCLAW_OAUTH_DIR": "/data/oauth",
        "OPENCLAW_WORKSPACE_DIR": "/data/workspace"})
    assert found.name == "crab-claw-data-openclaw" and found.state_dir == str(state.path)
    assert paths(host, found, "config") == ["/etc/openclaw/config.json5", "/etc/openclaw/config.json5.bak.1"]
    assert paths(host, found, "credentials") == ["/data/oauth"] and paths(host, found, "workspace") == ["/data/workspace"]


def test_another_users_environment_is_not_taken(host):
    ordinary(host)
    found = look(host, environment={"OPENCLAW_STATE_DIR": "/nowhere", "OPENCLAW_PROFILE": "x", "HOME": "/nowhere"})
    assert found.state_dir == str(host.place("/home/claw/.openclaw")) and found.profile is None


def test_openclaw_home_and_home_of_the_service(host):
    state = host.state("/srv/claw-home/.openclaw").database_first()
    state.config({"agents": {"defaults": {"workspace": "~/ws"}}})
    state.workspace(host.place("/srv/claw-home/ws"))
    host.system_unit("openclaw.service", "User=claw", "Environment=OPENCLAW_HOME=/srv/claw-home")
    found = look(host)
    assert found.state_dir == str(state.path) and found.home == str(host.place("/srv/claw-home")) and found.unit == "openclaw.service"
    assert paths(host, found, "workspace") == ["/srv/claw-home/ws"]


def test_a_state_directory_named_by_the_unit_is_found_by_its_user(host):
    state = host.state("/var/lib/openclaw").database_first()
    state.config("{}")
    drop_in = write(host.place("/etc/systemd/system/openclaw.service.d/state.conf"),
                    "[Service]\nEnvironment=OPENCLAW_STATE_DIR=/var/lib/openclaw\n")
    host.system_unit("openclaw.service", "User=claw")
    found = look(host)
    assert found.state_dir == str(state.path) and str(drop_in) in [root.path for root in found.roots if root.role == "unit"]


def test_options_count_more_than_everything(host, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: CLAW)
    ordinary(host)
    other = host.state("/srv/other").database_first()
    write(host.place("/srv/conf/my.json"), "{}")
    found = look(host, {"OPENCLAW_STATE_DIR": "/nowhere"}, user=None, state_dir="/srv/other",
                 config_path="/srv/conf/my.json", instance="my.name_1")
    assert (found.name, found.state_dir, found.config_path) == ("my.name_1", str(other.path), str(host.place("/srv/conf/my.json")))


@pytest.mark.parametrize("name", ["", "-x", "a/b", "..", "ä", "a" * 129, "a b"])
def test_instance_names_that_cannot_be_used(host, name):
    ordinary(host)
    if not name:
        assert look(host, instance=name).name == "crab-claw"
        return
    with pytest.raises(EngineError) as caught:
        look(host, instance=name)
    assert caught.value.code == "instance-name-invalid"


def test_relative_options_are_refused(host):
    for options in ({"state_dir": "x"}, {"config_path": "./x", "state_dir": "/srv"}):
        with pytest.raises(EngineError) as caught:
            look(host, **options)
        assert caught.value.code == "path-relative"


def test_the_legacy_root(host):
    state = host.state("/home/claw/.clawdbot").file_backed()
    state.config("{agents:{defaults:{workspace:'/home/claw/clawd'}}}", "clawdbot.json")
    state.workspace(host.place("/home/claw/clawd"))
    host.user_unit("/home/claw", "clawdbot-gateway.service")
    found = look(host)
    assert (found.name, found.layout, found.unit) == ("crab-claw", "file", "clawdbot-gateway.service")
    assert found.config_path.endswith("/.clawdbot/clawdbot.json") and paths(host, found, "workspace") == ["/home/claw/clawd"]
    ordinary(host)
    found = look(host)
    assert found.state_dir.endswith("/.openclaw") and codes(found) == ["legacy-state-present"]


def test_openclaw_itself_is_absent_and_the_config_is_gone(host):
    state = host.state("/home/claw/.openclaw").database_first("main", "work")
    state.workspace()
    state.workspace(state.path / "workspace-work")
    found = look(host)
    assert codes(found) == ["config-missing"] and found.layout == "database" and found.agents == ("main", "work")
    assert {root.path[len(found.state_dir) + 1:]: root.agent for root in found.roots if root.role == "workspace"} == {
        "workspace": "main", "workspace-work": "work"}


def test_a_config_with_a_typo_loses_no_workspace(host):
    state = ordinary(host)
    state.config("""{ agents: { defaults: { workspace: '/srv/one' },
        entries: { main: {} work: { workspace: "/srv/two", agentDir: "/srv/agent" } } } }""")
    for path in ("/srv/one", "/srv/two"):
        state.workspace(host.place(path))
    database(host.place("/srv/agent/openclaw-agent.sqlite"))
    found = look(host)
    assert codes(found) == ["config-syntax"]
    assert set(paths(host, found, "workspace")) == {"/home/claw/.openclaw/workspace", "/srv/one", "/srv/two"}
    assert "/srv/agent" in paths(host, found, "agent")


def test_the_last_good_config_helps_out(host):
    state = ordinary(host)
    state.config("{ completely: broken", "openclaw.json")
    state.config({"agents": {"entries": {"scout": {"workspace": "/srv/scout"}}}}, "openclaw.json.last-good")
    state.workspace(host.place("/srv/scout"))
    found = look(host)
    assert codes(found) == ["config-last-good-used", "config-syntax"]
    assert {"path": "/srv/scout", "agent": "scout"} in [
        {"path": root.path[len(str(host.root)):], "agent": root.agent} for root in found.roots if root.role == "workspace"]


def test_includes_and_files_that_the_config_names(host):
    state = ordinary(host)
    write(host.place("/etc/openclaw/shared/team.json5"), "{telegram: {tokenFile: '/etc/openclaw/telegram.token', botToken: 'x'}}", 0o644)
    write(host.place("/etc/openclaw/telegram.token"), "made-up", 0o644)
    write(host.place("/home/claw/keys/tls.pem"), "made-up")
    state.config("""{channels: {$include: '/etc/openclaw/shared/team.json5'},
        gateway: {tls: {keyPath: '~/keys/tls.pem', certPath: '~/keys/gone.pem'}},
        secrets: {providers: {one: {source: 'file', path: '~/keys/tls.pem'}, two: {source: 'exec', path: '/bin/true'}}},
        logging: {file: '/var/log/big.log', logFile: '/var/log/big.log'}, hooks: {tokenFile: '/run/secrets/token'}}""")
    write(state.path / ".env", "OPENCLAW_INCLUDE_ROOTS=/etc/openclaw/shared\n")
    write(host.place("/var/log/big.log"), "x", 0o644)
    found = look(host)
    assert paths(host, found, "include") == ["/etc/openclaw/shared/team.json5"]
    assert set(paths(host, found, "credentials")) == {
        "/home/claw/.openclaw/credentials", "/etc/openclaw/telegram.token", "/home/claw/keys/tls.pem"}
    assert [finding.path[len(str(host.root)):] for finding in found.findings] == ["/home/claw/keys/gone.pem"]


def test_a_variable_without_a_value_is_said_by_name_only(host):
    ordinary(host).config("{agents: {defaults: {workspace: '${NOT_SET}/ws'}}}")
    found = look(host)
    assert codes(found) == ["config-variable-missing"] and "NOT_SET" in found.findings[0].message


def test_a_configured_workspace_that_is_gone_stays_a_root(host):
    ordinary(host).config({"agents": {"entries": {"main": {"workspace": "/mnt/unmounted"}}}})
    found = look(host)
    assert "/mnt/unmounted" in paths(host, found, "workspace") and codes(found) == ["workspace-missing"]


def test_a_state_that_was_moved_uses_its_own_workspace(host):
    ordinary(host).config({"agents": {"defaults": {"workspace": "/root/old/.openclaw/workspace"}}})
    found = look(host)
    assert paths(host, found, "workspace") == ["/home/claw/.openclaw/workspace"] and codes(found) == ["path-moved"]


def test_links_are_followed_to_the_content_and_kept_as_links(host):
    state = host.state("/data/claw").database_first()
    state.config({"agents": {"defaults": {"workspace": "~/ws"}}})
    state.workspace(host.place("/data/ws"))
    home = host.place("/home/claw")
    (home / ".openclaw").symlink_to(state.path)
    (home / "ws").symlink_to(host.place("/data/ws"))
    host.give("/data/claw", CLAW)
    found = look(host)
    assert found.state_dir == str(home / ".openclaw")
    assert paths(host, found, "state") == ["/data/claw", "/home/claw/.openclaw"]
    assert paths(host, found, "workspace") == ["/data/ws", "/home/claw/ws"]
    assert str(state.path / "state/openclaw.sqlite") in found.databases


def test_databases_registered_elsewhere_and_missing_ones(host):
    state = ordinary(host)
    away = database(host.place("/srv/agents/far/agent/openclaw-agent.sqlite"))
    with sqlite3.connect(state.path / "state/openclaw.sqlite") as connection:
        connection.execute(register("far", "/srv/agents/far/agent/openclaw-agent.sqlite"))
        connection.execute(register("lost", "agents/lost/agent/openclaw-agent.sqlite"))
        connection.execute(register("moved", "/old/home/.openclaw/agents/main/agent/openclaw-agent.sqlite"))
    connection.close()
    found = look(host)
    assert str(away) in found.databases and "/srv/agents/far/agent" in paths(host, found, "agent")
    assert codes(found) == ["database-missing"] and found.agents == ("main", "far", "lost", "moved")


def test_rows_that_are_only_in_the_log_are_read_without_leaving_files(host):
    state = ordinary(host)
    away = database(host.place("/srv/agents/far/agent/openclaw-agent.sqlite"))
    leave_log(state.path / "state/openclaw.sqlite", register("far", str(away)), with_shm=True)
    before = tree(state.path)
    assert str(away) in look(host).databases and tree(state.path) == before


def test_a_log_that_nobody_has_open_is_left_alone(host):
    state = ordinary(host)
    leave_log(state.path / "state/openclaw.sqlite", register("far", "agents/far/agent/openclaw-agent.sqlite"), with_shm=False)
    before = tree(state.path)
    found = look(host)
    assert tree(state.path) == before and f"{found.state_dir}/state/openclaw.sqlite" in found.databases


def test_reading_the_registration_takes_no_lock_away_from_an_open_connection(host):
    state = ordinary(host)
    path = state.path / "state/openclaw.sqlite"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute(register("x", "y"))
    look(host)
    other = sqlite3.connect(path, isolation_level=None, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    writer.execute("ROLLBACK")
    writer.close()
    other.close()


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_broken_state_database_is_a_finding(host, content):
    state = ordinary(host)
    (state.path / "state/openclaw.sqlite").write_bytes(content)
    found = look(host)
    assert codes(found) in ([], ["state-database-unreadable"]) and (not content) == (codes(found) == [])
    assert f"{found.state_dir}/state/openclaw.sqlite" in found.databases


def test_an_absent_state_says_what_there_is_instead(host):
    ordinary(host)
    host.state("/home/claw/.openclaw-ops").database_first()
    with pytest.raises(EngineError) as caught:
        look(host, user="root")
    assert caught.value.code == "instance-missing"
    assert "/home/claw/.openclaw (user claw)" in caught.value.hint
    assert "/home/claw/.openclaw-ops (user claw, profile ops)" in caught.value.hint
    with pytest.raises(EngineError) as caught:
        look(host, profile="none")
    assert caught.value.details["state_dir"].endswith("/.openclaw-none")


def test_nothing_on_the_host_at_all(host):
    with pytest.raises(EngineError) as caught:
        look(host)
    assert caught.value.code == "instance-missing" and "No other" in caught.value.hint


def test_an_unknown_user(host):
    with pytest.raises(EngineError) as caught:
        look(host, user="nobody-here")
    assert caught.value.code == "user-unknown"


def test_every_instance_of_the_host(host):
    ordinary(host)
    host.state("/home/claw/.openclaw-Eagle").database_first()
    (host.place("/home/claw/.openclaw-notes")).mkdir()
    host.user("daemon", 2, "/")
    host.user("second", 1002)
    host.state("/home/second/.openclaw").file_backed()
    host.state("/root/.clawdbot").file_backed()
    host.state("/var/lib/claw").database_first()
    host.system_unit("openclaw-gateway-srv.service", "User=second", "Environment=OPENCLAW_STATE_DIR=/var/lib/claw")
    found = discover_all(Context(), root=str(host.root))
    assert {one.name: (one.user, one.profile, one.layout) for one in found} == {
        "crab-root": ("root", None, "file"), "crab-claw": ("claw", None, "database"), "crab-claw-Eagle": ("claw", "Eagle", "database"),
        "crab-second": ("second", None, "file"), "crab-second-srv-var-lib-claw": ("second", "srv", "database")}
    assert [one.user for one in discover_all(Context(), ["second"], root=str(host.root))] == ["second", "second"]


def test_a_config_cannot_make_root_fetch_what_its_author_may_not_read(host, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    state = ordinary(host)
    write(host.place("/etc/shadow"), "secret", 0o600)
    host.place("/root").chmod(0o700)
    (host.place("/home/claw") / "link.token").symlink_to(host.place("/etc/shadow"))
    state.config({"agents": {"defaults": {"workspace": "/root"}}, "hooks": {"tokenFile": "/etc/shadow", "otherFile": "~/link.token"}})
    found = look(host)
    assert not {"/root", "/etc/shadow"} & {root.path[len(str(host.root)):] for root in found.roots}
    assert codes(found) == ["root-not-permitted"]


def test_a_link_cannot_make_root_fetch_another_users_state(host, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    theirs = host.state("/root/.openclaw").database_first()
    host.place("/home/claw/.openclaw").symlink_to(theirs.path)
    with pytest.raises(EngineError) as caught:
        look(host)
    assert caught.value.code == "instance-unreadable"
    assert [one.user for one in discover_all(Context(), root=str(host.root))] == ["root"]


def test_a_directory_that_is_no_state_is_doubted(host):
    write(host.place("/srv/photos/a.jpg"), "x")
    assert codes(look(host, state_dir="/srv/photos")) == ["config-missing", "state-unrecognised"]


def test_versions_from_the_installation(host):
    ordinary(host)
    package = host.place("/opt/claw/lib/node_modules/openclaw")
    write(package / "package.json", '{"name": "openclaw", "version": "2026.9.7"}')
    write(package / "dist/index.js", "")
    node = write(host.place("/opt/claw/node-v24.21.0-linux-x64/bin/node"), "", 0o755)
    host.user_unit("/home/claw", "openclaw-gateway.service",
                   f"ExecStart={str(node)[len(str(host.root)):]} /opt/claw/lib/node_modules/openclaw/dist/index.js gateway")
    assert look(host).versions == {"openclaw": "2026.9.7", "openclaw_config": "2026.9.6", "node": "24.21.0"}


def test_the_version_of_node_by_its_headers(host):
    ordinary(host)
    assert "node" not in look(host).versions
    host.user_unit("/home/claw", "openclaw-gateway.service")
    write(host.place("/usr/bin/node"), "", 0o755)
    write(host.place("/usr/include/node/node_version.h"),
          "#define NODE_MAJOR_VERSION 24\n#define NODE_MINOR_VERSION 16\n#define NODE_PATCH_VERSION 0\n")
    assert look(host).versions["node"] == "24.16.0"
