# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The argument specifications that the modules share. Kept in step with doc_fragments/_common.py by ansible-test.

Names that look like secrets but are references to one carry no_log=False on purpose.
"""
from __future__ import annotations

RUNTIME = {
    "runtime_python": {"type": "path"},
    "cache_dir": {"type": "path"},
}

INSTANCE = {
    "instance": {"type": "str"},
    "user": {"type": "str"},
    "profile": {"type": "str"},
    "state_dir": {"type": "path"},
    "config_path": {"type": "path"},
}

STORAGE = {
    "storage": {
        "type": "dict",
        "required": True,
        "options": {
            "url": {"type": "str", "required": True},
            "endpoint": {"type": "str"},
            "region": {"type": "str"},
            "addressing_style": {"type": "str", "choices": ["auto", "path", "virtual"], "default": "auto"},
            "ca_bundle": {"type": "path"},
            "access_key_id_file": {"type": "path", "no_log": False},
            "secret_access_key_file": {"type": "path", "no_log": False},
            "profile": {"type": "str"},
            "upload_rate_limit": {"type": "int", "default": 0},
            "timeout": {"type": "float", "default": 60.0},
        },
    },
}

ENCRYPTION = {
    "encryption": {
        "type": "dict",
        "options": {
            "enabled": {"type": "bool", "default": True},
            "passphrase_file": {"type": "path", "no_log": False},
            "passphrase_env": {"type": "str", "no_log": False},
            "key_file": {"type": "path", "no_log": False},
            "writer_key_file": {"type": "path", "no_log": False},
            "identity_file": {"type": "path", "no_log": False},
        },
    },
}

GATEWAY = {
    "gateway": {
        "type": "dict",
        "options": {
            "unit": {"type": "str"},
            "unit_manager": {"type": "str", "choices": ["user", "system"], "default": "user"},
            "container": {"type": "str"},
            "container_engine": {"type": "str", "choices": ["docker", "podman"], "default": "docker"},
            "start_command": {"type": "list", "elements": "str", "default": []},
            "stop_command": {"type": "list", "elements": "str", "default": []},
            "status_command": {"type": "list", "elements": "str", "default": []},
            "install_command": {"type": "list", "elements": "str", "default": []},
            "drain_timeout": {"type": "float", "default": 60.0},
            "stop_timeout": {"type": "float", "default": 345.0},
            "start_timeout": {"type": "float", "default": 300.0},
            "dead_man_timeout": {"type": "float", "default": 120.0},
        },
    },
}


def merged(*parts: dict) -> dict:
    """One specification of several."""
    return {name: option for part in parts for name, option in part.items()}
