# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What OpenClaw 2026.9.6's own `backup create` was seen to get wrong (N1 to N14), and this engine must not.

Each test's docstring says what the native tool did when it was tried.
"""
from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

pytest.importorskip("cryptography")
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError  # noqa: E402
from support.backup_host import BackupHost, below  # noqa: E402
from support.fake_host import REGISTRY, database, register, write  # noqa: E402

ACCOUNTS, BALANCE = 400, 100
WRITER = """
import random, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("PRAGMA synchronous = OFF")
source = random.Random(1)
print("ready", flush=True)
while True:
    one, other, amount = source.randint(1, 400), source.randint(1, 400), source.randint(1, 9)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE account SET balance = balance - ? WHERE id = ?", (amount, one))
    connection.execute("UPDATE account SET balance = balance + ? WHERE id = ?", (amount, other))
    connection.execute("INSERT INTO entry (one, other, amount, note) VALUES (?, ?, ?, hex(randomblob(200)))", (one, other, amount))
    connection.execute("COMMIT")
"""


@pytest.fixture
def host(tmp_path) -> BackupHost:
    """A home with a small state of the database-first layout."""
    made = BackupHost(tmp_path)
    made.configure(gateway={"mode": "local"})
    made.state.workspace()
    database(made.state.path / "state/openclaw.sqlite", "PRAGMA journal_mode = WAL", REGISTRY,
             register("main", "agents/main/agent/openclaw-agent.sqlite"))
    database(made.state.path / "agents/main/agent/openclaw-agent.sqlite", "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)")
    return made


@pytest.fixture
def busy_database(host):
    """A WAL database in a workspace outside the state, with a process that moves money between its accounts without a pause."""
    outside = host.home / "projects/shop"
    host.configure(agents={"defaults": {"workspace": str(outside)}})
    path = database(
        outside / "shop.db", "PRAGMA journal_mode = WAL", "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER)",
        "CREATE TABLE entry (id INTEGER PRIMARY KEY, one, other, amount, note)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT INTO account SELECT i, 100 FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        "INSERT INTO entry (one, other, amount, note) SELECT i, i, 0, hex(randomblob(200)) FROM n")
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    writer.stdout.readline()
    yield path
    writer.kill()
    writer.wait()
    writer.stdout.close()


def test_n1_a_database_that_is_written_to_all_the_time_is_captured_whole(host, busy_database):
    """Native: 4 of 4 copies of a live workspace database corrupt, and reported as verified."""
    seen = set()
    for _unused in range(4):
        assert host.back_up(force=True)["omissions"] == []
        copy = host.restored(busy_database)
        connection = sqlite3.connect(copy)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT sum(balance), count(*) FROM account").fetchone() == (ACCOUNTS * BALANCE, ACCOUNTS)
        seen.add(connection.execute("SELECT count(*) FROM entry").fetchone()[0])
        connection.close()
    assert len(seen) > 1, "the writer did not write between the backups"


@pytest.mark.parametrize("names", [("Notes.md", "notes.md"), tuple(unicodedata.normalize(form, "résumé.md") for form in ("NFC", "NFD"))])
def test_n2_names_that_differ_only_by_case_or_normalisation_both_come_back(host, names):
    """Native: creates the archive, then refuses to verify and to restore it."""
    for number, name in enumerate(names):
        write(host.state.path / "workspace" / name, f"content {number}")
    host.back_up()
    workspace = host.restored(host.state.path / "workspace")
    assert [(workspace / name).read_text() for name in names] == ["content 0", "content 1"]
    assert set(names) <= set(os.listdir(workspace))


def test_n3_a_backslash_stays_part_of_the_name(host):
    r"""Native: a\b.md comes back as a/b.md."""
    write(host.state.path / "workspace" / "a\\b.md", "one")
    host.back_up()
    workspace = host.restored(host.state.path / "workspace")
    assert (workspace / "a\\b.md").read_text() == "one" and not (workspace / "a").exists()


def test_n4_names_that_are_not_utf8_come_back_byte_for_byte(host):
    """Native: such a file is skipped as "vanished", with exit status 0."""
    name = b"caf\xe9 \xff\n.md"
    Path(os.fsdecode(os.fsencode(host.state.path / "workspace") + b"/" + name)).write_text("one")
    assert host.back_up()["omissions"] == []
    assert name in os.listdir(os.fsencode(host.restored(host.state.path / "workspace")))


@pytest.mark.parametrize("name", ["important.tmp", "report.tmp.md", "server.pid", "notes.sock", "a.tmp.1/inside.md"])
def test_n5_files_of_a_workspace_are_kept_whatever_they_are_called(host, name):
    """Native: leaves out *.tmp, *.tmp.*, *.pid and *.sock everywhere."""
    write(host.state.path / "workspace" / name, "one")
    host.back_up()
    assert (host.restored(host.state.path / "workspace") / name).read_text() == "one"


def test_n6_thousands_of_links_come_back(host):
    """Native: fails with more than some 6,100 links, as node_modules of pnpm have."""
    outside = host.home / "project"
    host.configure(agents={"defaults": {"workspace": str(outside)}})
    write(outside / "store/package/index.js", "one")
    (outside / "links").mkdir()
    for number in range(7_000):
        (outside / f"links/l{number}").symlink_to("../store/package")
    host.back_up()
    links = host.restored(outside) / "links"
    assert len(os.listdir(links)) == 7_000
    assert {os.readlink(links / name) for name in os.listdir(links)} == {"../store/package"}


def test_n7_a_config_with_a_syntax_error_is_backed_up_with_everything_else(host):
    """Native: fails, unless asked for the config alone."""
    broken = '{ gateway: { mode: "local" }, // a comment\n  agents: {{ }'
    host.state.config(broken)
    result = host.back_up()
    assert any(finding.code.startswith("config") for finding in host.choose().findings())
    target = host.restore()
    assert below(target, host.state.path / "openclaw.json").read_text() == broken
    assert below(target, host.state.path / "workspace/SOUL.md").exists()
    assert below(target, host.state.path / "agents/main/agent/openclaw-agent.sqlite").exists() and result["omissions"] == []


def test_n8_a_damaged_database_is_stored_as_it_is_and_said_to_be_damaged(host):
    """Native: one damaged agent database, and nothing at all is archived."""
    hurt = database(
        host.state.path / "agents/work/agent/openclaw-agent.sqlite", "CREATE TABLE t (x)", "CREATE INDEX i ON t (x)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT hex(randomblob(20)) FROM n")
    content = bytearray(hurt.read_bytes())
    content[4096 * 5:4096 * 6] = bytes(4096)
    hurt.write_bytes(content)
    result = host.back_up()
    assert [item["path"] for item in result["damaged_databases"]] == [str(hurt)]
    target = host.restore()
    assert below(target, hurt).read_bytes() == bytes(content)
    assert [item["path"] for item in host.last_restore["damaged_databases"]] == [str(hurt)]
    whole = sqlite3.connect(below(target, host.state.path / "agents/main/agent/openclaw-agent.sqlite"))
    assert whole.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    whole.close()


def test_n8_a_database_that_cannot_even_be_opened_is_stored_as_it_is_and_said_to_be_damaged(host):
    """The same for an agent's database of which a crash left a torn beginning."""
    torn = host.state.path / "agents/main/agent/openclaw-agent.sqlite"
    content = torn.read_bytes()[:1000] + b"torn"
    torn.write_bytes(content)
    result = host.back_up()
    assert host.restored(torn).read_bytes() == content
    assert [item["path"] for item in result["damaged_databases"]] == [str(torn)]


def test_n9_a_stored_backup_that_was_edited_is_refused(host):
    """Native: an archive with an edited SOUL.md and without the credentials passes its verification."""
    host.back_up()
    packs = [path for path in host.repository_directory.glob("packs/**/*") if path.is_file()]
    snapshots = [path for path in host.repository_directory.glob("snapshots/*") if path.is_file()]
    assert packs and snapshots
    for path in (*packs, *snapshots):
        whole = path.read_bytes()
        for place in (0, len(whole) // 3, len(whole) * 2 // 3, len(whole) - 1):
            _replace(path, whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
            _forget_copies(host)
            assert not _verified(host, "data"), f"byte {place} of {path}"
        _replace(path, bytes([whole[0] ^ 1]) + whole[1:])
        with pytest.raises(EngineError) as caught:
            host.restore()
        assert caught.value.code in ("repository-damaged", "restore-incomplete")
        _replace(path, whole)
    _replace(packs[0], None)
    _forget_copies(host)
    assert not _verified(host, "quick")


def _verified(host: BackupHost, level: str) -> bool:
    """Whether a verification finds nothing wrong."""
    try:
        return host.verify(level).ok
    except EngineError as exc:
        assert exc.code in ("verification-failed", "repository-damaged")
        return False


def _replace(path: Path, content: bytes | None) -> None:
    path.unlink()
    if content is not None:
        path.write_bytes(content)


def _forget_copies(host: BackupHost) -> None:
    for path in (host.directory / "cache").rglob("*"):
        if path.is_file():
            path.unlink()


def test_n10_transcripts_of_the_older_file_layout_are_kept(tmp_path):
    """Native: both 2026.6.11 and 2026.9.6 leave out agents/*/sessions/*.jsonl: every conversation is lost."""
    host = BackupHost(tmp_path)
    host.configure(agents={"list": [{"id": "main"}]})
    host.state.workspace()
    sessions = host.state.path / "agents/main/sessions"
    transcript = "".join(json.dumps({"type": "message", "id": str(number)}) + "\n" for number in range(50))
    for name in ("0c5f.jsonl", "0c5f.trajectory.jsonl", "cold/ab12.jsonl.zst"):
        write(sessions / name, transcript)
    write(sessions / "sessions.json", '{"agent:main:main": {"sessionId": "0c5f"}}')
    write(host.state.path / "agents/main/agent/auth-profiles.json", "{}")
    write(host.state.path / "cron/jobs.json", '{"jobs": []}')
    host.back_up()
    restored = host.restored(host.state.path)
    kept = [path.relative_to(restored) for path in sorted(restored.rglob("*.json*")) if path.is_file()]
    original = [path.relative_to(host.state.path) for path in sorted(host.state.path.rglob("*.json*")) if path.is_file()]
    assert kept == original and (restored / "agents/main/sessions/0c5f.jsonl").read_text() == transcript


def test_n11_modes_times_attributes_and_hard_links_come_back(host):
    """Native: ~/.openclaw comes back 0755, 0664 as 0644, 2775 as 2755; hard links, attributes and directories' times are lost."""
    workspace = host.state.path / "workspace"
    one = write(workspace / "shared/one.md", "one", 0o664)
    os.link(one, workspace / "shared/two.md")
    (workspace / "shared").chmod(0o2775)
    (host.state.path / "agents/main/agent").chmod(0o700)
    has_attributes = _set_attribute(one)
    os.utime(workspace / "shared", ns=(1_700_000_000_123_456_789,) * 2)
    host.back_up()
    before = os.umask(0o022)
    try:
        target = host.restore()
    finally:
        os.umask(before)
    for path in (host.state.path, host.state.path / "agents/main/agent", workspace / "shared", one):
        found, wanted = below(target, path).stat(), path.stat()
        assert (oct(found.st_mode), found.st_mtime_ns, found.st_uid, found.st_gid) == \
            (oct(wanted.st_mode), wanted.st_mtime_ns, wanted.st_uid, wanted.st_gid), path
    copy = below(target, workspace / "shared")
    assert (copy / "one.md").stat().st_ino == (copy / "two.md").stat().st_ino
    assert not has_attributes or os.getxattr(copy / "one.md", "user.source") == b"telegram"


def _set_attribute(path: Path) -> bool:
    try:
        os.setxattr(path, "user.source", b"telegram")
    except OSError:  # not every file system has them
        return False
    return True


def test_n12_an_agent_directory_elsewhere_is_found_and_so_is_its_database(host):
    """Native: with a custom agentDir, its git and SQLite modes miss the agent, with exit status 0."""
    elsewhere = host.home / "agents-disk/work"
    host.configure(agents={"entries": {"main": {}, "work": {"agentDir": str(elsewhere)}}})
    write(elsewhere / "auth.json", "{}")
    database(elsewhere / "openclaw-agent.sqlite", "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)")
    inside = database(host.state.path / "agents/work/agent/openclaw-agent.sqlite", "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)")
    host.back_up()
    target = host.restore()
    for path in (elsewhere / "auth.json", elsewhere / "openclaw-agent.sqlite", inside):
        assert below(target, path).exists(), path


def test_n13_what_lies_beside_the_state_is_kept(host):
    """Native: leaves out ~/.config/openclaw, units and drop-ins, token files, and package-lock.json of plugins."""
    token = write(host.home / "secrets/telegram.token", "1:token")
    included = write(host.state.path / "channels.json5", f'{{telegram: {{tokenFile: "{token}"}}}}')
    host.state.config('{ channels: { $include: "./channels.json5" } }')
    unit = host.home / ".config/systemd/user/openclaw-gateway.service"
    wanted = [
        token, included,
        write(host.home / ".config/openclaw/gateway.env", "KEY=value\n"),
        write(unit, f"[Service]\nExecStart=/usr/bin/openclaw gateway\nEnvironmentFile=-{host.state.path}/gateway.systemd.env\n"),
        write(Path(f"{unit}.d/override.conf"), "[Service]\nNice=5\n"),
        write(host.state.path / "gateway.systemd.env", "A=b\n"),
        write(host.state.path / ".env", "OPENAI_API_KEY=sk-1\n"),
        write(host.state.path / "npm/projects/discord-1/package-lock.json", "{}"),
        write(host.state.path / "npm/projects/discord-1/package.json", "{}"),
    ]
    host.back_up()
    target = host.restore()
    assert [str(path) for path in wanted if not below(target, path).exists()] == []


def test_n14_a_snapshot_says_from_where_it_is_so_that_moved_state_can_be_rewritten(host):
    """Native: restored at another path, every cron job is lost without a word, since jobs are keyed by the old path."""
    key = f"{host.state.path}/cron/jobs.json"
    database(host.state.path / "state/openclaw.sqlite", "CREATE TABLE cron_jobs (store_key TEXT, job_id TEXT)",
             f"INSERT INTO cron_jobs VALUES ('{key}', 'nightly')")
    host.back_up()
    copy = sqlite3.connect(host.restored(host.state.path / "state/openclaw.sqlite"))
    assert copy.execute("SELECT store_key, job_id FROM cron_jobs").fetchall() == [(key, "nightly")]
    copy.close()
    meta = host.manifest_meta()
    instance = meta["instance"]
    assert (instance["state_dir"], instance["config_path"], instance["home"]) == \
        (str(host.state.path), str(host.state.path / "openclaw.json"), str(host.home))
    assert str(host.state.path) in [root["path"] for root in meta["roots"]]
