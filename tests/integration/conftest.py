# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs Ansible on this machine against the checkout: a clean home, no inventory of the user's, deprecations visible."""
from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.s3_server import S3Server

runpy.run_path(str(Path(__file__).resolve().parents[1] / "unit" / "conftest.py"))  # makes the collection importable

CHECKOUT = Path(__file__).resolve().parents[2]
# Another ansible-core than that of this environment: make integration-all names each in turn.
PLAYBOOK = os.environ.get("OPENCLAW_OPS_ANSIBLE_PLAYBOOK") or Path(sys.executable).parent / "ansible-playbook"
TARGETS = Path(__file__).resolve().parent / "targets"
DEPRECATION = re.compile(r"\[DEPRECATION WARNING\][^\n]*", re.I)


@dataclass
class Ansible:
    """ansible-playbook in a home of its own. home: that directory."""

    home: Path
    collections: Path

    def play(self, playbook: Path | str, *arguments: str, variables: dict | None = None, environment: dict | None = None) -> str:
        """Run a playbook and return its output. Fails the test if it fails, or if anything is deprecated."""
        result = self.run(playbook, *arguments, variables=variables, environment=environment)
        assert result.returncode == 0, result.stdout + result.stderr
        assert not DEPRECATION.search(result.stdout + result.stderr), result.stdout + result.stderr
        return result.stdout

    def run(self, playbook: Path | str, *arguments: str, variables: dict | None = None, environment: dict | None = None):
        """Run a playbook, whatever comes of it."""
        given = self.home / "variables.json"
        given.write_text(json.dumps({"ansible_python_interpreter": sys.executable, **(variables or {})}))
        inventory = [] if "-i" in arguments else ["-i", "localhost,"]
        command = [PLAYBOOK, *inventory, "-c", "local", "-e", f"@{given}", playbook, *arguments]
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        settings = {
            **kept, "HOME": str(self.home), "ANSIBLE_COLLECTIONS_PATH": str(self.collections), "ANSIBLE_ROLES_PATH": str(TARGETS),
            "ANSIBLE_ASYNC_DIR": str(self.home / "async"), "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_INJECT_FACT_VARS": "false", "ANSIBLE_DEPRECATION_WARNINGS": "true", "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8",
            **(environment or {})}
        return subprocess.run(command, env=settings, cwd=self.home, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="session")
def collections(tmp_path_factory):
    """A directory in which Ansible finds the checkout as the collection."""
    tree = tmp_path_factory.mktemp("collections")
    (tree / "ansible_collections" / "openclaw_ops").mkdir(parents=True)
    (tree / "ansible_collections" / "openclaw_ops" / "backup").symlink_to(CHECKOUT)
    return tree


@pytest.fixture(scope="session")
def ansible_in(collections):
    """ansible_in(home): Ansible with that home."""
    return lambda home: Ansible(home, collections)


@pytest.fixture
def ansible(tmp_path, ansible_in):
    """Ansible with a new home."""
    home = tmp_path / "home"
    home.mkdir()
    return ansible_in(home)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """A running S3 server; the whole session shares it."""
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.s3)])
def storage(request, tmp_path):
    """The storage option of the modules, for a place of the test's own."""
    if request.param == "file":
        return {"url": f"file://{tmp_path}/storage"}
    server = request.getfixturevalue("s3_server")
    user = server.add_user("s3:*")
    for name, secret in (("id", user.key_id), ("secret", user.secret)):
        (tmp_path / name).write_text(secret + "\n")
    return {
        "url": f"s3://{server.add_bucket()}/backups", "endpoint": server.endpoint, "region": "us-east-1",
        "access_key_id_file": str(tmp_path / "id"), "secret_access_key_file": str(tmp_path / "secret")}
