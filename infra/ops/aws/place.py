"""Where a stack of target aws is, and how AWS is asked about it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.cloud_names import aws_region, name_prefix
from infra.domains import hosts
from infra.errors import UserError
from infra.load import environment, load
from infra.model import Environment
from infra.ops import stacks
from infra.ops.stacks import Stack
from infra.packages import need_aws
from infra.provider.aws.session import client
from infra.stack_config import StackConfig, parse_stack_config

_MARK = re.compile(r"(?<=.)-[0-9a-f]{6}$")
_NO_CREDENTIALS = {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
_SIGN_IN = "Type: `aws sso login`, or `export AWS_PROFILE=…` with a profile of that account."


class Refused(UserError):
    """AWS didn't answer a question: no permission, no such thing, no connection."""


@dataclass(frozen=True)
class Place:
    """A stack in the cloud. ``app_url`` is empty for a base stack, which serves nobody."""

    stack: str
    product: str
    account: str
    region: str
    environment: Environment
    app_url: str
    base: str | None

    @property
    def prefix(self) -> str:
        """How the names begin of what the stack made."""
        return name_prefix(self.product, self.stack)

    def service(self, name: str) -> Any:
        """A client of one of AWS' services in the stack's region."""
        from botocore.exceptions import BotoCoreError

        try:
            return client(name, self.region)
        except BotoCoreError as error:
            raise Refused(f"AWS can't be asked: {str(error).rstrip('.')}. {_SIGN_IN}") from None


@dataclass(frozen=True)
class Tagged:
    """Something that a stack made. ``name``: in the program, ``app`` of ``pitchbar-staging-app-1a2b3c``."""

    arn: str
    name: str


def configuration(stack: Stack) -> StackConfig:
    """The stack's configuration. Raises :class:`UserError` with all that is wrong in it."""
    values = {f"pitchbar:{key}": value for key, value in stacks.settings(stack).values.items()}
    return parse_stack_config(values, stack.name)


def place_of(stack: Stack) -> Place:
    """Where the stack is, once it is sure that the credentials are of its account.

    Raises :class:`UserError` without the packages of AWS, without credentials, and with those of another account.
    """
    need_aws()
    config, model = configuration(stack), load()
    wanted = environment(model, config.environment)
    names = hosts(wanted.domains, config.domain or "", stack.name) if config.stack != "base" else None
    place = Place(
        stack=stack.name,
        product=model.name,
        account=config.account or "",
        region=aws_region(config.region or model.region),
        environment=wanted,
        app_url=f"https://{names.app}" if names else "",
        base=config.base,
    )
    found = ask(f"Stack {stack.name}", place.service("sts").get_caller_identity)["Account"]
    if found != place.account:
        raise UserError(
            f"These credentials are of account {found}, and stack {stack.name} is in {place.account}. {_SIGN_IN}"
        )
    return place


def ask(what: str, operation: Any, **arguments: Any) -> Any:
    """Call one operation. ``what`` begins the sentence. Raises :class:`Refused` with AWS' reason and what to do."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        return operation(**arguments)
    except NoCredentialsError:
        raise Refused(f"{what}: there are no AWS credentials. {_SIGN_IN}") from None
    except ClientError as error:
        reason = error.response.get("Error", {})
        code, message = str(reason.get("Code", "?")), str(reason.get("Message", error)).rstrip(".")
        hint = f" {_SIGN_IN}" if code in _NO_CREDENTIALS else ""
        hint = " Use a profile that may." if "Denied" in code or "Unauthorized" in code else hint
        raise Refused(f"{what}: AWS refused {error.operation_name} with {code}: {message}.{hint}") from None
    except BotoCoreError as error:
        raise Refused(f"{what}: AWS could not be asked: {str(error).rstrip('.')}. {_SIGN_IN}") from None


def pages(what: str, operation: Any, key: str, *, token: str = "NextToken", **arguments: Any) -> list[Any]:
    """All items of an operation that answers page by page. ``token``: what answer and request call where to go on."""
    found: list[Any] = []
    more: Mapping[str, Any] = {}
    while True:
        answer = ask(what, operation, **arguments, **more)
        found += answer.get(key, [])
        if not answer.get(token):
            return found
        more = {token: answer[token]}


def made(place: Place, *types: str) -> dict[str, list[Tagged]]:
    """What the stack made of these types (``ecs:service``) or services (``logs``), by these words: all that carries its
    tag."""
    tagging = place.service("resourcegroupstaggingapi")
    items = pages(
        f"Stack {place.stack}",
        tagging.get_resources,
        "ResourceTagMappingList",
        token="PaginationToken",
        TagFilters=[{"Key": "Stack", "Values": [place.stack]}, {"Key": "Project", "Values": [place.product]}],
        ResourceTypeFilters=list(types),
    )
    found: dict[str, list[Tagged]] = {kind: [] for kind in types}
    for item in sorted(items, key=lambda item: str(item["ResourceARN"])):
        arn = str(item["ResourceARN"])
        kind = next((kind for kind in types if _is_of(arn, kind)), None)
        if kind:
            found[kind].append(Tagged(arn, logical(place, arn)))
    return found


def logical(place: Place, arn: str) -> str:
    """The name in the program of something that Pulumi named ``<product>-<stack>-<name>-<6 hex>``."""
    physical = arn.removesuffix(":*").rpartition(":")[2].rpartition("/")[2]
    return named(place, physical) if physical.startswith(place.prefix) else physical


def named(place: Place, physical: str) -> str:
    """The name in the program of one of the stack's names on AWS; some have no mark at their end."""
    return _MARK.sub("", physical.removeprefix(place.prefix))


def _is_of(arn: str, kind: str) -> bool:
    service, _, resource = kind.partition(":")
    parts: Sequence[str] = arn.split(":", 5)
    rest = parts[-1].replace("/", ":")
    return len(parts) == 6 and parts[2] == service and (not resource or rest.startswith(f"{resource}:"))
