# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Runs a restored OpenClaw where it can reach nothing: transient systemd services whose root directory is the restored tree.

So every path is the one at capture, and whatever is not bound in does not exist: the programs of this host read-only, and the
throw-away place. The network is a loopback of its own. The user is a number that nobody on this host has. A state may come
from a compromised host, and what it holds is run: nothing here trusts it.
"""
from __future__ import annotations

import os
import pwd
import re
import secrets
from dataclasses import dataclass

from ..capture import environment_files, unit_file
from ..errors import EngineError
from ..ports import CommandResult, Context
from ..restore import RECORD
from ..restore_tree import Tree
from . import inside
from .place import Place
from .programs import Program

PORT = 18789
_FIRST_USER, _USERS = 1_900_000_000, 1 << 24  # no range that systemd or distributions give to anybody
_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
_COVERED = ("proc", "sys", "dev", "run", "tmp")  # mounted afresh
_ETC = ("ld.so.cache", "alternatives", "localtime", "ssl")  # of this host, as far as it has them
_FILE_LIMIT = 1 << 20  # bytes of a unit or environment file
_OWN_VARIABLES = re.compile(r"OPENCLAW_|CLAWDBOT_|HOME$|PATH$|TMPDIR$|NODE_|LD_|XDG_|LC_|LANG")
_NO_RESTART = "78"  # RestartPreventExitStatus= of its units: nothing that another start would change
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Nothing acts on the past, and nothing is fetched.
_QUIET = (
    "OPENCLAW_SKIP_CHANNELS", "OPENCLAW_SKIP_PROVIDERS", "OPENCLAW_SKIP_CRON", "OPENCLAW_SKIP_GMAIL_WATCHER",
    "OPENCLAW_SKIP_BROWSER_CONTROL_SERVER", "OPENCLAW_SKIP_CANVAS_HOST", "OPENCLAW_SKIP_STARTUP_MODEL_PREWARM",
    "OPENCLAW_DISABLE_BONJOUR", "OPENCLAW_NO_AUTO_UPDATE", "OPENCLAW_OFFLINE")
_PROPERTIES = (
    "MountAPIVFS=yes", "TemporaryFileSystem=/tmp:mode=1777,size=1G", "PrivateNetwork=yes",
    "PrivateDevices=yes", "PrivateIPC=yes", "ProtectProc=invisible", "ProtectKernelTunables=yes", "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes", "ProtectControlGroups=yes", "ProtectClock=yes", "ProtectHostname=yes", "NoNewPrivileges=yes",
    "CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_SETPCAP", "RestrictNamespaces=yes", "RestrictRealtime=yes", "LockPersonality=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK", "KeyringMode=private", "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM", "UMask=0077", "LimitCORE=0", "MemorySwapMax=0", "TasksMax=1024",
    "TimeoutStopSec=45", "Nice=10")


@dataclass(frozen=True)
class State:
    """How a service is. process: its main one, 0 if it has none. ended: how it came to its end, for people; "" while it runs.

    restarts: whether it ended in a way after which its own service, as OpenClaw writes it, would start it again.
    """

    process: int
    ended: str = ""
    restarts: bool = False


class Sandbox:
    """What runs a program in a place. meta: of the snapshot's manifest, distrusted. memory: bytes for each command."""

    def __init__(self, place: Place, meta: dict, program: Program, memory: int, context: Context) -> None:
        self._place, self._meta, self._program, self._memory, self._context = place, meta, program, memory, context
        self._instance = meta["instance"]
        self.log = f"{place.path}/gateway.log"
        self._environment_file = f"{place.path}/environment"
        self._user = _free_user()

    def prepare(self) -> None:
        """Make the restored tree a root directory that the sandbox's user owns. Nothing of the tree has run yet. OSError."""
        root, aside = self._place.root, f"{self._place.path}/aside"
        os.mkdir(aside, 0o700)
        environment = self._environment()
        for name in (*_SYSTEM, *_COVERED, RECORD):
            _move_away(f"{root}/{name}", f"{aside}/{name}")
        if not os.path.isdir(f"{root}/etc") or os.path.islink(f"{root}/etc"):
            _move_away(f"{root}/etc", f"{aside}/etc")
            os.mkdir(f"{root}/etc", 0o755)
        for name in _SYSTEM:
            if os.path.islink(f"/{name}"):
                os.symlink(os.readlink(f"/{name}"), f"{root}/{name}")
        for name in (*_ETC, "passwd", "group", "hosts", "nsswitch.conf", "resolv.conf"):
            _move_away(f"{root}/etc/{name}", f"{aside}/etc-{name}")
        self._make_home()
        _give_all(root, self._user)
        for name, text in self._accounts().items():
            _write(f"{root}/etc/{name}", text, 0o644)
        _write(self._environment_file, environment, 0o600)

    def _make_home(self) -> None:
        tree = Tree(self._place.root)
        try:
            tree.make_directory(self._instance["home"])
        finally:
            tree.close()

    def _accounts(self) -> dict[str, str]:
        name = self._instance["user"] if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", self._instance["user"]) else "agent"
        home = self._instance["home"].replace(":", "_").replace("\n", "_")
        named = "" if name == "root" else "root:x:0:0::/:/usr/sbin/nologin\n"
        return {
            "passwd": f"{named}{name}:x:{self._user}:{self._user}::{home}:/usr/sbin/nologin\n",
            "group": f"root:x:0:\nagent:x:{self._user}:\n", "hosts": "127.0.0.1 localhost\n::1 localhost\n",
            "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n"}

    def _environment(self) -> str:
        """The gateway's environment: what its units and environment files say, as far as they were captured, and what keeps it quiet."""
        values = {}
        tree = Tree(self._place.root)
        try:
            for role in ("unit", "environment"):
                for root in self._meta["roots"]:
                    if root["role"] == role:
                        values.update(_variables(tree, root["path"], role))
        finally:
            tree.close()
        values = {name: value for name, value in values.items() if not _OWN_VARIABLES.match(name)}
        values.update(dict.fromkeys(_QUIET, "1"))
        values.update(
            HOME=self._instance["home"], PATH=f"{os.path.dirname(self._program.node)}:/usr/local/bin:/usr/bin:/bin", TMPDIR="/tmp",
            LC_ALL="C.UTF-8", OPENCLAW_STATE_DIR=self._instance["state_dir"], OPENCLAW_CONFIG_PATH=self._instance["config_path"],
            OPENCLAW_GATEWAY_PORT=str(PORT))
        if self._instance.get("profile"):
            values["OPENCLAW_PROFILE"] = self._instance["profile"]
        return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items() if "\0" not in value and "\n" not in value)

    def run(self, arguments: list[str], timeout: float) -> CommandResult:
        """Run an openclaw command to its end. Code 124: it took longer than timeout seconds."""
        unit = self._place.unit(secrets.token_hex(3))
        options = ["--wait", "--pipe", "--collect", f"--property=RuntimeMaxSec={timeout:.0f}"]
        return self._context.run(self._command(unit, options, arguments), timeout=timeout + 30)

    def start(self, arguments: list[str], timeout: float) -> None:
        """Start the gateway. timeout: after which systemd ends it, whatever has become of this process. EngineError "sandbox-failed"."""
        options = [
            "--service-type=exec", f"--property=RuntimeMaxSec={timeout:.0f}", f"--property=StandardOutput=append:{self.log}",
            f"--property=StandardError=append:{self.log}"]
        done = self._context.run(self._command(self._gateway, options, arguments), timeout=90.0)
        if done.code:
            raise EngineError(
                "sandbox-failed", f"systemd could not start the sandbox: {done.error.strip()[-300:] or done.code}",
                "Proofs need root and systemd 250 or later; a container may lack what it takes.")

    @property
    def _gateway(self) -> str:
        return self._place.unit("gateway")

    def _command(self, unit: str, options: list[str], arguments: list[str]) -> list[str]:
        bound = [f"/{name}" for name in _SYSTEM if os.path.isdir(f"/{name}") and not os.path.islink(f"/{name}")]
        bound += [f"/etc/{name}" for name in _ETC if os.path.exists(f"/etc/{name}")]
        properties = [
            f"RootDirectory={self._place.root}", f"MemoryMax={self._memory}", f"EnvironmentFile={self._environment_file}",
            *(f'BindReadOnlyPaths="{path}"' for path in (*bound, *self._program.directories)), *_PROPERTIES]
        number = str(self._user)
        words = [
            "/usr/bin/setpriv", "--reuid", number, "--regid", number, "--clear-groups", "--bounding-set=-all", "--inh-caps=-all",
            "--no-new-privs", self._program.node, self._program.script, *arguments]
        return [
            "systemd-run", "--quiet", f"--unit={unit}", *options, *(f"--property={value}" for value in properties), "--",
            *(word.replace("$", "$$") for word in words)]

    def state(self) -> State:
        """How the gateway is."""
        done = self._context.run(
            ["systemctl", "show", "--property=ActiveState,MainPID,Result,ExecMainStatus", self._gateway], timeout=30.0)
        found = dict(line.split("=", 1) for line in done.output.splitlines() if "=" in line)
        if found.get("ActiveState") in ("active", "activating", "deactivating", "reloading"):
            return State(int(found.get("MainPID") or 0))
        status, result = found.get("ExecMainStatus", "0"), found.get("Result", "")
        reason = {"timeout": "it took too long", "oom-kill": "it took too much memory", "signal": f"signal {status}"}.get(result)
        return State(0, reason or f"status {status}", result in ("exit-code", "signal", "core-dump") and status != _NO_RESTART)

    def stop(self) -> None:
        """Stop the gateway as its own service does, wait for it, and let another one have its name."""
        self._context.run(["systemctl", "stop", self._gateway], timeout=90.0)
        self._context.run(["systemctl", "reset-failed", self._gateway], timeout=30.0)

    def connect(self, host: str, port: int, timeout: float):
        """A connection to the gateway. OSError."""
        process = self.state().process
        if not process:
            raise ConnectionRefusedError(111, "it does not run")
        return inside.open_connection(process, host, port, timeout)

    def last_words(self) -> str:
        """What the gateway said last, in a line."""
        try:
            with open(self.log, "rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - 8192))
                lines = stream.read(8192).decode("utf-8", "replace").strip().splitlines()
        except OSError:
            return ""
        lines = [_COLOURS.sub("", line) for line in lines]
        telling = [line for line in lines if re.search(r"(?i)error|fail|invalid|refus|cannot|blocked|denied|unable", line)] or lines
        return telling[-1].strip()[:300] if telling else ""


def _free_user() -> int:
    """A user id of nobody on this host."""
    while True:
        number = _FIRST_USER + secrets.randbelow(_USERS)
        try:
            pwd.getpwuid(number)
        except KeyError:
            return number


def _variables(tree: Tree, path: str, role: str) -> dict[str, str]:
    """What a captured unit or environment file sets; nothing where it cannot be read. No link is followed."""
    try:
        with open(tree.open_file(path, os.O_RDONLY), encoding="utf-8", errors="replace") as stream:
            text = stream.read(_FILE_LIMIT)
    except OSError:
        return {}
    if role == "environment":
        return environment_files.parse_environment(text, "systemd" if path.endswith(".systemd.env") else "dotenv")
    words = [word for value in unit_file.values_of(unit_file.parse_unit(text), "Service", "Environment")
             for word in unit_file.split_words(value)]
    return dict(word.split("=", 1) for word in words if "=" in word)


def _move_away(path: str, where: str) -> None:
    if os.path.lexists(path):
        os.rename(path, where)


def _give_all(root: str, user: int) -> None:
    """Give a tree to the sandbox's user, links themselves, not what they lead to."""
    os.chown(root, user, user)
    os.chmod(root, 0o755)
    for base, directories, files in os.walk(root):
        for name in (*directories, *files):
            os.chown(os.path.join(base, name), user, user, follow_symlinks=False)


def _write(path: str, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(text)
    os.chmod(path, mode)


def _quoted(value: str) -> str:
    """A value in the way that systemd reads environment files."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("`", "\\`").replace("$", "\\$") + '"'
