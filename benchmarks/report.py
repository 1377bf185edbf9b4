"""What people read of a run: a table and a plot."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks.load import Result

Rows = dict[str, dict[str, Result]]
"""Case → server → what was found."""

COLUMNS = (
    "case",
    "server",
    "answers/s",
    "p50 ms",
    "p99 ms",
    "CPU ms",
    "refused",
    "broken",
    "ratio",
)
WIDTHS = (24, 16, 10, 8, 8, 8, 8, 8, 6)


def print_rows(rows: Rows, *, heading: bool = False) -> None:
    """A line for each server of each case. The ratio is to the better peer's answers a second."""
    if heading:
        print(" | ".join(name.ljust(width) for name, width in zip(COLUMNS, WIDTHS, strict=True)))
    for case, row in rows.items():
        best = max((r.rate for s, r in row.items() if not s.startswith("ours")), default=0)
        for server, found in row.items():
            ratio = f"{found.rate / best:.2f}" if best and server.startswith("ours") else ""
            cells = (
                case,
                server,
                f"{found.rate:.0f}",
                f"{found.p50:.1f}",
                f"{found.p99:.1f}",
                f"{found.cpu_ms:.2f}",
                str(found.refused),
                str(found.broken),
                ratio,
            )
            print(
                " | ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)),
                flush=True,
            )


def print_start(start: Mapping[str, float]) -> None:
    print(
        f"CPU to import the application: {start['app'] - start['python']:.2f} s "
        f"(Python alone: {start['python']:.2f} s)"
    )


def plot(rows: Rows, quota: Mapping[str, Result], path: Path) -> None:
    """Answers a second and CPU per answer of each case, as bars side by side."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    all_rows = rows | ({"under the quota": dict(quota)} if quota else {})
    if not all_rows:
        return
    figure, panels = pyplot.subplots(1, 2, figsize=(14, 1 + 0.7 * len(all_rows)), sharey=True)
    servers = list(dict.fromkeys(server for row in all_rows.values() for server in row))
    for panel, measure, title in zip(
        panels, ("rate", "cpu_ms"), ("good answers a second", "CPU per answer, ms"), strict=True
    ):
        for number, server in enumerate(servers):
            found = [
                (at, getattr(row[server], measure))
                for at, row in enumerate(all_rows.values())
                if server in row
            ]
            height = 0.8 / len(servers)
            panel.barh(
                [at + (number - (len(servers) - 1) / 2) * height for at, _ in found],
                [value for _, value in found],
                height,
                label=server,
            )
        panel.set_title(title)
        panel.set_yticks(range(len(all_rows)), list(all_rows))
    panels[0].invert_yaxis()
    panels[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
