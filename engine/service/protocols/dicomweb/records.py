"""Records of studies, series and instances in DICOM's JSON (PS3.18, tables 10.6.3-3 to -5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from maskwright.engine.service.storage import Instance, Series
from maskwright.engine.service.storage.dicom_file import SERIES_KEYWORDS, STUDY_KEYWORDS

Record = dict[str, Any]


@dataclass(frozen=True)
class Level:
    """One level of the search: the tags it can be searched by, and its records of series in their order.

    ``records`` takes the series and the address of WADO-RS.
    """

    tags: frozenset[str]
    records: Callable[[Sequence[Series], str], Iterator[Record]]


def _studies(series: Sequence[Series], root: str) -> Iterator[Record]:
    by_study: dict[str, list[Series]] = {}
    for one in series:
        by_study.setdefault(one.study, []).append(one)
    for uid, members in by_study.items():
        modalities = sorted({one.first(_tag("Modality")) for one in members} - {""})
        yield {tag: value for tag, value in members[0].attributes.items() if tag in _STUDY_TAGS} | _record(
            ModalitiesInStudy=modalities,
            NumberOfStudyRelatedSeries=[len(members)],
            NumberOfStudyRelatedInstances=[sum(len(one.instances) for one in members)],
            RetrieveURL=[f"{root}/studies/{uid}"],
        )


def _series(series: Sequence[Series], root: str) -> Iterator[Record]:
    for one in series:
        yield dict(one.attributes) | _record(
            StudyInstanceUID=[one.study],
            SeriesInstanceUID=[one.uid],
            NumberOfSeriesRelatedInstances=[len(one.instances)],
            RetrieveURL=[_address(root, one)],
        )


def _instances(series: Sequence[Series], root: str) -> Iterator[Record]:
    for one, record in zip(series, _series(series, root)):
        for instance in one.instances:
            yield record | _instance(instance, _address(root, one))


def _instance(instance: Instance, series_address: str) -> Record:
    return _record(
        SOPClassUID=[instance.sop_class],
        SOPInstanceUID=[instance.uid],
        AvailableTransferSyntaxUID=[instance.transfer_syntax],
        InstanceNumber=[instance.number],
        NumberOfFrames=[instance.frames],
        Rows=[instance.rows],
        Columns=[instance.columns],
        BitsAllocated=[instance.bits],
        RetrieveURL=[f"{series_address}/instances/{instance.uid}"],
    )


def _address(root: str, series: Series) -> str:
    return f"{root}/studies/{series.study}/series/{series.uid}"


def _record(**values: list[Any]) -> Record:
    """Return attributes by tag; their names are keywords of DICOM."""
    return {_tag(name): {"vr": dictionary_VR(name), "Value": value} for name, value in values.items()}


def _tag(keyword: str) -> str:
    return f"{tag_for_keyword(keyword):08X}"


def _tags(keywords: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_tag, keywords))


_STUDY_TAGS = _tags(STUDY_KEYWORDS)
_SERIES_TAGS = _STUDY_TAGS | _tags(SERIES_KEYWORDS)
_STUDY_COUNTS = ("ModalitiesInStudy", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances")
_INSTANCE_KEYWORDS = (
    *("SOPClassUID", "SOPInstanceUID", "AvailableTransferSyntaxUID", "InstanceNumber"),
    *("NumberOfFrames", "Rows", "Columns", "BitsAllocated"),
)
STUDIES = Level(_STUDY_TAGS | _tags(_STUDY_COUNTS), _studies)
SERIES = Level(_SERIES_TAGS | _tags(["NumberOfSeriesRelatedInstances"]), _series)
INSTANCES = Level(_SERIES_TAGS | _tags(_INSTANCE_KEYWORDS), _instances)
