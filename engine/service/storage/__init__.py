"""A folder as a datastore: images by id, labels with their versions, uploads. Nothing here knows of HTTP."""

from maskwright.engine.service.storage.dicom_file import Instance
from maskwright.engine.service.storage.dicom_index import Series
from maskwright.engine.service.storage.entry import Digests, ImageEntry, Status
from maskwright.engine.service.storage.labels import LabelEntry, LabelInfo
from maskwright.engine.service.storage.names import clean_upload_name
from maskwright.engine.service.storage.store import Datastore
from maskwright.engine.service.storage.upload import receive

__all__ = [
    "Datastore",
    "Digests",
    "ImageEntry",
    "Instance",
    "LabelEntry",
    "LabelInfo",
    "Series",
    "Status",
    "clean_upload_name",
    "receive",
]
