"""Who may take the roles that a stack makes, and who may be given them."""

from __future__ import annotations

from infra.policy.deploying import PASSED_TO
from tests.support.aws.documents import statements
from tests.support.aws.doubles import ACCOUNT, REGION
from tests.support.aws.program import BASE, STACKS, program
from tests.support.engine import Recording

ROLE = "aws:iam/role:Role"
SAY_ACCOUNT = {"ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com"}
"""Services that say for which account they take a role. Under a condition on it no other can: AWS Backup would back
nothing up."""


def trusted(recording: Recording) -> dict[str, bool]:
    """The services that may take a role, and whether under the condition that it is for this account."""
    found = {}
    for role in recording.of(ROLE):
        [statement] = statements(role.inputs["assumeRolePolicy"])
        condition = statement.get("Condition")
        assert condition in (None, {"StringEquals": {"aws:SourceAccount": ACCOUNT}}), role.name
        found[statement["Principal"]["Service"]] = condition is not None
    return found


def test_a_service_says_its_account_where_it_can_and_only_there() -> None:
    for stack in STACKS:
        for service, conditional in trusted(program(stack)).items():
            assert conditional == (service in SAY_ACCOUNT), (stack, service)


def test_who_deploys_gives_roles_to_the_services_that_take_one_and_to_no_other() -> None:
    assert {service for stack in STACKS for service in trusted(program(stack))} == set(PASSED_TO)


def test_how_ecs_starts_tasks_is_no_way_to_decrypt_but_by_reading_a_secret() -> None:
    for stack in STACKS:
        recording = program(stack)
        starting = {role.urn for role in recording.of(ROLE) if role.name.endswith("execution")}
        decrypting = [
            statement
            for policy in recording.of("aws:iam/rolePolicy:RolePolicy")
            if policy.sources["role"] & starting
            for statement in statements(policy.inputs["policy"])
            if "kms:Decrypt" in statement["Action"]
        ]
        assert len(decrypting) == len(starting) > (-1 if stack == BASE else 1)
        for statement in decrypting:
            through = {"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}
            assert statement["Condition"] == through and "*" not in statement["Resource"], stack
