# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Another OpenClaw in place of the one that is installed, by the method that installed it, and back.

    switch = prepare(installation, version, context)   # while the gateway runs: fetched beside the installed one, and judged
    ... stop the gateway ...
    switch.activate(location, options, context)        # seconds: by rename
    ... start it ...
    switch.commit(context)    or, the gateway stopped,    switch.revert(context)

For npm, the other version is fetched into a directory beside the installed one, and both change places by rename: a failed
download touches nothing, and going back needs neither network nor npm. pnpm and a command of one's own install in place; there
going back is to install the old version. A switch survives as a dict (to_dict, from_dict), and every step can be repeated.
"""
from __future__ import annotations

import re
import secrets
from dataclasses import asdict, dataclass

from ..capture.accounts import Account
from ..capture.locate import Location
from ..capture.versions import read_package
from ..errors import EngineError
from ..options import GatewayOptions
from ..ports import CommandResult, Context
from .installation import COMMAND, KNOWN, NPM_GLOBAL, NPM_LOCAL, PNPM, Installation, find, program, run_as_owner
from .node_range import fits

FETCHED = ".openclaw-other-"  # and a number: npm's directory for the other version, beside the installed one
_TIMEOUT = 1800.0  # seconds that an installation may take
_MOVE_TIMEOUT = 120.0  # seconds for renames, and to remove 30,000 files
_SPEC = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,99}|/[^\s,]+\.tgz")
_SCRIPTS_ASKED = (11, 16)  # from this npm on it runs a package's scripts only if told to
_QUIET = ("--no-fund", "--no-audit", "--loglevel=error")
# Words: where the live entries are, where the fresh ones are, where the old ones go, the entries' names. What is done already is seen.
_ACTIVATE = r"""set -e; live=$1 fresh=$2 old=$3; shift 3; test ! -d "$fresh" || sync -f "$fresh"; mkdir -p "$old"
for name; do if test -e "$fresh/$name"; then
if test ! -e "$old/$name"; then
if test -e "$live/$name"; then mv -T "$live/$name" "$old/$name"; else : > "$old/none-$name"; fi; fi
mv -T "$fresh/$name" "$live/$name"; fi; done; sync -f "$live" """
_REVERT = r"""set -e; live=$1 fresh=$2 old=$3; shift 3; test -d "$old" || exit 0; for name; do
if test -e "$old/none-$name"; then rm -rf "$live/$name"
elif test -e "$old/$name"; then rm -rf "$fresh/$name"; test ! -e "$live/$name" || mv -T "$live/$name" "$fresh/$name"
mv -T "$old/$name" "$live/$name"; fi; done; sync -f "$live" """
_COPY = 'set -e; mkdir -p "$2"; for name in package.json package-lock.json .npmrc; do test ! -f "$1/$name" || cp -p "$1/$name" "$2/"; done'


@dataclass(frozen=True)
class Switch:
    """From one version to another. stage: npm's directory for it, "" for methods that install in place. new: "" if not known before."""

    installation: Installation
    new: str
    spec: str
    stage: str = ""

    def to_dict(self) -> dict:
        """JSON-native, all of it."""
        return asdict(self)

    @property
    def directory(self) -> str:
        """Where the package of the new version lies until it is activated; "" where it is only fetched then."""
        if not self.stage:
            return ""
        fresh = _layout(self.installation, self.stage)[1]
        return f"{fresh}/openclaw" if self.installation.method == NPM_GLOBAL else f"{fresh}/node_modules/openclaw"

    def activate(self, location: Location, options: GatewayOptions, context: Context) -> str:
        """The gateway is stopped: put the new version in place, and see that the service will start it. Gives its version.

        EngineError "openclaw-install-failed", "openclaw-version-wrong", "node-unfit"; then revert().
        """
        if self.stage:
            self._move(_ACTIVATE, context)
        else:
            _require_done(self.installation, _in_place(self.installation, self.spec, context), self.spec)
        found = find(location, options, context)
        if self.new and found.version != self.new:
            raise EngineError(
                "openclaw-version-wrong", f"OpenClaw {self.new} was installed, and the gateway's service starts {found.version} "
                f"({found.directory})", "Let the unit start the path that does not name a version, or install by hand.")
        _require_node(found.version, found.needs_node, found.node_version)
        return found.version

    def revert(self, context: Context) -> None:
        """The gateway is stopped: put the old version back, from wherever the switch got to. EngineError "openclaw-install-failed"."""
        if not self.stage:
            old = self.installation.version
            _require_done(self.installation, _in_place(self.installation, old, context), old)
            return
        self._move(_REVERT, context)
        self._clear(context)

    def commit(self, context: Context) -> None:
        """The old version is not needed any more."""
        self._clear(context)

    def _move(self, script: str, context: Context) -> None:
        live, fresh, names = _layout(self.installation, self.stage)
        done = run_as_owner(self.installation, ["sh", "-c", script, "sh", live, fresh, f"{self.stage}/old", *names], context, _MOVE_TIMEOUT)
        _require_done(self.installation, done, self.new)

    def _clear(self, context: Context) -> None:
        if self.stage:
            run_as_owner(self.installation, ["rm", "-rf", self.stage], context, _MOVE_TIMEOUT)


def from_dict(values: dict) -> Switch:
    """What to_dict() gave. TypeError, KeyError for anything else."""
    given = dict(values["installation"])
    given["owner"], given["command"] = Account(**given["owner"]), tuple(given["command"])
    return Switch(**{**values, "installation": Installation(**given)})


def prepare(installation: Installation, spec: str, context: Context) -> Switch:
    """Fetch another version while the gateway runs. spec: a version, a tag such as latest, or the path of a package's archive.

    EngineError: "option-invalid" for a spec that is none; "openclaw-method-unknown" if this installation cannot be changed from
    here; "openclaw-install-failed"; "node-unfit" if the Node at hand is none that it runs with. Nothing was changed then.
    """
    if not _SPEC.fullmatch(spec):
        raise EngineError("option-invalid", f"{spec!r} is no version of OpenClaw", "Give a version, a tag (latest), or the path of a .tgz.")
    if installation.method not in KNOWN or installation.method != COMMAND and _tool(installation) is None:
        raise EngineError(
            "openclaw-method-unknown", f"The OpenClaw in {installation.directory} ({installation.method}) cannot be changed from here",
            "Name a command that installs another version in the option gateway.install_command, or install by hand.",
            installation.to_dict())
    if installation.method not in (NPM_GLOBAL, NPM_LOCAL):
        return Switch(installation, "" if spec.startswith("/") or not spec[0].isdigit() else spec, spec)
    stage = f"{installation.base}/{FETCHED}{secrets.token_hex(4)}"
    made = Switch(installation, "", spec, stage)
    try:
        _require_done(installation, _fetch(made, context), spec)
        package = read_package(made.directory)
        if package is None:
            raise EngineError("openclaw-install-failed", f"npm installed no OpenClaw for {spec}", "Look for that version in its registry.")
        _require_node(package.version, package.engines, installation.node_version)
        return Switch(installation, package.version, spec, stage)
    except BaseException:
        made.commit(context)
        raise


def _layout(installation: Installation, stage: str) -> tuple[str, str, tuple[str, ...]]:
    """Where the live entries are, where the fresh ones are, and their names."""
    if installation.method == NPM_GLOBAL:
        return installation.base, f"{stage}/lib/node_modules", ("openclaw",)
    return installation.base, f"{stage}/project", ("node_modules", "package.json", "package-lock.json")


def _fetch(made: Switch, context: Context) -> CommandResult:
    """Let npm install into the stage."""
    installation = made.installation
    npm = _tool(installation)
    words = [npm, "install", *_QUIET]
    if installation.method == NPM_GLOBAL:
        done = run_as_owner(installation, ["mkdir", "-p", f"{made.stage}/lib"], context, _MOVE_TIMEOUT)
        return done if done.code else run_as_owner(
            installation, [*words, *_allowance(installation, npm, context), "--global", "--prefix", made.stage, _npm_spec(made.spec)],
            context, _TIMEOUT)
    project = f"{made.stage}/project"
    done = run_as_owner(installation, ["sh", "-c", _COPY, "sh", installation.base, project], context, _MOVE_TIMEOUT)
    return done if done.code else run_as_owner(installation, [*words, "--prefix", project, _npm_spec(made.spec)], context, _TIMEOUT)


def _allowance(installation: Installation, npm: str, context: Context) -> list[str]:
    """As OpenClaw's documentation has it: later npm runs a package's scripts only if told to, earlier does not know the option.

    In a project, npm goes by its package.json instead, and refuses the option.
    """
    found = re.match(r"(\d+)\.(\d+)", run_as_owner(installation, [npm, "--version"], context, _MOVE_TIMEOUT).output)
    return ["--allow-scripts=openclaw"] if found and (int(found.group(1)), int(found.group(2))) >= _SCRIPTS_ASKED else []


def _in_place(installation: Installation, spec: str, context: Context) -> CommandResult:
    """For what cannot be fetched beside the installed one. A command of one's own runs as whoever runs this."""
    if installation.method == COMMAND:
        return context.run([word.replace("{version}", spec) for word in installation.command], _TIMEOUT)
    home = installation.base
    return run_as_owner(
        installation, [_tool(installation), "add", "--global", _npm_spec(spec)], context, _TIMEOUT, PNPM_HOME=home)


def _tool(installation: Installation) -> str | None:
    return program(installation, "pnpm" if installation.method == PNPM else "npm")


def _npm_spec(spec: str) -> str:
    return spec if spec.startswith("/") else f"openclaw@{spec}"


def _require_done(installation: Installation, done: CommandResult, version: str) -> None:
    if done.code:
        lines = [line.strip() for line in (done.error.strip() or done.output.strip()).splitlines() if line.strip()]
        errors = [line for line in lines if "ERR" in line or "error" in line][:3]
        said = "; ".join(errors or lines[-1:]) or f"exit code {done.code}"
        raise EngineError(
            "openclaw-install-failed", f"OpenClaw {version} could not be installed ({installation.method}): {said[:400]}",
            "Look whether there is such a version, and whether this host reaches where packages come from.")


def _require_node(version: str, wanted: str, node: str | None) -> None:
    if node and wanted and fits(node, wanted) is False:
        raise EngineError(
            "node-unfit", f"OpenClaw {version} runs with Node {wanted}, and the gateway's is {node}",
            "Install such a Node first, where the gateway's service finds it.", {"node": node, "wanted": wanted})
