"""What must be there before something is made, and so goes only after it, where AWS would refuse it otherwise and no
input says so."""

from __future__ import annotations

import pytest

from tests.support.aws.program import BASE, program

OWNING = ("production", "staging", BASE)
WAITING = {
    # A public load balancer is refused in a network without a way to the internet, and a network that still has a
    # public address doesn't let its gateway go.
    "aws:lb/loadBalancer:LoadBalancer": "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/natGateway:NatGateway": "aws:ec2/internetGateway:InternetGateway",
    # A service on a provider that its cluster hasn't is refused, and so is to take away one that a service is on.
    "aws:ecs/service:Service": "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
    # A listener takes a certificate once it is issued.
    "aws:lb/listener:Listener": "aws:acm/certificateValidation:CertificateValidation",
}
PLAIN = ("http",)
"""Listeners without a certificate."""


@pytest.mark.parametrize("stack", OWNING)
@pytest.mark.parametrize("later", sorted(WAITING))
def test_it_waits_for_what_aws_wants_first(stack: str, later: str) -> None:
    recording = program(stack)
    first = {resource.urn for resource in recording.of(WAITING[later])}
    waiting = [resource for resource in recording.of(later) if resource.name not in PLAIN]
    assert first and (waiting or (stack == BASE and later == "aws:ecs/service:Service"))
    assert [resource.name for resource in waiting if not first & recording.needs(resource.urn)] == []


def test_the_load_balancer_waits_for_the_route_as_well() -> None:
    recording = program("production")
    [balancer] = recording.of("aws:lb/loadBalancer:LoadBalancer")
    routes = {route.urn for route in recording.of("aws:ec2/route:Route") if route.name == "public-to-internet"}
    assert routes and routes <= recording.needs(balancer.urn)
