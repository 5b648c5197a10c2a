#!/bin/sh
# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs a command where Ansible finds this checkout as the collection openclaw_ops.backup: tools/in-collection.sh COMMAND...
# A directory of symbolic links is enough; nothing is installed, and the user's own collections stay visible.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
tree=$here/.cache/collections
mkdir -p "$tree/ansible_collections/openclaw_ops"
ln -sfn "$here" "$tree/ansible_collections/openclaw_ops/backup"
export ANSIBLE_COLLECTIONS_PATH="$tree:${ANSIBLE_COLLECTIONS_PATH:-${HOME:-/nonexistent}/.ansible/collections:/usr/share/ansible/collections}"
cd "$tree/ansible_collections/openclaw_ops/backup"
case $1 in
    /*) ;;
    */*) command=$here/$1; shift; set -- "$command" "$@" ;;
esac
PATH="$(dirname "$1"):$PATH"  # its own virtual environment's programs first
exec "$@"
