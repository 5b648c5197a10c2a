# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The same as merge.py for releases before 2026.7, which keep cron jobs and sessions in files."""
from __future__ import annotations

import json
import os
import shutil

from ..capture.paths import list_names
from ..errors import EngineError
from .databases import json_object
from .merge import without_next_run
from .staged import Change, Staged, read_text, write_text

_JOBS, _STATES = "cron/jobs.json", "cron/jobs-state.json"
_INDEX = "sessions.json"


def merge_cron_files(staged: Staged, live_state_dir: str) -> list[Change]:
    """Make the staged cron/jobs.json the live one with the snapshot's jobs. EngineError "merge-unlike", OSError."""
    path = f"{staged.state_dir}/{_JOBS}"
    place = staged.locate(path)
    theirs, ours = _read(place), _read(f"{live_state_dir}/{_JOBS}")
    if theirs is None or ours is None:
        return []
    changes, merged = [], {str(job.get("id")): job for job in _jobs(ours, path)}
    for job in _jobs(theirs, path):
        name = str(job.get("id"))
        before = merged.get(name)
        state = without_next_run(before.get("state")) if before else job.get("state")
        if before is None or {**before, "state": None} != {**job, "state": None}:
            merged[name] = {**job, "state": state if isinstance(state, dict) else {}}
            changes.append(Change("merged", path, f"cron job {name}", "of this host" if before else "absent", "of the snapshot"))
    write_text(place, json.dumps({**ours, "jobs": list(merged.values())}, ensure_ascii=False, indent=2) + "\n")
    _merge_states(staged, live_state_dir)
    return changes


def _merge_states(staged: Staged, live_state_dir: str) -> None:
    """The record of runs, where a release keeps it apart: that of the live state counts."""
    place = staged.locate(f"{staged.state_dir}/{_STATES}")
    theirs, ours = _read(place), _read(f"{live_state_dir}/{_STATES}")
    if theirs is None or ours is None or not isinstance(theirs.get("jobs"), dict) or not isinstance(ours.get("jobs"), dict):
        return
    write_text(place, json.dumps({**ours, "jobs": {**theirs["jobs"], **ours["jobs"]}}, ensure_ascii=False, indent=2) + "\n")


def merge_session_files(staged: Staged, live_state_dir: str) -> list[Change]:
    """Make each agent's staged directory of sessions the live one with the sessions that only the snapshot has. OSError."""
    changes: list[Change] = []
    agents = staged.locate(f"{staged.state_dir}/agents")
    for agent in list_names(agents) if agents else ():
        path = f"{staged.state_dir}/agents/{agent}/sessions"
        place, live = staged.locate(path), f"{live_state_dir}/agents/{agent}/sessions"
        index = staged.locate(f"{path}/{_INDEX}")
        theirs, ours = _read(index), _read(f"{live}/{_INDEX}")
        if theirs is None or ours is None:
            continue
        for name in list_names(live):  # the transcripts of the live state, also of sessions that both have
            if name != _INDEX and os.path.isfile(f"{live}/{name}") and not os.path.islink(f"{live}/{name}"):
                _take(f"{live}/{name}", f"{place}/{name}")
        write_text(index, json.dumps({**theirs, **ours}, ensure_ascii=False, indent=2))
        changes += [
            Change("merged", f"{path}/{_INDEX}", f"session {key}", "absent", "of the snapshot") for key in theirs if key not in ours]
    return changes


def _take(source: str, place: str) -> None:
    """A copy with owner, mode and times, in the place of what is there."""
    if os.path.lexists(place):
        os.unlink(place)
    shutil.copy2(source, place, follow_symlinks=False)
    if os.geteuid() == 0:
        status = os.lstat(source)
        os.chown(place, status.st_uid, status.st_gid, follow_symlinks=False)


def _read(place: str | None) -> dict | None:
    return json_object(read_text(place)) if place else None


def _jobs(value: dict, path: str) -> list[dict]:
    jobs = value.get("jobs")
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        raise EngineError(
            "merge-unlike", f"{path} holds no list of jobs, so that it cannot be merged",
            "Restore it as a whole, without merge.", {"path": path})
    return jobs
