"""Control of sandboxes: make, list, reset, fork, snapshot, clock, export and import."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

from msgspec import structs

from mockserver.catalog.products import iso_timestamp
from mockserver.contract.contract import Contract
from mockserver.control.document import export, load, load_limits
from mockserver.control.lookup import base_url, refusals, sandbox_of
from mockserver.control.rules import moment, read_rules
from mockserver.sandbox.clock import Clock
from mockserver.sandbox.faults.rules import Faults
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.call import Answer, Call
from mockserver.vendor_api.problem import Problem


class SandboxControl:
    """Operations on the sandboxes of one server."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes

    def list_sandboxes(self, call: Call) -> Any:
        return {"sandboxes": [self._shown(sandbox, call) for sandbox in self._sandboxes]}

    def create_sandbox(self, call: Call) -> Answer:
        given = dict(call.body)
        name, ttl = given.pop("name", None) or self._free_name(), _ttl(given)
        if "fork" in given and given.keys() & {"seed", "products"}:
            raise Problem("invalid", "a fork has the seed and the products of the sandbox that it forks")
        world = self._wanted(given)
        with refusals():
            if "fork" in given:
                made = self._sandboxes.fork(given["fork"], name, ttl)
            else:
                made = self._sandboxes.create(name, given.get("seed"), given.get("products"), ttl)
        if world:
            made.start_from(replace(made.world, **world))
        return Answer(201, self._shown(made, call))

    def _wanted(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parts of a new sandbox's world that are asked for."""
        world: dict[str, Any] = {}
        if "frozen" in given:
            world["clock"] = Clock().freeze(moment(given["frozen"]))
        if "faults" in given:
            world["faults"] = Faults.of(read_rules(given["faults"], self._contracts))
        if "limits" in given:
            world["limits"] = load_limits(given["limits"], self._contracts)
        return world

    def get_sandbox(self, call: Call) -> Any:
        return self._shown(sandbox_of(self._sandboxes, call), call)

    def delete_sandbox(self, call: Call) -> Answer:
        with refusals():
            self._sandboxes.delete(call.path["sandbox"])
        return Answer(204, None)

    def reset_sandbox(self, call: Call) -> Any:
        sandbox = sandbox_of(self._sandboxes, call)
        sandbox.reset()
        return self._shown(sandbox, call)

    def fork_sandbox(self, call: Call) -> Answer:
        given = dict(call.body)
        name = given.pop("name", None) or self._free_name()
        with refusals():
            made = self._sandboxes.fork(call.path["sandbox"], name, _ttl(given))
        return Answer(201, self._shown(made, call))

    def list_snapshots(self, call: Call) -> Any:
        return {"snapshots": sorted(sandbox_of(self._sandboxes, call).snapshots)}

    def take_snapshot(self, call: Call) -> Any:
        sandbox = sandbox_of(self._sandboxes, call)
        with refusals():
            sandbox.take_snapshot(call.path["snapshot"])
        return self._shown(sandbox, call)

    def drop_snapshot(self, call: Call) -> Answer:
        with refusals():
            sandbox_of(self._sandboxes, call).drop_snapshot(call.path["snapshot"])
        return Answer(204, None)

    def restore_snapshot(self, call: Call) -> Any:
        sandbox = sandbox_of(self._sandboxes, call)
        with refusals():
            sandbox.restore(call.path["snapshot"])
        return self._shown(sandbox, call)

    def get_clock(self, call: Call) -> Any:
        return _clock(sandbox_of(self._sandboxes, call).clock)

    def change_clock(self, call: Call) -> Any:
        sandbox, change = sandbox_of(self._sandboxes, call), call.body
        instant = moment(change["instant"]) if "instant" in change else None
        try:
            match change["action"]:
                case "freeze":
                    sandbox.set_clock(lambda clock: clock.freeze(instant))
                case "set" if instant:
                    sandbox.set_clock(lambda clock: clock.set(instant))
                case "advance":
                    by = timedelta(seconds=float(change["seconds"]))
                    sandbox.set_clock(lambda clock: clock.advance(by))
                case "resume":
                    sandbox.set_clock(lambda clock: clock.resume())
        except OverflowError:
            raise Problem("invalid", "the clock cannot go beyond the year 9999") from None
        return _clock(sandbox.clock)

    def export_sandbox(self, call: Call) -> Any:
        return export(sandbox_of(self._sandboxes, call), self._contracts)

    def import_sandbox(self, call: Call) -> Any:
        document = call.body
        now = moment(document["clock"]["now"])
        with refusals():
            sandbox = self._sandboxes.prepare(call.path["sandbox"], document["seed"], document["products"])
            state = load(document["records"], sandbox, self._contracts)
            limits = sandbox.limits
            if "limits" in document:
                limits = load_limits(document["limits"], self._contracts)
            sandbox.start_from(
                replace(
                    sandbox.world,
                    limits=limits,
                    state=structs.replace(state, products_made=document.get("made", 0)),
                    calls=document["calls"],
                    clock=Clock().freeze(now) if document["clock"]["frozen"] else Clock().set(now),
                    faults=Faults.of(read_rules(document.get("faults", ()), self._contracts)),
                )
            )
            self._sandboxes.put(sandbox)
        return self._shown(sandbox, call)

    def _free_name(self) -> str:
        taken = {sandbox.name for sandbox in self._sandboxes}
        return next(name for n in count(1) if (name := f"sandbox-{n}") not in taken)

    def _shown(self, sandbox: Sandbox, call: Call) -> dict[str, Any]:
        world = sandbox.world
        base = base_url(call)
        return {
            "name": sandbox.name,
            "seed": sandbox.catalog.seed,
            "products": sandbox.products,
            "created": iso_timestamp(sandbox.created),
            "used": iso_timestamp(sandbox.used),
            "expires": iso_timestamp(sandbox.expires) if sandbox.expires else None,
            "clock": _clock(world.clock),
            "calls": world.calls,
            "changes": world.state.changes,
            "snapshots": sorted(sandbox.snapshots),
            "credential": sandbox.credential,
            "credentials": {
                name: {
                    "base_url": f"{base}/{name}",
                    "headers": contract.vendor.auth_headers(sandbox.credential),
                }
                for name, contract in self._contracts.items()
            },
        }


def _ttl(given: Mapping[str, Any]) -> timedelta | None:
    return timedelta(seconds=given["ttl"]) if "ttl" in given else None


def _clock(clock: Clock) -> dict[str, Any]:
    return {"now": iso_timestamp(clock.now()), "frozen": clock.frozen is not None}
