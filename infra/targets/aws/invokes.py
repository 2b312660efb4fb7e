"""What a provider answered when it was asked in vain."""


def reason(error: Exception) -> str:
    """The last line of the error that a failed invoke raises, which says why; the ones before say through whom it came.
    Without its full stop, to be put into a sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].removeprefix("* ").rstrip(".") if lines else type(error).__name__
