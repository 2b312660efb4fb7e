"""How long CloudWatch keeps logs: it takes certain numbers of days only."""

_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip


def retention(days: int) -> int:
    """The number of days that CloudWatch takes and that is at least ``days``.

    >>> retention(30), retention(31)
    (30, 60)
    """
    return next(taken for taken in _DAYS if taken >= days)
