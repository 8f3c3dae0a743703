"""Train the promptable network from nothing but synthetic scenes: one command, one seed, resumes from its checkpoint.

python scripts/train_prompt_network.py --dims 2 --out DIR --hours 2
python scripts/train_prompt_network.py --dims 2 --out DIR --export interactive/models/prompt_2d.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

from prompt_network.export import export
from prompt_network.training import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dims", type=int, choices=(2, 3), required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint and the log")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=2.0, help="of this run; run it again to go on")
    parser.add_argument("--decay-hours", type=float, default=0.5, help="the learning rate falls to zero at the end")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--export", type=Path, help="write the checkpoint's weights as ONNX and stop")
    given = parser.parse_args()
    if given.export:
        export(given.dims, given.out / f"prompt_{given.dims}d.pt", given.export)
    else:
        train(given.dims, given.out, given.seed, given.hours, given.decay_hours, given.threads)


if __name__ == "__main__":
    main()
