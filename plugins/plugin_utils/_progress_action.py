# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Runs a module asynchronously and prints how far it is, one line per host now and then.

Modules cannot print while they run. So this starts the module as Ansible starts an asynchronous one, which leaves its
result in a file, and tells it a second file in which to leave its progress. One cheap command reads both. Since the work
does not hang on the connection, a connection that breaks for a while is no failure either.
"""
from __future__ import annotations

import json
import re
import secrets
import shlex
import time
from dataclasses import dataclass, field

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.progress_file import VARIABLE as PROGRESS_VARIABLE
from ansible_collections.openclaw_ops.backup.plugins.plugin_utils._progress_line import Sample, line

VARIABLE = "openclaw_backup_progress"
TIME_LIMIT = 30 * 24 * 3600  # seconds; Ansible kills an asynchronous module then, without a chance to clean up
PATIENCE = 600.0  # seconds for which a host may not answer while its work goes on
GRACE = 20.0  # seconds after the end of the process in which its result must appear
UNFINISHED = re.compile(r'"finished": *(0|false)')  # in the file that Ansible's wrapper keeps for a job
JOB_KEYS = ("ansible_job_id", "results_file", "started", "finished")


@dataclass
class Job:
    """A module that runs on a host. started: by this process's stopwatch."""

    id: str
    directory: str
    progress_path: str
    started: float = field(default_factory=time.monotonic)
    pid: int | None = None
    dead_since: float | None = None
    next_line: float = 3.0
    samples: list[Sample] = field(default_factory=list)


class ProgressAction(ActionBase):
    """The base of the action plugins. module: which module they run."""

    module = ""
    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp=None, task_vars=None):
        """Run the module with progress, or as any other where the task is asynchronous itself or progress is not wanted."""
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        if self._task.async_val or not self._wanted(task_vars):
            return merge_hash(result, self._run_plainly(task_vars))
        return merge_hash(result, self._run_with_progress(task_vars))

    def _wanted(self, task_vars: dict) -> bool:
        value = self._templar.template(task_vars.get(VARIABLE, True))
        return boolean(value, strict=False) and not self._connection.has_native_async

    def _run_plainly(self, task_vars: dict) -> dict:
        wrap_async = self._task.async_val and not self._connection.has_native_async
        result = self._execute_module(module_name=self.module, task_vars=task_vars, wrap_async=wrap_async)
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _run_with_progress(self, task_vars: dict) -> dict:
        # Not expanded here: what "~" is, the module and Ansible's wrapper find out on the host, in the same way.
        directory = self.get_shell_option("async_dir", default="~/.ansible_async")
        name = f"openclaw-progress-{secrets.token_hex(8)}.json"
        join = self._connection._shell.join_path
        answer = self._start(join(directory, name), task_vars)
        if "results_file" not in answer or answer.get("failed"):
            return answer
        directory = answer["results_file"].rpartition("/")[0]
        job = Job(answer["ansible_job_id"], directory, join(directory, name))
        try:
            self._wait(job, task_vars)
            return self._result(job, task_vars)
        finally:
            self._clean_up(job)

    def _start(self, progress_path: str, task_vars: dict) -> dict:
        """Start the module. What makes the task asynchronous for Ansible must not stay with it afterwards."""
        environment = self._task.environment
        self._task.environment = [*(environment or []), {PROGRESS_VARIABLE: progress_path}]
        self._task.async_val = TIME_LIMIT
        try:
            return self._execute_module(module_name=self.module, task_vars=task_vars, wrap_async=True)
        finally:
            self._task.async_val, self._task.environment = 0, environment

    def _wait(self, job: Job, task_vars: dict) -> None:
        """Return when the job has a result or can no longer have one."""
        pause, silent_since = 0.3, None
        while True:
            time.sleep(pause)
            pause = min(2.0, pause * 1.4)
            try:
                finished = self._look(job, task_vars)
                silent_since = None
            except AnsibleConnectionFailure:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > PATIENCE:
                    raise
                self._connection.reset()
                continue
            if finished:
                return

    def _look(self, job: Job, task_vars: dict) -> bool:
        """Read progress and the head of the result in one command; print a line if it is time. True: the job has ended."""
        quoted = shlex.quote(job.progress_path)
        result_path = shlex.quote(self._connection._shell.join_path(job.directory, job.id))
        alive = f"kill -0 {job.pid} 2>/dev/null && echo alive || echo dead" if job.pid else "echo alive"
        answer = self._low_level_execute_command(f"cat {quoted} 2>/dev/null; echo; {alive}; head -c 300 {result_path} 2>/dev/null; echo")
        lines = [text.strip() for text in answer.get("stdout", "").splitlines() if text.strip()]
        self._note_progress(job, next((text for text in lines if text.startswith('{"phase"')), None), task_vars)
        head = lines[-1] if lines else ""
        if head.startswith("{") and not head.startswith('{"phase"') and not UNFINISHED.search(head):
            return True
        if "dead" not in lines:
            job.dead_since = None
            return False
        job.dead_since = job.dead_since or time.monotonic()
        return time.monotonic() - job.dead_since > GRACE

    def _note_progress(self, job: Job, text: str | None, task_vars: dict) -> None:
        try:
            content = json.loads(text) if text else None
            sample = Sample.from_dict(content) if content else None
        except (ValueError, TypeError, KeyError):
            return
        if sample is None:
            return
        job.pid = sample.pid
        job.samples = [*job.samples[-9:], sample]
        elapsed = time.monotonic() - job.started
        if elapsed >= job.next_line:
            job.next_line = elapsed + min(30.0, max(3.0, elapsed / 10))
            Display().display(f"{task_vars.get('inventory_hostname', 'host')}: {line(job.samples)}", color="bright gray")

    def _result(self, job: Job, task_vars: dict) -> dict:
        arguments = {"jid": job.id, "mode": "status", "_async_dir": job.directory}
        result = self._execute_module(module_name="ansible.legacy.async_status", module_args=arguments, task_vars=task_vars)
        if not result.get("finished") or result.get("failed") and "error_code" not in result and "cmd" in result:
            hint = "Look for a lack of memory in the host's log, then run the task again: it resumes."
            said = str(result.get("stderr") or result.get("data") or "")[-2000:]
            return {
                "failed": True, "changed": False, "error_code": "process-lost", "hint": hint, "details": {"output": said},
                "msg": f"The process of {self.module} on the host ended without a result. {hint}"}
        for key in JOB_KEYS:
            result.pop(key, None)
        return result

    def _clean_up(self, job: Job) -> None:
        """Remove the job's files. A host that does not answer keeps two small ones."""
        result_path = self._connection._shell.join_path(job.directory, job.id)
        names = " ".join(shlex.quote(path) for path in (job.progress_path, job.progress_path + ".new", result_path))
        try:
            self._low_level_execute_command(f"rm -f {names}")
            self._remove_tmp_path(self._connection._shell.tmpdir)
        except AnsibleConnectionFailure as exc:
            Display().vvv(f"could not remove {names}: {exc}")
