# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""From an instance and the options of a backup to the places where walks begin and the subtrees that they leave out."""
from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Mapping

from ..errors import EngineError
from ..options import SCOPES, BackupOptions
from . import default_exclusions
from .model import Instance, Root
from .paths import ancestors, expand, inside, mounts, place_below

ROLES = {
    "everything": ("state", "config", "include", "workspace", "agent", "credentials", "auxiliary", "environment", "unit"),
    "config": ("config", "include", "environment", "unit"),
    "state": ("state", "config", "include", "agent", "credentials", "auxiliary", "environment", "unit"),
    "workspace": ("workspace",),
}
CUT_SCOPE, CUT_FOREIGN, CUT_NEVER = "scope", "another-instance", "system-directory"
HOMEBREW = ("/home/linuxbrew/.linuxbrew", "/opt/homebrew")
PSEUDO_FILE_SYSTEMS = frozenset((
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "fuse.gvfsd-fuse",
    "fuse.portal", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs", "selinuxfs",
    "sysfs", "tracefs",
))


@dataclass(frozen=True)
class Selection:
    """What one backup walks.

    roots: disjoint; a root that is covered by another is not in it. cuts: subtree inside a root → why it is left out;
    a root may lie inside a cut. all_roots: every root in scope, covered ones too, for roles and agents.
    """

    roots: tuple[Root, ...]
    cuts: Mapping[str, str]
    all_roots: tuple[Root, ...]


def select_roots(instance: Instance, options: BackupOptions, environment: Mapping[str, str], *, root: str = "/") -> tuple[Root, ...]:
    """The roots of select()."""
    return select(instance, options, environment, root=root).roots


def select(instance: Instance, options: BackupOptions, environment: Mapping[str, str], *, root: str = "/") -> Selection:
    """What to walk for a scope, include.workspace and include.extra_paths.

    environment: HOMEBREW_PREFIX is looked up in it. root: where the host's file system is mounted. Extra paths are taken
    whatever the scope. Raises EngineError: "scope-unknown", "scope-empty", "extra-path-relative", "extra-path-excluded".
    """
    if options.scope not in SCOPES:
        raise EngineError("scope-unknown", f"There is no scope {options.scope!r}", f"Scopes: {', '.join(SCOPES)}.")
    roles = [role for role in ROLES[options.scope] if role != "workspace" or options.include.workspace]
    never = _never(root)
    extra_paths = [path for text in options.include.extra_paths for path in _extra(text, instance, environment, root, never)]
    extras = [Root(path, "extra", None, True) for path in extra_paths]
    wanted = [entry for entry in instance.roots if entry.role in roles]
    if not wanted and not extras:
        raise EngineError("scope-empty", f"The scope {options.scope} of {instance.name} has nothing in it",
                          "Allow workspaces with include.workspace, or choose another scope.")
    unwanted = [entry for entry in instance.roots if entry.role not in roles]
    cuts = _cuts(instance, wanted, unwanted, extras, never)
    everything = tuple(dict.fromkeys([*extras, *wanted]))
    return Selection(_disjoint(everything, cuts), _useful(cuts, everything), everything)


def _never(root: str) -> list[str]:
    """Directories that extra paths never take in: the fixed list, and where pseudo file systems are mounted now."""
    places = [place_below(name, root) for name in default_exclusions.NEVER]
    if root == "/":
        places += [point for point, kind in mounts() if kind in PSEUDO_FILE_SYSTEMS]
    return list(dict.fromkeys(places))


def _extra(text: str, instance: Instance, environment: Mapping[str, str], root: str, never: list[str]) -> list[str]:
    """The path of one entry of extra_paths, links resolved, with the links that led to it. Aliases: HOME, HOMEBREW, "~"."""
    path = text.strip()
    if path == "HOME" or path.startswith("HOME/"):
        path = instance.home + path[len("HOME"):]
    elif path == "HOMEBREW":
        prefixes = [environment.get("HOMEBREW_PREFIX", ""), *HOMEBREW]
        path = next((prefix for prefix in prefixes if prefix.startswith("/") and os.path.isdir(place_below(prefix, root))), HOMEBREW[0])
    if not path.startswith(("/", "~")):
        raise EngineError("extra-path-relative", f"extra_paths has a relative path: {text}",
                          "Give an absolute path, or the alias HOME.", {"path": text})
    path = place_below(expand(path, instance.home, "/"), root)
    real = os.path.realpath(path)
    for place in never:
        if inside(real, place):
            raise EngineError(
                "extra-path-excluded", f"extra_paths names {text}, and {place} is never backed up",
                "Remove it from extra_paths; move data that must be kept to another place.", {"path": text})
    return [real, os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))] if os.path.islink(path) else [real]


def _cuts(instance: Instance, wanted: list[Root], unwanted: list[Root], extras: list[Root], never: list[str]) -> dict[str, str]:
    """Subtree → reason. What an extra path names, or lies in, is wanted whatever the scope says."""
    cuts: dict[str, str] = {}
    kept = {entry.path for entry in (*wanted, *extras)}
    for entry in unwanted:
        if entry.path not in kept:
            cuts[entry.path] = CUT_SCOPE
    for path in instance.foreign:
        cuts[path] = CUT_FOREIGN
    cuts = {path: reason for path, reason in cuts.items() if not any(inside(path, extra.path) for extra in extras)}
    if extras:
        cuts.update({path: CUT_NEVER for path in never if path not in kept})
    return cuts


def _disjoint(roots: tuple[Root, ...], cuts: Mapping[str, str]) -> tuple[Root, ...]:
    """Those roots that no walk of another reaches. Of two with one path the first stays, required if either is."""
    by_path: dict[str, Root] = {}
    for entry in roots:
        known = by_path.setdefault(entry.path, entry)
        if entry.required and not known.required:
            by_path[entry.path] = Root(known.path, known.role, known.agent, True)
    return tuple(entry for path, entry in by_path.items() if _reached_from(path, by_path, cuts) is None)


def _reached_from(path: str, roots: Mapping[str, Root], cuts: Mapping[str, str]) -> str | None:
    """The root whose walk comes to a path: the nearest root above it, unless a cut is nearer."""
    for place in (path, *ancestors(path)) if path != "/" else ():
        if place in cuts:
            return None
        if place != path and place in roots:
            return place
    return None


def _useful(cuts: Mapping[str, str], roots: tuple[Root, ...]) -> dict[str, str]:
    """The cuts that lie inside a root."""
    return {
        path: reason for path, reason in sorted(cuts.items())
        if any(inside(path, entry.path) and path != entry.path for entry in roots)}
