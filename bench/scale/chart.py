"""Draw how the cost grows with the cluster: small charts, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.scale.table import title

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.scale.result import Measurement

    Point = tuple[float, float]

WIDTH, HEIGHT, MARGIN, GAP = 360, 220, 50, 40
COLOURS = {"node": "#4b8f00", "nodefeature": "#0072b2", "original": "#b04000"}


CHARTS: tuple[tuple[str, str, Callable[[Measurement], float]], ...] = (
    ("seconds until every node is right, all starting at once", "start", lambda of: of.right_s or 0),
    ("API server: CPU seconds for that", "start", lambda of: of.server_cpu_s),
    ("API server: MiB at rest", "rest", lambda of: of.server_mib),
    ("API server: CPU seconds in a minute of rest", "rest", lambda of: of.server_cpu_s),
)
"""Title, scenario, value."""


def draw(measured: Sequence[Measurement]) -> str:
    """Return the SVG."""
    systems = [name for name in COLOURS if any(each.system == name for each in measured)]
    boxes = [_box(number, chart, measured, systems) for number, chart in enumerate(CHARTS)]
    width, height = 2 * (WIDTH + GAP) + GAP, 2 * (HEIGHT + GAP) + 2 * GAP
    legend = "".join(
        f'<text x="{GAP + number * 140}" y="{height - 12}" fill="{COLOURS[name]}">{title(name)}</text>'
        for number, name in enumerate(systems)
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif"'
    )
    return f'{head} font-size="12">\n' + "\n".join(boxes) + f"\n{legend}\n</svg>\n"


def _box(
    number: int,
    chart: tuple[str, str, Callable[[Measurement], float]],
    measured: Sequence[Measurement],
    systems: Sequence[str],
) -> str:
    said, scenario, value = chart
    lines = {
        name: sorted(
            (float(each.nodes), float(value(each)))
            for each in measured
            if (each.system, each.scenario) == (name, scenario)
        )
        for name in systems
    }
    points = [point for line in lines.values() for point in line]
    most_x, most_y = (max((point[axis] for point in points), default=1) or 1 for axis in (0, 1))
    left, top = GAP + (number % 2) * (WIDTH + GAP), GAP + (number // 2) * (HEIGHT + GAP)

    def place(point: Point) -> str:
        x = left + MARGIN + point[0] / most_x * (WIDTH - MARGIN)
        y = top + HEIGHT - MARGIN / 2 - point[1] / most_y * (HEIGHT - MARGIN)
        return f"{x:.1f},{y:.1f}"

    corners = " ".join(map(place, ((0, most_y), (0, 0), (most_x, 0))))
    drawn = [
        f'<polyline points="{" ".join(map(place, line))}" fill="none" stroke="{COLOURS[name]}"/>'
        for name, line in lines.items()
        if line
    ]
    base = top + HEIGHT
    return "\n".join(
        [
            f'<text x="{left}" y="{top}">{said}</text>',
            f'<path d="M{corners}" fill="none" stroke="#888"/>',
            f'<text x="{left + MARGIN - 4}" y="{top + MARGIN / 2}" text-anchor="end">{most_y:,.4g}</text>',
            f'<text x="{left + WIDTH}" y="{base - 8}" text-anchor="end">{most_x:,.0f} nodes</text>',
            *drawn,
        ]
    )
