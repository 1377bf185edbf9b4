"""Where gunicorn's workers keep their counts, for prometheus_client's multiprocess mode to add up.

Each master has a folder of its own. In it each worker has a slot, a number, whose files its
successor goes on with: so there are never more files than workers at one time. Their space is
taken beforehand, for a write into a file that the disk has no room for kills the process. A metric
never fails a call: what cannot be counted is not counted, and the log says so.

Imported before any metric is made, by `gunicorn.conf.py` alone.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import multiprocess, values

logger = structlog.get_logger(__name__)

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "device-bff-metrics-"
MASTER = "master"
SIZES = {
    "histogram": 1 << 21,
    "counter": 1 << 16,
    "gauge_livesum": 1 << 16,
    "gauge_livemax": 1 << 16,
}
"""Bytes by the kind of metric: more than all labels of ours take, by a test."""

_slot: str | None = MASTER


def open_folder() -> str | None:
    """Make this master's folder, or find it again after a reload; None, and each process counts for
    itself, where there is no room for one. In PROMETHEUS_MULTIPROC_DIR if that is set.

    A master that replaces another (USR2) inherits the variable, and makes a folder beside. Folders
    of masters that were killed are removed.

    Raises:
        OSError: PROMETHEUS_MULTIPROC_DIR names what cannot be a folder.
    """
    inherited = os.environ.pop(FOLDER, "")
    values.ValueClass = values.MutexValue  # prometheus_client chose by the variable, on import
    own = f"{PREFIX}{os.getpid()}-"
    if Path(inherited).name.startswith(own):
        folder = inherited
    else:
        parent = str(Path(inherited).parent) if PREFIX in Path(inherited).name else inherited
        if parent:
            os.makedirs(parent, exist_ok=True)
        try:
            _remove_abandoned(Path(parent or tempfile.gettempdir()))
            folder = tempfile.mkdtemp(prefix=own, dir=parent or None)
        except OSError:
            return None
        try:
            _lock(folder)
            _reserve(folder, MASTER)
        except OSError:
            close_folder(folder)
            return None
    os.environ[FOLDER] = folder
    values.ValueClass = _value_class()
    return folder


def _lock(folder: str) -> int:
    """Hold the folder for as long as this master or a worker of it lives.

    Raises:
        OSError: another one holds it.
    """
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise
    return held


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):  # held, or another user's
            held = _lock(str(folder))
            close_folder(str(folder))
            os.close(held)


def close_folder(folder: str) -> None:
    """Remove the folder of a master that ends."""
    shutil.rmtree(folder, ignore_errors=True)


def reserve_slot(taken: Iterable[str | None]) -> str | None:
    """A slot for the next worker, other than those that are `taken`; None if there is no room."""
    folder, used = os.environ.get(FOLDER), set(taken)
    slot = next(name for number in range(10**6) if (name := str(number)) not in used)
    try:
        if folder:
            os.makedirs(folder, exist_ok=True)
            _reserve(folder, slot)
            return slot
    except OSError:
        pass
    return None


def enter(slot: str | None) -> None:
    """Count in `slot` from now on: this is its worker."""
    global _slot
    _slot = slot


def leave(slot: str | None) -> None:
    """Forget the states of a worker that has ended; its counts stay."""
    if slot is not None:
        with suppress(OSError):
            multiprocess.mark_process_dead(slot)  # type: ignore[no-untyped-call]


def _reserve(folder: str, slot: str) -> None:
    """Take the space of a slot's files, each whole or not at all."""
    for kind, size in SIZES.items():
        path = Path(folder, f"{kind}_{slot}.db")
        if path.exists():
            continue
        being_made = path.with_suffix(".new")
        try:
            being_made.write_bytes(bytes(size))
            being_made.replace(path)
        except OSError:
            being_made.unlink(missing_ok=True)
            raise


def _value_class() -> type[Any]:
    class Value(values.MultiProcessValue(lambda: _slot)):  # type: ignore[misc]
        """A value in the file of this process' slot."""

        @_if_counted
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)

        @_if_counted
        def inc(self, amount: float) -> None:
            super().inc(amount)

        def get(self) -> float:
            return 0.0 if _slot is None else float(super().get())

        @_if_counted
        def set(self, value: float, timestamp: float | None = None) -> None:
            super().set(value, timestamp)

    return Value


def _if_counted(method: Callable[..., None]) -> Callable[..., None]:
    """From the first failure on, a process counts nothing more."""

    def call(*args: Any, **options: Any) -> None:
        if _slot is None:
            return
        try:
            method(*args, **options)
        except OSError as error:
            enter(None)
            logger.warning("metrics_not_counted", error=type(error).__name__)

    return call
