# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Python packages of requirements/runtime.txt for a host's Python, as files that pip installs without a network."""
from __future__ import annotations

import hashlib
import operator
import os
import platform
import re
import shutil
import sys
from pathlib import Path

from . import places
from .commands import LabError, run
from .suites import Suite

REQUIREMENTS = places.CHECKOUT / "requirements" / "runtime.txt"
LINE = re.compile(r'(?P<pin>[A-Za-z0-9._-]+==[0-9][^;\s]*)(\s*;\s*python_version\s*(?P<operator><|>=)\s*"(?P<version>[0-9.]+)")?')
OPERATORS = {"<": operator.lt, ">=": operator.ge}
GLIBC_2 = range(17, 37)  # of Debian 12: what its pip accepts, and Debian 13's, too


def prepare(suite: Suite) -> Path:
    """A directory with the wheels for a suite; downloaded on first use."""
    pins = wanted(REQUIREMENTS.read_text(encoding="utf-8"), suite.python)
    key = hashlib.sha256(repr((pins, suite.python, platform.machine())).encode()).hexdigest()[:12]
    directory = places.cache() / f"wheels-{suite.python}-{key}"
    if not directory.exists():
        new = directory.with_name(f"new-{directory.name}-{os.getpid()}")
        shutil.rmtree(new, ignore_errors=True)
        platforms = [f"manylinux_2_{minor}_{platform.machine()}" for minor in GLIBC_2] + [f"manylinux2014_{platform.machine()}"]
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--implementation=cp",
            f"--python-version={suite.python}", *(f"--platform={name}" for name in platforms), f"--dest={new}", *pins)
        new.chmod(0o755)
        os.rename(new, directory)
    return directory


def wanted(requirements: str, python: str) -> list[str]:
    """The pins in a requirements file that hold for a version of Python. pip itself would ask the Python that runs it."""
    pins = []
    for line in requirements.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if not match:
            raise LabError(f"{REQUIREMENTS.name} has a line that is no exact version with at most one condition on python_version: {line}")
        if not match["version"] or OPERATORS[match["operator"]](_numbers(python), _numbers(match["version"])):
            pins.append(match["pin"])
    return pins


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
