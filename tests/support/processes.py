"""Wait for something, and what is left of a process group."""

import os
import time
from pathlib import Path


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def group_is_there(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    processes = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return any(is_alive(process) for process in processes if group_of(process) == group)


def group_of(process):
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return None


def is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children_of_this_process():
    tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}
