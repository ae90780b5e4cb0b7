"""How numbers and settings are written in the report and on cards."""

from typing import Any


def years(value: float | None) -> str:
    """An age or error in years with two decimals, or a dash."""
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def percent(value: float | None) -> str:
    """A share (0 to 1) as a percentage with one decimal, or a dash."""
    return "–" if value is None else f"{100 * value:.1f} %"


def points(value: float | None) -> str:
    """A difference of shares in percentage points, with its sign."""
    return "–" if value is None else f"{100 * value:+.1f} points"


def unit(value: float | None) -> str:
    """A figure between 0 and 1 with three decimals, or a dash."""
    return "–" if value is None else f"{value:.3f}"


def count(value: float | None) -> str:
    """A whole number with commas between thousands, or a dash."""
    return "–" if value is None else f"{value:,.0f}"


def p_value(value: float) -> str:
    """A p-value with three decimals."""
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def duration(seconds: float | None) -> str:
    """Seconds as a person says them."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, minutes = divmod(int(seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {int(seconds % 60)} s"


def score(task: str, value: float | None) -> str:
    """The figure by which a task is judged: MAE in years, or accuracy as a percentage."""
    return years(value) if task == "age" else percent(value)


def settings_rows(settings: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Settings as rows of a table, name and value in words; empty ones and those left to their default are omitted."""
    rows = [(key.replace("_", " "), _told(value)) for key, value in (settings or {}).items()]
    return [(name, text) for name, text in rows if text]


def _told(value: Any) -> str:
    """A JSON value in words, without brackets and quotes; "" for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "; ".join(f"{key} {_told(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_told(item) for item in value)
    return str(value)
