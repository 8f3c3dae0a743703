"""Local processes and Ray tasks behind one contract, ``executor.Executor``."""
