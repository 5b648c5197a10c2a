# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units are read as systemd reads them, and each user is told which of them are theirs."""
from __future__ import annotations

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture import unit_file
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.accounts import find_account
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.units import find_units
from support.fake_host import FakeHost, unit, write


@pytest.fixture
def host(tmp_path):
    made = FakeHost(tmp_path.resolve() / "host")
    made.user("claw", 1000)
    return made


def units(host, user="claw"):
    return find_units(find_account(user, str(host.root)), str(host.root), "crab")


@pytest.mark.parametrize("text, words", [
    ('A=1 "B=two words" C=3', ["A=1", "B=two words", "C=3"]), ("'A=x y'", ["A=x y"]), ('"A=a\\"b"', ['A=a"b']), ("a\\x20b", ["a b"]),
    ("", []),
    ('A="inner quotes"', ["A=inner quotes"]), ("a\\040b", ["a b"]), ("  a   b ", ["a", "b"]), ('""', [""]),
    ("a\\", ["a\\"]), ('"open', ["open"]),
])
def test_words_of_a_value(text, words):
    assert unit_file.split_words(text) == words


def test_lines_sections_and_resets():
    settings = unit_file.parse_unit("""
[Service]
Environment=A=1 \\
# a comment between
   B=2
Environment=C=3
; another
ExecStart=/old
ExecStart=
ExecStart=/new --flag
[Other]
Environment=D=4
""")
    assert unit_file.values_of(settings, "Service", "Environment") == ["A=1     B=2", "C=3"]
    assert unit_file.values_of(settings, "Service", "ExecStart") == ["/new --flag"]
    assert unit_file.last_value(settings, "Service", "User") == ""


def test_specifiers():
    known = unit_file.unit_specifiers("openclaw@main.service", "/home/u", "u", 1000, "crab.example")
    text = unit_file.expand_specifiers("%h|%u|%U|%i|%n|%p|%H|100%%|%Q", known)
    assert text == "/home/u|u|1000|main|openclaw@main.service|openclaw|crab.example|100%|%Q"


def test_a_users_unit_with_drop_ins_and_environment_files(host):
    path = host.user_unit(
        "/home/claw", "openclaw-gateway.service", "Environment=HOME=%h OPENCLAW_GATEWAY_PORT=18789",
        "EnvironmentFile=-%h/.openclaw/gateway.systemd.env", "EnvironmentFile=-/etc/openclaw/*.env", "EnvironmentFile=/etc/gone.env")
    write(host.place("/home/claw/.openclaw/gateway.systemd.env"), "TOKEN=made-up\nOPENCLAW_GATEWAY_PORT=19000\n")
    write(host.place("/etc/openclaw/a.env"), "A=1\n")
    drop_in = write(path.parent / "openclaw-gateway.service.d/10-state.conf", "[Service]\nEnvironment=OPENCLAW_STATE_DIR=/data/claw\n")
    write(path.parent / "openclaw-gateway.service.bak", "old")
    [found] = units(host)
    assert (found.kind, found.profile, found.gateway, found.user) == ("user", None, True, "claw")
    assert found.files == [str(path), str(drop_in), f"{path}.bak"]
    assert found.environment == {
        "HOME": str(host.place("/home/claw")), "OPENCLAW_GATEWAY_PORT": "19000", "TOKEN": "made-up", "A": "1",
        "OPENCLAW_STATE_DIR": "/data/claw"}
    assert [path.rpartition("/")[2] for path in found.environment_files] == ["gateway.systemd.env", "a.env"]
    assert [finding.code for finding in found.findings] == ["environment-file-missing"]


def test_system_units_belong_to_their_user(host):
    host.user("other", 1001)
    host.system_unit("openclaw.service", "User=claw")
    host.system_unit("openclaw-gateway-rescue.service", "User=1000", "Environment=OPENCLAW_PROFILE=rescue")
    host.system_unit("openclaw-root.service")
    assert [(found.name, found.profile) for found in units(host)] == [
        ("openclaw-gateway-rescue.service", "rescue"), ("openclaw.service", None)]
    assert units(host, "other") == []
    assert [found.name for found in units(host, "root")] == ["openclaw-root.service"]


@pytest.mark.parametrize("name, lines, profile", [
    ("openclaw-gateway-Eagle.service", [], "Eagle"), ("openclaw-gateway.service", [], None),
    ("clawdbot-gateway-old.service", [], "old"),
    ("openclaw-gateway.service", ["Environment=OPENCLAW_PROFILE=default"], None),
    ("openclaw-gateway-x.service", ["ExecStart=/usr/bin/openclaw --profile rescue gateway"], "rescue"),
    ("openclaw-gateway-x.service", ["ExecStart=/usr/bin/openclaw --profile=ops gateway run"], "ops"),
    ("openclaw-gateway-x.service", ["ExecStart=/usr/bin/openclaw --dev gateway"], "dev"),
])
def test_the_profile_of_a_unit(host, name, lines, profile):
    host.user_unit("/home/claw", name, *lines)
    assert [found.profile for found in units(host)] == [profile]


def test_what_is_no_gateway(host):
    host.user_unit("/home/claw", "openclaw-node.service", "ExecStart=/usr/bin/openclaw node run")
    host.user_unit("/home/claw", "openclaw-backup@everything.service", "ExecStart=/usr/bin/openclaw-backup backup")
    host.user_unit("/home/claw", "openclawish.service")
    assert [(found.name, found.gateway) for found in units(host)] == [("openclaw-node.service", False)]


def test_template_units_count_once_per_instance(host):
    path = host.system_unit("openclaw@.service", "User=%i", "Environment=OPENCLAW_PROFILE=%i-profile")
    for name in ("openclaw@claw.service", "openclaw@absent.service"):
        link = path.parent / "multi-user.target.wants" / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(path)
    write(path.parent / "openclaw@.service.d/a.conf", "[Service]\nEnvironment=A=1\n")
    [found] = units(host)
    assert (found.name, found.profile, found.environment["A"]) == ("openclaw@claw.service", "claw-profile", "1")


def test_the_administrators_unit_hides_the_packages(host):
    write(host.place("/usr/lib/systemd/system/openclaw.service"), unit("User=claw", "Environment=WHICH=package"))
    host.system_unit("openclaw.service", "User=claw", "Environment=WHICH=administrator")
    assert [found.environment["WHICH"] for found in units(host)] == ["administrator"]


def test_an_unreadable_unit_is_a_finding(host):
    path = host.user_unit("/home/claw", "openclaw-gateway.service")
    path.write_bytes(b"x" * (unit_file.SIZE_LIMIT + 1))
    assert [finding.code for found in units(host) for finding in found.findings] == ["unit-unreadable"]
