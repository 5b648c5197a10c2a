# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tools that are compared, each as commands for the same four things: prepare, back up, restore, prune.

All encrypt with a key that a passphrase opens (the pipeline: with a recipient's public key, which spares it the 1.2 s that age
takes to stretch a passphrase), all compress with zstd at its default level 3, all wait until what they store is on the disk.
"""
from __future__ import annotations

import os
import shlex
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from places import Bucket, Directory

HERE = os.path.dirname(os.path.abspath(__file__))
PASSPHRASE = "correct horse battery staple benchmark"


@dataclass(frozen=True)
class Command:
    """One command line. accepted: exit statuses that mean success (some tools have one for warnings)."""

    line: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    directory: str | None = None
    accepted: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Setting:
    """What a contestant is given for one round.

    home: the directory whose .openclaw is backed up. scratch: its own directory for caches and keys. tools: where the
    programs of tools.sh are. place: where it stores.
    """

    home: str
    scratch: str
    tools: str
    place: Directory | Bucket


class Contestant(ABC):
    """One tool in one round."""

    name: str
    on_s3 = True
    writes_home = False  # whether it writes into what it backs up, and so needs a copy of its own

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.url = setting.place.url(self.name)
        self.count = 0
        os.makedirs(setting.scratch, exist_ok=True)

    @property
    def stored_in_bucket(self) -> bool:
        """Whether this round is on S3."""
        return isinstance(self.setting.place, Bucket)

    def environment(self, **more: str) -> dict[str, str]:
        """A small, equal environment."""
        path = os.pathsep.join((os.path.join(self.setting.tools, "bin"), os.environ.get("PATH", "")))
        return {"PATH": path, "HOME": self.setting.scratch, "LC_ALL": "C.UTF-8", "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
                **self.setting.place.environment(), **more}

    def secret_file(self) -> str:
        """The passphrase, in a file of the scratch directory."""
        path = os.path.join(self.setting.scratch, "passphrase")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(PASSPHRASE)
        os.chmod(path, 0o600)
        return path

    @abstractmethod
    def prepare(self) -> list[Command]:
        """What makes the repository; not measured."""

    @abstractmethod
    def backup(self) -> Command:
        """Store the state as it is now."""

    @abstractmethod
    def restore(self, target: str) -> Command:
        """Bring the newest state back into a new directory."""

    @abstractmethod
    def prune(self) -> Command | None:
        """Keep the newest snapshot only, as far as the tool's own rules allow."""


class Ours(Contestant):
    """This collection's engine, driven as modules drive it, in a process of its own."""

    name = "openclaw_ops"

    def _command(self, operation: str, *arguments: str) -> Command:
        storage = [f"s3://{self.setting.place.bucket}/{self.url}", "--endpoint", self.setting.place.proxy.endpoint] \
            if self.stored_in_bucket else ["file://" + self.url]
        line = [sys.executable, os.path.join(HERE, "engine_cli.py"), operation, "--storage", *storage,
                "--state-dir", os.path.join(self.setting.home, ".openclaw"), "--cache-dir", os.path.join(self.setting.scratch, "cache"),
                "--passphrase-file", self.secret_file(), *arguments]
        return Command(line, self.environment())

    def prepare(self) -> list[Command]:
        return [self._command("init")]

    def backup(self) -> Command:
        return self._command("backup")

    def restore(self, target: str) -> Command:
        return self._command("restore", "--target", target)

    def prune(self) -> Command:
        return self._command("prune", "--max-backups", "1")


class Restic(Contestant):
    """restic with its defaults: compression "auto" is zstd at its default level."""

    name = "restic"

    def _command(self, *arguments: str, directory: str | None = None) -> Command:
        place = self.setting.place
        repository = f"s3:{place.proxy.endpoint}/{place.bucket}/{self.url}" if self.stored_in_bucket else self.url
        environment = self.environment(RESTIC_REPOSITORY=repository, RESTIC_PASSWORD_FILE=self.secret_file(),
                                       RESTIC_CACHE_DIR=os.path.join(self.setting.scratch, "cache"))
        return Command(["restic", "--quiet", *arguments], environment, directory)

    def prepare(self) -> list[Command]:
        return [self._command("init")]

    def backup(self) -> Command:
        return self._command("backup", ".openclaw", directory=self.setting.home)

    def restore(self, target: str) -> Command:
        return self._command("restore", "latest", "--target", target)

    def prune(self) -> Command:
        return self._command("forget", "--keep-last", "1", "--prune")


class Borg(Contestant):
    """borg with an encrypted repository and zstd level 3."""

    name = "borg"
    on_s3 = False

    def _command(self, *arguments: str, directory: str | None = None) -> Command:
        return Command(["borg", *arguments], self._borg_environment(), directory)

    def _borg_environment(self) -> dict[str, str]:
        return self.environment(BORG_REPO=self.url, BORG_PASSPHRASE=PASSPHRASE, BORG_BASE_DIR=os.path.join(self.setting.scratch, "borg"),
                                BORG_EXIT_CODES="modern")

    def prepare(self) -> list[Command]:
        return [self._command("init", "--encryption", "repokey-blake2", "--make-parent-dirs")]

    def backup(self) -> Command:
        self.count += 1
        return self._command("create", "--compression", "zstd,3", f"::backup-{self.count}", ".openclaw", directory=self.setting.home)

    def restore(self, target: str) -> Command:
        os.makedirs(target)
        return self._command("extract", f"::backup-{self.count}", directory=target)

    def prune(self) -> Command:
        return Command(["sh", "-c", "borg prune --keep-last 1 && borg compact"], self._borg_environment())


class Pipeline(Contestant):
    """tar | zstd | age: a whole new archive each time."""

    name = "tar, zstd, age"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.url = setting.place.url("pipeline")
        self._identity = os.path.join(setting.scratch, "identity")

    def _shell(self, script: str, directory: str | None = None) -> Command:
        return Command(["bash", "-o", "pipefail", "-c", script], self.environment(), directory)

    def _archive(self) -> str:
        return shlex.quote(f"{self.url}/archive-{self.count}.tar.zst.age")

    def _recipient(self) -> str:
        command = self._shell(f"age-keygen -y {shlex.quote(self._identity)}")
        return subprocess.run(command.line, env=command.environment, check=True, capture_output=True, text=True).stdout.strip()

    def prepare(self) -> list[Command]:
        directory = "" if self.stored_in_bucket else f"; mkdir -p {shlex.quote(self.url)}"
        return [self._shell(f"age-keygen -o {shlex.quote(self._identity)}{directory}")]

    def backup(self) -> Command:
        self.count += 1
        stream = shlex.join([sys.executable, os.path.join(HERE, "s3_stream.py"), "put"])
        sink = f"| {stream} {self._archive()}" if self.stored_in_bucket else f"> {self._archive()} && sync {self._archive()}"
        return self._shell(f"tar -c .openclaw | zstd -q -3 -T0 | age -r {self._recipient()} {sink}", self.setting.home)

    def restore(self, target: str) -> Command:
        stream = shlex.join([sys.executable, os.path.join(HERE, "s3_stream.py"), "get"])
        source = f"{stream} {self._archive()}" if self.stored_in_bucket else f"cat {self._archive()}"
        os.makedirs(target)
        return self._shell(f"{source} | age -d -i {shlex.quote(self._identity)} | zstd -q -d | tar -x", target)

    def prune(self) -> Command | None:
        return None  # removing old files is not worth measuring


class Native(Contestant):
    """OpenClaw's own `backup create`: a gzip archive, not encrypted; only for a state that a real gateway made."""

    name = "openclaw backup"
    on_s3 = False
    writes_home = True  # it keeps a journal of its runs in the gateway's database

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.url = setting.place.url("native")

    def _command(self, script: str) -> Command:
        from support.openclaw import installation
        programs = installation.search_path(installation.default_cache())
        environment = self.environment(OPENCLAW_NO_AUTO_UPDATE="1")
        environment.update(HOME=self.setting.home, PATH=os.pathsep.join((programs, environment["PATH"])))
        return Command(["bash", "-c", script], environment, self.setting.scratch)

    def prepare(self) -> list[Command]:
        return [Command(["mkdir", "-p", self.url], self.environment())]

    def backup(self) -> Command:
        self.count += 1
        archive = shlex.quote(f"{self.url}/backup-{self.count}.tar.gz")
        return self._command(f"openclaw backup create --output {archive} --json && sync {archive}")

    def restore(self, target: str) -> Command:
        return self._command(f"openclaw backup restore {shlex.quote(self.url)}/backup-{self.count}.tar.gz --target {shlex.quote(target)}")

    def prune(self) -> Command | None:
        return None


ALL: dict[str, type[Contestant]] = {"ours": Ours, "restic": Restic, "borg": Borg, "pipeline": Pipeline, "native": Native}
