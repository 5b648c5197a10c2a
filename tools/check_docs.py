# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks what the documentation promises: links lead somewhere, every error code is explained, nothing private is named."""
from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from collection_tree import CHECKOUT, LEFT_OUT_ANYWHERE, LEFT_OUT_ON_TOP

SHIPPED = ("plugins", "roles")
TROUBLESHOOTING = CHECKOUT / "docs" / "troubleshooting.md"
CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.M | re.S)
TEXT_SUFFIXES = {".md", ".py", ".yml", ".yaml", ".sh", ".txt", ".toml", ".cfg", ".j2", ".json", ""}
# Joined here so that this file does not name them itself.
NOTES = ("research", "openclaw", "DESIGN", "s3", "seeds", "hosts", "hooks")
PRIVATE = [
    "pypi" + ".org", "pythonhosted" + ".org", "registry.npm" + "js.org", "crates" + ".io", "rubygems" + ".org", "/work" + "/main",
    "/work" + "/shared", "/tmp" + "/w/", "/opt" + "/pypi", "/opt" + "/wheels", "/root" + "/.pyenv", *("sha" + "red/" + name for name in NOTES),
]


def files(*suffixes: str):
    """Files of the checkout with one of these suffixes."""
    for path in sorted(CHECKOUT.rglob("*")):
        parts = path.relative_to(CHECKOUT).parts
        if path.is_file() and path.suffix in suffixes and parts[0] not in LEFT_OUT_ON_TOP and not LEFT_OUT_ANYWHERE & set(parts):
            yield path


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).strip().lower())
    return kept.replace(" ", "-")


def anchors(path: Path) -> set[str]:
    text = FENCE.sub("", path.read_text())
    return {slug(m.group(1)) for m in re.finditer(r"^#+\s+(.*)$", text, re.M)} | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def broken_links():
    for path in files(".md"):
        for target in LINK.findall(FENCE.sub("", path.read_text())):
            if re.match(r"[a-z]+:", target):
                continue
            name, _hash, anchor = target.partition("#")
            goal = (path.parent / name).resolve() if name else path
            if not goal.exists():
                yield f"{path.relative_to(CHECKOUT)}: link to {target}: no such file"
            elif anchor and goal.suffix == ".md" and anchor not in anchors(goal):
                yield f"{path.relative_to(CHECKOUT)}: link to {target}: no such heading"


def error_codes() -> dict[str, str]:
    """Every error code in what is shipped and where it is raised: EngineError's first argument, error_code=, CODE tables."""
    found: dict[str, str] = {}

    def note(node, where: str) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
            found.setdefault(node.value, where)

    for path in files(".py"):
        if path.relative_to(CHECKOUT).parts[0] not in SHIPPED:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            where = f"{path.relative_to(CHECKOUT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if node.args and (name.endswith("Error") or name == "super().__init__"):
                    note(node.args[0], where)
                for keyword in node.keywords:
                    if keyword.arg in ("error_code", "code"):
                        note(keyword.value, where)
    return found


def unexplained_codes():
    text = TROUBLESHOOTING.read_text() if TROUBLESHOOTING.exists() else ""
    names = {heading or row for heading, row in re.findall(r"^#+ `([a-z0-9-]+)`|^\| `([a-z0-9-]+)`", text, re.M)}
    raised = error_codes()
    for code, where in sorted(raised.items()):
        if code not in names:
            yield f"{where}: error code {code} is not explained in docs/troubleshooting.md"
    for code in sorted(names - set(raised)):
        if f'"{code}"' not in _plugins_text():
            yield f"docs/troubleshooting.md: {code} is explained but never raised"


def _plugins_text() -> str:
    return "".join(p.read_text() for p in files(".py") if p.relative_to(CHECKOUT).parts[0] in SHIPPED)


def private_names():
    for path in files(*TEXT_SUFFIXES):
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for name in PRIVATE:
                if name in line:
                    yield f"{path.relative_to(CHECKOUT)}:{number}: names {name}"


def main() -> int:
    problems = [*broken_links(), *unexplained_codes(), *private_names()]
    for problem in problems:
        print(problem)
    print(f"documentation: {len(problems)} problems")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
