"""A folder as a datastore: images by id, labels with their versions, uploads. Nothing here knows of HTTP."""

from maskwright.engine.service.datastore.dicom_file import Instance
from maskwright.engine.service.datastore.dicom_index import Series
from maskwright.engine.service.datastore.entry import ImageEntry
from maskwright.engine.service.datastore.label_folder import LabelEntry
from maskwright.engine.service.datastore.label_info import LabelInfo
from maskwright.engine.service.datastore.store import Datastore, Status

__all__ = ["Datastore", "ImageEntry", "Instance", "LabelEntry", "LabelInfo", "Series", "Status"]
