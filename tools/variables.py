# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes docs/variables.md from the roles' argument specs; with --check it only says whether the page is what it would write."""
from __future__ import annotations

import json
import re
import sys

import yaml
from collection_tree import CHECKOUT

PAGE = CHECKOUT / "docs" / "variables.md"
ROLES = sorted((CHECKOUT / "roles").glob("*/meta/argument_specs.yml"))
HEAD = """\
# Variables

<!-- Made by tools/variables.py from the argument specs of the roles: change those, then run make variables. -->

Every variable of every role. Set them for all hosts, a group or a host, as Ansible's variables are set; `ansible-doc -t role
openclaw_ops.backup.NAME` shows the same. Those that begin with `openclaw_backup_` are shared by the roles that list them: set each once. Indented names are
keys of the variable above them.
"""
# What antsibull's marks mean, in Markdown.
MARKS = (
    (re.compile(r"[VCE]\(((?:[^()\\]|\\.)*)\)"), r"`\1`"), (re.compile(r"[OR]\((?:[a-z_.]+#\w+:)?((?:[^()\\]|\\.)*)\)"), r"`\1`"),
    (re.compile(r"[MP]\(([^()#]*)(?:#\w+)?\)"), r"`\1`"), (re.compile(r"[BI]\(([^()]*)\)"), r"*\1*"),
    (re.compile(r"[LU]\(([^,()]*),\s*([^()]*)\)"), r"[\1](\2)"), (re.compile(r"\\([,()])"), r"\1"))


def marked(text: str) -> str:
    """Text of a spec as Markdown, fit for a cell of a table."""
    for pattern, meaning in MARKS:
        text = pattern.sub(meaning, text)
    return " ".join(text.split()).replace("|", "\\|")


def described(option: dict) -> str:
    """What an option is about; its choices, too."""
    said = option.get("description", [])
    text = " ".join(marked(line) for line in ([said] if isinstance(said, str) else said))
    choices = option.get("choices")
    return text + (f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else "")


def rows(options: dict, depth: int = 0):
    """A line for each option, and for those inside it."""
    for name, option in options.items():
        kind = option.get("type", "str") + (f" of {option['elements']}" if "elements" in option else "")
        default = option.get("default")
        shown = "required" if option.get("required") else "" if default in (None, "", {}, []) else f"`{json.dumps(default)}`"
        yield f"| {'&nbsp;&nbsp;' * depth}`{name}` | {kind} | {shown} | {described(option)} |"
        yield from rows(option.get("options", {}), depth + 1)


def content() -> str:
    """The page."""
    parts = [HEAD]
    for path in ROLES:
        role = path.parents[1].name
        for entry, spec in yaml.safe_load(path.read_text())["argument_specs"].items():
            said = spec.get("description", [])
            text = " ".join(marked(line) for line in ([said] if isinstance(said, str) else said))
            title = f"Role {role}" + ("" if entry == "main" else f", entry {entry}")
            parts.append("\n".join([
                f"## {title}", "", f"{marked(spec['short_description'])}. {text}".strip(), "", f"How to use it: [README](../roles/{role}/README.md).", "",
                "| variable | type | default | meaning |", "|---|---|---|---|", *rows(spec.get("options", {})), ""]))
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    wanted = content()
    if arguments == ["--check"]:
        current = PAGE.exists() and PAGE.read_text() == wanted
        print("docs/variables.md is current" if current else "docs/variables.md is not what the roles say: run make variables")
        return int(not current)
    PAGE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
