"""QA runs over a datastore: one at a time in a process of its own, others wait. Nothing here knows of HTTP."""

from maskwright.engine.service.qa_runs.record import Record
from maskwright.engine.service.qa_runs.request import Asked
from maskwright.engine.service.qa_runs.runs import QaRuns

__all__ = ["Asked", "QaRuns", "Record"]
