#!/bin/sh
# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Makes or updates a virtual environment: tools/make-venv.sh DIRECTORY REQUIREMENTS_FILE...
# Does nothing when the environment already holds exactly these requirements.
# PYTHON: the interpreter to use, python3 by default; 3.10 or later.
set -eu
directory=$1
shift
python=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

install_python() {
    say "Python's venv module is missing: installing python3 and python3-venv with apt-get."
    export DEBIAN_FRONTEND=noninteractive
    if ! command -v apt-get >/dev/null 2>&1 || ! as_root apt-get update -q || ! as_root apt-get install -q -y python3 python3-venv; then
        say "Could not install it. Install Python 3.10 or later with its venv module (Debian, Ubuntu: python3-venv), then run this again."
        exit 1
    fi
}

can_make_venv() { command -v "$python" >/dev/null 2>&1 && "$python" -c 'import ensurepip, venv' 2>/dev/null; }

can_make_venv || install_python
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    say "$python is $("$python" -V 2>&1), but 3.10 or later is needed. Name a newer interpreter: make PYTHON=/path/to/python3.12 ..."
    exit 1
fi

# The stamp is what was asked for and by which interpreter, included files (-r) too: all files beside the named ones.
stamp=$( { "$python" -c 'import sys; print(sys.version, sys.prefix)'; printf '%s\n' "$@"; cat "$(dirname "$1")"/*.txt; } | cksum)
if [ -x "$directory/bin/python" ] && [ "$(cat "$directory/.stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi

say "Making the virtual environment $directory ..."
rm -rf "$directory"
"$python" -m venv "$directory"
set -- $(printf -- '-r %s ' "$@")
# One more try: a package index that stumbles once is no reason to fail.
"$directory/bin/python" -m pip install --quiet --disable-pip-version-check "$@" ||
    "$directory/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
printf '%s' "$stamp" >"$directory/.stamp"
