# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine keeps its shape: which part may use which, what it never does, and how long its pieces may be."""
from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ENGINE = CHECKOUT / "plugins" / "module_utils" / "_engine"
FILES = sorted(ENGINE.rglob("*.py"))
FRONT_END = sorted((CHECKOUT / "roles" / "runner" / "files").rglob("*.py"))
LONGEST_FUNCTION = 60
LONGEST_FILE = 400
LONGEST_LINE = 140

# What each part may import. "." is the files directly in the engine that hold no operation: errors, ports, options, ...
PARTS = {
    ".": set(),
    "storage": {"."},
    "capture": {"."},
    "repository": {".", "storage"},
    "gateway": {".", "capture"},
    "status": {".", "storage", "repository"},
    "report": {".", "status"},
    "operations": {".", "storage", "capture", "repository", "gateway"},
}
FOUNDATION = {"__init__", "_version", "cron", "dependencies", "durations", "errors", "options", "ports", "progress_file", "schedule"}
FORBIDDEN_CALLS = {"print", "exit", "quit", "input", "breakpoint", "eval", "exec", "compile", "__import__"}
FORBIDDEN_ATTRIBUTES = {
    ("os", "system"), ("os", "popen"), ("os", "_exit"), ("os", "fork"), ("os", "chdir"), ("os", "umask"), ("os", "environ"),
    ("os", "getenv"), ("os.path", "expanduser"), ("sys", "exit"), ("sys", "stdout"), ("sys", "stderr"), ("time", "sleep"),
    ("time", "time"),
}
FORBIDDEN_MODULES = {"subprocess", "pty", "multiprocessing", "urllib.request", "logging", "pickle", "marshal", "ansible", "ansible_collections"}
THIRD_PARTY_DOOR = "dependencies.py"
CLOCK_DOOR = "ports.py"


def _part(path: Path) -> str:
    relative = path.relative_to(ENGINE)
    if len(relative.parts) > 1:
        return relative.parts[0] if relative.parts[0] in PARTS else "operations"
    return "." if path.stem in FOUNDATION else "operations"


def _imports(path: Path):
    """(line, relative level, module) of every import in a file, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, 0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module is None:
                yield from ((node.lineno, node.level, alias.name) for alias in node.names)
            else:
                yield node.lineno, node.level, node.module


def _target(path: Path, level: int, module: str) -> Path:
    """The file or package that a relative import names."""
    base = path.parent
    for _step in range(level - 1):
        base = base.parent
    target = base.joinpath(*module.split("."))
    return target if target.is_dir() else target.with_suffix(".py")


def _name(path: Path) -> str:
    return str(path.relative_to(ENGINE if path.is_relative_to(ENGINE) else CHECKOUT / "roles"))


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_point_only_downwards(path):
    allowed = PARTS[_part(path)] | {_part(path)}
    wrong = []
    for line, level, module in _imports(path):
        if level:
            target = _target(path, level, module)
            if not target.is_relative_to(ENGINE):
                wrong.append(f"line {line} leaves the engine: {module}")
            elif target != ENGINE and (part := target.name if target.is_dir() else _part(target)) not in allowed:
                wrong.append(f"line {line}: {_part(path)} uses {part}")
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_only_the_standard_library_is_imported_and_packages_only_through_dependencies(path):
    wrong = []
    for line, level, module in _imports(path):
        top = module.split(".", maxsplit=1)[0]
        if level:
            continue
        if top in FORBIDDEN_MODULES or module in FORBIDDEN_MODULES:
            wrong.append(f"line {line}: {module}")
        elif top not in sys.stdlib_module_names and path.name != THIRD_PARTY_DOOR:
            wrong.append(f"line {line}: {module} must come from {THIRD_PARTY_DOOR}")
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_the_world_is_touched_only_through_ports(path):
    wrong = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assert):
            wrong.append(f"line {node.lineno}: assert")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            wrong.append(f"line {node.lineno}: {node.func.id}()")
        elif isinstance(node, ast.Attribute) and (ast.unparse(node.value), node.attr) in FORBIDDEN_ATTRIBUTES:
            if path.name != CLOCK_DOOR:
                wrong.append(f"line {node.lineno}: {ast.unparse(node)}")
    assert not wrong


@pytest.mark.parametrize("path", FILES + FRONT_END, ids=_name)
def test_pieces_fit_a_screen(path):
    text = path.read_text()
    wrong = [f"line {n} is longer than {LONGEST_LINE}" for n, line in enumerate(text.splitlines(), 1) if len(line) > LONGEST_LINE]
    if len(text.splitlines()) > LONGEST_FILE:
        wrong.append(f"{len(text.splitlines())} lines, more than {LONGEST_FILE}: give each job a file")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            if length > LONGEST_FUNCTION:
                wrong.append(f"{node.name} has {length} lines, more than {LONGEST_FUNCTION}")
    assert not wrong


@pytest.mark.parametrize("path", [f for f in FILES if f.read_text()], ids=_name)
def test_every_file_names_its_licence_and_what_it_is_for(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert "SPDX-License-Identifier: BSD-2-Clause" in text.splitlines()[2]
    assert ast.get_docstring(tree)
    assert any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body)


def test_the_version_is_the_collections():
    galaxy = (CHECKOUT / "galaxy.yml").read_text()
    version = next(line.split(":")[1].strip() for line in galaxy.splitlines() if line.startswith("version:"))
    namespace: dict = {}
    exec((ENGINE / "_version.py").read_text(), namespace)  # pylint: disable=exec-used
    assert namespace["VERSION"] == version
