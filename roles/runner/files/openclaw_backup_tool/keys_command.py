# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""init and keys: make a repository, and manage what opens it."""
from __future__ import annotations

from openclaw_backup_engine import administer, opening
from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.options import RepositoryOptions, SlotOptions

from . import exit_codes, records
from .outcome import Outcome
from .text import moment, printable, table

_REFERENCES = ("passphrase_file", "key_file", "operator_public_file")


def add(adder) -> None:
    """Declare the commands."""
    parser = adder.command("init", "make the repository, where there is none yet", run_init, show_changes, locks=True)
    parser.add_argument("--label", default="first", help="a label for the key that is configured (default: first)")
    parser.add_argument("--fips", action="store_true", help="stretch passphrases with PBKDF2 only")
    keys = adder.group("keys", "list and change what opens the repository", run_list, show_list)
    keys.command("list", "list what opens the repository", run_list, show_list, operation="keys")
    parser = keys.command("add", "let another key open the repository", run_add, show_changes, operation="keys", locks=True)
    parser.add_argument("label", help="what to call it")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--passphrase-file", metavar="FILE", help="a file or credential with a passphrase")
    group.add_argument("--key-file", metavar="FILE", help="a file or credential with a key")
    group.add_argument("--operator-public-file", metavar="FILE", help="an operator's public key")
    parser = keys.command("remove", "let a key no longer open the repository", run_remove, show_changes, operation="keys", locks=True)
    parser.add_argument("label", help="its label, or its slot")
    parser = keys.command(
        "export-writer", "write a key that backs up and cannot read backups", run_export, show_changes, operation="keys")
    parser.add_argument("file", help="where; a new file")


def run_init(arguments, session) -> Outcome:
    """Make it, or see that the key opens it."""
    return _administer(session, RepositoryOptions(label=arguments.label, fips=arguments.fips), "The repository is made")


def make_first_repository(session) -> None:
    """Make a repository for an instance that was never backed up from this host.

    One that was, and has none now, has lost its disk or its bucket: that must be seen, and not end in a new, empty repository.
    """
    try:
        session.repository()
    except EngineError as exc:
        if exc.code != "repository-missing" or (records.read(session.state_directory, "backup") or {}).get("last_success"):
            raise
        _administer(session, RepositoryOptions(), "")


def run_list(_arguments, session) -> Outcome:
    """The key slots; needs no key."""
    slots = administer.list_slots(session.storage())
    if not slots:
        session.repository()  # says what is wrong
    return Outcome({"url": session.storage().url, "slots": [_of_slot(slot) for slot in slots]})


def _of_slot(slot: administer.Slot) -> dict:
    return {"slot": slot.id, "label": slot.label, "kind": slot.kind, "created": slot.created}


def run_add(arguments, session) -> Outcome:
    """Add a slot."""
    session.repository()  # managing keys must not make a repository by the way
    given = {name: session.credentials.path(getattr(arguments, name)) for name in _REFERENCES}
    wanted = RepositoryOptions(slots=(SlotOptions(arguments.label, **given),))
    return _administer(session, wanted, f"{arguments.label} opens the repository")


def run_remove(arguments, session) -> Outcome:
    """Remove a slot. One that is not there was asked for by mistake: the key that was meant would still open the repository."""
    opened = session.repository()
    if not any(arguments.label in (slot.label, slot.id) for slot in administer.list_slots(opened.storage)):
        raise EngineError(
            "option-invalid", f"There is no key slot {arguments.label}", "List them: openclaw-backup keys.")
    return _administer(
        session, RepositoryOptions(slots=(SlotOptions(arguments.label, "absent"),)), f"{arguments.label} opens the repository no longer")


def run_export(arguments, session) -> Outcome:
    """Write the writer's key."""
    session.repository()
    return _administer(session, RepositoryOptions(writer_key_dest=arguments.file), f"The writer key is in {arguments.file}")


def _administer(session, options: RepositoryOptions, done: str) -> Outcome:
    storage = opening.storage_of(session.name, session.storage_options(), session.context, initialise=True)
    try:
        made = administer.plan(storage, session.name, session.encryption_options(), options, session.context)
        result = administer.execute(made, session.context).to_dict()
    finally:
        storage.close()
    if not result["changed"]:
        return Outcome(result, exit_codes.UNCHANGED, "It is so already")
    return Outcome(result, exit_codes.COMPLETE, done)


def show_changes(report: dict) -> str:
    """What was done, what opens the repository now, and what a person should know."""
    lines = [f"{printable(report['msg'])}.", _slots(report["repository"]["slots"])]
    return "\n".join(lines + [f"Note: {text}" for text in report["warnings"]])


def show_list(report: dict) -> str:
    """A table."""
    return _slots(report["slots"])


def _slots(slots: list[dict]) -> str:
    return table(("SLOT", "LABEL", "KIND", "CREATED"), [(one["slot"], one["label"], one["kind"], moment(one["created"])) for one in slots])
