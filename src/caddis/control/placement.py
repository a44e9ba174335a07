"""Asking hosts in turn: placement proposes, the host has the last word."""

from __future__ import annotations

from collections.abc import Sequence

from caddis.control.core import Control
from caddis.control.doors import NotDelivered
from caddis.control.orders import Answer, Order
from caddis.domain.errors import Invalid, NoCapacity, Problem, Unreachable
from caddis.domain.host import Host


async def ask_in_turn(control: Control, hosts: Sequence[Host], order: Order) -> Answer:
    """The answer of the first host that takes the order.

    A host without room, or that cannot be reached at all, is passed over; any other complaint is the answer. Raises the
    last host's NoCapacity, or Unreachable if none could be reached.
    """
    refusal: Problem | None = None
    for host in hosts:
        try:
            answer = await control.deliver(host, order)
        except NotDelivered as problem:
            refusal = refusal or Unreachable(str(problem), hint="is its agent running?")
            continue
        complaint = answer.problem
        if not isinstance(complaint, NoCapacity):
            return answer
        refusal = complaint
    raise refusal or NoCapacity("no host can take it")


def default_region(hosts: Sequence[Host]) -> str:
    """Where things go when nobody says: the region of the first host."""
    if not hosts:
        raise Invalid(
            "there is no host yet on which anything could run",
            hint="caddis up starts one; a host that has just started reports within seconds",
            field="region",
        )
    return hosts[0].region
