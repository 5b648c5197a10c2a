# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page as a browser shows it: on a phone, a desk and paper, light and dark, for eyes and for screen readers."""
from __future__ import annotations

import re

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.report import page
from support import axe
from support.sample_fleet import sample_fleet

PHONE, NARROWEST, TABLET, DESK = 360, 320, 768, 1280
PAPER = 1032  # pixels of A4 in landscape between the page's margins
# Boxes that reach out of the window to the right, as far as they are meant to be seen.
TOO_WIDE = """width => [...document.querySelectorAll('body *')].filter(e => {
  const box = e.getBoundingClientRect(); return box.width && box.left > -100 && box.right > width + 1
}).map(e => e.tagName + '.' + e.className + ' ' + e.textContent.slice(0, 40))"""
# Text that its own box cuts off or that lies over the text of a neighbour.
OVERLAPPING = """(() => {
  const boxes = [...document.querySelectorAll('tr.row > *, .sums > div')].filter(e => e.getBoundingClientRect().width)
    .map(e => [e, e.getBoundingClientRect()]);
  const found = [];
  for (const [e, box] of boxes) if (e.scrollWidth > e.clientWidth + 1) found.push('cut: ' + e.textContent.slice(0, 60));
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
    const a = boxes[i][1], b = boxes[j][1];
    if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
      found.push('over: ' + boxes[i][0].textContent.slice(0, 40) + ' / ' + boxes[j][0].textContent.slice(0, 40));
  }
  return found
})()"""


@pytest.fixture(scope="module", name="document")
def _document(tmp_path_factory):
    directory = tmp_path_factory.mktemp("page")
    path = directory / "page.html"
    path.write_text(page.page(sample_fleet(directory / "storage")))
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_standard_checker_finds_nothing_that_keeps_people_out(browser, checker, document, width, scheme):
    browser.view(width, scheme=scheme)
    browser.open(document.as_uri())
    assert axe.violations(browser, checker) == []


@pytest.mark.parametrize("width", [NARROWEST, PHONE, TABLET, DESK])
def test_nothing_reaches_out_of_the_window_or_over_its_neighbour(browser, document, width):
    browser.view(width)
    browser.open(document.as_uri())
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(f"({TOO_WIDE})({width})") == []
    assert browser.evaluate(OVERLAPPING) == []


def test_on_paper_everything_fits_and_is_dark_on_white(browser, checker, document, tmp_path):
    browser.view(PAPER, scheme="dark", media="print")
    browser.open(document.as_uri())
    assert browser.evaluate("document.documentElement.scrollWidth") <= PAPER
    assert browser.evaluate(OVERLAPPING) == []
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert axe.violations(browser, checker) == []
    browser.printed(tmp_path / "page.pdf")
    content = (tmp_path / "page.pdf").read_bytes()
    assert content.startswith(b"%PDF-") and 1 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= 6


def test_the_page_asks_for_nothing(browser, document, site):
    (site.directory / "page.html").write_text(document.read_text())
    for address in (document.as_uri(), f"{site.address}/page.html"):
        browser.view(DESK)
        browser.requests()
        browser.open(address)
        browser.evaluate("new Promise(done => setTimeout(done, 300))")
        assert browser.requests() == [address]
    assert site.asked == ["/page.html"], "not even a favicon"


def test_a_screen_reader_finds_a_table_with_a_heading_for_each_cell(browser, document):
    """On a phone too, where rows are shown as cards."""
    for width in (PHONE, DESK):
        browser.view(width)
        browser.open(document.as_uri())
        nodes = browser.devtools("Accessibility.getFullAXTree")["nodes"]
        roles = [node.get("role", {}).get("value") for node in nodes if not node.get("ignored")]
        rows = browser.evaluate("document.querySelectorAll('tr.row').length")
        columns = browser.evaluate("document.querySelectorAll('thead th').length")
        assert roles.count("table") == 1 and roles.count("columnheader") == columns
        assert roles.count("rowheader") >= rows and roles.count("cell") == rows * (columns - 1)


def test_the_first_key_leads_to_the_instances(browser, document):
    browser.view(DESK)
    browser.open(document.as_uri())
    for kind in ("keyDown", "keyUp"):
        browser.devtools("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert browser.evaluate("document.activeElement.getAttribute('href')") == "#instances"
    assert browser.evaluate("document.activeElement.getBoundingClientRect().left") >= 0, "it is seen while it has the focus"


def test_a_page_that_is_not_so_is_found_out(browser, checker, site):
    """The checks above can fail."""
    (site.directory / "bad.html").write_text(
        '<!DOCTYPE html><html><head><title>x</title><link rel="icon" href="data:,"></head><body><table><tr class="row">'
        f'<td><div style="width:700px;color:#eee">{"word" * 200}</div></td></tr></table><img src="{site.address}/other.png"></body></html>')
    browser.view(PHONE)
    browser.requests()
    browser.open(f"{site.address}/bad.html")
    found = " ".join(axe.violations(browser, checker))
    assert "image-alt" in found and "html-has-lang" in found and "color-contrast" in found
    assert f"{site.address}/other.png" in browser.requests() and "/other.png" in site.asked
    assert browser.evaluate("document.documentElement.scrollWidth") > PHONE
    assert browser.evaluate(f"({TOO_WIDE})({PHONE})")
