# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test hosts are what they claim to be: running systems with timers, sessions, users, disks and a network without a way out."""
from __future__ import annotations

import os
import subprocess
import time

import pytest

from hosts.lab import faults, lifecycle
from hosts.lab.commands import LabError


def test_a_host_runs_with_systemd_as_its_first_process(each_host, look):
    host = look(each_host)
    failed = host.check_output("systemctl list-units --failed --plain --no-legend")
    assert (failed, host.run("systemctl is-system-running").stdout.strip()) == ("", "running")
    assert host.file("/proc/1/exe").linked_to == "/usr/lib/systemd/systemd"
    assert host.system_info.distribution == "debian"
    assert host.system_info.release.split(".")[0] == str(each_host.suite.version)
    assert host.check_output("hostname") == each_host.name


def test_the_python_is_the_one_that_wheels_are_kept_for(each_host):
    assert each_host.ssh("python3 -V").stdout.startswith(f"Python {each_host.suite.python}.")


def test_the_deploy_user_is_not_root_but_may_become_it(each_host):
    assert each_host.ssh("id -un").stdout.strip() == "deploy"
    assert each_host.ssh("sudo --non-interactive id -un").stdout.strip() == "root"


def test_the_agents_user_may_not_become_root(each_host):
    assert each_host.as_user("agent", "sudo", "--non-interactive", "true", check=False).returncode != 0


def test_a_host_with_another_key_is_refused(lab, each_host, tmp_path):
    others = tmp_path / "known_hosts"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    kind, key = (tmp_path / "key.pub").read_text().split()[:2]
    others.write_text(f"{each_host.name} {kind} {key}\n")
    command = ["ssh", "-F", lab.ssh_config, "-o", f"UserKnownHostsFile={others}", each_host.name, "true"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 255
    assert "verification failed" in refused.stderr


def test_hosts_reach_each_other_by_name_and_both_kinds_of_address(debian12, debian13):
    for target in ("debian13", debian13.address, debian13.address6):
        debian12.ssh(f"timeout 5 bash -c 'exec 3<>/dev/tcp/{target}/22 && head -c 4 <&3'")


def test_there_is_no_route_out(each_host):
    assert "default" not in each_host.ssh("ip route; ip -6 route").stdout
    for address in ("192.0.2.1", "2001:db8::1"):
        tried = each_host.ssh(f"timeout 5 bash -c 'exec 3<>/dev/tcp/{address}/80'", check=False)
        assert "unreachable" in tried.stderr


def test_packages_are_installed_without_a_network(each_host):
    each_host.ssh("sudo apt-get -qq update && sudo apt-get -qq -y install python3-venv")
    each_host.ssh("rm -rf venv && python3 -m venv venv && venv/bin/pip install --quiet boto3 cryptography blake3 backports.zstd json5")
    each_host.ssh("venv/bin/pip check && venv/bin/python -c 'import boto3, cryptography, blake3, backports.zstd, json5'")


def test_a_timer_fires(each_host):
    each_host.ssh("sudo systemd-run --on-active=1 --timer-property=AccuracySec=100ms --unit=soon touch /run/fired")
    lifecycle.wait(lambda: each_host.ssh("test -e /run/fired", check=False).returncode == 0 or None, 20.0, "the timer did not fire")


def test_the_journal_can_be_read_by_unit(each_host):
    each_host.ssh("sudo systemd-run --wait --unit=speaks echo 'a line of its own'")
    assert "a line of its own" in each_host.ssh("sudo journalctl --boot --unit=speaks --output=cat").stdout


def test_sandboxing_holds(each_host):
    protected = ("sudo systemd-run --wait --quiet --property=ProtectSystem=strict --property=ProtectHome=yes {} "
                 "sh -c '! touch /usr/written && ! ls /home/agent'")
    each_host.ssh(protected.format("--property=PrivateTmp=yes"))


def test_a_reboot_changes_the_boot_id_and_keeps_the_disk(each_host):
    before = each_host.boot_id()
    each_host.ssh("echo kept > kept; sudo touch /run/lost")
    faults.reboot(each_host)
    assert each_host.boot_id() != before
    assert each_host.ssh("cat kept").stdout == "kept\n"
    assert each_host.ssh("test -e /run/lost", check=False).returncode == 1


def test_ansible_may_reboot_it_too(each_host):
    """A reboot that the host was asked for over SSH, as the reboot module does."""
    before = each_host.init()
    each_host.ssh("sudo systemctl reboot", check=False)
    faults.wait_for_reboot(each_host, before)


def test_a_power_cut_keeps_the_disk_and_ends_everything_else(each_host):
    before = each_host.boot_id()
    each_host.ssh("echo kept > through-the-cut; sudo systemd-run --unit=works sleep infinity")
    faults.power_cut(each_host)
    assert not each_host.is_on()
    assert each_host.ssh("true", check=False, timeout=30).returncode == 255
    faults.power_on(each_host)
    assert each_host.boot_id() != before
    assert each_host.ssh("cat through-the-cut").stdout == "kept\n"
    assert each_host.ssh("systemctl is-active works", check=False).stdout.strip() == "inactive"
    assert "works.service" in each_host.ssh("sudo journalctl --boot=-1 --output=cat --unit=init.scope").stdout


def test_a_timer_that_was_missed_while_the_host_was_off_is_caught_up(each_host):
    each_host.write("/etc/systemd/system/daily.service", "[Service]\nType=oneshot\nExecStart=/usr/bin/touch /run/caught-up\n")
    each_host.write("/etc/systemd/system/daily.timer", "[Timer]\nOnCalendar=daily\nPersistent=yes\n[Install]\nWantedBy=timers.target\n")
    each_host.ssh("sudo systemctl enable --quiet --now daily.timer")
    lifecycle.switch_off(each_host)
    # As if it had been off for two days: the stamp says when the timer last fired.
    stamp = each_host.directory / "upper/var/lib/systemd/timers/stamp-daily.timer"
    before = time.time() - 2 * 86400
    os.utime(stamp, (before, before))
    faults.power_on(each_host)
    lifecycle.wait(lambda: each_host.ssh("test -e /run/caught-up", check=False).returncode == 0 or None, 20.0, "it was not caught up")


def test_a_user_unit_of_a_user_who_lingers_comes_back_after_a_reboot(each_host):
    unit = "[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=default.target\n"
    each_host.write("/home/agent/.config/systemd/user/stays.service", unit, "agent")
    each_host.inside("loginctl", "enable-linger", "agent")
    lifecycle.wait(lambda: each_host.as_user("agent", "systemctl", "--user", "daemon-reload", check=False).returncode == 0 or None,
                   20.0, "there is no systemd for the user")
    each_host.as_user("agent", "systemctl", "--user", "enable", "--now", "stays.service")
    faults.reboot(each_host)

    def state():
        return each_host.as_user("agent", "systemctl", "--user", "is-active", "stays.service", check=False).stdout.strip()
    lifecycle.wait(lambda: state() == "active" or None, 20.0, "the unit did not come back")


def test_a_frozen_host_does_not_answer_and_goes_on_later(debian13):
    faults.freeze(debian13)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            debian13.ssh("true", timeout=2)
    finally:
        faults.thaw(debian13)
    debian13.ssh("true")


def test_a_pulled_cable_stops_traffic_until_it_is_plugged_in(debian12, debian13):
    faults.pull_cable(debian13)
    try:
        assert debian12.ssh("timeout 2 bash -c 'exec 3<>/dev/tcp/debian13/22'", check=False).returncode != 0
    finally:
        faults.plug_cable(debian13)
    lifecycle.wait(lambda: debian12.ssh("timeout 2 bash -c 'exec 3<>/dev/tcp/debian13/22'", check=False).returncode == 0 or None,
                   20.0, "the network did not come back")


def test_a_slow_line_is_slow(debian13):
    def seconds():
        began = time.monotonic()
        debian13.ssh("head -c 500000 /dev/zero")
        return time.monotonic() - began
    faults.limit_rate(debian13, 2000)
    try:
        assert seconds() > 1.5
    finally:
        faults.limit_rate(debian13, None)
    assert seconds() < 1.5


def test_a_spare_host_is_bare_and_can_be_removed(lab, spare_host):
    host = spare_host("debian13")
    assert host.ssh("ls /etc/systemd/system/daily.timer", check=False).returncode != 0
    lifecycle.remove(host)
    with pytest.raises(LabError):
        type(host).find(lab, host.name)
