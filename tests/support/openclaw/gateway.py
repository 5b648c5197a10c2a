# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real OpenClaw in a home directory of its own: set up, run as a gateway on loopback, talk to it, stop it."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
import uuid

from support.ceph import free_port
from support.openclaw import installation
from support.openclaw.model_server import MODEL

TOKEN = "test-gateway-token"
READY_SECONDS = 300.0
COMMAND_SECONDS = 120.0
TURN_ATTEMPTS = 4


def cron_far_from_now(weekday: str = "*") -> str:
    """A cron expression for half a day from now, in local time: such a job never runs in the course of a test."""
    return f"0 {(time.localtime().tm_hour + 12) % 24} * * {weekday}"


class OpenClaw:
    """One instance: a home directory with .openclaw in it. Nothing outside the directory is touched.

    home: made if it does not exist. port: the gateway's, a free one by default. state_dir: where the state is, if not in
    the usual place (a restored copy, say).
    """

    def __init__(self, home: str, cache: str, port: int | None = None, state_dir: str | None = None) -> None:
        self.home = os.path.abspath(home)
        self.state_dir = state_dir or os.path.join(self.home, ".openclaw")
        self.port = port or free_port()
        self._programs = installation.search_path(cache)
        self._process: subprocess.Popen | None = None
        self._cron = True
        os.makedirs(os.path.join(self.home, "tmp"), mode=0o700, exist_ok=True)

    def environment(self) -> dict[str, str]:
        """What the gateway and every command run with: no channels, no updates, nothing announced on the network."""
        environment = {
            "PATH": os.pathsep.join((self._programs, "/usr/bin", "/bin")), "HOME": self.home, "LC_ALL": "C.UTF-8",
            "TMPDIR": os.path.join(self.home, "tmp"), "OPENCLAW_SKIP_CHANNELS": "1", "OPENCLAW_DISABLE_BONJOUR": "1",
            "OPENCLAW_NO_AUTO_UPDATE": "1", "OPENCLAW_OFFLINE": "1", "OPENCLAW_GATEWAY_PORT": str(self.port)}
        if self.state_dir != os.path.join(self.home, ".openclaw"):
            environment["OPENCLAW_STATE_DIR"] = self.state_dir
        return environment

    def command(self, *arguments: str, timeout: float = COMMAND_SECONDS, check: bool = True) -> subprocess.CompletedProcess:
        """Run `openclaw ...`."""
        done = subprocess.run(["openclaw", *arguments], env=self.environment(), cwd=self.home, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=timeout)
        if check and done.returncode:
            raise RuntimeError(f"openclaw {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}{done.stdout[-1000:]}")
        return done

    def json_command(self, *arguments: str, timeout: float = COMMAND_SECONDS):
        """Run `openclaw ...` and parse what it prints."""
        return json.loads(self.command(*arguments, "--json", timeout=timeout).stdout)

    def onboard(self, model_url: str) -> None:
        """First set-up: a local gateway with a token, one agent, and a model server."""
        self.command(
            "onboard", "--non-interactive", "--accept-risk", "--mode", "local", "--auth-choice", "custom-api-key",
            "--custom-base-url", model_url, "--custom-api-key", "test-key", "--custom-model-id", MODEL, "--custom-provider-id", "lab",
            "--custom-compatibility", "openai", "--gateway-auth", "token", "--gateway-token", TOKEN, "--gateway-bind", "loopback",
            "--gateway-port", str(self.port), "--skip-channels", "--skip-daemon", "--skip-health", "--skip-search", "--skip-skills",
            "--skip-ui", "--skip-hooks")

    def start(self, *, cron: bool = True) -> None:
        """Run the gateway and wait until it is ready. cron False: no scheduled work."""
        self.launch(cron=cron)
        deadline = time.monotonic() + READY_SECONDS
        while not self.probe("readyz").get("ready"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the gateway did not become ready; its log ends: {self.log()[-3000:]}")
            time.sleep(0.2)

    def launch(self, *, cron: bool = True) -> None:
        """Run the gateway, without waiting for it."""
        self._cron = cron
        environment = self.environment()
        if not cron:
            environment["OPENCLAW_SKIP_CRON"] = "1"
        with open(os.path.join(self.home, "gateway.log"), "ab") as log:
            self._process = subprocess.Popen(["openclaw", "gateway", "run"], env=environment, cwd=self.home, stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log, start_new_session=True)

    @property
    def pid(self) -> int | None:
        """The process that was started, if it has not been stopped since."""
        return self._process.pid if self._process else None

    def stop(self, timeout: float = 60.0) -> None:
        """Stop the gateway cleanly."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._process = None

    def kill(self) -> None:
        """End the gateway and all its helpers at once, as a power cut does."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """What the gateway has said."""
        with open(os.path.join(self.home, "gateway.log"), encoding="utf-8", errors="replace") as stream:
            return stream.read()

    def probe(self, name: str) -> dict:
        """The JSON of a health address (healthz, readyz, startupz), or {} while there is none: unknown ones answer with a page."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{name}", timeout=5) as answer:
                return json.load(answer)
        except (OSError, ValueError, urllib.error.URLError):
            return {}

    def call(self, method: str, **parameters):
        """Ask the running gateway, through its own interface: in milliseconds, where `openclaw gateway call` takes seconds."""
        # Not above: grow.py and the lab of hosts load this file where the collection cannot be imported (yet).
        from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.calls import GatewayCalls
        from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway.endpoint import Endpoint
        from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
        calls = GatewayCalls(Endpoint("127.0.0.1", self.port, secret=TOKEN), Context())
        try:
            return calls.call(method, COMMAND_SECONDS, **parameters)
        finally:
            calls.close()

    def say(self, agent: str, message: str, restart: bool = True) -> None:
        """One turn of an agent, by the gateway; asked again where it is UNAVAILABLE. restart: of a gateway started anew.

        OpenClaw 2026.9.6 now and then loses a race between its idle cleanup and its first maintenance of a new agent's
        database, and refuses every later turn ("another OpenClaw process owns state-lifecycle") until it is started again.
        """
        for attempt in range(1, TURN_ATTEMPTS + 1):
            parameters = {"message": message, "agentId": agent, "idempotencyKey": str(uuid.uuid4())}
            done = self.command("gateway", "call", "agent", "--params", json.dumps(parameters), "--expect-final", "--json",
                                "--timeout", str(int(COMMAND_SECONDS * 1000)), timeout=COMMAND_SECONDS + 10, check=False)
            if done.returncode == 0:
                return
            if '"UNAVAILABLE"' not in done.stdout or attempt == TURN_ATTEMPTS:
                raise RuntimeError(f"agent {agent} did not answer: {done.stdout[-1000:]}{done.stderr[-1000:]}")
            if restart and self._process is not None:
                self.stop()
                self.start(cron=self._cron)

    def add_agent(self, name: str, workspace: str) -> None:
        """A second agent with a workspace of its own."""
        self.command("agents", "add", name, "--workspace", workspace, "--non-interactive", "--json")

    def add_cron_job(self, name: str, agent: str, expression: str, message: str) -> None:
        """A job that lets an agent say something at certain times."""
        self.command("cron", "add", "--name", name, "--cron", expression, "--agent", agent, "--message", message, "--json")

    def contents(self) -> dict:
        """What its interface shows of agents, sessions with their messages, and cron jobs; comparable between two gateways."""
        sessions = {}
        for session in self.call("sessions.list", limit=1000)["sessions"]:
            messages = self.call("chat.history", sessionKey=session["key"], limit=1000)["messages"]
            sessions[session["key"]] = [(message["role"], message["content"]) for message in messages]
        jobs = {job["id"]: (job["name"], job.get("agentId"), job["enabled"], job["schedule"], job["payload"])
                for job in self.call("cron.list", includeDisabled=True)["jobs"]}
        return {"agents": sorted(agent["id"] for agent in self.call("agents.list")["agents"]), "sessions": sessions, "cron": jobs}
