# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON5 is read as the json5 package reads it, only faster; broken text still gives up its paths."""
from __future__ import annotations

import json
import math
import time

import json5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture import json5_text

VALID = [
    "{a:1,}", "[1,2,]", "{'a':'it\\'s \"q\"'}", "{a:.5,b:5.,c:+1,d:0xFF,e:-0x10,f:1e3,g:-.5E-2}", '// c\n{/* x */$a_1:"v",\n}',
    '{a:"x\\\ny"}', '{a:"x\\\r\ny"}', '{a:"\\x41\\v\\0"}', "{Infinity:1,b:-Infinity}", "{'a':[{},[],],}", "{ünï:1}", '"x"', "null",
    "{a:'\\q'}", '{a:"t\tb"}', "{\\u0061:1}", "{__proto__:{a:1}}", "\ufeff{a:1}", "{a:1}// end", "[]",
    "{null:1}",
]
BROKEN = [
    "", "01", "{a:1 b:2}", "{a:1,,}", "[,]", "{a}", "{a:1", '{"a":"b', "{a:[1}", "{a:1}}", "{a:tru}", "{a:1e}", '{"a":1}x', "[1 2]",
    "{a:-.}",
    "{a:'x\ny'}", "{a::1}", ":", "{,}", "{a:}", "/* open", "{a:1]",
]


@pytest.mark.parametrize("text", VALID)
def test_valid_json5_means_what_the_json5_package_says(text):
    assert json5_text.parse(text) == json5.loads(text.lstrip("\ufeff"))


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_not_json5_is_an_error(text):
    with pytest.raises(json5_text.Json5Error):
        json5_text.parse(text)


def test_an_escaped_pair_of_surrogates_is_one_character():
    assert json5_text.parse("{a:'\\u00e9\\ud83e\\udd80'}") == {"a": "é\U0001f980"}


def test_not_a_number_is_read():
    assert math.isnan(json5_text.parse("{a:NaN}")["a"])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-10**9, 10**9) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20)


def spell(value, data) -> str:
    """A JSON5 text for a value, with the freedoms that JSON5 gives."""
    def gap():
        return data.draw(st.sampled_from(["", " ", "\n", "// note\n", "/* a \" ' */", "\t"]))

    def string(text):
        quote = data.draw(st.sampled_from("\"'"))
        body = json.dumps(text, ensure_ascii=data.draw(st.booleans()))[1:-1]
        return '"' + body + '"' if quote == '"' else "'" + body.replace('\\"', '"').replace("'", "\\'") + "'"

    def key(text):
        plain = text.isascii() and text.isidentifier() and data.draw(st.booleans())
        return text if plain else string(text)

    def one(item):
        if isinstance(item, str):
            return string(item)
        comma = data.draw(st.sampled_from(["", ","])) if item else ""
        if isinstance(item, list):
            return "[" + gap() + f"{gap()},{gap()}".join(one(each) for each in item) + comma + gap() + "]"
        if isinstance(item, dict):
            return "{" + gap() + f"{gap()},{gap()}".join(f"{key(k)}{gap()}:{gap()}{one(v)}" for k, v in item.items()) + comma + gap() + "}"
        return json.dumps(item)

    return gap() + one(value) + gap()


@given(st.data(), VALUES)
def test_any_spelling_of_a_value_gives_the_value(data, value):
    assert json5_text.parse(spell(value, data)) == value


@given(st.text(alphabet="{}[]:,'\"\\ab1.-/*\n $", max_size=30))
def test_any_text_is_read_or_refused_as_the_json5_package_does(text):
    try:
        expected = json5.loads(text)
    except Exception:  # it raises several kinds
        with pytest.raises(json5_text.Json5Error):
            json5_text.parse(text)
        return
    assert json5_text.parse(text) == expected


def test_an_error_names_the_place_and_never_the_text():
    with pytest.raises(json5_text.Json5Error, match="line 3, column 3") as caught:
        json5_text.parse('{\n  token: "secret-value"\n  other: 1\n}')
    assert "secret" not in str(caught.value)


def test_a_large_config_is_read_in_little_time():
    text = "{agents:{" + ",".join(f"agent{n}:{{workspace:'/srv/{n}',}}" for n in range(20_000)) + "}}"
    began = time.perf_counter()
    assert len(json5_text.parse(text)["agents"]) == 20_000
    assert time.perf_counter() - began < 10  # 0.3 s here; the json5 package takes half a minute


@pytest.mark.parametrize("text", ["[" * 100_000, "{a:" * 100_000, "[" * 150 + "]" * 150 + "x"])
def test_deep_nesting_is_an_error_and_not_a_crash(text):
    with pytest.raises(json5_text.Json5Error):
        json5_text.parse(text)


def test_a_search_finds_values_in_text_that_does_not_parse():
    text = """{
      workspace: '/a b', // workspace: '/not-this'
      "agentDir" : "/c\\u0041",
      /* workspace: "/nor-this" */
      '$include': ['./x.json5', "y.json5"],
      url: "http://example.test/",  notworkspace: '/nor-that',
      agents: { list: [ { workspace: "~/w ] }
    """
    found = json5_text.scan_strings(text, ("workspace", "agentDir", "$include"))
    assert found == {"workspace": ["/a b", "~/w"], "agentDir": ["/cA"], "$include": ["./x.json5", "y.json5"]}


@given(st.text())
def test_a_search_survives_any_text(text):
    json5_text.scan_strings(text, ("workspace",))
