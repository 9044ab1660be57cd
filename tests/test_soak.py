"""What the soak counts as growth, and its row for each minute; the soak itself takes half an hour."""

import pytest

import soak


def samples(mb: list[float], files: list[int]) -> list[tuple[float, float, int]]:
    """One a minute, after the server is warm."""
    return [(60.0 * (soak.WARM_MINUTES + n), *both) for n, both in enumerate(zip(mb, files, strict=True))]


@pytest.mark.parametrize(
    ("mb", "files", "told"),
    [
        ([1000.0] * 12, [40] * 12, []),
        ([1000.0, 1090.0] * 6, [40, 48] * 6, []),  # up and down is no growth
        ([1000.0 + 20 * n for n in range(12)], [40] * 12, ["memory grew from 1030 to 1190 MB"]),
        ([1000.0] * 12, [40 + 2 * n for n in range(12)], ["open files grew from 43 to 59"]),
    ],
)
def test_growth_is_told(mb: list[float], files: list[int], told: list[str]) -> None:
    warming = [(0.0, 100.0, 10), (60.0, 500.0, 20)]
    assert soak.growth_of(warming + samples(mb, files)) == told


def test_each_minute_has_its_row() -> None:
    tally = soak.Tally(
        asked=[(1.0, 0.1, "known"), (30.0, 0.3, "known"), (61.0, 0.2, "changing"), (125.0, 9.0, "known")],
        samples=[(5.0, 900.0, 40), (55.0, 910.0, 42), (65.0, 905.0, 41), (121.0, 905.0, 41)],
    )
    assert soak.figures_of(tally)["minutes"] == [
        {"minute": 0, "asked": 2, "p50_ms": 200, "p95_ms": 290, "mb": 910, "files": 42},
        {"minute": 1, "asked": 1, "p50_ms": 200, "p95_ms": 200, "mb": 905, "files": 41},
    ]
