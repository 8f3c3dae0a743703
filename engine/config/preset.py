"""A preset: the names and metrics of the labels, regions made of several labels, and the label to ignore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

Matching = Literal["overlap", "iou"]


@dataclass(frozen=True)
class LabelSpec:
    """One label: its name, and the metrics that make sense for it.

    Attributes
    ----------
    name : str
        The name for readers.
    tubular : bool
        A vessel, an airway, a nerve: clDice is measured too.
    instances : bool
        Lesions, nuclei: each connected component counts for itself, and the instance metrics are measured too.
    metrics : tuple of str, optional
        The metrics to measure, by their names in the table of metrics; without it, those of every label.
    """

    name: str
    tubular: bool = False
    instances: bool = False
    metrics: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Region:
    """Several labels measured as one mask, such as a whole tumour; it is measured beside its labels.

    Attributes
    ----------
    name : str
        The name for readers.
    labels : tuple of int
        The labels it is made of, as they are after ``remap``.
    tubular, instances, metrics
        As for a label.
    """

    name: str
    labels: tuple[int, ...]
    tubular: bool = False
    instances: bool = False
    metrics: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Preset:
    """The meaning of the numbers in a mask.

    Attributes
    ----------
    name : str
        The name of the preset.
    labels : mapping of int to LabelSpec
        The labels that are measured; every other value counts as background. May be empty where there are regions.
    regions : mapping of int to Region
        Regions under numbers of their own, which no label uses.
    remap : mapping of int to int
        Values as stored in the files -> labels; applied to both masks before anything else. 0 makes background.
    ignore : int or None
        The label (after ``remap``) whose voxels in the reference are left out of both masks.
    matching : {"overlap", "iou"}
        Which two instances may be a pair: any that overlap, or those with an IoU above 0.5.
    min_instance_ml : float
        Connected components smaller than this volume are no instances.
    """

    name: str
    labels: Mapping[int, LabelSpec]
    regions: Mapping[int, Region] = field(default_factory=dict)
    remap: Mapping[int, int] = field(default_factory=dict)
    ignore: int | None = None
    matching: Matching = "iou"
    min_instance_ml: float = 0.0

    @property
    def specs(self) -> dict[int, LabelSpec | Region]:
        """Every label and region that is measured, by its number, labels first."""
        return {**self.labels, **self.regions}

    @property
    def names(self) -> dict[int, str]:
        """The name of every label and region that is measured, labels first."""
        return {number: spec.name for number, spec in self.specs.items()}

    def stored_values(self, number: int) -> tuple[int, ...]:
        """Return the values in a file that make up a label or region, the remap undone, in growing order.

        Examples
        --------
        >>> preset = Preset("p", {3: LabelSpec("core")}, {9: Region("whole", (1, 3))}, remap={4: 3})
        >>> preset.stored_values(3), preset.stored_values(9)
        ((3, 4), (1, 3, 4))
        """
        labels = set(self.regions[number].labels) if number in self.regions else {number}
        own = {label for label in labels if self.remap.get(label, label) == label}
        remapped = {value for value, label in self.remap.items() if label in labels}
        return tuple(sorted(own | remapped))

    def content(self) -> dict[str, object]:
        """Return the preset as plain values that JSON can hold, for a record of a run and for its resume key."""
        return asdict(self)
