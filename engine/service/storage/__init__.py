"""A folder as a datastore: images by id, labels with their versions, uploads. Nothing here knows of HTTP."""

from maskwright.engine.service.storage.dicom_file import Instance
from maskwright.engine.service.storage.dicom_index import Series
from maskwright.engine.service.storage.entry import ImageEntry
from maskwright.engine.service.storage.label_folder import LabelEntry
from maskwright.engine.service.storage.label_info import LabelInfo
from maskwright.engine.service.storage.store import Datastore, Status

__all__ = ["Datastore", "ImageEntry", "Instance", "LabelEntry", "LabelInfo", "Series", "Status"]
