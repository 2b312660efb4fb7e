"""Controls of IAM and KMS: who may do what, and with which key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.policy.control import Control, Declared, Judgement, at_least, each, principals, statements, texts

POLICY, ROLE, ROLE_POLICY = "aws:iam/policy:Policy", "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
KEY, USER_POLICY = "aws:kms/key:Key", "aws:iam/userPolicy:UserPolicy"
_DECRYPT = ("kms:Decrypt", "kms:ReEncryptFrom", "kms:*", "*")


def _allows(document: Any) -> list[Mapping[str, Any]]:
    return [statement for statement in statements(document) if statement["Effect"] == "Allow"]


def _inline(declared: Declared) -> Iterator[tuple[str, Any]]:
    for policy in declared.of(ROLE_POLICY):
        yield policy.name, policy.inputs["policy"]
    for role in declared.of(ROLE):
        for part in role.inputs.get("inlinePolicies", []):
            yield f"{role.name}, {part.get('name', '')}", part["policy"]


def _managed(declared: Declared) -> Iterator[tuple[str, Any]]:
    for policy in declared.of(POLICY):
        yield policy.name, policy.inputs["policy"]


Documents = Callable[[Declared], Iterator[tuple[str, Any]]]


def _every_policy(declared: Declared) -> Iterator[tuple[str, Any]]:
    yield from _managed(declared)
    yield from _inline(declared)


def _decrypts_everything(documents: Documents) -> Callable[[Declared], Iterator[Judgement]]:
    def judge(declared: Declared) -> Iterator[Judgement]:
        for name, document in documents(declared):
            found = any(
                set(texts(statement.get("Action"))) & set(_DECRYPT)
                and any(resource == "*" or resource.endswith(":key/*") for resource in texts(statement.get("Resource")))
                and "kms:ViaService" not in str(statement.get("Condition"))
                for statement in _allows(document)
            )
            yield name, "decrypts with every key" if found else ""

    return judge


def _administers(declared: Declared) -> Iterator[Judgement]:
    for name, document in _every_policy(declared):
        found = any(
            "*" in texts(statement.get("Action")) and "*" in texts(statement.get("Resource"))
            for statement in _allows(document)
        )
        yield name, "may do everything" if found else ""


def _whole_services(declared: Declared) -> Iterator[Judgement]:
    for name, document in _every_policy(declared):
        found = [
            action
            for statement in _allows(document)
            for action in texts(statement.get("Action"))
            if action.endswith(":*") or "NotAction" in statement
        ]
        yield name, f"may do {', '.join(found)}" if found else ""


def _key_is_public(inputs: Mapping[str, Any]) -> str:
    for statement in _allows(inputs.get("policy")):
        if "*" in principals(statement) and not statement.get("Condition"):
            return "can be used by everybody"
    return ""


CONTROLS = (
    Control("KMS.1", "No managed policy decrypts with every key.", "Name the key.", _decrypts_everything(_managed)),
    Control("KMS.2", "No role's own policy decrypts with every key.", "Name the key.", _decrypts_everything(_inline)),
    Control(
        "KMS.3",
        "A deleted key can be had back for 30 days.",
        "Set deletion_window_in_days to 30.",
        each(KEY, at_least("deletionWindowInDays", 30)),
    ),
    Control(
        "KMS.5", "Keys are used by those whom their policy names.", "Name the principal.", each(KEY, _key_is_public)
    ),
    Control("IAM.1", "No policy allows everything.", "Name the actions.", _administers),
    Control("IAM.2", "No user has a policy.", "Use a role.", each(USER_POLICY, lambda _: "belongs to a user")),
    Control("IAM.21", "No policy allows a whole service.", "Name the actions.", _whole_services),
)
