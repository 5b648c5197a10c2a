# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands, their options and their help."""
from __future__ import annotations

import argparse
import sys

from openclaw_backup_engine._version import VERSION

from . import (
    arrival_command, backup_command, config, doctor_command, exit_codes, fence_command, fleet_command, instances_command, keys_command,
    list_command, notify_command, prune_command, restore_command, status_command, update_command, verify_command)

_COMMANDS = (
    backup_command, list_command, status_command, verify_command, restore_command, prune_command, keys_command, doctor_command,
    instances_command, notify_command, fleet_command, fence_command, update_command, arrival_command)
_DEFAULTS = {"instance": None, "all": False, "config": config.DIRECTORY, "state": None, "json": False, "query": None, "plain": False,
             "identity_file": None, "forget_identity": False}


class _Parser(argparse.ArgumentParser):
    """Ends with the tool's own status for wrong usage."""

    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(exit_codes.USAGE, f"openclaw-backup: {message} [usage]\n")


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line as data. Besides the options: run, show, show_failure, operation, recorded, takes_lock, wait, fleet, single."""
    parser = _Parser(
        prog="openclaw-backup", parents=[_common()], allow_abbrev=False,
        description="Backs up OpenClaw instances of this host, and shows and checks what is stored.",
        epilog="openclaw-backup COMMAND --help explains a command. "
        "Exit status: 0 complete, 3 with omissions, 4 unchanged, 10 and more failed.")
    parser.add_argument("--version", action="version", version=f"openclaw-backup {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for module in _COMMANDS:
        module.add(Adder(commands))
    found = parser.parse_args(arguments)
    for name, value in _DEFAULTS.items():
        if not hasattr(found, name):
            setattr(found, name, value)
    if found.instance and found.all:
        parser.error("--instance and --all exclude each other")
    return found


class Adder:
    """Gives a command module a parser for each of its commands."""

    def __init__(self, commands) -> None:
        self._commands = commands

    def group(self, name: str, help_text: str, run, show) -> Adder:
        """A command with commands of its own; without one of them it is run itself."""
        parser = self.command(name, help_text, run, show)
        return Adder(parser.add_subparsers(metavar="COMMAND", parser_class=_Parser))

    def command(self, name: str, help_text: str, run, show, *, operation: str | None = None, recorded: bool = False, locks: bool = False,
                show_failure=None, fleet: bool = False, single: bool = False, reads: bool = False) -> argparse.ArgumentParser:
        """A command. run(arguments, session) gives an Outcome, show(report) text for people.

        operation: what results call it. recorded: its result is kept. locks: it keeps other runs away.
        fleet: it is about a whole storage, not about instances of this host. single: never about several instances at once.
        reads: it takes an operator's key for this run, where the host's own key only writes.
        """
        parser = self._commands.add_parser(name, help=help_text, description=help_text, parents=[_common()], allow_abbrev=False)
        if locks:
            parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="wait so long for another run to end")
        if reads:
            parser.add_argument(
                "--identity-file", metavar="FILE", help="an operator's private key, for this run instead of the configured key")
            parser.add_argument("--forget-identity", action="store_true", help="remove that file as soon as it was read")
        parser.set_defaults(
            run=run, show=show, show_failure=show_failure, operation=operation or name, recorded=recorded, takes_lock=locks, fleet=fleet,
            single=single)
        return parser


def _common() -> argparse.ArgumentParser:
    """The options that may stand before a command and after it."""
    parser = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("common options")
    group.add_argument("--instance", metavar="NAME", help="which instance; the default is the only one")
    group.add_argument("--all", action="store_true", help="all instances, one after the other")
    group.add_argument("--config", metavar="DIR", help=f"where the configuration is (default: {config.DIRECTORY})")
    group.add_argument("--state", metavar="DIR", help="where results and caches are kept (default: /var/lib/openclaw-backup)")
    group.add_argument("--json", action="store_true", help="print JSON")
    group.add_argument("--query", metavar="JMESPATH", help="print what this expression finds in the JSON")
    group.add_argument("--plain", action="store_true", help="no colour and no progress")
    return parser
