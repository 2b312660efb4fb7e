"""Names that a plan must give itself, because AWS doesn't or because they are known too late."""

import hashlib
import re

from infra.cloud_names import name_prefix
from infra.targets.base import Plan, cloud_of


def own_name(text: str, *, between: str = "-", limit: int = 63) -> str:
    """A name of lower-case letters and digits with ``between`` between them, at most ``limit`` long, that begins with a
    letter. Two texts never give one name: what had to be changed ends with a part of its hash."""
    plain = re.sub(r"[^a-z0-9]+", between, text.lower()).strip(between)
    plain = plain if plain[:1].isalpha() else f"x{between}{plain}"
    if plain.replace(between, "-") == text and len(plain) <= limit:
        return plain
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{plain[: limit - 9].rstrip(between)}{between}{mark}"


def name_tag(plan: Plan, name: str) -> dict[str, str]:
    """The tag that consoles show as the name of what has none."""
    return {"Name": f"{name_prefix(cloud_of(plan).product, plan.stack)}{name}"}
