# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Command line of the test hosts: tools/test-hosts COMMAND ...

On the machine:
  check                     can this machine hold hosts? Exit code 1 and the reason if not
  prepare                   install and build all that is needed, once
  run -- COMMAND...         run a command in a new lab, which ends with it; COMMAND may be a shell, to try things by hand

In a lab (that is, in what `run` runs):
  up [NAME[:SUITE]...]      make and start hosts, wait until they run; debian12 and debian13 if none is named
  list                      what hosts there are
  inside NAME -- COMMAND... run a command as root in a host, without SSH
  remove NAME...            end hosts and forget them
  reboot NAME, power-cut NAME, power-on NAME, power-off NAME, freeze NAME, thaw NAME
  cable NAME pull|plug      the network cable
  rate NAME KBIT|off        a slow line
  ssh-config                the path of the configuration for ssh -F
"""
from __future__ import annotations

import argparse
import os
import subprocess
import sys

from . import contained, faults, lifecycle, machine, prepare
from .commands import LabError
from .host import Host
from .places import SKIP_VARIABLE, Lab
from .suites import USUAL_HOSTS, find_suite

SIMPLE = {
    "reboot": faults.reboot, "power-cut": faults.power_cut, "power-on": faults.power_on, "power-off": lifecycle.switch_off,
    "freeze": faults.freeze, "thaw": faults.thaw}


def check(_given) -> None:
    """Whether this machine can hold hosts."""
    why = machine.why_not()
    if why:
        raise LabError(f"this machine cannot hold hosts: {why}")
    print("test hosts: this machine can hold them")


def run(given) -> None:
    """A lab around a command."""
    if os.environ.get(SKIP_VARIABLE) == "1":
        print(f"test hosts: SKIPPED, because {SKIP_VARIABLE} is set: {' '.join(given.command)}", flush=True)
        return
    prepare.everything()
    contained.enter(given.command)


def up(given) -> None:
    """Running hosts."""
    names = dict(word.partition(":")[::2] for word in given.names) or dict.fromkeys(USUAL_HOSTS, "")
    lifecycle.bring_up(Lab.current(), {name: find_suite(suite or name) for name, suite in names.items()})
    show(given)


def show(_given) -> None:
    """One line per host."""
    for host in Host.all(Lab.current()):
        print(f"{host.name:<16} {host.address:<12} Debian {host.suite.version:<3} {'on' if host.is_on() else 'off'}")


def inside(given) -> int:
    """A command in a host."""
    done = Host.find(Lab.current(), given.name).inside(*given.command, check=False, stdin=None, stdout=None, stderr=None)
    return done.returncode


def remove(given) -> None:
    """No such hosts any more, if there were any."""
    for host in Host.all(Lab.current()):
        if host.name in given.names:
            lifecycle.remove(host)


def simple(given) -> None:
    """What needs a host and nothing else."""
    SIMPLE[given.verb](Host.find(Lab.current(), given.name))


def cable(given) -> None:
    """Pull or plug."""
    (faults.pull_cable if given.state == "pull" else faults.plug_cable)(Host.find(Lab.current(), given.name))


def rate(given) -> None:
    """Slow or fast."""
    faults.limit_rate(Host.find(Lab.current(), given.name), None if given.kilobits == "off" else int(given.kilobits))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="tools/test-hosts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")

    def verb(name: str, action, /, **arguments) -> None:
        sub = verbs.add_parser(name)
        sub.set_defaults(action=action)
        for argument, settings in arguments.items():
            sub.add_argument(argument, **settings)

    verb("check", check)
    verb("prepare", lambda _given: prepare.everything())
    verb("run", run, command={"nargs": "+"})
    verb("up", up, names={"nargs": "*"})
    verb("list", show)
    verb("inside", inside, name={}, command={"nargs": "+"})
    verb("remove", remove, names={"nargs": "+"})
    for name in SIMPLE:
        verb(name, simple, name={})
    verb("cable", cable, name={}, state={"choices": ["pull", "plug"]})
    verb("rate", rate, name={}, kilobits={})
    verb("ssh-config", lambda _given: print(Lab.current().ssh_config))
    return top


def main() -> int:
    """The exit code: the command's for run and inside, else 0, or 1 with the reason."""
    given = parser().parse_args()
    try:
        return given.action(given) or 0
    except (LabError, subprocess.SubprocessError, OSError) as error:
        print(f"test hosts: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
