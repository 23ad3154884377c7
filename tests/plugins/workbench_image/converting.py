"""Published `.pth` weights -> safetensors: `python converting.py FROM TO`, in a process of its own.

The one place of this project that reads such a file, of tensors alone; nothing that is installed does.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def converted(source: Path, target: Path) -> Path:
    """`target`, with what `source` holds."""
    subprocess.run([sys.executable, __file__, str(source), str(target)], check=True, timeout=60)
    return target


def main(source: str, target: str) -> None:
    import torch
    from safetensors.torch import save_file

    found = torch.load(source, map_location="cpu", weights_only=True)
    save_file({name: value.contiguous() for name, value in found.items()}, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
