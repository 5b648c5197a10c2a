#!/bin/sh
# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Runs molecule on this checkout, in a lab: tools/test-hosts run -- tools/molecule.sh test --all
# With a state of its own: after a run that failed, nobody has to tell molecule that the hosts are gone.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
: "${OPENCLAW_OPS_LAB:?run this with tools/test-hosts run -- tools/molecule.sh ...}"
export MOLECULE_GLOB='molecule/*/molecule.yml' ANSIBLE_HOME="$OPENCLAW_OPS_LAB/ansible"
[ -t 1 ] || export NO_COLOR=1 ANSIBLE_NOCOLOR=1
exec "$here/tools/in-collection.sh" .venv-test/bin/molecule "$@"
