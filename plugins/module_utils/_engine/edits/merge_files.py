# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The same as merge.py for releases before 2026.7, which keep cron jobs and sessions in files."""
from __future__ import annotations

import json

from ..capture.paths import list_names
from ..errors import EngineError
from .databases import json_object
from .merge import without_next_run
from .past import settle_entry
from .past_cron import skip_in_job
from .staged import Change, Staged, read_text, write_text

_JOBS, _STATES = "cron/jobs.json", "cron/jobs-state.json"
_INDEX = "sessions.json"


def merge_cron_files(staged: Staged, live_state_dir: str, now: int | None) -> list[Change]:
    """Make the staged cron/jobs.json, if it is a source, the live one with the snapshot's jobs. EngineError "merge-unlike", OSError.

    now: as for merge_cron().
    """
    path, states_path = f"{staged.state_dir}/{_JOBS}", f"{staged.state_dir}/{_STATES}"
    place, states_place = staged.locate(path), staged.locate(states_path)
    theirs, ours = _read(place), _read(f"{live_state_dir}/{_JOBS}")
    if theirs is None or ours is None or path not in staged.sources:
        return []
    states = _apart(_read(states_place)), _apart(_read(f"{live_state_dir}/{_STATES}"))
    changes, merged = [], {str(job.get("id")): job for job in _jobs(ours, path)}
    for job in _jobs(theirs, path):
        name = str(job.get("id"))
        before = merged.get(name)
        if before is not None and {**before, "state": None} == {**job, "state": None}:
            continue
        state = without_next_run(before.get("state") if before else job.get("state"))
        if now is not None:
            apart = states[0].get(name, {}).get("state")
            skip_in_job(job, apart if before is None and isinstance(apart, dict) else state, job.get("enabled", True) is True, now)
        merged[name] = {**job, "state": state}
        changes.append(Change("merged", path, f"cron job {name}", "of this host" if before else "absent", "of the snapshot"))
    write_text(place, _text({**ours, "jobs": list(merged.values())}))
    if states_path in staged.sources:
        write_text(states_place, _text({**(_read(f"{live_state_dir}/{_STATES}") or {}), "jobs": {**states[0], **states[1]}}))
    return changes


def _apart(value: dict | None) -> dict:
    """The record of runs by job, where a release keeps it apart."""
    jobs = value.get("jobs") if value else None
    return {name: entry for name, entry in jobs.items() if isinstance(entry, dict)} if isinstance(jobs, dict) else {}


def _text(value: dict) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def merge_session_files(staged: Staged, live_state_dir: str, settle: bool = True) -> list[Change]:
    """Make each staged index of sessions that is a source the live one with the sessions that only the snapshot has. OSError.

    The transcripts that the live state lacks are staged beside it; those that it has stay.
    """
    changes: list[Change] = []
    agents = staged.locate(f"{staged.state_dir}/agents")
    for agent in list_names(agents) if agents else ():
        path = f"{staged.state_dir}/agents/{agent}/sessions/{_INDEX}"
        place = staged.locate(path)
        theirs, ours = _read(place), _read(f"{live_state_dir}/agents/{agent}/sessions/{_INDEX}")
        if theirs is None or ours is None or path not in staged.sources:
            continue
        back = {key: entry for key, entry in theirs.items() if key not in ours}
        for entry in back.values():
            if settle and isinstance(entry, dict):
                settle_entry(entry)
        write_text(place, _text({**back, **ours}))
        changes += [Change("merged", path, f"session {key}", "absent", "of the snapshot") for key in back]
    return changes


def _read(place: str | None) -> dict | None:
    return json_object(read_text(place)) if place else None


def _jobs(value: dict, path: str) -> list[dict]:
    jobs = value.get("jobs")
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        raise EngineError(
            "merge-unlike", f"{path} holds no list of jobs, so that it cannot be merged",
            "Restore it as a whole, without merge.", {"path": path})
    return jobs
