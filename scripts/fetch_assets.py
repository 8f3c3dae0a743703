"""Fetch the viewer of the page: NiiVue, from its npm package, checked against a pinned hash.

It goes to engine/service/page/assets, which is not committed. Needs `npm`; fetches nothing that is there already.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ASSETS = Path(__file__).resolve().parents[1] / "engine" / "service" / "page" / "assets"


@dataclass(frozen=True)
class Asset:
    """A file of an npm package, the SHA-512 of its bytes, and the notice of its licence."""

    package: str
    member: str
    sha512: str
    notice: str


NIIVUE = Asset(
    package="@niivue/niivue@0.69.0",
    member="package/dist/niivue.umd.js",
    sha512=(
        "37dc9688207bcb81b39afe18628488970cecf5f6b3601941508a51c839aeb63e"
        "e38cc023405fd9bd2e634a01a71616eb6d50e6a73410739f6d914a978d11267f"
    ),
    notice="""niivue.umd.js is NiiVue 0.69.0, unchanged, under this licence:

BSD 2-Clause License

Copyright (c) 2021, Niivue
All rights reserved.

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE
FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY,
OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
""",
)


def main() -> int:
    place = ASSETS / Path(NIIVUE.member).name
    if place.is_file() and _is_right(place.read_bytes()):
        return 0
    if shutil.which("npm") is None:
        print("npm is not installed; install Node.js (on Debian: apt-get install npm), and run this again")
        return 1
    data = _packed(NIIVUE)
    if data is None:
        print(f"{NIIVUE.package} could not be fetched; look at `npm pack {NIIVUE.package}`, and run this again")
        return 1
    if not _is_right(data):
        print(f"{NIIVUE.package} holds another {NIIVUE.member} than expected; nothing was written")
        return 1
    ASSETS.mkdir(parents=True, exist_ok=True)
    _keep(ASSETS / "NOTICE", NIIVUE.notice.encode())
    _keep(place, data)
    print(f"fetched {place.name} of {NIIVUE.package}")
    return 0


def _is_right(data: bytes) -> bool:
    return hashlib.sha512(data).hexdigest() == NIIVUE.sha512


def _packed(asset: Asset) -> bytes | None:
    """Return a file of a package, as `npm pack` gets it; None where that fails."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", asset.package]
        if subprocess.run(command, cwd=folder, check=False, timeout=600).returncode != 0:
            return None
        packed = next(Path(folder).glob("*.tgz"), None)
        if packed is None:
            return None
        with tarfile.open(packed) as archive:
            file = archive.extractfile(asset.member) if asset.member in archive.getnames() else None
            return None if file is None else file.read()


def _keep(place: Path, data: bytes) -> None:
    unfinished = place.with_name(f".{place.name}.unfinished")
    unfinished.write_bytes(data)
    unfinished.replace(place)


if __name__ == "__main__":
    sys.exit(main())
