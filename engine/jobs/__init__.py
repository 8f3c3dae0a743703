"""Run one job over many cases, on this machine or on a Ray cluster, and never lose a finished case.

A job is one file: a record with ``cases()``, ``key(case)``, ``run(case)`` and ``finish(...)`` (``job.py``).
``run_job`` sends its cases through an executor, stores the rows of each finished case under its resume key, and lets
the job finish. ``JobQueue`` does the same for a server, one job at a time in a process of its own. Both tell how far
they are with a ``RunRecord``.
"""
