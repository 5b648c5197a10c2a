# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Make a repository and manage its keys: plan() compares what there is with what is wanted, execute() makes it so."""
from __future__ import annotations

import os
from dataclasses import dataclass, field

from .errors import EngineError, ObjectMissing
from .options import EncryptionOptions, RepositoryOptions, SlotOptions
from .ports import Context
from .repository import access, keys, names
from .repository import repository as repositories
from .storage.base import Capabilities, Storage

DAMAGED = "damaged"  # the kind of a slot that cannot be read
LOSING_KEYS = (
    "Losing every key loses every backup in this repository: nobody can recover them. Keep one key somewhere else than on the host"
    " that is backed up.")
OVERWRITES = (
    "This storage does not itself refuse to overwrite objects: whoever may write to it can destroy backups. Switch on versioning with"
    " object lock there, or use credentials and a service that enforce create-only writes.")
READABLE = "Encryption is off: whoever can read this storage can read the backups. Add a slot with a key, then remove the open one."


@dataclass(frozen=True)
class Slot:
    """A key slot as a listing shows it. kind: what opens it, or DAMAGED."""

    id: str
    label: str
    kind: str
    created: str


@dataclass
class AdministerPlan:
    """What is missing. repository: the opened one, or None where it must be made. remove: slots to remove."""

    storage: Storage
    encryption: EncryptionOptions
    options: RepositoryOptions
    instance: str
    repository: repositories.Repository | None
    slots: list[Slot] = field(default_factory=list)
    add: list[SlotOptions] = field(default_factory=list)
    remove: list[Slot] = field(default_factory=list)
    make_key_file: bool = False
    make_operator: bool = False
    make_public: bool = False
    write_writer_key: bool = False

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(
            self.repository is None or self.add or self.remove or self.make_key_file or self.make_operator or self.make_public
            or self.write_writer_key)

    def to_dict(self) -> dict:
        """For check mode and people."""
        return {
            "changed": self.changed, "url": self.storage.url, "create_repository": self.repository is None,
            "add_slots": [slot.label for slot in self.add], "remove_slots": [slot.label for slot in self.remove],
            "write_files": [path for path, wanted in (
                (self.encryption.key_file, self.make_key_file), (self.options.operator_identity_dest, self.make_operator),
                (_public_path(self.options), self.make_operator or self.make_public),
                (self.options.writer_key_dest, self.write_writer_key)) if wanted]}

    def before(self) -> dict:
        """What there is, for a difference."""
        return {"repository": self.storage.url if self.repository else None, "slots": sorted(slot.label for slot in self.slots)}

    def after(self) -> dict:
        """What there will be."""
        first = [] if self.repository else [self.options.label]
        gone = {slot.id for slot in self.remove}
        kept = [slot.label for slot in self.slots if slot.id not in gone]
        return {"repository": self.storage.url, "slots": sorted(first + kept + [slot.label for slot in self.add])}


@dataclass
class AdministerResult:
    """The repository as it is now."""

    changed: bool
    id: str
    url: str
    created: str
    slots: list[Slot]
    create_only: bool | None = None
    can_delete: bool | None = None
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict:
        """In the words of the module's RETURN."""
        value = {
            "id": self.id, "url": self.url, "created": self.created,
            "slots": [{"slot": slot.id, "label": slot.label, "kind": slot.kind, "created": slot.created} for slot in self.slots]}
        if self.create_only is not None:
            value.update(create_only=self.create_only, can_delete=self.can_delete)
        return {"changed": self.changed, "repository": value, "warnings": list(self.warnings)}


def list_slots(storage: Storage) -> list[Slot]:
    """The key slots of a repository, oldest first. Needs no key. A damaged one is listed as such."""
    slots = []
    for item in storage.list(names.KEYS):
        try:
            content = keys.read_slot(item.name, storage.get(item.name))
            slots.append(Slot(content["slot"], str(content.get("label", "")), str(content["kind"]), str(content.get("created", ""))))
        except ObjectMissing:
            continue  # removed since the listing
        except EngineError as exc:
            if exc.code != "repository-damaged":
                raise
            slots.append(Slot(item.name[len(names.KEYS):], "", DAMAGED, ""))
    return sorted(slots, key=lambda slot: (slot.created, slot.id))


def plan(storage: Storage, instance: str, encryption: EncryptionOptions, options: RepositoryOptions, context: Context) -> AdministerPlan:
    """Compare; changes nothing. storage: opened with initialise=True. Raises EngineError."""
    _check(options)
    exists = any(item.name == names.REPOSITORY for item in storage.list(names.REPOSITORY))
    made = AdministerPlan(storage, encryption, options, instance, None)
    _plan_operator(made)
    made.write_writer_key = bool(options.writer_key_dest)
    if not exists:
        made.make_key_file = bool(options.create_key_file and encryption.key_file and not os.path.lexists(encryption.key_file))
        if not made.make_key_file:
            _first_secret(encryption, context)
        made.add = [slot for slot in options.slots if slot.state == "present"]
        if any(slot.label == options.label for slot in made.add):
            raise EngineError(
                "option-invalid", f"The slot label {options.label!r} is that of the key that makes the repository", "Use another label.")
        return made
    made.repository = repositories.open_repository(storage, access.load(encryption, context), context, use_cache=False)
    made.slots = list_slots(storage)
    _plan_slots(made)
    if options.writer_key_dest:
        made.write_writer_key = _writer_key_is_missing(made.repository, options.writer_key_dest)
    return made


def _check(options: RepositoryOptions) -> None:
    labels = [slot.label for slot in options.slots]
    for label in labels:
        if not label or labels.count(label) > 1:
            raise EngineError("option-invalid", f"The slot label {label!r} is empty or given twice", "Give every slot a label of its own.")
    for slot in options.slots:
        given = [name for name in ("passphrase_file", "passphrase_env", "key_file", "operator_public_file") if getattr(slot, name)]
        if slot.state == "present" and len(given) != 1:
            raise EngineError(
                "option-invalid", f"The slot {slot.label!r} names {len(given)} keys",
                "Give exactly one of passphrase_file, passphrase_env, key_file, operator_public_file.")


def _public_path(options: RepositoryOptions) -> str:
    return (options.operator_identity_dest or "") + ".pub"


def _plan_operator(made: AdministerPlan) -> None:
    """An operator's two files: both are made, or a public one that is missing is made of the private one."""
    identity = made.options.operator_identity_dest
    if not identity:
        return
    made.make_operator = not os.path.lexists(identity)
    has_public = os.path.lexists(_public_path(made.options))
    if made.make_operator and has_public:
        raise EngineError(
            "file-exists", f"{_public_path(made.options)} exists, and the private key {identity} that belongs to it does not",
            "Bring the private key back, or move the public one away.")
    made.make_public = not made.make_operator and not has_public


def _first_secret(encryption: EncryptionOptions, context: Context) -> keys.Secret:
    """The secret that opens a new repository. EngineError for one that only opens an existing one."""
    if encryption.writer_key_file or encryption.identity_file:
        raise EngineError(
            "key-cannot-create", "A writer key or an identity file cannot make a repository",
            "Make it with a passphrase or a key file, and add an operator's public key as a slot.")
    return access.load(encryption, context, new=True)


def _plan_slots(made: AdministerPlan) -> None:
    present = {slot.label for slot in made.slots if slot.kind != DAMAGED}
    made.add = [slot for slot in made.options.slots if slot.state == "present" and slot.label not in present]
    unwanted = {slot.label for slot in made.options.slots if slot.state == "absent"}
    made.remove = [slot for slot in made.slots if unwanted & {slot.label, slot.id}]
    if made.remove and not made.add:
        _require_a_slot(made.slots, made.remove)
    if made.add:
        made.repository.reader()


def _require_a_slot(slots: list[Slot], remove: list[Slot]) -> None:
    gone = {slot.id for slot in remove}
    if not any(slot.id not in gone and slot.kind != DAMAGED for slot in slots):
        raise EngineError("last-slot", "The last key slot cannot be removed: nobody could open the repository", "Add another slot first.")


def _writer_key_is_missing(repository: repositories.Repository, path: str) -> bool:
    wanted = keys.export_writer(repository.bundle).encode()
    try:
        with open(path, "rb") as stream:
            found = stream.read(len(wanted) + 1)
    except FileNotFoundError:
        return True
    except OSError as exc:
        raise EngineError(
            "key-file-unreadable", f"{path} cannot be read: {os.strerror(exc.errno or 0)}", "Check the path and its owner.") from exc
    if found.strip() == wanted.strip():
        return False
    raise EngineError("file-exists", f"{path} exists and is not this repository's writer key", "Move it away, or choose another path.")


def execute(made: AdministerPlan, context: Context) -> AdministerResult:
    """Make it so. Slots are added before any is removed, so that there is always one. Raises EngineError."""
    found = None
    if made.make_key_file:
        write_secret(made.encryption.key_file, keys.new_key_file())
    if made.make_operator:
        write_secret(made.options.operator_identity_dest, keys.new_operator()[0])
    if made.make_operator or made.make_public:
        private = access.read_secret_file(made.options.operator_identity_dest, "identity file")
        write_secret(_public_path(made.options), keys.operator_public(private), 0o644)
    repository = made.repository
    if repository is None:
        secret = _first_secret(made.encryption, context)
        found = made.storage.probe()
        repository = repositories.create(
            made.storage, secret, made.instance, context, label=made.options.label, fips=made.options.fips)
    _change_slots(made, repository, context)
    if made.write_writer_key:
        write_secret(made.options.writer_key_dest, keys.export_writer(repository.bundle))
    description = repositories.read_description(made.storage.get(names.REPOSITORY))
    slots = list_slots(made.storage)
    return AdministerResult(
        made.changed, repository.id, made.storage.url, description["created"], slots, found.create_only if found else None,
        found.can_delete if found else None, _warnings(made, slots, found))


def _warnings(made: AdministerPlan, slots: list[Slot], found: Capabilities | None) -> list[str]:
    warnings = []
    if found is not None or made.remove:
        warnings.append(LOSING_KEYS)
    if found is not None and not found.create_only:
        warnings.append(OVERWRITES)
    if any(slot.kind == keys.OPEN for slot in slots):
        warnings.append(READABLE)
    for slot in slots:
        if slot.kind == DAMAGED:
            warnings.append(f"Key slot {slot.id} is damaged and opens nothing. Remove it by this id, and make a new one in its place.")
    return warnings


def _change_slots(made: AdministerPlan, repository: repositories.Repository, context: Context) -> None:
    for slot in made.add:
        name, content = keys.make_slot(
            repository.reader(), _slot_secret(slot, context), slot.label, names.id_of_time(context.clock.now()), fips=made.options.fips)
        made.storage.create(name, [content])
    if made.remove:
        _require_a_slot(list_slots(made.storage), made.remove)  # somebody else may have removed others meanwhile
        deletion = made.storage.delete(names.KEYS + slot.id for slot in made.remove)
        if deletion.failed:
            raise EngineError(
                "slot-not-removed", f"A key slot could not be removed from {made.storage.url}: {deletion.failed[0][1]}",
                "Use credentials that may delete.")
    if made.add or made.remove:
        repository.cache.clear()  # its copies of the slots are those of before


def _slot_secret(slot: SlotOptions, context: Context) -> keys.Secret:
    if slot.operator_public_file:
        return keys.Secret(keys.OPERATOR, access.read_secret_file(slot.operator_public_file, "operator's public key"))
    options = EncryptionOptions(passphrase_file=slot.passphrase_file, passphrase_env=slot.passphrase_env, key_file=slot.key_file)
    return access.load(options, context, new=True)


def write_secret(path: str, text: str, mode: int = 0o600) -> None:
    """A new small file, durably, readable by its owner only unless mode says more. EngineError "file-exists", "file-not-written".

    One that cannot be written whole is removed again: half a key would be taken for one at the next run.
    """
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            os.fchmod(descriptor, mode)
            with open(descriptor, "wb", closefd=False) as stream:
                stream.write(text.encode())
            os.fsync(descriptor)
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(descriptor)
        _sync_directory(os.path.dirname(path) or ".")
    except FileExistsError as exc:
        raise EngineError("file-exists", f"{path} exists already", "Move it away, or choose another path.") from exc
    except OSError as exc:
        raise EngineError("file-not-written", f"{path} cannot be written: {os.strerror(exc.errno or 0)}", "Check its directory.") from exc


def _sync_directory(path: str) -> None:
    """Make the names in a directory durable: a key that vanishes with the power takes the backups along."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
