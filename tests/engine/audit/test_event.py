"""An event takes words and numbers, never free text, and repeats no refused value."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskwright.engine.audit import DETAILS, Event
from maskwright.engine.audit.row import GENESIS, Row, chain_hash
from maskwright.errors import InputError

WORD = string.ascii_letters + string.digits + "_.:/+-"
GOOD: dict[str, Any] = {"actor": "night shift", "role": "annotator", "action": "prompt.add", "outcome": "allowed"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actor", ""),
        ("actor", "  "),
        ("actor", "a" * 101),
        ("actor", "a\nb"),
        ("actor", "a\x1b[2Jb"),
        ("actor", "\udcff"),
        ("actor", None),
        ("role", ""),
        ("role", "DOE^JOHN"),
        ("action", "DOE JOHN"),
        ("action", "a" * 65),
        ("outcome", "DOE"),
        ("outcome", ["allowed"]),
        ("subject", ""),
        ("subject", b"DOE"),
        ("region", "e u"),
        ("region", ""),
        ("request_id", "DOE\n"),
        ("request_id", 7),
        ("details", {"patient": "DOE"}),
        ("details", {"reason": "DOE JOHN"}),
        ("details", {"reason": None}),
        ("details", {"voxels": 1.0}),
        ("details", {"voxels": True}),
        ("details", {"voxels": 2**53}),
        ("details", {"positive": 1}),
        ("details", {"reason": ["DOE"]}),
        ("details", {7: "DOE"}),
    ],
)
def test_a_refused_value_is_not_repeated(field: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"audit event: {field}") as raised:
        Event(**{**GOOD, field: value})
    assert "DOE" not in str(raised.value)
    assert "\n" not in str(raised.value)


@given(st.text(max_size=70))
def test_only_words_pass_as_words(text: str) -> None:
    word = 0 < len(text) <= 64 and set(text) <= set(WORD) and text[0] in string.ascii_letters + string.digits
    for change in ({"role": text}, {"request_id": text}, {"details": {"reason": text}}):
        try:
            Event(**{**GOOD, **change})
        except InputError:
            assert not word
        else:
            assert word


def test_every_detail_has_a_plain_type() -> None:
    values = {int: 3, str: "x", bool: True}
    details = {name: values[kind] for name, kind in DETAILS.items()}
    assert dict(Event(**GOOD, details=details).details) == details


def test_an_event_does_not_change_with_the_callers_details() -> None:
    details: dict[str, Any] = {"voxels": 1}
    event = Event(**GOOD, details=details)
    details["voxels"] = "DOE JOHN"
    assert event.details == {"voxels": 1}
    with pytest.raises(TypeError):
        event.details["voxels"] = 2  # type: ignore[index]


def test_the_subject_is_not_printed() -> None:
    assert "DOE" not in repr(Event(**GOOD, subject="DOE"))


def test_the_format_stays() -> None:
    values = (1, "2026-01-02T03:04:05.678+00:00", "Zoë", "viewer", "image.read", None, "eu", "allowed", None,
              '{"bytes":7,"format":"nifti"}')  # fmt: skip
    row = Row(values, chain_hash(GENESIS, Row(values, None).fields()))
    assert row.to_json() == (
        '{"action":"image.read","actor":"Zo\\u00eb","details":{"bytes":7,"format":"nifti"},'
        f'"hash":"{row.hash}","number":1,"outcome":"allowed","region":"eu","request_id":null,'
        '"role":"viewer","subject":null,"time":"2026-01-02T03:04:05.678+00:00"}'
    )
    # sha256sum over 64 zeros and that line without the hash: logs of earlier versions must stay whole.
    assert row.hash == "af52b1c51fc71cff78980e1aee3976eaa92f0f807eb473f99c30d53437f3916d"
