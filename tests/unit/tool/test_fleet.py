# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The look at a whole storage, off its hosts: its exit status, what it tells once, what it writes, and what it signs."""
from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from support.simulated_fleet import DAY, SimulatedInstance, healthy

DOCUMENTED = (Path(__file__).resolve().parents[3] / "docs" / "monitoring.md").read_text()


@pytest.fixture(name="staging")
def _staging(host):
    """A host that looks at a storage of two instances in order, and writes down whom it tells what."""
    storage = host.directory / "storage"
    for name in ("assistant", "support-desk"):
        healthy(storage, name, time.time())
    command = host.directory / "hook"
    command.write_text(f'#!/bin/sh\ncat >> {host.directory}/told; echo >> {host.directory}/told\n')
    command.chmod(0o755)
    host.settings = {
        "storage": {"url": f"file://{storage}"}, "notify": {"command": [str(command)]},
        "expected": [{"instance": "assistant", "host": "vps-01"}, {"instance": "support-desk", "host": "vps-02", "max_age": "2d"}]}
    configure(host)
    return host


def configure(host, **changes) -> None:
    (host.directory / "etc" / "fleet.json").write_text(json.dumps({**host.settings, **changes}))


def told(host) -> list[dict]:
    path = host.directory / "told"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def let_grow_old(host, name: str) -> None:
    """An instance whose host was switched off three days ago."""
    shutil.rmtree(host.directory / "storage" / name)
    healthy(host.directory / "storage", name, time.time() - 3 * DAY)


def test_a_fleet_in_order_is_silent_and_ends_with_0(staging):
    done = staging.run("fleet")
    assert done.status == 0 and "2 instances: 0 bad, 0 to look at, 2 in order; 2 could be brought back today" in done.output
    assert told(staging) == []


def test_a_host_that_is_gone_is_told_once_and_its_return_once(staging):
    let_grow_old(staging, "assistant")
    for _time in range(3):
        done = staging.run("fleet", "--json")
        assert done.status == 10 and done.json["worst"] == "stale"
    assert [message["event"] for message in told(staging)] == ["alarm"]
    message = told(staging)[0]
    assert message["title"] == "OpenClaw backups NEED A PERSON: assistant" and "assistant on vps-01: The last good backup is 3d" in message["text"]
    assert "timer is active" in message["hint"] and message["since"]
    shutil.rmtree(staging.directory / "storage" / "assistant")
    healthy(staging.directory / "storage", "assistant", time.time())
    for _time in range(2):
        assert staging.run("fleet").status == 0
    assert [message["event"] for message in told(staging)] == ["alarm", "relief"]


def test_an_instance_that_never_appeared_is_told_although_the_storage_does_not_know_it(staging):
    configure(staging, expected=[*staging.settings["expected"], {"instance": "never-arrived", "host": "vps-09"}])
    assert staging.run("fleet").status == 10
    assert "never-arrived on vps-09: There is no repository of this name" in told(staging)[0]["text"]


def test_what_begins_at_the_same_time_is_one_message(staging):
    for number in range(5):
        SimulatedInstance(staging.directory / "storage", f"stopped-{number}").snapshot(time.time() - 3 * DAY)
    assert staging.run("fleet").status == 10
    assert len(told(staging)) == 1 and told(staging)[0]["instance"] == "stopped-0, stopped-1, stopped-2 and 2 more"
    assert told(staging)[0]["text"].count("The last good backup is") == 5


def test_a_proof_that_is_too_old_is_told_although_backups_are_fresh(staging):
    configure(staging, objectives={"max_unverified_age": "2d"})
    done = staging.run("fleet")
    assert done.status == 3, "to look at"
    assert [message["event"] for message in told(staging)] == ["alarm"] and "last proof that it restores" in told(staging)[0]["text"]
    assert staging.run("fleet", "--query", "recoverable").output.strip() == "0"


def test_each_instance_has_its_own_objective(staging):
    for name in ("assistant", "support-desk"):
        shutil.rmtree(staging.directory / "storage" / name)
        healthy(staging.directory / "storage", name, time.time() - 1.2 * DAY)
    done = staging.run("fleet", "--query", "instances[?health=='stale'].instance")
    assert done.json == ["assistant"]


def test_a_look_that_fails_is_told_and_is_no_peace(staging):
    shutil.move(staging.directory / "storage", staging.directory / "unmounted")
    configure(staging, expected=[])
    for _time in range(2):
        assert staging.run("fleet").status == 12
    assert [(message["event"], message["error_code"]) for message in told(staging)] == [("failed", "repository-missing")]
    assert "The check of all backups FAILED" in told(staging)[0]["title"]
    shutil.move(staging.directory / "unmounted", staging.directory / "storage")
    assert staging.run("fleet").status == 0
    assert [message["event"] for message in told(staging)] == ["failed", "recovered"]


def test_a_channel_that_fails_is_tried_again_and_changes_no_exit_status(staging):
    let_grow_old(staging, "assistant")
    configure(staging, notify={"command": ["/nowhere"]})
    done = staging.run("fleet", "--json")
    assert done.status == 10 and done.json["told"] == [] and done.json["channels_failed"][0]["channel"] == "command"
    configure(staging)
    staging.run("fleet")
    assert len(told(staging)) == 1


def test_no_notify_tells_nobody(staging):
    let_grow_old(staging, "assistant")
    assert staging.run("fleet", "--no-notify").status == 10
    assert told(staging) == []


def test_page_json_and_metrics_are_written(staging):
    paths = {name: str(staging.directory / f"out.{name}") for name in ("page", "json", "metrics")}
    configure(staging, title="Agents of Example", **paths)
    done = staging.run("fleet", "--json")
    assert sorted(done.json["written"]) == sorted(paths.values())
    assert "Agents of Example" in Path(paths["page"]).read_text()
    assert json.loads(Path(paths["json"]).read_text())["recoverable"] == 2
    assert "openclaw_backup_fleet_recoverable 2" in Path(paths["metrics"]).read_text()
    configure(staging, page="/nowhere/page.html")
    assert "destination-not-writable" in staging.run("fleet").error and told(staging)[-1]["error_code"] == "destination-not-writable"


@pytest.mark.skipif(not shutil.which("openssl"), reason="OpenSSL checks the signature")
def test_an_auditor_checks_the_report_with_the_command_of_the_documentation(staging):
    directory = staging.directory / "audit"
    directory.mkdir()
    configure(staging, report=str(directory / "report.json"), report_key=str(directory / "report.key"))
    first = staging.run("fleet", "--json").json["report_signed_by"]
    assert staging.run("fleet", "--json").json["report_signed_by"] == first, "the key is made once"
    assert (directory / "report.key").stat().st_mode & 0o777 == 0o600
    report = json.loads((directory / "report.json").read_text())
    assert report["type"] == "openclaw-backup-report" and report["signed_by"] == first and report["instances"][0]["verified"]["passed"]
    commands = [block for block in re.findall(r"```console\n(.*?)```", DOCUMENTED, re.S) if "openssl" in block][0]
    check, fingerprint = [line[2:] for line in commands.splitlines() if line.startswith("$ ")]

    def run(command: str) -> subprocess.CompletedProcess:
        return subprocess.run(["sh", "-c", command], cwd=directory, capture_output=True, text=True, check=False)

    assert run(check).returncode == 0 and first in run(fingerprint).stdout
    (directory / "report.json").write_text((directory / "report.json").read_text().replace('"passed": true', '"passed":  true', 1))
    assert run(check).returncode != 0


@pytest.mark.parametrize("content", ["", "no key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_signs_nothing(staging, content):
    key = staging.directory / "report.key"
    key.write_text(content)
    configure(staging, report=str(staging.directory / "report.json"), report_key=str(key))
    assert "[signing-key-unusable]" in staging.run("fleet").error
    assert not (staging.directory / "report.json").exists() and key.read_text() == content


@pytest.mark.parametrize("changes, words", [
    ({"expected": {}}, "expected is not a list"), ({"expected": [{"host": "a"}]}, "An expected instance has no name"),
    ({"expected": [{"instence": "a"}]}, "Did you mean expected[0].instance?"), ({"storage": {}}, "no storage.url"),
    ({"report": "/tmp/report.json"}, "report without report_key")])
def test_a_wrong_configuration_is_named(staging, changes, words):
    configure(staging, **changes)
    done = staging.run("fleet")
    assert done.status == 14 and words in done.error


def test_it_is_no_instance_of_this_host(staging):
    staging.run("fleet")
    listed = staging.run("instances", "--all", "--json").json["instances"]
    assert [one["instance"] for one in listed] == ["one"]
