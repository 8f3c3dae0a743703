"""Files that are whole or absent, also after a power cut; one lock for a folder; one digest for content.

Everything in the product that writes, locks or fingerprints a file does it with these.
"""

from maskwright.engine.storage.atomic import (
    atomic_file,
    atomic_folder,
    is_unfinished,
    remove_unfinished,
    unfinished_path,
)
from maskwright.engine.storage.digests import content_digest, file_digest, settings_digest, source_digest
from maskwright.engine.storage.durable import (
    identity_of,
    make_folder,
    storing,
    sync_file,
    sync_folder,
    synced_file,
    write_all,
    write_synced,
)
from maskwright.engine.storage.folder_lock import FolderLock, try_lock
from maskwright.engine.storage.private_files import private_files

__all__ = [
    "FolderLock",
    "atomic_file",
    "atomic_folder",
    "content_digest",
    "file_digest",
    "identity_of",
    "is_unfinished",
    "make_folder",
    "private_files",
    "remove_unfinished",
    "settings_digest",
    "source_digest",
    "storing",
    "sync_file",
    "sync_folder",
    "synced_file",
    "try_lock",
    "unfinished_path",
    "write_all",
    "write_synced",
]
