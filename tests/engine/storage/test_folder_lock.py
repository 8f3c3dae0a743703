"""One holder is alone in a folder; others see that they are not."""

import subprocess
import sys
from pathlib import Path

from maskwright.engine.storage import FolderLock

PROGRAM = "import sys; from pathlib import Path; from maskwright.engine.storage import FolderLock; "
PROGRAM += "print(FolderLock(Path(sys.argv[1])).alone)"


def alone_elsewhere(folder: Path) -> bool:
    run = subprocess.run([sys.executable, "-c", PROGRAM, str(folder)], capture_output=True, text=True, check=True)
    return run.stdout.strip() == "True"


def test_a_folder_has_one_exclusive_lock(tmp_path: Path) -> None:
    with FolderLock(tmp_path) as lock:
        assert lock.alone
        assert not FolderLock(tmp_path).alone
        assert not alone_elsewhere(tmp_path)
    assert alone_elsewhere(tmp_path)
    lock.close()


def test_a_shared_lock_is_never_alone_for_the_next(tmp_path: Path) -> None:
    with FolderLock(tmp_path) as lock:
        lock.share()
        assert not alone_elsewhere(tmp_path)
