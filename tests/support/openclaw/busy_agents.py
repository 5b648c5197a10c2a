# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents of a real gateway that are at work all the time."""
from __future__ import annotations

import threading

from support.openclaw.gateway import OpenClaw


class BusyAgents:
    """Keeps both agents in turns, from the beginning of the with block to its end."""

    def __init__(self, openclaw: OpenClaw) -> None:
        self._openclaw, self._stop, self.turns = openclaw, threading.Event(), 0
        self._failure: BaseException | None = None
        self._threads = [threading.Thread(target=self._talk, args=(agent,)) for agent in ("main", "work")]

    def _talk(self, agent: str) -> None:
        try:
            while not self._stop.is_set():
                # A suspended gateway takes no turn for a moment; to start it anew would end what is tested.
                self._openclaw.say(agent, f"wait 1 seconds, then tell me more about {self.turns}", restart=False)
                self.turns += 1
        except BaseException as exc:  # for the test to see
            self._failure = exc

    def __enter__(self) -> BusyAgents:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._failure is not None:
            raise self._failure


def wait_for(condition) -> None:
    """Until it holds; a turn takes seconds."""
    waiting = threading.Event()
    for _unused in range(600):
        if condition():
            return
        waiting.wait(0.1)
    raise AssertionError("the agents did not work")
