"""Small charts as SVG text: nothing to install, nothing to run. Pure."""

import html
from collections.abc import Mapping, Sequence

_WIDTH, _HEIGHT = 460, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 36, 48
_BAR, _GAP = 14, 10
_COLOURS = ("#2f6db5", "#d9822b")
Point = tuple[float, float]


def curve(title: str, x_name: str, y_name: str, points: Sequence[Point], *, diagonal: bool = False) -> str:
    """A line through `points` (x and y between 0 and 1), each marked; with the diagonal, where x = y, if asked for."""
    placed = [(_x(x), _y(y)) for x, y in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{_COLOURS[0]}"/>' for x, y in placed)
    ideal = (
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="#888" stroke-dasharray="4 4"/>'
        if diagonal
        else ""
    )
    drawn = f'<polyline points="{line}" fill="none" stroke="{_COLOURS[0]}" stroke-width="2"/>{marks}'
    return _svg(title, _HEIGHT, f"{_axes(x_name, y_name)}{ideal}{drawn}")


def bars(title: str, names: Sequence[str], values: Mapping[str, Sequence[float | None]]) -> str:
    """Horizontal bars between 0 and 1: for each of `names` one of every series of `values` (at most two)."""
    left, step = 120, _BAR * len(values) + _GAP
    wide = _WIDTH - left - 60
    parts = []
    for row, name in enumerate(names):
        top = _TOP + 20 + row * step
        parts.append(_text(left - 8, top + step / 2 - 2, name, "end"))
        for at, series in enumerate(values.values()):
            value = series[row]
            if value is not None:
                y = top + at * _BAR
                parts.append(
                    f'<rect x="{left}" y="{y}" width="{wide * value:.1f}" height="{_BAR - 2}" fill="{_COLOURS[at]}"/>'
                    + _text(left + wide * value + 4, y + _BAR - 4, f"{value:.2f}")
                )
    legend = "".join(
        f'<rect x="{left + 160 * at}" y="{_TOP}" width="10" height="10" fill="{_COLOURS[at]}"/>'
        + _text(left + 160 * at + 14, _TOP + 9, series)
        for at, series in enumerate(values)
    )
    return _svg(title, _TOP + 30 + step * len(names), legend + "".join(parts))


def _x(value: float) -> float:
    return _LEFT + value * (_WIDTH - _LEFT - _RIGHT)


def _y(value: float) -> float:
    return _HEIGHT - _BOTTOM - value * (_HEIGHT - _TOP - _BOTTOM)


def _axes(x_name: str, y_name: str) -> str:
    ticks = [n / 5 for n in range(6)]
    grid = "".join(f'<line x1="{_x(0)}" x2="{_x(1)}" y1="{_y(t)}" y2="{_y(t)}" stroke="#e4e4e4"/>' for t in ticks)
    numbers = "".join(
        _text(_x(t), _y(0) + 18, f"{t:.1f}", "middle") + _text(_x(0) - 8, _y(t) + 4, f"{t:.1f}", "end") for t in ticks
    )
    turned = f'<g transform="translate(16 {_y(0.5):.0f}) rotate(-90)">{_text(0, 0, y_name, "middle")}</g>'
    return f"{grid}{numbers}{_text(_x(0.5), _HEIGHT - 8, x_name, 'middle')}{turned}"


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(words)}</text>'


def _svg(title: str, height: float, body: str) -> str:
    named = html.escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" role="img" '
        f'font-family="sans-serif" font-size="11" fill="#222"><title>{named}</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{_LEFT}" y="20" font-size="14" font-weight="bold">{named}</text>{body}</svg>\n'
    )
