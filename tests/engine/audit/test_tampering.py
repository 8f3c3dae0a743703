"""Random tampering: a log that verifies as whole holds the very rows that were written."""

import shutil
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maskwright.errors import FileFormatError

Case = Any
ROWS = 30
COLUMNS = ["time", "actor", "role", "action", "subject", "region", "outcome", "request_id", "details", "hash"]
QUICK = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))

numbers = st.integers(1, ROWS)
texts = st.one_of(st.text(max_size=8), st.sampled_from(["", "{}", "0" * 64, "allowed", "refused", '{"voxels":1e400}']))
operations = st.one_of(
    st.tuples(st.just("set"), numbers, st.sampled_from(COLUMNS), texts),
    st.tuples(st.just("delete"), numbers, st.integers(0, 5)),
    st.tuples(st.just("cut"), st.integers(0, ROWS)),
    st.tuples(st.just("swap"), numbers, numbers),
    st.tuples(st.just("copy"), numbers, st.integers(-2, ROWS + 3)),
    st.tuples(st.just("renumber")),
    st.tuples(st.just("rehash"), numbers),
)


def apply(case: Case, operation: tuple[Any, ...]) -> None:
    """Do one thing to the rows, past the triggers."""
    name, *values = operation
    if name == "rehash":
        with suppress(ValueError):  # its details are no JSON any more
            case.rehash(values[0])
        return
    with case.tamper() as database:
        if name == "set":
            number, column, text = values
            with suppress(UnicodeEncodeError):  # SQLite's module takes no lone surrogates
                database.execute(f"UPDATE events SET {column} = ? WHERE number = ?", (text, number))
        elif name == "delete":
            database.execute("DELETE FROM events WHERE number BETWEEN ? AND ?", (values[0], values[0] + values[1]))
        elif name == "cut":
            database.execute("DELETE FROM events WHERE number > ?", (values[0],))
        elif name == "swap":
            first, second = values
            for old, new in ((first, 1000), (second, first), (1000, second)):
                database.execute("UPDATE OR IGNORE events SET number = ? WHERE number = ?", (new, old))
        elif name == "copy":
            rest = ", ".join(COLUMNS)
            database.execute(
                f"INSERT OR REPLACE INTO events SELECT ?, {rest} FROM events WHERE number = ?", (values[1], values[0])
            )
        else:
            rows = database.execute("SELECT number FROM events ORDER BY number").fetchall()
            for new, (old,) in enumerate(rows, 1):
                database.execute("UPDATE OR IGNORE events SET number = ? WHERE number = ?", (new, old))


@QUICK
@given(st.lists(operations, min_size=1, max_size=5), st.integers(0, 4))
def test_rows(whole_log: Case, done: list[tuple[Any, ...]], kept: int) -> None:
    """Without the key, with the checkpoint file cut to ``kept`` of its four lines."""
    with tempfile.TemporaryDirectory() as folder:
        case = whole_log.copy_to(Path(folder) / "log")
        for operation in done:
            apply(case, operation)
        lines = case.checkpoints.read_text().splitlines(keepends=True)
        case.checkpoints.write_text("".join(lines[:kept]))
        found, rows, original = case.verify(), case.rows(), whole_log.rows()
    signed = [-1, 0, 10, 20, 30][kept]
    assert not found.whole or signed >= 0
    if found.whole:  # whole, up to what the checkpoints that are left can know
        assert rows[:signed] == original[:signed]
        assert len(rows) >= signed
        assert (found.rows, found.signed_rows) == (len(rows), signed)
    if kept == 4:
        assert found.whole == (rows == original)


@QUICK
@given(numbers, st.sampled_from(COLUMNS[:-1]), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
def test_any_changed_field_is_named(whole_log: Case, number: int, column: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        case = whole_log.copy_to(Path(folder) / "log")
        apply(case, ("set", number, column, text))
        changed = case.rows() != whole_log.rows()
        findings = case.verify().findings
    assert changed == bool(findings)
    if changed:
        assert (findings[0].kind, findings[0].first) == ("changed", number)


@QUICK
@given(st.data())
def test_bytes_of_the_checkpoints(whole_log: Case, data: st.DataObject) -> None:
    """Any byte but the last line's end: a line is forged, or the last one is no longer counted."""
    with tempfile.TemporaryDirectory() as folder:
        case = whole_log.copy_to(Path(folder) / "log")
        content = bytearray(case.checkpoints.read_bytes())
        where = data.draw(st.integers(0, len(content) - 2))
        content[where] ^= data.draw(st.integers(1, 255))
        case.checkpoints.write_bytes(content)
        findings = case.verify().findings
    assert [finding.kind for finding in findings] == ["forged"]


@QUICK
@given(st.data())
def test_bytes_of_the_database(whole_log: Case, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        case = whole_log.copy_to(Path(folder) / "log")
        content = bytearray(case.path.read_bytes())
        for where in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
            content[where] ^= data.draw(st.integers(1, 255))
        if data.draw(st.booleans()):
            del content[data.draw(st.integers(0, len(content))) :]
        case.path.write_bytes(content)
        try:
            whole = case.verify().whole
        except FileFormatError:
            return
        if whole:  # a byte that holds nothing
            assert readable_rows(case) == whole_log.rows()


def readable_rows(case: Case) -> list[tuple[object, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(case.path, folder)
        database = sqlite3.connect(copy)
        try:
            return database.execute(f"SELECT number, {', '.join(COLUMNS)} FROM events ORDER BY number").fetchall()
        finally:
            database.close()
