"""A chart of lines as SVG, with nothing but text."""

from html import escape

WIDTH, HEIGHT, MARGIN = 720, 360, 56
COLOURS = ["#1b6ca8", "#c8553d", "#588157", "#8e6c8a", "#b08900"]


def lines(title: str, labels: list[str], series: dict[str, list[float]]) -> str:
    """One line for each series over the labels."""
    top = max((value for values in series.values() for value in values), default=0.0) or 1.0
    step = (WIDTH - 2 * MARGIN) / max(len(labels) - 1, 1)

    def x(index: int) -> float:
        return round(MARGIN + index * step, 1)

    def y(value: float) -> float:
        return round(HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<text x="{MARGIN}" y="24" font-size="16">{escape(title)}</text>',
        f'<line x1="{MARGIN}" y1="{y(0)}" x2="{WIDTH - MARGIN}" y2="{y(0)}" stroke="#888"/>',
        f'<text x="{MARGIN - 6}" y="{y(top)}" text-anchor="end">{top:.0f}</text>',
    ]
    for index, label in enumerate(labels):
        parts.append(f'<text x="{x(index)}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{escape(label)}</text>')
    for number, (name, values) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{x(index)},{y(value)}" for index, value in enumerate(values))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{WIDTH - MARGIN + 4}" y="{y(values[-1])}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])
