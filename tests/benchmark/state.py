# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the state of an OpenClaw agent for benchmarks, and let time pass in it.

    state.py make DIRECTORY [--size 1G] [--files 11000] [--seed 1]     a home directory with .openclaw in it
    state.py edit DIRECTORY --hours 1                                   what an agent does in that time

Standard library only. The same arguments give the same content (a WAL's random salt and file times differ).
What one hour does was counted on a running 2026.9.6: 400 pieces of memory indexed and 40 rewritten, 30 agent turns,
lines appended to six logs, six notes rewritten, a picture received. The share of each kind of file follows a state
that a real gateway grew (docs/performance.md).
"""
from __future__ import annotations

import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import databases  # noqa: E402
from corpus import Corpus  # noqa: E402

SHARES = {"main": 0.58, "work": 0.16, "tasks": 0.035, "journal": 0.08, "media": 0.09}  # of all bytes; the rest is text
JOURNALS, MEDIA_SHARE, KEYS = 300, 0.02, 800
BATCH = 20  # pieces of memory that one file gives, indexed together
MINUTE_MS = 60_000


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, do the work, say what was made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make_parser = commands.add_parser("make")
    make_parser.add_argument("directory")
    make_parser.add_argument("--size", default="1G", help="bytes, or with K, M, G (powers of 1000)")
    make_parser.add_argument("--files", type=int, default=11_000)
    make_parser.add_argument("--seed", type=int, default=1)
    edit_parser = commands.add_parser("edit")
    edit_parser.add_argument("directory")
    edit_parser.add_argument("--hours", type=int, required=True)
    given = parser.parse_args(arguments)
    begun = time.monotonic()
    home = os.path.abspath(given.directory)
    if given.command == "make":
        make(home, parse_size(given.size), given.files, given.seed)
    else:
        edit(home, given.hours)
    count, size = measure(home)
    print(f"{home}: {count:,} files, {size / 1e6:,.1f} MB, {time.monotonic() - begun:.1f} s")
    return 0


def parse_size(text: str) -> int:
    """Bytes from "250M", "1G" or plain digits."""
    factor = {"K": 10**3, "M": 10**6, "G": 10**9}.get(text[-1:].upper())
    return int(float(text[:-1]) * factor) if factor else int(text)


def measure(home: str) -> tuple[int, int]:
    """How many files lie below a directory, and their bytes."""
    count = total = 0
    for folder, _folders, names in os.walk(home):
        for name in names:
            count += 1
            total += os.lstat(os.path.join(folder, name)).st_size
    return count, total


def make(home: str, size: int, files: int, seed: int) -> None:
    """Fill a new home directory with a state of about that size and number of files."""
    state = os.path.join(home, ".openclaw")
    if os.path.exists(state):
        raise SystemExit(f"{state} already exists; choose another directory or remove it")
    os.makedirs(state, mode=0o700)
    corpus = Corpus(seed)
    small = make_fixed_files(state, corpus, files)
    make_agent(state, corpus, "main", int(size * SHARES["main"]), memory_rows=500, turns=8)
    make_agent(state, corpus, "work", int(size * SHARES["work"]), memory_rows=40, turns=40)
    make_global(state, corpus, min(4_000_000, size // 100))
    make_tasks(state, corpus, int(size * SHARES["tasks"]))
    journals = min(JOURNALS, max(8, files // 30))
    for number in range(journals):
        write_journal(state, corpus, number, int(size * SHARES["journal"] / journals))
    pictures = max(2, int(files * MEDIA_SHARE))
    weights = [corpus.random.lognormvariate(0, 1) for _unused in range(pictures)]
    for weight in weights:
        write_picture(state, corpus, int(size * SHARES["media"] * weight / sum(weights)))
    texts = max(10, files - small - journals - pictures - 8)
    make_texts(state, corpus, texts, size - measure(home)[1])
    note_progress(state, {"seed": seed, "hours": 0, "texts": texts, "journals": journals})


def make_agent(state: str, corpus: Corpus, agent: str, size: int, memory_rows: int, turns: int) -> None:
    """One agent's database: memory and conversations grow side by side, in rounds, until it has that size."""
    path = agent_path(state, agent)
    connection = databases.create(path, databases.AGENT_SCHEMA)
    databases.agent_meta(connection, agent)
    now = databases.EPOCH_MS
    while databases.size(connection) < size:
        connection.execute("BEGIN")
        for _unused in range(memory_rows // BATCH):
            databases.add_memory(connection, corpus, BATCH, now)
        databases.add_sessions(connection, corpus, agent, turns, now)
        connection.execute("COMMIT")
        now += 60 * MINUTE_MS
    databases.finish(connection)


def make_global(state: str, corpus: Corpus, size: int) -> None:
    """The gateway's own database: agents, cron jobs and their runs, tasks."""
    connection = databases.create(global_path(state), databases.GLOBAL_SCHEMA)
    key = os.path.join(state, "cron", "jobs.json")
    connection.execute("BEGIN")
    connection.execute("INSERT INTO schema_meta VALUES ('global', 'global', 18, NULL, '2026.9.6', 0, 0)")
    for agent in ("main", "work"):
        connection.execute("INSERT INTO agent_databases VALUES (?, ?, 23, ?, NULL)",
                           (agent, f"agents/{agent}/agent/openclaw-agent.sqlite", databases.EPOCH_MS))
    for number in range(12):
        connection.execute("INSERT INTO cron_jobs VALUES (?, ?, ?, 1, 'main', 'agentTurn', ?, '{}', ?)",
                           (key, corpus.uuid(), f"job-{number}", json.dumps({"message": corpus.text(30)}), databases.EPOCH_MS))
    connection.execute("COMMIT")
    while databases.size(connection) < size:
        connection.execute("BEGIN")
        add_tasks(connection, corpus, 100, databases.EPOCH_MS)
        connection.execute("COMMIT")
    databases.finish(connection)


def add_tasks(connection, corpus: Corpus, rows: int, now: int) -> None:
    """Task runs and cron receipts of the gateway."""
    for _unused in range(rows):
        connection.execute("INSERT INTO task_runs VALUES (?, 'agent', ?, 'done', ?, ?)",
                           (corpus.uuid(), corpus.text(20), now, json.dumps({"summary": corpus.text(60)})))
        connection.execute("INSERT INTO cron_run_receipts VALUES (?, 'jobs', ?, 'ok', ?, ?)", (corpus.uuid(), corpus.uuid(), now, now))


def make_tasks(state: str, corpus: Corpus, size: int) -> None:
    """A database that a skill keeps in the workspace."""
    connection = databases.create(tasks_path(state), databases.TASK_SCHEMA)
    while databases.size(connection) < size:
        rows = [(corpus.key(), corpus.text(8), corpus.text(120), corpus.random.choice(("open", "done")), number, 0)
                for number in range(500)]
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    databases.finish(connection)


def make_fixed_files(state: str, corpus: Corpus, files: int) -> int:
    """Config, credentials, notes, skills: few bytes, many kinds. Returns how many files."""
    workspace = os.path.join(state, "workspace")
    config = {"agents": {"defaults": {"workspace": workspace}, "entries": {"main": {"name": "main"}, "work": {"name": "work"}}},
              "gateway": {"mode": "local", "port": 18789, "auth": {"mode": "token", "token": corpus.key()}},
              "meta": {"lastTouchedVersion": "2026.9.6"}}
    write(state, "openclaw.json", json.dumps(config, indent=2), 0o600)
    write(state, "openclaw.json.bak", json.dumps(config, indent=2), 0o600)
    write(state, ".env", f"OPENAI_API_KEY=sk-{corpus.key()}\nTELEGRAM_BOT_TOKEN=1:{corpus.key()}\n", 0o600)
    count = 3
    for number in range(min(KEYS, files // 12)):
        write_key(state, corpus, number)
        count += 1
    for name in ("AGENTS", "SOUL", "IDENTITY", "USER", "MEMORY"):
        write(workspace, f"{name}.md", corpus.paragraphs(6_000))
    for number in range(min(180, files // 40)):
        write(workspace, daily_note(number), corpus.paragraphs(corpus.random.randint(600, 9_000)))
        count += 1
    for number in range(min(40, files // 100)):
        write(workspace, f"skills/skill-{number}/SKILL.md", f"---\nname: skill-{number}\n---\n" + corpus.paragraphs(5_000))
        write(workspace, f"skills/skill-{number}/scripts/run.sh", f"#!/bin/sh\necho {corpus.text(3)}\n", 0o755)
        count += 2
    return count + 5


def make_texts(state: str, corpus: Corpus, count: int, size: int) -> None:
    """Source and Markdown files of the workspace, of widely different lengths."""
    weights = [corpus.random.lognormvariate(0, 1.2) for _unused in range(count)]
    scale = max(size, 0) / sum(weights)
    for number, weight in enumerate(weights):
        write(os.path.join(state, "workspace"), text_name(number), text_content(corpus, number, int(weight * scale)))


def text_name(number: int) -> str:
    """Every third is Markdown; spread over some 2,000 directories."""
    kind = "md" if number % 3 == 0 else "py"
    return f"projects/p{number % 17}/src/m{number % 113}/f{number}.{kind}"


def text_content(corpus: Corpus, number: int, size: int) -> str:
    """Content for that text file."""
    return corpus.paragraphs(size) if number % 3 == 0 else corpus.program(size)


def edit(home: str, hours: int) -> None:
    """Let that many hours of ordinary use pass."""
    state = os.path.join(home, ".openclaw")
    known = json.loads(open(os.path.join(state, "workspace", ".bench.json"), encoding="utf-8").read())
    for _unused in range(hours):
        known["hours"] += 1
        corpus = Corpus(known["seed"] * 1_000_003 + known["hours"])
        now = databases.EPOCH_MS + (100 * 24 + known["hours"]) * 60 * MINUTE_MS
        edit_databases(state, corpus, now)
        edit_files(state, corpus, known)
    note_progress(state, known)


def edit_databases(state: str, corpus: Corpus, now: int) -> None:
    """One hour in the four databases, in transactions of the size that a gateway makes."""
    path = agent_path(state, "main")
    connection = databases.reopen(path)
    for _unused in range(20):
        with transaction(connection):
            databases.add_memory(connection, corpus, 20, now)
        with transaction(connection):
            databases.update_memory(connection, corpus, 2, now)
        with transaction(connection):
            databases.add_sessions(connection, corpus, "main", 1, now)
    databases.close_keeping_wal(connection, path)
    path = agent_path(state, "work")
    connection = databases.reopen(path)
    for _unused in range(10):
        with transaction(connection):
            databases.add_sessions(connection, corpus, "work", 1, now)
    databases.close_keeping_wal(connection, path)
    path = global_path(state)
    connection = databases.reopen(path)
    with transaction(connection):
        add_tasks(connection, corpus, 10, now)
    databases.close_keeping_wal(connection, path)
    path = tasks_path(state)
    connection = databases.reopen(path)
    with transaction(connection):
        for number in range(20):
            connection.execute("INSERT INTO tasks VALUES (?, ?, ?, 'open', ?, ?)",
                               (corpus.key(), corpus.text(8), corpus.text(120), number, now))
            connection.execute("UPDATE tasks SET state = 'done', changed = ? WHERE rowid = ?", (now, 1 + corpus.random.randrange(400)))
    databases.close_keeping_wal(connection, path)


def edit_files(state: str, corpus: Corpus, known: dict) -> None:
    """One hour in the files."""
    workspace = os.path.join(state, "workspace")
    for _unused in range(6):
        write_journal(state, corpus, corpus.random.randrange(known["journals"]), 12_000, mode="a")
    for _unused in range(6):
        number = 3 * corpus.random.randrange(max(1, known["texts"] // 3))
        write(workspace, text_name(number), text_content(corpus, number, corpus.random.randint(1_000, 12_000)))
    with open(os.path.join(workspace, "MEMORY.md"), "a", encoding="utf-8") as stream:
        stream.write(f"- {corpus.text(20)}\n")
    write(workspace, daily_note(180 + known["hours"] // 24), corpus.paragraphs(300 * (1 + known["hours"] % 24)))
    for _unused in range(2):
        write(workspace, text_name(known["texts"]), text_content(corpus, known["texts"], corpus.random.randint(1_000, 8_000)))
        known["texts"] += 1
    for _unused in range(10):
        write_key(state, corpus, corpus.random.randrange(60))
    write_picture(state, corpus, int(corpus.random.lognormvariate(12, 0.8)))


class transaction:
    """BEGIN IMMEDIATE ... COMMIT around a block."""

    def __init__(self, connection) -> None:
        self.connection = connection

    def __enter__(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind, *_rest) -> None:
        self.connection.execute("ROLLBACK" if kind else "COMMIT")


def write(root: str, name: str, content: str | bytes, mode: int = 0o644) -> None:
    """Write one file below root, with the directories it needs."""
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
    if mode != 0o644:
        os.chmod(path, mode)


def write_journal(state: str, corpus: Corpus, number: int, size: int, mode: str = "w") -> None:
    """Lines of one JSON document each, as tools append them."""
    path = os.path.join(state, "workspace", "journal", f"events-{number:03d}.jsonl")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode, encoding="utf-8") as stream:
        written = 0
        while written < size:
            event = {"id": corpus.uuid(), "at": databases.EPOCH_MS + written, "kind": "tool.result", "text": corpus.text(90)}
            written += stream.write(json.dumps(event) + "\n")


def write_picture(state: str, corpus: Corpus, size: int) -> None:
    """A received picture: bytes that no compressor shrinks."""
    write(state, f"media/inbound/{corpus.uuid()}.jpg", corpus.random.randbytes(max(size, 1)))


def write_key(state: str, corpus: Corpus, number: int) -> None:
    """One WhatsApp pre-key."""
    pair = {"public": corpus.key(), "private": corpus.key()}
    write(state, f"credentials/whatsapp/default/pre-key-{number}.json", json.dumps(pair), 0o600)


def daily_note(number: int) -> str:
    """The workspace's note of that day."""
    return f"memory/2026-{1 + number // 30:02d}-{1 + number % 30:02d}.md"


def agent_path(state: str, agent: str) -> str:
    """Where an agent's database is."""
    return os.path.join(state, "agents", agent, "agent", "openclaw-agent.sqlite")


def global_path(state: str) -> str:
    """Where the gateway's database is."""
    return os.path.join(state, "state", "openclaw.sqlite")


def tasks_path(state: str) -> str:
    """Where the skill's database is."""
    return os.path.join(state, "workspace", "skills", "skill-0", "tasks.db")


def note_progress(state: str, known: dict) -> None:
    """Remember what edit() needs next time."""
    write(os.path.join(state, "workspace"), ".bench.json", json.dumps(known))


if __name__ == "__main__":
    sys.exit(main())
