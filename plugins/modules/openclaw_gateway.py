#!/usr/bin/python

# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: openclaw_gateway
short_description: Stop, start and look at an OpenClaw gateway
version_added: 0.1.0
description:
  - Finds out what runs the gateway of an OpenClaw instance, and stops or starts it.
  - Knows gateways that run as systemd units of their user (of the default profile and others) or of the system, as Docker or Podman
    containers (Quadlets and compose projects too), and by commands that are given.
  - A stop is over when the service is down, no process holds the state's lock, and none has a database open. OpenClaw lets running
    work end first, for up to five minutes.
  - A start is over when the gateway says that it is started and healthy. Accounts of channels that are logged out do not count;
    RV(gateway.health.channels_failing) lists them.
  - Needs none of the packages that the other modules need; any Python of version 3.9 or later will do.
  - A gateway that could not be started again, since its unit is masked or its config has errors, is not stopped for a restart.
author:
  - the openclaw_ops.backup authors (@openclaw-ops)
extends_documentation_fragment:
  - openclaw_ops.backup._attributes
  - openclaw_ops.backup._common
  - openclaw_ops.backup._common.gateway
  - openclaw_ops.backup._common.instance
attributes:
  async:
    support: full
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - O(state=restarted) always restarts.
options:
  state:
    description:
      - V(started) and V(stopped) do nothing where the gateway is so already, and fail where it does not become so.
      - V(started) also fails where a gateway that runs is sick and does not become healthy within O(gateway.start_timeout).
      - V(restarted) stops it, if it runs, and starts it.
      - V(status) only looks.
      - V(fenced) stops and disables it and keeps it from starting, whoever or whatever orders that, also after a reboot. This is for
        an agent that has moved to another host. V(started) and V(restarted) fail then. Scheduled backups are left out.
      - V(unfenced) undoes that. The gateway is enabled again and runs again if it was and did before.
    type: str
    choices: [started, stopped, restarted, status, fenced, unfenced]
    default: status
  fence_reason:
    description:
      - With O(state=fenced), why. It is shown wherever the fence is met.
    type: str
    default: ''
  fence_moved_to:
    description:
      - With O(state=fenced), the host that the agent is on now.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Look at the gateway of a user
  openclaw_ops.backup.openclaw_gateway:
    user: openclaw
  register: looked
  failed_when: looked.gateway.health.state not in ['healthy', 'channels-failing']

- name: Restart the one of a profile
  openclaw_ops.backup.openclaw_gateway:
    user: openclaw
    profile: rescue
    state: restarted

- name: Stop one that a supervisor of another kind runs
  openclaw_ops.backup.openclaw_gateway:
    state: stopped
    gateway:
      start_command: [sv, up, openclaw]
      stop_command: [sv, -w, "345", down, openclaw]
      status_command: [sv, check, openclaw]

- name: Keep the old one down for good, since its agent has moved
  openclaw_ops.backup.openclaw_gateway:
    user: openclaw
    state: fenced
    fence_reason: moved to the larger machine
    fence_moved_to: vps-08
"""

RETURN = r"""
fence:
  description: The fence around the gateway, null where there is none.
  returned: success
  type: dict
  contains:
    at:
      description: When it was put up, in UTC.
      type: str
      returned: success
      sample: "2026-11-20T02:30:00Z"
    by:
      description: Who did it.
      type: str
      returned: success
      sample: ops
    reason:
      description: Why.
      type: str
      returned: success
    moved_to:
      description: Where the agent is now.
      type: str
      returned: success
      sample: vps-08
    was_running:
      description: Whether it ran before, so that V(unfenced) starts it.
      type: bool
      returned: success
    was_enabled:
      description: Whether it started with the host before, so that V(unfenced) enables it.
      type: bool
      returned: success
    not_prevented:
      description: What can start the gateway in spite of the fence; empty if nothing of the host's can.
      type: str
      returned: success
found_state:
  description: What the gateway was when the module came; one of the values of RV(gateway.state).
  returned: success
  type: str
  sample: running
gateway:
  description: What it is now; in check mode, what it is and stays.
  returned: success
  type: dict
  contains:
    user:
      description: Whose it is.
      type: str
      returned: success
      sample: openclaw
    profile:
      description: Its profile, null for the default one.
      type: str
      returned: success
      sample: rescue
    kind:
      description: What runs it. V(systemd-user), V(systemd-system), V(container), V(custom) or V(none).
      type: str
      returned: success
      sample: systemd-user
    unit:
      description: The name of the unit or container, or the start command's program.
      type: str
      returned: success
      sample: openclaw-gateway.service
    state:
      description: V(running), V(starting), V(stopping), V(stopped) or V(failed).
      type: str
      returned: success
      sample: running
    enabled:
      description: Whether it starts with the host; null where that is not known.
      type: bool
      returned: success
      sample: true
    pid:
      description: Its main process on the host.
      type: int
      returned: success
      sample: 4711
    version:
      description: The OpenClaw that runs, by its own word.
      type: str
      returned: success
      sample: 2026.9.6
    health:
      description: What its health addresses say.
      type: dict
      returned: success
      contains:
        state:
          description:
            - V(healthy), V(channels-failing) (it is fit, and accounts of channels are not), V(draining) (it takes no new work for the
              moment), V(starting), V(sick) or V(down).
          type: str
          returned: success
          sample: healthy
        live:
          description: Whether it answers.
          type: bool
          returned: success
        started:
          description: Whether its start is done.
          type: bool
          returned: success
        draining:
          description: Whether it takes no new work.
          type: bool
          returned: success
        version:
          description: As RV(gateway.version).
          type: str
          returned: success
        failing:
          description: What makes the gateway itself unfit, such as an agent's database.
          type: list
          elements: str
          returned: success
        channels_failing:
          description: Channels with an account that does not work. A restart does not heal them.
          type: list
          elements: str
          returned: success
stop_s:
  description: Seconds that the stop took.
  returned: when it was stopped
  type: float
  sample: 1.8
start_s:
  description: Seconds until it was healthy.
  returned: when it was started
  type: float
  sample: 11.2
error_code:
  description: A stable code for what went wrong; docs/troubleshooting.md explains each.
  returned: failure
  type: str
  sample: gateway-start-failed
hint:
  description: What to do next.
  returned: failure
  type: str
  sample: Look into its log (journalctl --user -u openclaw-gateway.service), and start it by hand.
"""

import os

from ansible_collections.openclaw_ops.backup.plugins.module_utils import _adapter, _argspec
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.accounts import current_user_id, find_account
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.instance import discover
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.gateway import control, fence
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import GatewayOptions, from_dict

ARGUMENTS = _argspec.merged(_argspec.INSTANCE, _argspec.GATEWAY, {
    "state": {
        "type": "str", "choices": ["started", "stopped", "restarted", "status", "fenced", "unfenced"], "default": "status"},
    "fence_reason": {"type": "str", "default": ""},
    "fence_moved_to": {"type": "str", "default": ""},
})


def control_gateway(module, context):
    """Look, and bring about the wanted state."""
    options = from_dict(GatewayOptions, module.params["gateway"])
    gateway = control.open_gateway(discover(_adapter.instance_options(module), context), options, context)
    act = _fencing if module.params["state"] in ("fenced", "unfenced") else _running
    result = act(module, gateway, context)
    stands = fence.find(gateway.location.state_dir)
    return {**result, "gateway": gateway.report().to_dict(), "fence": stands.to_dict() if stands else None}


def _running(module, gateway, _context) -> dict:
    """Started, stopped, restarted, or only looked at."""
    change = control.plan(gateway, module.params["state"])
    took = {} if module.check_mode else change.execute()
    return {
        "changed": change.stop or change.start, "found_state": change.found,
        "diff": {"before": {"state": change.found}, "after": {"state": change.wanted}}, **took}


def _fencing(module, gateway, context) -> dict:
    """Fenced, or no longer."""
    found, wanted = gateway.status().state, module.params["state"] == "fenced"
    fenced = fence.find(gateway.location.state_dir) is not None
    changed = not fence.stands(gateway) if wanted else fenced
    if changed and not module.check_mode:
        if wanted:
            who = os.environ.get("SUDO_USER") or find_account(current_user_id()).name
            fence.fence(
                gateway, context.clock.now(), reason=module.params["fence_reason"], moved_to=module.params["fence_moved_to"], by=who)
        else:
            fence.unfence(gateway)
    return {"changed": changed, "found_state": found, "diff": {"before": {"fenced": fenced}, "after": {"fenced": wanted}}}


def main():
    _adapter.run(ARGUMENTS, control_gateway, needs_packages=False)


if __name__ == "__main__":
    main()
