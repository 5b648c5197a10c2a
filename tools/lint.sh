#!/bin/sh
# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ansible-lint, yamllint and antsibull-changelog over this checkout: tools/lint.sh VIRTUAL_ENVIRONMENT
set -eu
bin=$(cd "$1/bin" && pwd)
export PATH="$bin:$PATH" ANSIBLE_HOME="$PWD/.cache/ansible-lint" ANSIBLE_COLLECTIONS_PATH="$PWD/.cache/lint"
"$bin/yamllint" --strict .
"$bin/antsibull-changelog" lint
tree=$("$bin/python" tools/collection_tree.py .cache/lint)
cd "$tree"
exec "$bin/ansible-lint" --offline --nocolor -c .config/ansible-lint.yml
