# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare this collection's engine with restic, borg and tar | zstd | age on the same data, in one run.

    run.py                                     the full comparison: 1 GB, 11,000 files, five rounds, a directory and S3
    run.py --rounds 1 --size 100M --files 2000 --places directory           a quick look
    run.py --state HOME --contestants ours,restic,native --operations first,restore     a real agent's state (HOME/.openclaw)

Prints the tables. With five rounds or more it also writes them, with the machine's facts, into docs/performance.md
(--no-docs: not). The rules of the comparison are in docs/performance.md. Needs what tools.sh and tests/support/ceph.py
need on first use (Debian or Ubuntu, a mirror, 250 MB of download, no root), and about ten times the state's size of free disk.
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Iterator

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import report  # noqa: E402
import state  # noqa: E402
from contestants import ALL  # noqa: E402
from places import ACCESS_KEY, SECRET_KEY, Bucket, Directory, Proxy  # noqa: E402
from rounds import OPERATIONS, Plan, Result, Round, as_rows, to_stderr  # noqa: E402

ROUNDS_THAT_COUNT = 5
PLACES = ("directory", "s3", "s3-30ms")
DOCUMENT = HERE.parents[1] / "docs" / "performance.md"


def main() -> int:
    """Parse, measure, report."""
    given = arguments()
    cache = os.environ.get("OPENCLAW_OPS_TEST_CACHE", os.path.expanduser("~/.cache/openclaw-ops-tests"))
    work = os.path.abspath(given.work or os.path.join(cache, "bench"))
    os.makedirs(work, exist_ok=True)
    tools = os.path.join(cache, "tools")
    versions = subprocess.run([str(HERE / "tools.sh"), tools], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    base = os.path.abspath(given.state) if given.state else generated_state(work, given.size, given.files)
    files, size = state.measure(os.path.join(base, ".openclaw"))
    facts = report.machine(work, versions)
    plan = Plan(base, work, tools, given.contestants, given.operations, given.cold, not given.state)
    results = list(measure_all(plan, given.places, given.rounds, cache))
    text = f"{description(given, files, size)}\n\n{facts}\n\n{report.tables(results)}"
    print(text)
    save(work, given, results)
    if given.rounds >= ROUNDS_THAT_COUNT and not given.no_docs:
        document = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else "# Performance\n"
        DOCUMENT.write_text(report.replace_section(document, section_name(given), text), encoding="utf-8")
        to_stderr(f"written into {DOCUMENT}")
    return 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS_THAT_COUNT)
    parser.add_argument("--size", default="1G", help="bytes of the generated state (K, M, G: powers of 1000)")
    parser.add_argument("--files", type=int, default=11_000)
    parser.add_argument("--state", help="a home directory whose .openclaw is used instead of a generated state")
    parser.add_argument("--contestants", type=names(tuple(ALL)), default=("ours", "restic", "borg", "pipeline"), help=", ".join(ALL))
    parser.add_argument("--operations", type=names(OPERATIONS), default=OPERATIONS, help=", ".join(OPERATIONS))
    parser.add_argument("--places", type=names(PLACES), default=PLACES, help=", ".join(PLACES))
    parser.add_argument("--cold", action="store_true", help="drop the page cache before each operation (needs root); default: warm")
    parser.add_argument("--no-docs", action="store_true", help="only print")
    parser.add_argument("--work", help="where the states and repositories are made (default: below ~/.cache/openclaw-ops-tests)")
    given = parser.parse_args()
    if "native" in given.contestants and not given.state:
        parser.error("native needs --state: OpenClaw's own backup refuses databases that it did not make")
    if given.state and {"hour", "day"} & set(given.operations):
        given.operations = tuple(name for name in given.operations if name not in ("hour", "day"))
        to_stderr("a real state is not edited: the operations hour and day are left out")
    return given


def names(known: tuple[str, ...]):
    """A comma-separated choice of known names, in their usual order."""
    def parse(text: str) -> tuple[str, ...]:
        chosen = text.split(",")
        unknown = sorted(set(chosen) - set(known))
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return tuple(name for name in known if name in chosen)
    return parse


def generated_state(work: str, size: str, files: int) -> str:
    """The state that is copied for every round; kept for the next run."""
    home = os.path.join(work, f"state-{size}-{files}")
    if not os.path.isdir(home):
        to_stderr(f"generating {size} in {files} files")
        state.make(home + ".new", state.parse_size(size), files, seed=1)
        os.rename(home + ".new", home)
    return home


def measure_all(plan: Plan, places: tuple[str, ...], rounds: int, cache: str) -> Iterator[Result]:
    """Every round at every place. Places alternate too, so that a slow quarter of an hour hits all of them."""
    for number in range(rounds):
        for place in places:
            with ExitStack() as cleanup:
                yield from Round(plan, number, open_place(place, plan.work, cache, cleanup), to_stderr).run()


def open_place(place: str, work: str, cache: str, cleanup: ExitStack) -> Directory | Bucket:
    """An empty place of that kind."""
    if place == "directory":
        return Directory(fresh(os.path.join(work, "place"), cleanup))
    from support.ceph import CephGateway, installed
    gateway = cleanup.enter_context(CephGateway(installed(cache), fresh(os.path.join(work, "ceph"), cleanup), lenient=True))
    gateway.add_user("bench", ACCESS_KEY, SECRET_KEY)
    proxy = Proxy(f"127.0.0.1:{gateway.port}")
    cleanup.callback(proxy.stop)
    return Bucket(gateway.endpoint, proxy, 0.03 if place == "s3-30ms" else 0.0)


def fresh(path: str, cleanup: ExitStack) -> str:
    """A path at which nothing is, now and afterwards."""
    def remove() -> None:
        subprocess.run(["rm", "-rf", path], check=True)
    remove()
    cleanup.callback(remove)
    return path


def section_name(given: argparse.Namespace) -> str:
    """How this kind of run is called in the document."""
    kind = "real state" if given.state else f"{given.size}, {given.files} files"
    return f"{kind}, cold" if given.cold else kind


def description(given: argparse.Namespace, files: int, size: int) -> str:
    """What was measured, in a sentence."""
    origin = "A state of a real OpenClaw gateway" if given.state else "A generated state"
    cache = "dropped before each operation" if given.cold else "warm"
    return (f"{origin}: {files:,} files, {size / 1e6:,.0f} MB. Medians of {given.rounds} rounds, in brackets the smallest and the largest; "
            f"page cache {cache}.")


def save(work: str, given: argparse.Namespace, results: list[Result]) -> None:
    """Keep the raw figures."""
    path = os.path.join(work, time.strftime("results-%Y%m%d-%H%M%S.json"))
    with open(path, "w", encoding="utf-8") as stream:
        json.dump({"arguments": vars(given), "results": as_rows(results)}, stream, indent=1)
    to_stderr(f"raw figures: {path}")


if __name__ == "__main__":
    sys.exit(main())
