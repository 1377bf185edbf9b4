"""Where gunicorn's workers keep their counts, for prometheus_client's multiprocess mode to add up.

Imported before any metric is made, by `gunicorn.conf.py` alone. Each worker has a slot, a number,
whose files its successor goes on with: so there are never more files than workers at one time.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cache

from prometheus_client import multiprocess, values

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "device-bff-counts-"

_slot = "master"


@cache  # a reload (SIGHUP) asks again
def open_folder() -> str:
    """Make this master's own folder, which goes when the master ends. In the one that
    PROMETHEUS_MULTIPROC_DIR names, if it is set.

    Raises:
        OSError: no folder can be made there.
    """
    parent = os.environ.get(FOLDER)
    if parent and PREFIX in parent:  # inherited from the master that this one replaces (USR2)
        parent = os.path.dirname(parent)
    if parent:
        os.makedirs(parent, exist_ok=True)
    folder = os.environ[FOLDER] = tempfile.mkdtemp(prefix=PREFIX, dir=parent or None)
    values.ValueClass = values.MultiProcessValue(lambda: _slot)  # type: ignore[no-untyped-call]
    atexit.register(_close)
    return folder


def _close() -> None:
    shutil.rmtree(os.environ[FOLDER], ignore_errors=True)


def free_slot(taken: Iterable[str]) -> str:
    """The lowest slot that is not `taken`, for the next worker."""
    with suppress(OSError):
        os.makedirs(os.environ[FOLDER], exist_ok=True)  # something may have cleaned up
    used = set(taken)
    return next(slot for slot in map(str, range(len(used) + 1)) if slot not in used)


def enter(slot: str) -> None:
    """Count in `slot` from now on: this is its worker."""
    global _slot
    _slot = slot
    atexit.unregister(_close)


def leave(slot: str) -> None:
    """Forget the states of a worker that has ended; its counts stay."""
    with suppress(OSError):
        multiprocess.mark_process_dead(slot)  # type: ignore[no-untyped-call]
