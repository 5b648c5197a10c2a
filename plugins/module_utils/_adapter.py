# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Between an AnsibleModule and the engine: the interpreter, the context, and errors as results.

Of the object called module, only params, check_mode, run_command(), exit_json() and fail_json() are used.
"""
from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import sys
import traceback

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.respawn import has_respawned, respawn_module

from . import _argspec
from ._engine import dependencies
from ._engine.errors import EngineError
from ._engine.options import EncryptionOptions, InstanceOptions, StorageOptions, from_dict
from ._engine.ports import CommandResult, Context
from ._engine.progress_file import VARIABLE as PROGRESS_VARIABLE
from ._engine.progress_file import ProgressFile
from ._engine.repository.repository import read_header

HOST_STATE = "/var/lib/openclaw-backup"  # of the host tool
HOST_PYTHON = "/opt/openclaw-backup/venv/bin/python"
PYTHON_VARIABLE = "OPENCLAW_BACKUP_PYTHON"
SHOWN = 10  # warnings of one kind
SNAPSHOT_FIELDS = ("id", "kind", "scope", "created", "files", "bytes", "bytes_stored", "chunks_new", "chunks_reused", "omissions", "excluded")


def run(argument_spec: dict, operation, *, needs_packages: bool = True, **module_options) -> None:
    """The whole of a module: read the arguments, find an interpreter, call operation(module, context), exit with its result.

    needs_packages: whether the operation stores or reads snapshots; False: any interpreter will do.

    operation returns the result as a dict of JSON-native values. An EngineError becomes a failure with error_code,
    msg and hint; anything else that is raised is a fault of this collection and says so.
    """
    module = AnsibleModule(
        argument_spec=_argspec.merged(argument_spec, _argspec.RUNTIME), supports_check_mode=True, **module_options)
    try:
        if needs_packages:
            ensure_packages(module)
        result = operation(module, context_of(module))
        for text in result.pop("warnings", ()):
            module.warn(text)
    except EngineError as exc:
        fail(module, exc)
    except Exception as exc:  # pylint: disable=broad-exception-caught
        module.fail_json(
            msg=f"A fault in openclaw_ops.backup: {type(exc).__name__}: {exc}", error_code="internal-fault",
            hint="Report it with the traceback in the result's key exception (ansible-playbook -vvv shows it).",
            exception=traceback.format_exc())
    module.exit_json(**result)


def fail(module, exc: EngineError) -> None:
    """End the module with what went wrong and what to do next."""
    message = f"{exc.message} {exc.hint}".strip() if exc.message.endswith(".") else f"{exc.message}. {exc.hint}".strip()
    result = dict(exc.details["result"]) if isinstance(exc.details.get("result"), dict) else {}
    if "failed" in result:  # Ansible's own word for something else
        result["not_removed"] = result.pop("failed")
    details = {name: value for name, value in exc.details.items() if name != "result"}
    module.fail_json(**{**result, "msg": message, "error_code": exc.code, "hint": exc.hint, "details": details})


def ensure_packages(module) -> None:
    """Go on only in an interpreter that has the engine's packages; start the module anew in one that should.

    Raises EngineError "missing-dependency" where there is none.
    """
    wanted = module.params["runtime_python"]
    if wanted and not has_respawned() and os.path.abspath(wanted) != os.path.abspath(sys.executable or ""):
        _respawn(wanted)
    try:
        dependencies.require_all()
    except EngineError:
        if has_respawned():
            raise
        candidates = [os.environ.get(PYTHON_VARIABLE), HOST_PYTHON]
        for candidate in candidates:
            if candidate and os.path.exists(candidate):
                _respawn(candidate)
        raise


def _respawn(interpreter: str) -> None:
    if not os.access(interpreter, os.X_OK):
        raise EngineError(
            "interpreter-missing", f"The Python interpreter {interpreter} does not exist or cannot be run",
            "Correct runtime_python, or install the collection's requirements into a virtual environment there.")
    respawn_module(interpreter)


def context_of(module) -> Context:
    """What the engine may touch of the world when a module runs it."""
    context = Context(
        environment=dict(os.environ), cache_dir=module.params["cache_dir"] or default_cache_dir(), run=_runner(module))
    if os.environ.get(PROGRESS_VARIABLE):
        context.progress = ProgressFile(in_home(os.environ[PROGRESS_VARIABLE]))
    return context


def in_home(path: str) -> str:
    """A path that may begin with "~/", as Ansible's wrapper of asynchronous modules reads it."""
    home = os.environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir
    return home + path[1:] if path.startswith("~/") else path


def default_cache_dir() -> str:
    """Where copies of repository objects and the writer's lock are kept for this user."""
    if os.geteuid() == 0:
        return "/var/cache/openclaw-backup"
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(pwd.getpwuid(os.geteuid()).pw_dir, ".cache")
    return os.path.join(base, "openclaw-backup")


def share_with_tool(module, context: Context, instance: str) -> None:
    """Let root's runs use the cache, and with it the lock, of the host tool, which its timers start: one writer on a host."""
    if module.params["cache_dir"] is None and os.geteuid() == 0:
        context.cache_dir = os.path.join(HOST_STATE, instance, "cache")


def _runner(module):
    """The engine's way to run a command: no shell, the module's environment, ended after timeout seconds."""
    def run_command(argv: list, timeout: float = 60.0) -> CommandResult:
        limit = shutil.which("timeout")
        command = [limit, "--kill-after=5", str(timeout), *argv] if limit else list(argv)
        try:
            code, output, error = module.run_command(command, handle_exceptions=False)
        except OSError as exc:
            return CommandResult(127, "", os.strerror(exc.errno or 0))
        return CommandResult(code, output, error)
    return run_command


def instance_options(module) -> InstanceOptions:
    """Which instance the arguments mean."""
    return from_dict(InstanceOptions, {name: module.params[name] for name in _argspec.INSTANCE})


def storage_options(module) -> StorageOptions:
    """Where the arguments say the repository is."""
    return from_dict(StorageOptions, module.params["storage"])


def encryption_options(module) -> EncryptionOptions:
    """Which key the arguments name."""
    return from_dict(EncryptionOptions, module.params["encryption"])


def options_of(module, cls, **given):
    """The options of an operation from the arguments of the same names; given ones take precedence."""
    values = {item.name: module.params.get(item.name) for item in dataclasses.fields(cls)}
    return from_dict(cls, {**values, **given})


def warn_of_omissions(module, what: str, omissions: list) -> None:
    """Say in warnings what is missing: the first few by name, the rest as a number."""
    for omission in omissions[:SHOWN]:
        module.warn(f"{what} {omission['path']}: {omission['reason']}")
    if len(omissions) > SHOWN:
        module.warn(f"{what} {len(omissions) - SHOWN} more entries: see omissions in the result")


def describe_snapshot(repository, ref, meta: dict | None = None) -> dict:
    """snapshot and omissions of a result, in the words of the modules' RETURN. meta: the manifest's, where it is at hand."""
    header = read_header(repository.storage, ref)
    name = meta.get("name") if meta is not None else repository.labels(header)[0]
    position = [other.id for other in repository.snapshots()].index(ref.id) + 1
    fields = {field: getattr(header, field) for field in SNAPSHOT_FIELDS}
    result = {"snapshot": {**fields, "version": f"v{position}", "name": name, "duration_s": None, "requests": None}}
    if meta is None:
        meta = repository.load(ref)[1].meta if header.omissions else {}
    return {**result, "omissions": meta.get("omissions", [])}
