# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each scope takes what it says, once; and neither the repository nor its keys are ever in what is taken."""
from __future__ import annotations

import os

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture import refusals
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.exclusions import Exclusions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.instance import discover
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.model import Root
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.paths import inside
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.scope import select, select_roots
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import (
    BackupOptions, EncryptionOptions, IncludeOptions, InstanceOptions, StorageOptions,
)
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from support.fake_host import FakeHost, write


@pytest.fixture
def host(tmp_path):
    made = FakeHost(tmp_path.resolve() / "host")
    made.user("claw", 1000)
    state = made.state("/home/claw/.openclaw").database_first("main", "work")
    state.workspace()
    state.workspace(made.place("/srv/work"))
    state.config({"agents": {"entries": {"main": {}, "work": {"workspace": "/srv/work"}}}})
    made.user_unit("/home/claw", "openclaw-gateway.service")
    write(made.place("/home/claw/.config/openclaw/auth.key"), "made-up")
    return made


def chosen(host, scope="everything", extra=(), workspace=True):
    instance = discover(InstanceOptions(user="claw"), Context(), root=str(host.root))
    options = BackupOptions(scope=scope, include=IncludeOptions(workspace=workspace, extra_paths=tuple(extra)))
    return select(instance, options, {}, root=str(host.root))


def names(host, selection):
    return [(root.path[len(str(host.root)):] or "/") for root in selection.roots]


def cuts(host, selection):
    return {path[len(str(host.root)):]: reason for path, reason in selection.cuts.items()}


def test_everything_is_walked_once(host):
    selection = chosen(host)
    assert set(names(host, selection)) == {
        "/home/claw/.openclaw", "/srv/work", "/home/claw/.config/openclaw", "/home/claw/.config/systemd/user/openclaw-gateway.service"}
    assert selection.cuts == {}
    assert {root.role for root in selection.all_roots} >= {"state", "config", "workspace", "agent", "credentials", "environment", "unit"}


def test_only_the_config(host):
    assert set(names(host, chosen(host, "config"))) == {
        "/home/claw/.openclaw/openclaw.json", "/home/claw/.openclaw/.env", "/home/claw/.config/systemd/user/openclaw-gateway.service"}


def test_the_state_without_workspaces(host):
    for selection in (chosen(host, "state"), chosen(host, workspace=False)):
        assert "/srv/work" not in names(host, selection) and "/home/claw/.openclaw" in names(host, selection)
        assert cuts(host, selection) == {"/home/claw/.openclaw/workspace": "scope"}


def test_only_workspaces(host):
    selection = chosen(host, "workspace")
    assert names(host, selection) == ["/home/claw/.openclaw/workspace", "/srv/work"] and selection.cuts == {}


def test_an_agent_directory_inside_a_workspace_survives_the_scope(host):
    write(host.place("/srv/work/.agent/openclaw-agent.sqlite"), "x")
    write(host.place("/home/claw/.openclaw/workspace/.agent/x"), "x")
    write(host.place("/home/claw/.openclaw/openclaw.json"), """{agents: {entries: {
        main: {agentDir: '~/.openclaw/workspace/.agent'}, work: {workspace: '/srv/work', agentDir: '/srv/work/.agent'}}}}""")
    selection = chosen(host, "state")
    assert {"/home/claw/.openclaw", "/home/claw/.openclaw/workspace/.agent", "/srv/work/.agent"} <= set(names(host, selection))
    assert cuts(host, selection) == {"/home/claw/.openclaw/workspace": "scope"}
    assert "/home/claw/.openclaw/workspace/.agent" not in names(host, chosen(host))


def test_another_instances_workspace_is_cut_out_in_every_scope(host):
    host.state("/home/claw/.openclaw-ops").database_first()
    write(host.place("/home/claw/.openclaw/workspace-ops/SOUL.md"), "theirs")
    write(host.place("/srv/work/nested/x"), "theirs")
    write(host.place("/home/claw/.openclaw-ops/openclaw.json"), "{agents: {entries: {main: {}, b: {workspace: '/srv/work/nested'}}}}")
    assert cuts(host, chosen(host)) == {"/home/claw/.openclaw/workspace-ops": "another-instance", "/srv/work/nested": "another-instance"}
    assert cuts(host, chosen(host, "workspace")) == {"/srv/work/nested": "another-instance"}
    assert "/home/claw/.openclaw/workspace-ops" not in cuts(host, chosen(host, extra=["/home/claw/.openclaw/workspace-ops"]))


def test_extra_paths_and_aliases(host):
    write(host.place("/etc/nginx/nginx.conf"), "x")
    write(host.place("/opt/homebrew/bin/x"), "x")
    selection = chosen(host, "config", ["/etc/nginx", "HOME/notes", "~/more", "HOMEBREW", " /etc/nginx/ "])
    assert names(host, selection)[:4] == ["/etc/nginx", "/home/claw/notes", "/home/claw/more", "/opt/homebrew"]
    assert all(root.required for root in selection.roots if root.role == "extra")
    selection = chosen(host, extra=["HOME"])
    assert names(host, selection) == ["/home/claw", "/srv/work"]


def test_the_root_directory_leaves_out_what_is_no_data(host):
    selection = chosen(host, extra=["/"])
    assert names(host, selection) == ["/"]
    assert cuts(host, selection) == {name: "system-directory" for name in ("/proc", "/sys", "/dev", "/run", "/tmp")}


def test_a_state_below_a_directory_that_is_never_taken_is_still_taken(tmp_path):
    host = FakeHost(tmp_path.resolve() / "host")
    host.user("claw", 1000, "/tmp/claw")
    host.state("/tmp/claw/.openclaw").database_first().config("{}")
    assert names(host, chosen(host, extra=["/"])) == ["/", "/tmp/claw/.openclaw"]


@pytest.mark.parametrize("path", ["/proc/self", "/sys", "/dev/sda", "/run/user/1000", "/tmp/x", "/tmp"])
def test_what_extra_paths_may_not_name(host, path):
    with pytest.raises(EngineError) as caught:
        chosen(host, extra=[path])
    assert caught.value.code == "extra-path-excluded"


def test_a_link_does_not_lead_into_what_is_never_taken(host):
    write(host.place("/tmp/x/file"), "x")
    host.place("/srv/link").symlink_to(host.place("/tmp/x"))
    with pytest.raises(EngineError) as caught:
        chosen(host, extra=["/srv/link"])
    assert caught.value.code == "extra-path-excluded"


def test_the_running_systems_pseudo_file_systems_are_known(host):
    instance = discover(InstanceOptions(user="claw"), Context(), root=str(host.root))
    found = select(instance, BackupOptions(scope="config", include=IncludeOptions(extra_paths=("/",))), {})
    assert {"/proc", "/sys", "/dev", "/run", "/tmp"} <= set(found.cuts)


@pytest.mark.parametrize("options, code", [
    ({"extra": ["relative/path"]}, "extra-path-relative"), ({"extra": [""]}, "extra-path-relative"),
    ({"extra": ["HOMER"]}, "extra-path-relative"),
    ({"scope": "all"}, "scope-unknown"), ({"scope": "workspace", "workspace": False}, "scope-empty"),
])
def test_options_that_make_no_sense(host, options, code):
    with pytest.raises(EngineError) as caught:
        chosen(host, **options)
    assert caught.value.code == code and caught.value.hint


@pytest.mark.parametrize("scope", ["everything", "config", "state", "workspace"])
@pytest.mark.parametrize("extra", [[], ["HOME"], ["/"], ["/srv", "/srv/work"]])
def test_roots_are_disjoint_and_cover_the_scope(host, scope, extra):
    selection = chosen(host, scope, extra)
    for one in selection.roots:
        for other in selection.roots:
            if one is not other and inside(one.path, other.path):
                assert any(inside(one.path, cut) and inside(cut, other.path) for cut in selection.cuts)
    for wanted in selection.all_roots:
        assert any(inside(wanted.path, root.path) for root in selection.roots)
    assert selection.roots == select_roots(
        discover(InstanceOptions(user="claw"), Context(), root=str(host.root)),
        BackupOptions(scope=scope, include=IncludeOptions(extra_paths=tuple(extra))), {}, root=str(host.root))


def refuse(host, selection, **more):
    refusals.refuse_inside(selection.roots, cuts=selection.cuts, **more)


@pytest.mark.parametrize("place", [
    "/home/claw/.openclaw", "/home/claw/.openclaw/backups/repo", "/srv/work/not/there/yet", "/home/claw/.openclaw/workspace/../media"])
def test_a_destination_inside_a_source_is_refused(host, place):
    with pytest.raises(EngineError) as caught:
        refuse(host, chosen(host), destination=str(host.place(place)))
    assert caught.value.code == "destination-inside-source"


def test_a_destination_beside_a_source_is_not(host):
    for place in ("/home/claw/.openclaw-backups", "/srv/working", "/mnt/nas"):
        refuse(host, chosen(host), destination=str(host.place(place)))
    refuse(host, chosen(host, "config"), destination=str(host.place("/home/claw/.openclaw/backups")))
    refuse(host, chosen(host, "state"), destination=str(host.place("/home/claw/.openclaw/workspace/repo")))


def test_a_link_hides_nothing(host):
    host.place("/mnt").mkdir()
    host.place("/mnt/link").symlink_to(host.place("/home/claw/.openclaw/media"))
    with pytest.raises(EngineError):
        refuse(host, chosen(host), destination=str(host.place("/mnt/link/repo")))


def test_a_root_mounted_under_another_name_is_recognised(host, monkeypatch):
    state, alias = str(host.place("/home/claw/.openclaw")), host.place("/mnt/alias")
    (alias / "repo").mkdir(parents=True)
    real = os.stat

    def stat(path, *words, **more):
        return real(state if path == str(alias) else path, *words, **more)

    selection = chosen(host)
    monkeypatch.setattr(os, "stat", stat)  # a bind mount: another path, the same device and inode
    with pytest.raises(EngineError) as caught:
        refuse(host, selection, destination=str(alias / "repo"))
    assert caught.value.code == "destination-inside-source"


def test_keys_inside_a_source_are_refused(host):
    key = write(host.place("/home/claw/.openclaw/keys/passphrase"), "made-up")
    host.place("/home/claw/key").symlink_to(key)
    for path in (str(key), str(host.place("/home/claw/key"))):
        with pytest.raises(EngineError) as caught:
            refuse(host, chosen(host), secrets={"passphrase_file": path})
        assert caught.value.code == "key-inside-source" and "passphrase_file" in caught.value.message
    refuse(host, chosen(host), secrets={"passphrase_file": str(host.place("/home/claw/elsewhere"))})


def test_a_key_that_is_itself_a_root_is_refused(host):
    path = str(host.place("/home/claw/.config/systemd/user/openclaw-gateway.service"))
    with pytest.raises(EngineError):
        refuse(host, chosen(host), secrets={"key_file": path})


def test_a_destination_in_an_extra_path_may_be_excluded_by_pattern(host):
    selection = chosen(host, extra=["HOME"])
    instance = discover(InstanceOptions(user="claw"), Context(), root=str(host.root))
    place = str(host.place("/home/claw/backups/claw"))
    exclusions = Exclusions(instance, selection.roots, ["/backups/"], selection.cuts)
    refuse(host, selection, destination=place, left_out=exclusions.left_out)
    assert exclusions.findings() == []
    with pytest.raises(EngineError):
        refuse(host, selection, destination=place, left_out=Exclusions(instance, selection.roots, [], selection.cuts).left_out)
    with pytest.raises(EngineError):
        refuse(host, selection, secrets={"key_file": place}, left_out=exclusions.left_out)
    inner = str(host.place("/home/claw/.openclaw/backups"))
    with pytest.raises(EngineError):
        refuse(host, chosen(host), destination=inner, left_out=lambda path: "other-backups")


def test_what_options_name():
    storage = StorageOptions(url="file:///mnt/my%20nas/repo/", access_key_id_file="/k/id")
    assert refusals.local_destination(storage) == "/mnt/my nas/repo"
    assert refusals.local_destination(StorageOptions(url="s3://bucket/x")) is None
    assert refusals.secret_files(EncryptionOptions(passphrase_file="/k/p", writer_key_file="/k/w"), storage) == {
        "passphrase_file": "/k/p", "writer_key_file": "/k/w", "access_key_id_file": "/k/id"}


def test_identities_of_what_exists(tmp_path):
    assert refusals.identities([str(tmp_path), str(tmp_path / "gone")]) == {(tmp_path.stat().st_dev, tmp_path.stat().st_ino)}


def test_a_root_that_is_required_once_is_required():
    instance_roots = (Root("/a", "config"), Root("/a", "state", None, True))
    from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture import scope
    assert scope._disjoint(instance_roots, {}) == (Root("/a", "config", None, True),)
