"""A job of a few lines: the length of each word; a word that starts with "!" fails, one with "#" kills its process."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class Word:
    name: str


@dataclass(frozen=True)
class LengthsJob:
    words: tuple[str, ...]
    log: str | None = None

    column_types: ClassVar = {"letters": int}

    def cases(self):
        return [Word(word) for word in self.words]

    def key(self, case):
        return {"word": case.name}

    def run(self, case):
        if self.log is not None:
            with Path(self.log).open("a") as file:
                file.write(f"{case.name}\n")
        if case.name.startswith("#"):
            os._exit(7)
        if case.name.startswith("!"):
            raise ValueError(case.name)
        return [{"letters": len(case.name), "half": len(case.name) / 2}]

    def finish(self, results, folder, executor):
        lengths = dict(results.table.select("case", "letters").rows())
        (folder / "lengths.txt").write_text(str(sorted(lengths.items())))
        return lengths, results.failures, results.resumed
