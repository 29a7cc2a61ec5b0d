"""Sandbox operations of the control API: create, list, reset, fork, snapshot, clock, export and import."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.control.lookup import only_sandbox, refusals_as_problems, sandbox_of
from mockserver.control.rules import parse_rules, parse_timestamp
from mockserver.control.sandboxes.dialects import chosen_dialects
from mockserver.control.sandboxes.document import export_document, import_sandbox, parse_limits
from mockserver.control.sandboxes.sandbox_json import SandboxJson, clock_json
from mockserver.sandbox.clock import Clock
from mockserver.sandbox.faults.rules import Faults
from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.problem import Problem

RANDOM_BYTES = 5  # of the name of a new sandbox


class SandboxControl:
    """Handlers of the sandbox operations. Each method is named after its operationId."""

    def __init__(self, contracts: Mapping[str, Contract], sandboxes: Sandboxes) -> None:
        self._contracts, self._sandboxes = contracts, sandboxes
        self._json = SandboxJson(contracts, sandboxes)
        self._numbers = count(1)

    def list_sandboxes(self, call: Call) -> Any:
        after, limit, only = call.query.get("after", ""), call.query["limit"], only_sandbox(call)
        text = call.query.get("q", "")
        if only is None and (read_page := self._sandboxes.read_page) is not None:

            async def read() -> Any:
                found, total = await read_page(after, limit + 1, text)
                return await asyncio.to_thread(self._page_json, found, total, call)

            return read
        if only is None:
            return self._page_json(*self._sandboxes.page(after, limit + 1, text), call)
        sandbox = self._sandboxes.find(only)  # None if it has expired since the token was read
        total = int(text.lower() in only.lower())
        found = [sandbox] if sandbox and total and after < only else []
        return self._page_json(found, total, call)

    def _page_json(self, found: list[Sandbox], total: int, call: Call) -> Any:
        """Return a page of sandboxes as JSON. One more than the call's limit means that there are others."""
        limit = call.query["limit"]
        return {
            "sandboxes": [self._json.of(sandbox, call) for sandbox in found[:limit]],
            "total": total,
            "next": found[limit - 1].name if len(found) > limit else None,
        }

    def create_sandbox(self, call: Call) -> Answer:
        options = dict(call.body)
        name, ttl = options.pop("name", None) or self._free_name(), _ttl(options)
        if "fork" in options and options.keys() & {"seed", "products"}:
            raise Problem("invalid", "a fork takes its seed and products from its source; leave out both")
        world = self._initial_world(options)
        with refusals_as_problems():
            if "fork" in options:
                sandbox = self._sandboxes.fork(options["fork"], name, ttl)
            else:
                sandbox = self._sandboxes.create(name, options.get("seed"), options.get("products"), ttl)
        if world:
            sandbox.start_from(replace(sandbox.world, **world))
        if options.get("credential") == "issued" and not sandbox.issued:
            self._sandboxes.secrets.issue_credential(sandbox)
        return Answer(201, self._json.with_new_token(sandbox, call))

    def _initial_world(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of World that are set by the options of a new sandbox."""
        world: dict[str, Any] = {}
        if "frozen" in options:
            world["clock"] = Clock().freeze(parse_timestamp(options["frozen"]))
        if "faults" in options:
            world["faults"] = Faults.of(parse_rules(options["faults"], self._contracts))
        if "dialect" in options:
            world["dialects"] = chosen_dialects(options["dialect"], self._contracts)
        if "limits" in options:
            world["limits"] = parse_limits(options["limits"], self._contracts)
        return world

    def get_sandbox(self, call: Call) -> Any:
        return self._json.of(sandbox_of(self._sandboxes, call), call)

    def delete_sandbox(self, call: Call) -> Answer:
        with refusals_as_problems():
            self._sandboxes.delete(call.path["sandbox"])
        return Answer(204, None)

    def reset_sandbox(self, call: Call) -> Any:
        sandbox = sandbox_of(self._sandboxes, call)
        sandbox.reset()
        return self._json.of(sandbox, call)

    def fork_sandbox(self, call: Call) -> Answer:
        options = dict(call.body)
        name = options.pop("name", None) or self._free_name()
        with refusals_as_problems():
            fork = self._sandboxes.fork(call.path["sandbox"], name, _ttl(options))
        return Answer(201, self._json.with_new_token(fork, call))

    def keep_sandbox(self, call: Call) -> Any:
        sandbox = sandbox_of(self._sandboxes, call)
        sandbox.mark_used()
        return self._json.of(sandbox, call)

    def issue_control_token(self, call: Call) -> Answer:
        sandbox = sandbox_of(self._sandboxes, call)
        return Answer(201, {"control_token": self._sandboxes.secrets.new_control_token(sandbox)})

    def list_snapshots(self, call: Call) -> Any:
        return {"snapshots": sorted(sandbox_of(self._sandboxes, call).snapshots)}

    def take_snapshot(self, call: Call) -> Any:
        sandbox = sandbox_of(self._sandboxes, call)
        with refusals_as_problems():
            sandbox.take_snapshot(call.path["snapshot"])
        return self._json.of(sandbox, call)

    def drop_snapshot(self, call: Call) -> Answer:
        with refusals_as_problems():
            sandbox_of(self._sandboxes, call).drop_snapshot(call.path["snapshot"])
        return Answer(204, None)

    def restore_snapshot(self, call: Call) -> Any:
        sandbox = sandbox_of(self._sandboxes, call)
        with refusals_as_problems():
            sandbox.restore(call.path["snapshot"])
        return self._json.of(sandbox, call)

    def get_clock(self, call: Call) -> Any:
        return clock_json(sandbox_of(self._sandboxes, call).clock)

    def change_clock(self, call: Call) -> Any:
        sandbox, change = sandbox_of(self._sandboxes, call), call.body
        instant = parse_timestamp(change["instant"]) if "instant" in change else None
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
        return clock_json(sandbox.clock)

    def export_sandbox(self, call: Call) -> Any:
        return export_document(sandbox_of(self._sandboxes, call), self._contracts)

    def import_sandbox(self, call: Call) -> Any:
        existed = self._sandboxes.find(call.path["sandbox"])
        sandbox = import_sandbox(call.path["sandbox"], call.body, self._sandboxes, self._contracts)
        return (self._json.of if existed else self._json.with_new_token)(sandbox, call)

    def _free_name(self) -> str:
        """Return a name that no sandbox has, and that this method has not returned before.

        Where there may be sandboxes that are not here, it is random, so that servers do not choose the same.
        """
        if not self._sandboxes.knows_all:
            return f"sandbox-{secrets.token_hex(RANDOM_BYTES)}"
        return next(name for n in self._numbers if not self._sandboxes.find(name := f"sandbox-{n}"))


def _ttl(options: Mapping[str, Any]) -> timedelta | None:
    return timedelta(seconds=options["ttl"]) if "ttl" in options else None
