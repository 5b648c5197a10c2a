# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ansible-test sanity on a copy of what this checkout ships.

Without options: with the ansible-core of the interpreter that runs this. With --all: with each ansible-core series that
the collection supports and for which this machine has a Python. Arguments after "--" go to ansible-test.

ansible-test wants three things that a plain machine does not give it, and this arranges them:
- the collection in a directory ansible_collections/<namespace>/<name>,
- interpreters named pythonX.Y on PATH that work (version managers put scripts of that name there that fail),
- a pip bootstrap script, which it otherwise downloads: ensurepip does the same without a download.
All of it, and ansible-test's own home, is kept in .cache/sanity, so that a second run is quick and nobody's home changes.
"""
from __future__ import annotations

import argparse
import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import collection_tree

CACHE = collection_tree.CHECKOUT / ".cache" / "sanity"
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
# series: (exact version, Pythons that can run it)
CORES = {
    "2.17": ("2.17.14", ("3.11", "3.12", "3.10")),
    "2.18": ("2.18.19", ("3.11", "3.12", "3.13")),
    "2.19": ("2.19.14", ("3.11", "3.12", "3.13")),
    "2.20": ("2.20.10", ("3.12", "3.13", "3.14")),
    "2.21": ("2.21.5", ("3.12", "3.13", "3.14")),
}
PIP_BOOTSTRAP = "import ensurepip\nensurepip.bootstrap(upgrade=True, default_pip=True)\n"


def _works(candidate: Path, version: str) -> str | None:
    """The real path of an interpreter if it is that version and can make virtual environments."""
    code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2], sys.prefix == sys.base_prefix, sys.executable)"
    try:
        result = subprocess.run([candidate, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = result.stdout.split(maxsplit=2)
    if result.returncode or words[:2] != [version, "True"]:
        return None
    return os.path.realpath(words[2].strip())


def interpreters() -> dict[str, str]:
    """Working interpreters of this machine by version: of PATH, then of a pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    directories = [Path(d) for d in os.environ.get("PATH", os.defpath).split(os.pathsep) if d and "shims" not in Path(d).parts]
    directories += sorted(pyenv.glob("*/bin"), reverse=True)
    found: dict[str, str] = {}
    for version in VERSIONS:
        for directory in directories:
            candidate = directory / f"python{version}"
            real = _works(candidate, version) if candidate.is_file() else None
            if real:
                found[version] = real
                break
    return found


def _pip_settings(home: Path) -> None:
    """Give ansible-test's pip what this user's pip is configured with: ansible-test passes no PIP_ variables on."""
    listing = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True).stdout
    settings = configparser.RawConfigParser()
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        section = "global" if section == ":env:" else section
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, name, str(ast.literal_eval(value)))
    path = home / ".config" / "pip" / "pip.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        settings.write(stream)


def _prepare_home(core: Path, home: Path) -> None:
    """Put the pip bootstrap where this ansible-test looks for its download."""
    source = (core / "_internal" / "python_requirements.py").read_text()
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in set(re.findall(r"'(\d+\.\d+(?:\.\d+)?)'", source)):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(PIP_BOOTSTRAP)
    _pip_settings(home)


def _core_venv(series: str, pythons: dict[str, str]) -> str | None:
    """An environment with that ansible-core; returns its interpreter, or None where no Python can run it."""
    exact, supported = CORES[series]
    base = next((pythons[v] for v in supported if v in pythons), None)
    if base is None:
        return None
    directory = CACHE / "cores" / exact
    if not (directory / "ready").exists():
        shutil.rmtree(directory, ignore_errors=True)
        subprocess.run([base, "-m", "venv", directory], check=True)
        subprocess.run([directory / "bin" / "python", "-m", "pip", "install", "-q", f"ansible-core=={exact}"], check=True)
        (directory / "ready").touch()
    return str(directory / "bin" / "python")


def _git_tree(directory: Path) -> Path:
    """A copy of the checkout that is a git repository of its own: ansible-test would ask the checkout's, which ignores it."""
    tree = collection_tree.copy(directory, shipped_only=True)
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    subprocess.run(["git", "add", "-A"], cwd=tree, check=True)
    return tree


def _run(python: str, pythons: dict[str, str], arguments: list[str]) -> int:
    code = "import ansible_test, ansible.release as r; print(r.__version__, ansible_test.__path__[0])"
    version, core = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    work = CACHE / version
    tree = _git_tree(work)
    home, binaries = work / "home", work / "bin"
    _prepare_home(Path(core), home)
    shutil.rmtree(binaries, ignore_errors=True)
    binaries.mkdir(parents=True)
    for name, real in pythons.items():
        (binaries / f"python{name}").symlink_to(real)
    rest = [d for d in os.environ.get("PATH", os.defpath).split(os.pathsep) if "shims" not in Path(d).parts]
    environment = {**os.environ, "HOME": str(home), "PATH": os.pathsep.join([str(binaries), *rest])}
    print(f"ansible-test sanity, ansible-core {version}, Pythons {', '.join(pythons)}", flush=True)
    command = [Path(python).parent / "ansible-test", "sanity", "--venv", "--color", "no", *arguments]
    return _show(command, tree, environment, work / "log")


def _show(command: list, directory: Path, environment: dict, log: Path) -> int:
    """Run ansible-test, keep its output in a file, and show what is about the collection: not every package that pip installs."""
    lines: list[str] = []
    with subprocess.Popen(command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            lines.append(line)
            if line.startswith(("ERROR:", "FATAL: The", "Running sanity test")):
                print(line, end="", flush=True)
    log.write_text("".join(lines))
    if process.returncode and not any(line.startswith("ERROR: Found") for line in lines):
        print("".join(lines[-40:]))
    return process.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description="Run ansible-test sanity on this checkout.")
    parser.add_argument("--all", action="store_true", help="every supported ansible-core that this machine can run")
    parser.add_argument("--cores", action="store_true", help="only make the environments of --all, and print their directories")
    parser.add_argument("rest", nargs="*", help="arguments for ansible-test, after --")
    options = parser.parse_args()
    pythons = interpreters()
    if options.cores:
        print("\n".join(str(Path(python).parent) for python in filter(None, (_core_venv(series, pythons) for series in CORES))))
        return 0
    if not options.all:
        return _run(sys.executable, pythons, options.rest)
    results: dict[str, str] = {}
    for series in CORES:
        python = _core_venv(series, pythons)
        if python is None:
            results[series] = f"skipped: no Python of {', '.join(CORES[series][1])} here"
        else:
            results[series] = "failed" if _run(python, pythons, options.rest) else "passed"
    for series, result in results.items():
        print(f"ansible-core {series}: {result}")
    return int("failed" in results.values())


if __name__ == "__main__":
    sys.exit(main())
