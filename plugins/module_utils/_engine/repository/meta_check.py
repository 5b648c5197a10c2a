# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What the meta section of a manifest may say, as far as programs use it (docs/format.md)."""
# pylint: disable=unidiomatic-typecheck  # what was stored is distrusted: a bool is no number here, a subclass no text
from __future__ import annotations

_TEXTS = ("engine", "host", "note", "kind", "scope")
_INSTANCE_TEXTS = ("name", "user", "home", "state_dir", "config_path", "layout")
_LISTS = {  # name: fields of each item that are text
    "omissions": ("path", "reason"), "damaged_databases": ("path", "quick_check"), "roots": ("path", "role"),
    "findings": ("code", "message", "path"),
}
_NUMBERS_BY_NAME = ("excluded", "totals")
_NAMES_BY_ID = ("users", "groups")


def check(meta) -> None:
    """ValueError unless meta has every field that format 1 has, each of its type. Other fields are let pass."""
    if type(meta) is not dict:
        raise ValueError("its description is no JSON object")
    _texts(meta, _TEXTS, "its description")
    if meta.get("name") is not None and type(meta["name"]) is not str or type(meta.get("moment_exact")) is not bool:
        raise ValueError("its description has a field of a wrong type")
    for name, texts in _LISTS.items():
        if type(meta.get(name)) is not list:
            raise ValueError(f"its description has no list of {name}")
        for item in meta[name]:
            _texts(item, texts, f"an item of {name}")
    for name in (*_NUMBERS_BY_NAME, *_NAMES_BY_ID):
        wanted = int if name in _NUMBERS_BY_NAME else str
        if type(meta.get(name)) is not dict or any(type(value) is not wanted for value in meta[name].values()):
            raise ValueError(f"its description has no {name}")
    if type(meta.get("specials")) is not list or any(type(path) is not str for path in meta["specials"]):
        raise ValueError("its description has no list of specials")
    _check_instance(meta.get("instance"))
    for root in meta["roots"]:
        if root.get("agent") is not None and type(root["agent"]) is not str:
            raise ValueError("a root has an agent that is none")


def _check_instance(instance) -> None:
    _texts(instance, _INSTANCE_TEXTS, "its instance")
    if type(instance.get("uid")) is not int or type(instance.get("gid")) is not int or type(instance.get("versions")) is not dict:
        raise ValueError("its instance has a field of a wrong type")
    if type(instance.get("agents")) is not list or any(type(agent) is not str for agent in instance["agents"]):
        raise ValueError("its instance has no list of agents")
    for name in ("profile", "unit"):
        if instance.get(name) is not None and type(instance[name]) is not str:
            raise ValueError("its instance has a field of a wrong type")


def _texts(value, names, what: str) -> None:
    if type(value) is not dict or any(type(value.get(name)) is not str for name in names):
        raise ValueError(f"{what} lacks a field, or has one of a wrong type")
