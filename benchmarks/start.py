"""What a start costs: the seconds that importing the application takes."""

import subprocess
from statistics import median

from benchmarks.servers import ROOT

TIMES = 5


def start_up() -> dict[str, float]:
    """Seconds, the median of some starts: `python` alone, and with the application imported."""
    return {
        name: median(_seconds(code) for _ in range(TIMES))
        for name, code in {"python": "", "app": "import app"}.items()
    }


def _seconds(code: str) -> float:
    program = f"import resource\n{code}\nu = resource.getrusage(resource.RUSAGE_SELF)\n"
    program += "print(u.ru_utime + u.ru_stime)"
    done = subprocess.run(
        [ROOT / ".venv/bin/python", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
