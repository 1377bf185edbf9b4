"""Whether a built copy that is committed is of its source."""

import filecmp
import os
import subprocess
from pathlib import Path

from tests.servers import ROOT

BIN = ROOT / "node_modules" / ".bin"


def differences(source: Path, committed: Path, scratch: Path) -> list[str]:
    """The files that differ when `source` is built anew with Vite, in the folder `scratch`."""
    built = scratch / "dist"
    for command in ("tsc --noEmit", f"vite build --logLevel=error --outDir {built}"):
        name, *arguments = command.split()
        subprocess.run([BIN / name, *arguments], cwd=source, check=True)
    names = sorted({*os.listdir(built), *os.listdir(committed)})
    _, different, missing = filecmp.cmpfiles(committed, built, names, shallow=False)
    return different + missing
