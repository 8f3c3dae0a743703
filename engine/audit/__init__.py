"""The audit log: every act on an image, in an SQLite file that is only added to and shows when it was altered.

``AuditLog`` writes events; ``verify`` says whether a log is whole; ``export_events`` writes it out for a reviewer,
and ``export_checkpoints`` its signed checkpoints, to be stored elsewhere.
"""

from maskwright.engine.audit.chain import Finding
from maskwright.engine.audit.checkpoints import Checkpoint, checkpoints_path
from maskwright.engine.audit.event import DETAILS, Event, Outcome
from maskwright.engine.audit.export import export_checkpoints, export_events
from maskwright.engine.audit.key import KEY_VARIABLE, AuditKey, key_path_of, read_key, read_or_create_key
from maskwright.engine.audit.log import AuditLog
from maskwright.engine.audit.verification import Verification, verify

__all__ = [
    "DETAILS",
    "KEY_VARIABLE",
    "AuditKey",
    "AuditLog",
    "Checkpoint",
    "Event",
    "Finding",
    "Outcome",
    "Verification",
    "checkpoints_path",
    "export_checkpoints",
    "export_events",
    "key_path_of",
    "read_key",
    "read_or_create_key",
    "verify",
]
