"""A log to tamper with, and the tools of someone who may write its files but has no key."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from maskwright.engine.audit import AuditLog, Event, Verification, checkpoints_path, key_path_of, read_key, verify

COLUMNS = ["number", "time", "actor", "role", "action", "subject", "region", "outcome", "request_id", "details", "hash"]


def event(index: int = 0) -> Event:
    return Event(
        "night-shift",
        "annotator",
        "prompt.add",
        "allowed",
        subject=f"DOE^JOHN-{index}",
        region="eu",
        request_id=f"r-{index}",
        details={"prompt": "point", "positive": True, "voxels": index},
    )


@dataclass(frozen=True)
class Case:
    """A closed log in a folder of its own."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return checkpoints_path(self.path)

    @property
    def key(self) -> Path:
        return key_path_of(self.path)

    def verify(self, checkpoints: Path | None = None) -> Verification:
        return verify(self.path, read_key(self.key), checkpoints=checkpoints)

    def kinds(self) -> list[str]:
        return [finding.kind for finding in self.verify().findings]

    @contextmanager
    def tamper(self) -> Iterator[sqlite3.Connection]:
        """Open the database without its triggers, and put them back afterwards."""
        with closing(sqlite3.connect(self.path)) as database:
            database.execute("PRAGMA synchronous = OFF")  # quick: nothing here outlives the test
            triggers = database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                database.execute(f"DROP TRIGGER {name}")
            yield database
            for _, sql in triggers:
                database.execute(sql)
            database.commit()

    def change(self, *statements: str) -> None:
        with self.tamper() as database:
            for statement in statements:
                database.execute(statement)

    def rehash(self, start: int) -> None:
        """Give every row from ``start`` on the hash that fits, by the plain definition."""
        with self.tamper() as database:
            rows = database.execute(f"SELECT {', '.join(COLUMNS)} FROM events ORDER BY number").fetchall()
            previous = "0" * 64
            for *values, old in rows:
                fields = dict(zip(COLUMNS, values))
                fields["details"] = json.loads(fields["details"])
                text = previous + json.dumps(fields, sort_keys=True, separators=(",", ":"))
                previous = hashlib.sha256(text.encode()).hexdigest() if values[0] >= start else old
                database.execute("UPDATE events SET hash = ? WHERE number = ?", (previous, values[0]))

    def rows(self) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as database:
            return database.execute(f"SELECT {', '.join(COLUMNS)} FROM events ORDER BY number").fetchall()

    def copy_to(self, folder: Path) -> "Case":
        shutil.copytree(self.path.parent, folder)
        return Case(folder / self.path.name)


def make_log(folder: Path, rows: int, checkpoint_every: int) -> Case:
    folder.mkdir(parents=True, exist_ok=True)
    case = Case(folder / "audit.db")
    with AuditLog(case.path, checkpoint_every=checkpoint_every) as log:
        for index in range(1, rows + 1):
            assert log.append(event(index)) == index
    return case


@pytest.fixture
def new_event() -> Callable[[int], Event]:
    return event


@pytest.fixture
def log_of(tmp_path: Path) -> Callable[[int, int], Case]:
    """``log_of(rows, checkpoint_every)``: a closed log."""
    return lambda rows, checkpoint_every: make_log(tmp_path / "log", rows, checkpoint_every)


@pytest.fixture(scope="module")
def whole_log(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """30 rows with a checkpoint after every 10, not to be changed: take ``copy_to``."""
    return make_log(tmp_path_factory.mktemp("whole") / "log", 30, 10)


@pytest.fixture
def log(whole_log: Case, tmp_path: Path) -> Case:
    """A copy of ``whole_log`` to tamper with."""
    return whole_log.copy_to(tmp_path / "copy")
