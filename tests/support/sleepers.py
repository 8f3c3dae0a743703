"""Runs of a job queue whose processes do nothing until they are ended."""

from types import SimpleNamespace

from maskwright.engine.jobs.queue import child as child_module

PROGRAM = (
    "import subprocess, time; subprocess.Popen(['sleep', '60'], stdout=2)\n"
    "print('{\"done\": 1}', flush=True); time.sleep(60)"
)


def start_sleepers(monkeypatch):
    """Let every child of a queue be a sleeper with a child of its own; return the list of them."""
    started = []
    real = child_module.subprocess.Popen

    def start(command, **options):
        assert options["start_new_session"]
        started.append(real([command[0], "-c", PROGRAM], **options))
        return started[-1]

    fake = SimpleNamespace(**{**vars(child_module.subprocess), "Popen": start})
    monkeypatch.setattr(child_module, "subprocess", fake)
    return started
