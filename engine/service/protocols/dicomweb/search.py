"""QIDO-RS: the records that fit a query, as PS3.4, C.2.2.2, matches them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from maskwright.engine.service.protocols.dicomweb.records import Level, Record

MOST = 5000
"""The most records that one answer holds."""
_OPTIONS = frozenset(["limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching"])
_LISTS = ("UI", "CS")
_RANGES = ("DA", "TM", "DT")


@dataclass(frozen=True)
class SearchQuery:
    """The values that records must have, by tag, and the reasons why the answer may hold more than was searched for."""

    values: Mapping[str, str]
    unsupported: int = 0
    fuzzy: bool = False

    @staticmethod
    def parse(items: Iterable[tuple[str, str]], level: Level) -> SearchQuery:
        """Return the query in the parameters of a request: keywords, or tags of eight digits."""
        values, unsupported, fuzzy = {}, 0, False
        for name, value in items:
            fuzzy = fuzzy or (name, value.lower()) == ("fuzzymatching", "true")
            if name in _OPTIONS or not value:  # an empty value fits all
                continue
            tag = _tag_of(name)
            if tag in level.tags:
                values[tag] = value
            else:
                unsupported += 1
        return SearchQuery(values, unsupported, fuzzy)

    def fits(self, record: Record) -> bool:
        """Tell whether a record fits."""
        return all(_fits(record.get(tag, {}), tag, value) for tag, value in self.values.items())

    def warnings(self, more: bool) -> dict[str, str]:
        """Return the header that the standard wants with an answer that is not all that was searched for."""
        texts = ["there are more results; ask with offset"] if more else []
        if self.unsupported:
            texts.append(f"{self.unsupported} parameters are not supported and were not looked at")
        if self.fuzzy:
            texts.append("the fuzzymatching parameter is not supported; only literal matching has been performed")
        return {"Warning": ", ".join(f'299 maskwright "{text}"' for text in texts)} if texts else {}


def select(records: Iterable[Record], query: SearchQuery, limit: int | None, offset: int) -> tuple[list[Record], bool]:
    """Return the records that fit, from ``offset`` on, ``MOST`` at most, and whether there are more."""
    fitting = (record for record in records if query.fits(record))
    most = min(MOST if limit is None else limit, MOST)
    page = list(islice(fitting, offset, offset + most))
    return page, next(fitting, None) is not None


def _tag_of(name: str) -> str:
    if re.fullmatch("[0-9A-Fa-f]{8}", name):
        return name.upper()
    return f"{tag_for_keyword(name) or 0:08X}"


def _fits(element: Mapping[str, Any], tag: str, wanted: str) -> bool:
    kind = dictionary_VR(int(tag, 16))
    texts = [text for value in element.get("Value", []) for text in _texts(value)]
    if kind in _RANGES and "-" in wanted:
        lower, _, upper = wanted.partition("-")
        return any(lower <= text and (not upper or text[: len(upper)] <= upper) for text in texts)
    options = re.split(r"[\\,]", wanted) if kind in _LISTS else [wanted]
    patterns = [_pattern(option, any_case=kind == "PN") for option in options]
    return any(pattern.fullmatch(text) for pattern in patterns for text in texts)


def _pattern(wanted: str, *, any_case: bool) -> re.Pattern[str]:
    """Return what a value must match: ``*`` stands for any characters, ``?`` for any one."""
    return re.compile(fnmatch.translate(wanted.replace("[", "[[]")), re.IGNORECASE if any_case else 0)


def _texts(value: Any) -> list[str]:
    return [str(part) for part in value.values()] if isinstance(value, dict) else [str(value)]
