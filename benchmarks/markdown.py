"""Numbers and tables as text that reads well both raw and rendered."""

from statistics import median


def table(header, rows):
    """Return a Markdown table, its columns padded."""
    cells = [header, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]

    def line(row):
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "|".join([":" + "-" * (widths[0] + 1)] + ["-" * (w + 1) + ":" for w in widths[1:]])
    return "\n".join([line(header), rule + "|", *map(line, rows)])


def number(value):
    """Return three significant digits, without an exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1 else f"{value:.2g}"


def ratio(value, other):
    """Return value / other, or nothing where one of them is missing."""
    return "" if value is None or other is None else number(value / other)


def spread(values):
    """Return how far the fastest and the slowest round lie from the median, in percent."""
    middle = median(values)
    return f"{(min(values) / middle - 1) * 100:+.0f}..{(max(values) / middle - 1) * 100:+.0f} %"


def count(amount, noun):
    """Return the amount with its noun, in the plural where that is right."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def unique(values):
    """Return the values without repetitions, in their order."""
    return list(dict.fromkeys(values))
