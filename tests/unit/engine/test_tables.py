# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and ids, runs of chunks, tables and the index over them: whatever goes in comes out, and what cannot be is refused."""
from __future__ import annotations

import datetime
from array import array

import pytest

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import known, names, tables
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository.tables import ChunkIndex, Pack, Run, Tables
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.base import ObjectInfo

MILLISECONDS = st.integers(0, 253_402_300_799_999)  # 1970 to 9999


class TestNames:
    @given(milliseconds=MILLISECONDS)
    def test_an_id_is_its_moment_to_the_millisecond_in_both_forms(self, milliseconds):
        snapshot_id = names.id_of_time(milliseconds / 1000)
        moment = datetime.datetime.strptime(snapshot_id, "%Y-%m-%dT%H:%M:%S.%fZ")
        assert (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(milliseconds=1) == milliseconds
        for form in (snapshot_id, names.compact(snapshot_id)):
            assert names.id_of_time(names.time_of_id(form)) == snapshot_id
            assert names.compact(form) == names.compact(snapshot_id)
        assert names.snapshot_of_object(names.snapshot_object(snapshot_id)) == snapshot_id

    @given(first=MILLISECONDS, second=MILLISECONDS)
    def test_ids_and_objects_sort_as_their_moments(self, first, second):
        one, two = (names.id_of_time(value / 1000) for value in (first, second))
        assert (one < two) == (first < second) == (names.snapshot_object(one) < names.snapshot_object(two))

    @given(now=MILLISECONDS, newest=st.integers(0, 253_402_300_799_998))
    def test_the_next_id_is_always_later_however_the_clock_jumps(self, now, newest):
        newest_id = names.id_of_time(newest / 1000)
        assert names.next_id(now / 1000, newest_id) == names.id_of_time(max(now, newest + 1) / 1000) > newest_id

    def test_after_the_last_moment_there_is_no_id(self):
        for attempt in (lambda: names.next_id(0, "9999-12-31T23:59:59.999Z"), lambda: names.id_of_time(-1), lambda: names.id_of_time(1e18)):
            with pytest.raises(EngineError) as error:
                attempt()
            assert error.value.code == "snapshot-id-exhausted"

    @pytest.mark.parametrize("text", [
        "", "latest", "2026-11-20", "2026-11-20T02:30:00Z", "2026-11-20T02:30:00.1234Z", "2026-13-20T02:30:00.123Z",
        "2026-02-30T02:30:00.123Z", "2026-11-20T24:00:00.000Z", "2026-11-20T02:30:60.000Z", "2026-11-20T02:30:00.123",
        "2026-11-20T02:30:00.123Z\n", " 2026-11-20T02:30:00.123Z",
        "\u0662026-11-20T02:30:00.123Z", "\uff12026-11-20T02:30:00.123Z"])
    def test_what_is_no_id(self, text):
        with pytest.raises(EngineError) as error:
            names.time_of_id(text)
        assert error.value.code == "snapshot-id-invalid"
        assert names.snapshot_of_object(names.SNAPSHOTS + text) is None

    @given(st.text(max_size=50))
    def test_any_other_object_name_is_neither_snapshot_nor_pack(self, text):
        for prefix in ("", names.SNAPSHOTS, names.PACKS, names.PACKS + "00/"):
            assert names.snapshot_of_object(prefix + text) is None and names.pack_of_object(prefix + text) is None

    def test_a_pack_lies_where_its_id_says(self):
        pack = names.random_id()
        assert names.pack_of_object(names.pack_object(pack)) == pack
        assert names.pack_of_object(f"packs/{'0' if pack[0] != '0' else '1'}{pack[1]}/{pack}") is None
        assert len({names.random_id() for _id in range(1000)}) == 1000


class TestRuns:
    @given(st.lists(st.one_of(st.integers(0, 5), st.integers(0, 1000)), max_size=300))
    def test_runs_hold_any_numbers_in_order(self, numbers):
        runs: list[Run] = []
        for number in numbers:
            tables.append_run(runs, number)
        assert list(tables.numbers(runs)) == numbers
        assert all(count >= 1 and step in (0, 1) for _first, count, step in runs)

    @given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 20)), max_size=50))
    def test_whole_stretches_may_be_appended(self, stretches):
        runs: list[Run] = []
        for first, count in stretches:
            tables.append_run(runs, first, count)
        assert list(tables.numbers(runs)) == [number for first, count in stretches for number in range(first, first + count)]

    def test_what_is_in_sequence_or_repeats_is_one_run(self):
        for numbers, expected in ((range(1000), [Run(0, 1000)]), ([7] * 1000, [Run(7, 1000, 0)]), ([], [])):
            runs: list[Run] = []
            for number in numbers:
                tables.append_run(runs, number)
            assert runs == expected


@st.composite
def sound_tables(draw) -> Tables:
    """Tables as a writer makes them: frames full of chunks, packs full of frames."""
    made = Tables()
    for number in range(draw(st.integers(1, 3))):
        made.keys.append(bytes([number]) * 1168)
    for pack in range(draw(st.integers(len(made.keys), 5))):
        offset = 0
        for ordinal in range(draw(st.integers(1, 4))):
            lengths = draw(st.lists(st.integers(1, 100_000), min_size=1, max_size=6))
            stored = draw(st.integers(17, 1000))
            frame = made.add_frame(pack, ordinal, offset, stored, sum(lengths))
            offset, position = offset + stored, 0
            for length in lengths:
                made.add_chunk(draw(st.binary(min_size=16, max_size=16)), frame, position, length)
                position += length
        made.packs.append(Pack(f"{pack:032x}", offset + draw(st.integers(1, 500)), min(pack, len(made.keys) - 1)))
    return made


class TestTables:
    @given(sound_tables())
    def test_what_a_writer_makes_is_accepted(self, made):
        tables.check(made)

    @given(made=sound_tables(), column=st.sampled_from(tables.COLUMNS), data=st.data())
    def test_a_number_that_points_nowhere_is_refused(self, made, column, data):
        values = getattr(made, column)
        if column != "frame_ordinal":  # it is only a nonce
            values[data.draw(st.integers(0, len(values) - 1))] = 0xFFFFFFFF
            with pytest.raises(ValueError):
                tables.check(made)

    @given(made=sound_tables(), value=st.sampled_from([0, tables.MAXIMUM_CHUNK + 1]))
    def test_chunks_that_are_empty_or_too_large_are_refused(self, made, value):
        made.chunk_length[0] = value
        made.frame_length[0] = max(made.frame_length[0], made.chunk_offset[0] + value)
        with pytest.raises(ValueError):
            tables.check(made)

    @given(made=sound_tables(), column=st.sampled_from(tables.COLUMNS))
    def test_columns_of_other_lengths_are_refused(self, made, column):
        for change in (lambda values: values.append(0), lambda values: values.pop()):
            changed = Tables(**{**vars(made), column: array("I", getattr(made, column))})
            change(getattr(changed, column))
            with pytest.raises(ValueError):
                tables.check(changed)

    @given(st.lists(st.integers(0, 0xFFFFFFFF), max_size=50))
    def test_columns_are_little_endian_whatever_the_machine(self, values):
        data = tables.to_bytes(array("I", values))
        assert data == b"".join(value.to_bytes(4, "little") for value in values)
        assert list(tables.from_bytes(data)) == values

    @pytest.mark.parametrize("length", [1, 2, 3, 5])
    def test_a_column_that_was_cut_is_refused(self, length):
        with pytest.raises(ValueError):
            tables.from_bytes(bytes(length))


class TestIndex:
    @given(st.lists(st.binary(min_size=16, max_size=16), unique=True, max_size=3000), st.integers(0, 100))
    @settings(max_examples=30)
    def test_finds_what_was_added_and_nothing_else(self, ids, expected):
        made = Tables()
        index = ChunkIndex(made, expected)
        for number, chunk_id in enumerate(ids):
            assert index.find(chunk_id) is None
            made.add_chunk(chunk_id, 0, 0, 1)
            index.add(chunk_id, number)
        assert [index.find(chunk_id) for chunk_id in ids] == list(range(len(ids)))
        assert index.find(b"\x00" * 15 + b"x") == (ids.index(b"\x00" * 15 + b"x") if b"\x00" * 15 + b"x" in ids else None)

    def test_ids_that_somebody_chose_cost_no_more_than_others(self):
        """A stolen writer key can make manifests of any ids; were their place known, looking them up would take hours."""
        made = Tables()
        index = ChunkIndex(made, 10)
        for number in range(50_000):
            made.add_chunk(bytes(8) + number.to_bytes(8, "big"), 0, 0, 1)
            index.add(made.chunk_id(number), number)
        assert all(index.find(made.chunk_id(number)) == number for number in range(50_000))
        assert index.find(bytes(range(16))) is None


class TestReuse:
    @given(made=sound_tables(), data=st.data())
    def test_a_snapshot_that_uses_old_chunks_describes_them_as_before(self, made, data):
        """Whatever runs of the parent are used, in whatever order, the new numbers mean the same bytes of the same packs."""
        stored = known.Known(made, bytearray(made.chunk_count))
        new = known.NewTables(stored)
        for _file in range(data.draw(st.integers(1, 5))):
            numbers = data.draw(st.lists(st.integers(0, made.chunk_count - 1), max_size=30))
            if data.draw(st.booleans()):
                numbers = list(range(min(numbers, default=0), made.chunk_count))
            runs: list[Run] = []
            for number in numbers:
                tables.append_run(runs, number)
            renumbered = list(tables.numbers(new.use_runs(runs)))
            assert [meaning(new.tables, number) for number in renumbered] == [meaning(made, number) for number in numbers]
        if new.tables.chunk_count:
            tables.check(new.tables)

    @given(made=sound_tables(), data=st.data())
    def test_chunks_of_lost_packs_are_not_used(self, made, data):
        lost = set(data.draw(st.lists(st.sampled_from([row.pack for row in made.packs]), unique=True)))
        shrunk = set(data.draw(st.lists(st.sampled_from([row.pack for row in made.packs]), unique=True)))
        there = {row.pack: ObjectInfo("", row.size - (row.pack in shrunk), 0.0) for row in made.packs if row.pack not in lost}
        stored = known.from_parent(made, there)
        assert set(stored.lost) == lost | shrunk
        for number in range(made.chunk_count):
            gone = made.packs[made.frame_pack[made.chunk_frame[number]]].pack in lost | shrunk
            assert bool(stored.unusable[number]) == gone == (not stored.usable([Run(number, 1)]))
            assert stored.find(made.chunk_id(number)) is not None or gone or _twice(made, number)

    @given(made=sound_tables(), budget=st.integers(0, 5000))
    def test_compaction_gives_up_only_packs_less_than_half_used_and_within_its_budget(self, made, budget):
        shares = known.used_share(made)
        assert all(0 <= share <= 1 for share in shares)
        stored = known.Known(made, bytearray(made.chunk_count))
        known.retire(stored, budget)
        given_up = [number for number, row in enumerate(made.packs) if row.pack in stored.retired]
        assert all(shares[number] < 0.5 for number in given_up)
        assert sum(int(shares[number] * made.packs[number].size) for number in given_up) <= budget


def meaning(made: Tables, number: int) -> tuple:
    """What a chunk's row says, numbers of rows replaced by what they stand for."""
    frame = made.chunk_frame[number]
    pack = made.packs[made.frame_pack[frame]]
    return (
        made.chunk_id(number), made.chunk_offset[number], made.chunk_length[number], made.frame_ordinal[frame], made.frame_offset[frame],
        made.frame_stored[frame], made.frame_length[frame], pack.pack, pack.size, made.keys[pack.key])


def _twice(made: Tables, number: int) -> bool:
    """Whether a random id came up twice: the index then knows one of the two."""
    return [made.chunk_id(other) for other in range(made.chunk_count)].count(made.chunk_id(number)) > 1
