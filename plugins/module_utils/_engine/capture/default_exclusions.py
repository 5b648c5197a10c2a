# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What is left out unless a pattern takes it back in. docs/what-is-backed-up.md lists the same, and a test compares.

Only what the gateway, npm or a browser makes anew by itself is here. Workspaces have no default exclusions at all:
whatever an agent or a person keeps there may be the only copy.
"""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DefaultExclusion:
    """name: counted in the manifest. patterns: gitignore syntax, relative to the area. reason: one line for people."""

    name: str
    patterns: tuple[str, ...]
    reason: str


_BROWSER_CACHES = (
    "Cache", "Code Cache", "GPUCache", "GPUPersistentCache", "GrShaderCache", "ShaderCache", "GraphiteDawnCache", "DawnCache",
    "DawnGraphiteCache", "DawnWebGPUCache", "Media Cache", "Application Cache", "CacheStorage", "ScriptCache", "Crashpad", "Crash Reports",
    "BrowserMetrics", "component_crx_cache", "extensions_crx_cache", "Safe Browsing", "optimization_guide_model_store",
)
# Beside databases only, so that nothing of that name elsewhere is meant. The last star takes in -wal, -shm and -journal.
_DATABASE_LOCKS = (
    "*.sqlite.generation-lock.sqlite*", "*.sqlite.generation-writer.sqlite*", "*.sqlite.reindex-lock.sqlite*", "*.lock.sqlite*",
)
_LOCKS_REASON = "belong to a process that runs now; a restored lock can only be wrong"
_UNFINISHED_REASON = "half-built copies during a reindex or a backup; the finished database beside them is captured"
_TEMPORARY_REASON = "locks and scratch files of running processes"
_UNFINISHED_DATABASES = ("*.sqlite.backup-*", "*.sqlite.memory-reindex-*", "*.sqlite.tmp-*")


def _beside_databases(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{directory}/{pattern}" for directory in ("/state", "/agents/*/agent") for pattern in patterns)


# Relative to the state directory.
STATE = (
    DefaultExclusion(
        "logs", ("/logs/*", "!/logs/config-audit.jsonl", "/*.log", "/*.log.[0-9]*"),
        "written for people, not read back; single logs of 13 GB have been seen (the audit trail of config changes stays in)"),
    DefaultExclusion("cache", ("/cache/",), "made again at the next start; about 50 MB of user interface files in 2026.9"),
    DefaultExclusion("temporary-files", ("/tmp/", "/agents/*/agent/**/tmp/", "/agents/*/agent/**/.tmp/"), _TEMPORARY_REASON),
    DefaultExclusion("locks", ("/*.lock", "/agents/*/sessions/*.lock", *_beside_databases(_DATABASE_LOCKS)),
                     _LOCKS_REASON),
    DefaultExclusion("unfinished-databases", _beside_databases(_UNFINISHED_DATABASES), _UNFINISHED_REASON),
    DefaultExclusion(
        "plugin-packages", ("/npm/projects/*/node_modules/", "/npm-runtime/", "/git/**/node_modules/", "/dev/**/node_modules/"),
        "installed again from package.json and package-lock.json, which stay in; 70 MB for one channel"),
    DefaultExclusion("plugin-skills", ("/plugin-skills/",), "links into the installed package, made anew at each start"),
    DefaultExclusion("downloaded-tools", ("/tools/",), "programs that OpenClaw downloads again when it needs them"),
    DefaultExclusion(
        "browser-caches", (*(f"/browser/**/{name}/" for name in _BROWSER_CACHES), "/browser/**/Singleton[CLS]*"),
        "caches, crash reports and locks of the agent's browser; cookies, logins and profiles stay in"),
    DefaultExclusion("sandbox-skills", ("/sandbox/skills-workspaces/",), "copies of skills for sandboxes, made anew"),
    DefaultExclusion("media-transcodes", ("/media/playback-transcode/",), "converted copies of media whose originals stay in"),
    DefaultExclusion("other-backups", ("/backups/", "/*-openclaw-backup.tar.gz", "/*-openclaw-backup.tar.gz.tmp"),
                     "backups of backups grow without end (9 MB became 3.4 TB for one user); a pattern takes them in"),
)
# Relative to an agent directory that lies outside of the state directory.
AGENT = (
    DefaultExclusion("temporary-files", ("tmp/", ".tmp/"), _TEMPORARY_REASON),
    DefaultExclusion("locks", tuple(f"/{pattern}" for pattern in _DATABASE_LOCKS), _LOCKS_REASON),
    DefaultExclusion("unfinished-databases", tuple(f"/{pattern}" for pattern in _UNFINISHED_DATABASES), _UNFINISHED_REASON),
)
# Relative to the home, when the home or "/" is taken in by extra_paths.
HOME = (
    DefaultExclusion("home-caches", (
        "/.cache/", "/.npm/_cacache/", "/.npm/_npx/", "/.local/share/Trash/", "/.nvm/.cache/", "/.bun/install/cache/"),
        "caches of the user's programs, and the waste bin"),
)
# Relative to "/", when it is taken in by extra_paths.
SYSTEM = (
    DefaultExclusion("system-caches", (
        "/var/cache/", "/var/tmp/", "/swapfile", "/swap.img", "lost+found/"), "caches and swap space of the system"),
)
# Never taken, not even when extra_paths names a directory above them: the kernel's own file systems, and what a restart clears.
NEVER = ("/proc", "/sys", "/dev", "/run", "/tmp")
# Directories in which restores in place keep the new state, and then the old one: named so wherever they are.
RESTORE_IN_PLACE = ".openclaw-restore-"
