"""Print how many lines of Python each top folder holds, and refuse a source file that has grown too long."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

LONGEST = 350  # a file past this holds more than one thing


def main() -> int:
    names = subprocess.run(["git", "ls-files", "*.py"], capture_output=True, text=True, check=True).stdout.split()
    lines = {name: len(Path(name).read_text(encoding="utf-8").splitlines()) for name in names if Path(name).is_file()}
    folders: Counter[str] = Counter()
    for name, count in lines.items():
        folders[name.split("/")[0]] += count
    for folder, count in sorted(folders.items()):
        print(f"{folder:12} {count:6} lines")
    too_long = [f"{name}: {count} lines, at most {LONGEST}" for name, count in lines.items() if count > LONGEST]
    print("\n".join(too_long))
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
