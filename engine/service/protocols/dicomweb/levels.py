"""What is said of studies, series and instances, as records in DICOM's JSON (PS3.18, tables 10.6.3-3 to -5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from maskwright.engine.service.storage import Instance, Series
from maskwright.engine.service.storage.dicom_file import SERIES, STUDY

Record = dict[str, Any]


def _tag(name: str) -> str:
    return f"{tag_for_keyword(name):08X}"


STUDY_TAGS = frozenset(map(_tag, STUDY))
SERIES_TAGS = STUDY_TAGS | frozenset(map(_tag, SERIES))


@dataclass(frozen=True)
class Level:
    """One level of the search: how its records are made, and the tags that they can be searched by."""

    name: str
    tags: frozenset[str]

    def records(self, found: Sequence[Series], root: str) -> Iterator[Record]:
        """Yield the records of some series, in their order; ``root`` is the address of WADO-RS."""
        if self is STUDIES:
            yield from _studies(found, root)
        for series in () if self is STUDIES else found:
            record = _series(series, root)
            if self is ONE_SERIES:
                yield record
                continue
            for instance in series.instances:
                yield record | _instance(instance, record[_tag("RetrieveURL")]["Value"][0])


_STUDY_COUNTS = ("ModalitiesInStudy", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances")
_INSTANCE = (
    *("SOPClassUID", "SOPInstanceUID", "AvailableTransferSyntaxUID", "InstanceNumber"),
    *("NumberOfFrames", "Rows", "Columns", "BitsAllocated"),
)
STUDIES = Level("studies", STUDY_TAGS | frozenset(map(_tag, _STUDY_COUNTS)))
ONE_SERIES = Level("series", SERIES_TAGS | {_tag("NumberOfSeriesRelatedInstances")})
INSTANCES = Level("instances", SERIES_TAGS | frozenset(map(_tag, _INSTANCE)))


def _studies(found: Sequence[Series], root: str) -> Iterator[Record]:
    by_study: dict[str, list[Series]] = {}
    for series in found:
        by_study.setdefault(series.study, []).append(series)
    for uid, members in by_study.items():
        modalities = sorted({series.first(_tag("Modality")) for series in members} - {""})
        yield {tag: value for tag, value in members[0].attributes.items() if tag in STUDY_TAGS} | _record(
            {
                "ModalitiesInStudy": modalities,
                "NumberOfStudyRelatedSeries": [len(members)],
                "NumberOfStudyRelatedInstances": [sum(len(series.instances) for series in members)],
                "RetrieveURL": [f"{root}/studies/{uid}"],
            }
        )


def _series(series: Series, root: str) -> Record:
    return dict(series.attributes) | _record(
        {
            "StudyInstanceUID": [series.study],
            "SeriesInstanceUID": [series.uid],
            "NumberOfSeriesRelatedInstances": [len(series.instances)],
            "RetrieveURL": [f"{root}/studies/{series.study}/series/{series.uid}"],
        }
    )


def _instance(instance: Instance, series_url: str) -> Record:
    return _record(
        {
            "SOPClassUID": [instance.sop_class],
            "SOPInstanceUID": [instance.uid],
            "AvailableTransferSyntaxUID": [instance.transfer_syntax],
            "InstanceNumber": [instance.number],
            "NumberOfFrames": [instance.frames],
            "Rows": [instance.rows],
            "Columns": [instance.columns],
            "BitsAllocated": [instance.bits],
            "RetrieveURL": [f"{series_url}/instances/{instance.uid}"],
        }
    )


def _record(values: dict[str, list[Any]]) -> Record:
    found = {}
    for name, value in values.items():
        tag = _tag(name)
        found[tag] = {"vr": dictionary_VR(tag_for_keyword(name) or 0), "Value": value}
    return found
