# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reports promise: whatever an instance is called and a host says, it is shown as text and breaks nothing."""
from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.report import metrics, page, strip, text, words
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.status import model
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.status.model import (
    Backup, Channel, Finding, Fleet, InstanceStatus, Run, Verified)
from support.sample_fleet import HOSTILE, sample_fleet

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

NOW = 1_795_212_000.0
VOID = {"meta", "br", "rect", "polyline", "path", "link"}
anything = st.text(max_size=60) | st.sampled_from([HOSTILE, '"><script>', "a\nb 1", "\\", '"', "{}", "\x00", "\u2028"])
times = st.none() | st.floats(0, 4e9)


@pytest.fixture(name="fleet", scope="module")
def _fleet(tmp_path_factory):
    return sample_fleet(tmp_path_factory.mktemp("sample") / "storage")


@st.composite
def statuses(draw) -> InstanceStatus:
    backup = draw(st.none() | st.builds(
        Backup, anything, st.floats(0, 4e9), anything, anything, st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0, 2**40),
        st.integers(0, 9), st.floats(0, 1e6), anything))
    findings = draw(st.lists(st.builds(Finding, st.sampled_from(model.HEALTHS[:-1]), anything, times), max_size=3))
    return InstanceStatus(
        draw(anything), draw(anything), tuple(findings), backup, draw(times), draw(st.none() | st.builds(Run, st.floats(0, 4e9), anything)),
        draw(times), draw(st.none() | st.builds(
            Verified, st.floats(0, 4e9), anything, anything, st.booleans(), times, anything,
            st.lists(st.tuples(anything, st.booleans()), max_size=3).map(tuple))),
        draw(times), draw(st.integers(0, 500)), tuple(draw(st.lists(st.tuples(st.floats(0, 4e9), st.integers(0, 2**62)), max_size=4))),
        tuple(draw(st.lists(st.sampled_from(list(strip.MEANINGS)), max_size=90))), now=NOW,
        channels=draw(st.none() | st.lists(st.builds(Channel, anything, st.sampled_from(["yes", "usually", "no", "unknown"])), max_size=3).map(tuple)))


fleets = st.lists(statuses(), max_size=4).map(lambda rows: Fleet("s3://bucket", NOW, tuple(sorted(rows, key=model.rank))))


class Strict(HTMLParser):
    """Collects the tags and fails where they do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag == "p" and "p" not in self.open:
            return
        assert self.open and self.open.pop() == tag, (tag, self.open)


def parsed(document: str) -> Strict:
    parser = Strict()
    parser.feed(document)
    parser.close()
    assert not parser.open
    return parser


@hypothesis.given(fleets)
def test_no_text_of_others_becomes_part_of_the_page(fleet):
    parser = parsed(page.page(fleet, HOSTILE))
    assert not [tag for tag, attributes in parser.tags if tag in ("script", "iframe", "img", "object", "form", "base")]
    names = {name for _tag, attributes in parser.tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("src", "style", "srcdoc")]
    assert {attributes["href"] for tag, attributes in parser.tags if "href" in attributes} == {"#instances", "data:,"}


@hypothesis.given(fleets)
def test_a_table_has_a_line_for_each_instance_and_steers_no_terminal(fleet):
    lines = text.table(fleet).split("\n")
    assert len(lines) == len(fleet.instances) + 4
    assert not [char for line in lines for char in line if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl")]


LABEL = r'[a-z_]+="(?:[^"\\\n]|\\["\\n])*"'


@hypothesis.given(fleets)
def test_metrics_are_lines_that_prometheus_reads(fleet):
    document = metrics.textfile(fleet)
    assert document.endswith("\n")
    seen = set()
    for line in document.split("\n")[:-1]:
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP openclaw_backup_[a-z_]+ .+|TYPE openclaw_backup_[a-z_]+ gauge)", line)
            assert line not in seen, "a family is in one piece"
        else:
            assert re.fullmatch(rf"openclaw_backup_[a-z0-9_]+(\{{{LABEL}(,{LABEL})*\}})? -?[0-9.]+", line), line
        seen.add(line)


@hypothesis.given(fleets)
def test_the_json_is_json_without_inventions(fleet):
    again = json.loads(json.dumps(fleet.to_dict(), allow_nan=False))
    assert again == fleet.to_dict()
    assert again["format"] == 1 and len(again["instances"]) == len(fleet.instances)


def test_the_page_names_every_instance_its_state_and_why(fleet):
    document = page.page(fleet)
    for item in fleet.instances:
        assert f">{item.instance}<" in document
        assert words.HEALTH[item.health] in document
    assert "&lt;script&gt;alert" in document
    assert "4 failed" not in document and "4 days failed" in document


def test_who_could_be_brought_back_has_a_fresh_backup_and_a_fresh_proof():
    proof = Verified(NOW - 5 * model.DAY, "an id", "restore", True, 61.0, "staging", (("boot", True),))
    good = InstanceStatus("a", backup=Backup("an id", NOW - 3600), last_good=NOW - 3600, verified=proof, now=NOW)
    assert good.recoverable
    for less in (
            replace(good, last_good=None), replace(good, last_good=NOW - 27 * 3600), replace(good, verified=None),
            replace(good, verified=replace(proof, passed=False)), replace(good, verified=replace(proof, time=NOW - 36 * model.DAY)),
            replace(good, findings=(Finding(model.DAMAGED, "the newest snapshot"),))):
        assert not less.recoverable
    assert replace(good, findings=(Finding(model.FAILING, "since an hour"),)).recoverable, "what was backed up is still there"
    fleet = Fleet("s3://bucket", NOW, (replace(good, verified=None), good))
    assert "1 of 2 instances could be brought back today" in page.page(fleet) and fleet.to_dict()["recoverable"] == 1
    assert "1 could be brought back today" in text.summary(fleet) and "openclaw_backup_fleet_recoverable 1" in metrics.textfile(fleet)


def test_the_page_tells_what_a_restore_took_and_what_is_to_be_paired_again(fleet):
    rows = {item.instance: row for item, row in zip(fleet.instances, page.page(fleet).split('<tr class="row ')[1:])}
    damaged = rows["archive-of-a-customer-with-quite-a-long-name"]
    assert "took 1m 1s, on staging-1" in damaged and "2 of 3 checks passed" in damaged and "failed: databases" in damaged
    assert "back in 42s, on staging-1" in rows["press-desk"]
    assert "pair again: signal" in rows["clinic-north"] and "goes on: discord" in rows["clinic-north"]
    assert "may ask to be paired: whatsapp" in rows["clinic-north"]
    assert "no channels" in rows["atelier-vega"] and "not known" in rows["radio-host"]
    assert "17 omissions" in rows["press-desk"]


def test_the_page_needs_nothing_else_and_can_load_nothing(fleet):
    document = page.page(fleet)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', document).group(1)
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "script" not in policy
    assert "http://" not in document and "https://" not in document and "url(" not in document and "@import" not in document


def test_the_page_can_be_read_by_a_screen_reader(fleet):
    tags = parsed(page.page(fleet)).tags
    names = [tag for tag, _attributes in tags]
    assert {"header", "main", "footer", "h1", "caption"} <= set(names) and names.count("h1") == 1
    assert dict(tags)["html"]["lang"] == "en"
    for tag, attributes in tags:
        if tag == "th":
            assert attributes["scope"] in ("col", "row", "rowgroup")
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or attributes["role"] == "img" and attributes["aria-label"]
        if tag in ("table", "tr", "td", "th", "tbody", "thead"):
            assert attributes["role"], "narrow screens show rows as cards: without roles it is no table any more"


def _contrast(first: str, second: str) -> float:
    """As WCAG 2 defines it."""
    def luminance(colour: str) -> float:
        digits = colour.lstrip("#")
        digits = "".join(char * 2 for char in digits) if len(digits) == 3 else digits
        parts = [int(digits[place:place + 2], 16) / 255 for place in (0, 2, 4)]
        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(scheme):
    colours = dict(re.findall(r"--(\w+):(#[0-9a-f]+)", re.findall(r":root\{([^}]*)\}", page.STYLE)[scheme]))
    for ink, paper in (("text", "back"), ("text", "card"), ("soft", "back"), ("soft", "card"), ("link", "back"), ("good", "goodback"),
                       ("warn", "warnback"), ("bad", "badback")):
        assert _contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    for shape in ("good", "bad", "none"):
        assert _contrast(colours[shape], colours["back"]) >= 2.5, shape


def test_days_differ_in_shape_and_are_told_in_words():
    shapes = {re.sub(r'class="\w"', "", strip.shape(state, 0, 1)) for state in strip.MEANINGS if state != model.DAY_BEFORE}
    assert len(shapes) == len(strip.MEANINGS) - 1, "not yet today looks as before the first; nothing else looks as another"
    states = ("backup",) * 87 + ("failed", "none", "backup")
    assert strip.describe(states, NOW) == "Last 90 days: 88 days backed up, 1 day failed, 1 day nothing; last bad day 2026-11-19"


@pytest.mark.parametrize("count, shown", [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_700_000_000, "1.7 GB"), (999_999, "1.0 MB"),
                                          (123_456_789, "123 MB"), (10**18, "1000000 TB")])
def test_sizes_are_short(count, shown):
    assert words.size(count) == shown


def test_an_order_for_every_health():
    assert set(model.HEALTHS) == set(model.SEVERITY) == set(words.HEALTH)
    assert set(words.TODO) == set(model.HEALTHS) - {model.OK}
    severities = [model.SEVERITIES.index(model.SEVERITY[health]) for health in model.HEALTHS]
    assert severities == sorted(severities, reverse=True)


def test_no_instance_is_worse_than_its_worst_finding():
    status = InstanceStatus("a", findings=(Finding(model.STALE, "old"), Finding(model.INCOMPLETE, "less")))
    assert status.health == model.STALE and replace(status, findings=()).health == model.OK
