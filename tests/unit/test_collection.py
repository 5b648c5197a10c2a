# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as a whole: metadata that fits its content, and an archive that holds what runs and nothing else."""
from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

CHECKOUT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py"))
RUNTIME = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text())
GALAXY = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())


def documentation(module: str, part: str = "DOCUMENTATION") -> dict:
    tree = ast.parse((CHECKOUT / "plugins" / "modules" / f"{module}.py").read_text())
    text = next(node.value.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == part)
    return yaml.safe_load(text)


def takes_storage(module: str) -> bool:
    return "openclaw_ops.backup._common.storage" in documentation(module)["extends_documentation_fragment"]


def test_the_action_group_holds_the_modules_that_take_its_defaults():
    assert sorted(RUNTIME["action_groups"]["openclaw"]) == [module for module in MODULES if takes_storage(module)]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_the_same_as_the_others_about_itself(module):
    found = documentation(module)
    assert found["module"] == module
    assert found["version_added"]
    assert {"check_mode", "diff_mode", "idempotent", "async"} <= set(found["attributes"])
    in_group = module in RUNTIME["action_groups"]["openclaw"]
    assert ("openclaw_ops.backup._attributes.actiongroup" in found["extends_documentation_fragment"]) == in_group
    assert {"error_code", "hint"} <= set(documentation(module, "RETURN"))


@pytest.mark.parametrize("module", MODULES)
def test_examples_use_full_names_and_known_options(module):
    known = set(documentation(module)["options"])
    for fragment in ("INSTANCE", "STORAGE", "ENCRYPTION", "GATEWAY", "DOCUMENTATION"):
        text = (CHECKOUT / "plugins" / "doc_fragments" / "_common.py").read_text()
        block = re.search(rf'    {fragment} = r"""\n(.*?)"""', text, re.S).group(1)
        known |= set(yaml.safe_load(block)["options"])
    if "ansible.builtin.files" in documentation(module)["extends_documentation_fragment"]:
        known |= {"mode", "owner", "group"}
    tasks = documentation(module, "EXAMPLES")
    assert tasks
    for task in tasks:
        assert set(task[f"openclaw_ops.backup.{module}"]) <= known


def test_action_plugins_belong_to_modules():
    names = [path.stem for path in (CHECKOUT / "plugins" / "action").glob("*.py")]
    assert names and set(names) <= set(MODULES)


@pytest.mark.parametrize("path", sorted((CHECKOUT / "plugins").rglob("*.py")), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_every_plugin_names_its_licence(path):
    if path.read_text():
        licence = "BSD-2-Clause" if path.is_relative_to(CHECKOUT / "plugins" / "module_utils") else "GPL-3.0-or-later"
        assert f"SPDX-License-Identifier: {licence}" in path.read_text().split('"""')[0][:600]


def test_licence_texts_are_there():
    for licence in GALAXY["license"]:
        assert (CHECKOUT / "LICENSES" / f"{licence}.txt").stat().st_size > 1000


def test_hosts_get_exact_versions_and_the_execution_environment_gets_bounds():
    def names(path):
        lines = [line.split("#")[0].strip() for line in (CHECKOUT / path).read_text().splitlines()]
        return [line for line in lines if line]
    for line in names("requirements/runtime.txt"):
        assert re.match(r"[A-Za-z0-9_.-]+==[0-9]", line), line
    pinned = {re.split(r"[ =<>;]", line)[0] for line in names("requirements/runtime.txt")}
    for line in names("meta/ee-requirements.txt"):
        assert ">=" in line and "==" not in line and re.split(r"[ =<>;]", line)[0] in pinned, line


def test_the_archive_holds_what_runs_and_nothing_else(tmp_path):
    galaxy = Path(sys.executable).parent / "ansible-galaxy"
    if not galaxy.exists():
        pytest.skip("needs ansible-galaxy beside this interpreter")
    subprocess.run(
        [galaxy, "collection", "build", "--output-path", tmp_path, CHECKOUT], check=True, capture_output=True,
        env={**os.environ, "HOME": str(tmp_path)})
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        names = archive.getnames()
    tops = {name.split("/")[0] for name in names}
    assert tops <= {
        "plugins", "playbooks", "roles", "meta", "requirements", "changelogs", "LICENSE", "LICENSES", "README.md", "CHANGELOG.md", "MANIFEST.json",
        "FILES.json", "docs"}
    assert {"plugins/modules/openclaw_backup.py", "requirements/runtime.txt", "playbooks/backup.yml"} <= set(names)
    assert not [name for name in names if name.endswith((".pyc", ".key")) or "__pycache__" in name]
