"""What a benchmark records: ours and the reference's figures, taken turn by turn in one run."""

from collections.abc import Callable
from statistics import median
from typing import Any

ROUNDS = 5


def compare(
    benchmark: Any,
    ours: Callable[[], float],
    reference: Callable[[], float],
    *,
    rounds: int = ROUNDS,
    **labels: Any,
) -> float:
    """Call both `rounds` times, turn by turn; each returns its figure. The ratio of the medians."""
    figures: tuple[list[float], list[float]] = ([], [])

    def turn() -> None:
        figures[1].append(reference())
        figures[0].append(ours())

    benchmark.pedantic(turn, rounds=rounds)
    return record(benchmark, *figures, **labels)


def record(
    benchmark: Any,
    ours: list[float],
    reference: list[float],
    *,
    what: str,
    against: str,
    unit: str,
    aim: float | None = None,
    goal: float | None = None,
    more: bool = True,
    plot: str = '',
) -> float:
    """Keep what the report shows, and return the ratio of the medians. `aim` is the ratio that is
    asked for, `goal` the figure of ours: at least, or at most where `more` of the unit is no
    better. `plot` names the plot that it is part of.
    """
    ratio = median(ours) / median(reference)
    benchmark.extra_info.update(
        what=what,
        against=against,
        unit=unit,
        wumai=median(ours),
        reference=median(reference),
        ratio=round(ratio, 3),
        figures={'wumai': ours, 'reference': reference},
        aim=aim,
        goal=goal,
        more=more,
        plot=plot,
    )
    return ratio
