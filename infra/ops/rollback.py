"""`pitchbar rollback`: back to a release that was deployed before, checked first, then pinned and replayed through
`up`."""

from infra.errors import UserError
from infra.ops.releases import NEVER_SUCCEEDED, ReleaseEntry, releases
from infra.ops.stacks import Stack
from infra.ops.typed import typed


def target_of(stack: Stack, wanted: str | None) -> str:
    """The release to go back to: the wanted one (the running one too, to leave a refused one behind), else the latest
    that ran before the one that runs now.

    Raises :class:`UserError` when it can't be rolled back to, with the reason and the command that can be typed
    instead.
    """
    entries = releases(stack)
    if wanted:
        return _checked(stack, wanted, entries)
    before = [entry for entry in entries if not entry.running and entry.result != "unpinned"]
    succeeded = [entry for entry in before if entry.obstacle != NEVER_SUCCEEDED]
    if not succeeded:
        raise UserError(
            f"Stack {stack.name} has no earlier release to roll back to. "
            f"To see what there is, type: {typed(f'releases -s {stack.name}')}"
        )
    return _checked(stack, succeeded[0].id, entries)


def _checked(stack: Stack, id: str, entries: tuple[ReleaseEntry, ...]) -> str:
    matching = [entry for entry in entries if entry.id.startswith(id)]
    look = f"To see what there is, type: {typed(f'releases -s {stack.name}')}"
    if len(matching) != 1:
        what = "more than one release begins with it" if matching else "no such release was deployed here"
        raise UserError(f"Stack {stack.name} can't be rolled back to {id}: {what}. {look}")
    [entry] = matching
    if entry.obstacle:
        raise UserError(f"Stack {stack.name} can't be rolled back to {entry.id}: {entry.obstacle}. {look}")
    return entry.id
