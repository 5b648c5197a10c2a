# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that tests need and this machine may lack, from Debian's or Ubuntu's packages."""
from __future__ import annotations

import os
import shutil
import subprocess


def install_missing(packages: dict[str, str]) -> None:
    """Install with apt-get what is missing. packages: a program → the package that it comes in. RuntimeError says what failed."""
    missing = sorted({package for program, package in packages.items() if not shutil.which(program)})
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise RuntimeError(f"install {' '.join(missing)}; root on a system with apt-get needs not")
    print(f"tests: installing {' '.join(missing)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["-y", "install", "--no-install-recommends", *missing]):
        done = subprocess.run(
            ["apt-get", "-qq", *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"apt-get {' '.join(arguments)} ended with {done.returncode}: {(done.stderr + done.stdout)[-2000:].strip()}")
    still = sorted(program for program in packages if not shutil.which(program))
    if still:
        raise RuntimeError(f"installed {' '.join(missing)}, and still there is no {' '.join(still)}")
