# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The options that several modules share. Kept in step with module_utils/_argspec.py (a test compares defaults)."""
from __future__ import annotations


class ModuleDocFragment:
    """Documentation that the modules share."""

    DOCUMENTATION = r"""
options:
  runtime_python:
    description:
      - The Python interpreter on the host that has the packages which the engine needs.
      - Without it the module runs where Ansible started it if that Python has the packages, and otherwise with the interpreter
        in the environment variable E(OPENCLAW_BACKUP_PYTHON) or V(/opt/openclaw-backup/venv/bin/python).
    type: path
  cache_dir:
    description:
      - A directory for copies of a few repository objects, as encrypted as these, and for the lock that keeps two backups apart.
      - It may be deleted at any time when no backup runs.
      - The default is for root that of the host tool, C(/var/lib/openclaw-backup/INSTANCE/cache), so that a task and a timer never
        back up one instance at the same time, and C(openclaw-backup) in the user's cache directory for others.
    type: path
requirements:
  - Python >= 3.10 on the host, with the packages of C(requirements/runtime.txt)
notes:
  - No option takes a secret. Options name files or environment variables on the host that hold one, because the arguments of
    a module may be written to the host's disk while it runs.
seealso:
  - module: openclaw_ops.backup.openclaw_backup
  - module: openclaw_ops.backup.openclaw_gateway
  - module: openclaw_ops.backup.openclaw_prune
  - module: openclaw_ops.backup.openclaw_repository
  - module: openclaw_ops.backup.openclaw_restore
  - module: openclaw_ops.backup.openclaw_snapshot_info
  - module: openclaw_ops.backup.openclaw_verify
"""

    INSTANCE = r"""
options:
  instance:
    description:
      - The name of the OpenClaw instance, which is also the name of its repository in the storage.
      - Without it the name is derived from host, user and profile.
      - Letters, digits, dots, hyphens and underscores.
    type: str
  user:
    description:
      - The user on the host whose OpenClaw is meant. The default is the user who runs the module.
    type: str
  profile:
    description:
      - The OpenClaw profile, as in C(openclaw --profile).
    type: str
  state_dir:
    description:
      - OpenClaw's state directory, where it is not where OpenClaw itself would look for it.
    type: path
  config_path:
    description:
      - OpenClaw's configuration file, where it is not where OpenClaw itself would look for it.
    type: path
"""

    STORAGE = r"""
options:
  storage:
    description:
      - Where the repository is.
      - Access keys and regions that are not given here are taken from the usual AWS environment variables, configuration
        files and instance roles of the host.
    type: dict
    required: true
    suboptions:
      url:
        description:
          - V(file:///directory) for a directory, a mounted disk or a network share; V(s3://bucket/prefix) for an S3 service.
        type: str
        required: true
      endpoint:
        description:
          - The address of an S3 service that is not AWS, for example V(https://minio.example.com:9000).
        type: str
      region:
        description:
          - The region of the bucket. V(auto) is a region of some services.
        type: str
      addressing_style:
        description:
          - Whether the bucket's name stands in the path of a request or in its host name. V(auto) picks what the service needs.
        type: str
        choices: [auto, path, virtual]
        default: auto
      ca_bundle:
        description:
          - A file of certificate authorities that the service's certificate is checked against.
        type: path
      access_key_id_file:
        description:
          - A file on the host that holds the access key's id.
        type: path
      secret_access_key_file:
        description:
          - A file on the host that holds the secret access key.
        type: path
      profile:
        description:
          - A profile of the AWS configuration files on the host.
        type: str
      upload_rate_limit:
        description:
          - Bytes that are sent per second at most. V(0) means no limit.
        type: int
        default: 0
      timeout:
        description:
          - Seconds that a single request may stay silent.
        type: float
        default: 60.0
"""

    ENCRYPTION = r"""
options:
  encryption:
    description:
      - Which key opens the repository. Exactly one of the references, or O(encryption.enabled=false).
    type: dict
    suboptions:
      enabled:
        description:
          - With V(false) the repository has a key slot that needs no secret, and anyone who can read the storage can read it.
        type: bool
        default: true
      passphrase_file:
        description:
          - A file on the host that holds the passphrase; a newline at its end does not count.
        type: path
      passphrase_env:
        description:
          - The name of an environment variable of the module that holds the passphrase.
        type: str
      key_file:
        description:
          - A file on the host with a random key, as M(openclaw_ops.backup.openclaw_repository) makes one.
        type: path
      writer_key_file:
        description:
          - A file on the host with a writer key, which backs up and lists names, and reads no content.
        type: path
      identity_file:
        description:
          - A file on the host with an operator's private key.
        type: path
"""

    GATEWAY = r"""
options:
  gateway:
    description:
      - How the instance's gateway is controlled. Everything is optional.
      - Without O(gateway.unit), O(gateway.container) and commands, what runs the gateway is found out, by its living process, the
        systemd units and Quadlets of its user and of the system, and the containers that mount its state.
      - All times are in seconds.
    type: dict
    suboptions:
      unit:
        description:
          - The systemd unit that runs the gateway.
        type: str
      unit_manager:
        description:
          - Whose unit O(gateway.unit) is, the user's own or the system's.
        type: str
        choices: [user, system]
        default: user
      container:
        description:
          - The name of the container that runs the gateway.
        type: str
      container_engine:
        description:
          - What runs O(gateway.container).
        type: str
        choices: [docker, podman]
        default: docker
      start_command:
        description:
          - The words of a command that starts the gateway, for a gateway that is run by something else. No shell is involved.
          - It is to return once the start is under way.
        type: list
        elements: str
        default: []
      stop_command:
        description:
          - The words of a command that stops the gateway.
        type: list
        elements: str
        default: []
      status_command:
        description:
          - The words of a command that ends with 0 while the gateway runs. Without it, the gateway's lock and its health address tell.
        type: list
        elements: str
        default: []
      install_command:
        description:
          - The words of a command that installs another OpenClaw, where an update or a restore needs that and the way it was installed is
            not one that is known (npm, pnpm). C({version}) in them is the version.
        type: list
        elements: str
        default: []
      drain_timeout:
        description:
          - How long running work may take to end when the gateway is to hold still. It takes no new work meanwhile.
        type: float
        default: 60.0
      stop_timeout:
        description:
          - How long a stop may take. OpenClaw waits up to 315 seconds for running work to end.
        type: float
        default: 345.0
      start_timeout:
        description:
          - How long a start may take until the gateway is healthy.
        type: float
        default: 300.0
      dead_man_timeout:
        description:
          - A gateway that was stopped for a backup is started again by a timer of systemd's after this time, even if the backup, its
            connection or its controller has died. V(0) makes no such timer.
          - Until the gateway is fully stopped, O(gateway.stop_timeout) is added to it.
        type: float
        default: 120.0
"""
