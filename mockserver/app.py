"""The composition root: makes the ASGI application from a seed, a size and the names of vendors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mockserver import __version__
from mockserver.console.backend import Backend
from mockserver.console.console import Console
from mockserver.contract.compiled_engine import CompiledEngine, Engine
from mockserver.contract.contract import Contract
from mockserver.contract.vendor_check import check_hosts
from mockserver.contract.vendor_files import UnknownVendor, VendorFiles
from mockserver.control.rules import rules_json
from mockserver.control.sandboxes.dialects import prepared_dialects
from mockserver.control.spec import control_spec
from mockserver.control.vendor import Server, control
from mockserver.control.webhooks.delivery_entry import DELIVERY
from mockserver.control.webhooks.on_demand import DelivererOnDemand
from mockserver.data.catalog.products import DEFAULT_PRODUCTS, DEFAULT_SEED
from mockserver.data.store.state import ChangeLimits
from mockserver.sandbox.dialects import DOCUMENTED, InvalidDialects
from mockserver.sandbox.journal.journal import DEFAULT_MEMORY
from mockserver.sandbox.log.log import Log
from mockserver.sandbox.policy import SandboxPolicy
from mockserver.sandbox.registry import MAX_SANDBOXES, Sandboxes
from mockserver.server.access.control_access import new_admin_token, shared_tables
from mockserver.server.access.policy import AccessPolicy
from mockserver.server.access.quotas.demo_quotas import DemoQuotas
from mockserver.server.access.quotas.guard import DemoGuard
from mockserver.server.copies.copies import Copies
from mockserver.server.copies.registry import LoggedSandboxes
from mockserver.server.metrics import Metrics
from mockserver.server.pipeline.pipeline import Pipeline
from mockserver.server.recording.call_codec import CallCodec
from mockserver.server.recording.kept_calls import KINDS
from mockserver.server.router import Router
from mockserver.server.turns.turns import Turns
from mockserver.vendor_api import violations
from mockserver.vendor_api.json_text import encode

__all__ = [
    "DEFAULT_PRODUCTS",
    "DEFAULT_SEED",
    "EngineName",
    "InvalidDialects",
    "Mock",
    "UnknownVendor",
    "VendorFiles",
    "build",
    "reuse",
    "vendor_names",
]
SANDBOX_SETTINGS = ("limits", "max_sandboxes", "ttl")
EngineName = Literal["compiled", "connexion"]


def vendor_names(vendors_from: Path | None = None) -> list[str]:
    """Return the names of all emulated vendors, sorted."""
    return VendorFiles(vendors_from).names()


def load_contract(vendor: str, vendors_from: Path | None = None) -> Contract:
    """Return a vendor with its spec and records. Raise InvalidFile if one of its files is not valid."""
    return VendorFiles(vendors_from).contract(vendor)


@dataclass(frozen=True)
class Mock:
    """The emulated vendors, and the ASGI application that answers for them."""

    contracts: tuple[Contract, ...]
    control: Contract
    sandboxes: Sandboxes
    application: Pipeline
    engine: Engine
    metrics: Metrics
    access: AccessPolicy
    guard: DemoGuard | None = None
    deliverer: DelivererOnDemand | None = None
    copies: Copies | None = None

    def warm_up(self) -> None:
        """Prepare what the first search, and the first refused call, would otherwise have to wait for."""
        violations.warm_up()
        catalog = self.sandboxes.catalog
        for base in (base for contract in self.contracts for base in contract.base_records.values()):
            if base.collection.id_formats:
                base.first_period(catalog)

    def check_specs(self) -> None:
        """Validate every spec with Connexion. Raise InvalidFile if Connexion cannot serve one of them."""
        from mockserver.contract.connexion_engine.app import flask_application  # slow to import

        for contract in (*self.contracts, self.control):
            for one in dict.fromkeys([contract, contract.in_dialect("observed")]):
                flask_application(one)

    def stop_threads(self) -> None:
        """End the threads for slow handlers and webhooks. The next call starts new ones.

        No call may be in progress.
        """
        self.application.close()
        if self.deliverer:
            self.deliverer.close()


def build(
    seed: int = DEFAULT_SEED,
    products: int = DEFAULT_PRODUCTS,
    names: Iterable[str] = (),
    *,
    vendors_from: Path | None = None,
    page_templates: bool = True,
    **options: Any,
) -> Mock:
    """Return a mock of the named vendors, or of all vendors if there are no names.

    `products` is the number of sellable items. One of them is the example on the vendor's page.
    `vendors_from` is a folder with the user's own vendors. `options` are those of `Sandboxes` (`limits`,
    `max_sandboxes`, `ttl`) and of `assemble`, `dialect`, such as `observed`, and `log`, which keeps the
    sandboxes. Raise UnknownVendor if a vendor does not exist, InvalidDialects if a dialect does not,
    InvalidFile if a vendor's file is not valid, ValueError if `seed` or `products` is out of range, and
    TypeError if one of them is not an int.
    """
    files = VendorFiles(vendors_from)
    contracts = tuple(files.contract(name, page_templates=page_templates) for name in files.choose(names))
    check_hosts(contract.spec for contract in contracts)
    settings = {name: options.pop(name) for name in SANDBOX_SETTINGS if name in options}
    if demo := options.get("demo"):
        settings["max_sandboxes"] = demo.sandboxes + settings.get("max_sandboxes", MAX_SANDBOXES)
    token_secret = options.pop("token_secret", "")
    policy = _sandbox_policy(demo, options.pop("journal_memory", DEFAULT_MEMORY), token_secret)
    log: Log | None = options.pop("log", None)
    sandboxes = (LoggedSandboxes if log else Sandboxes)(seed, products, policy=policy, **settings)
    begin_in_dialect(options.pop("dialect", "documented"), sandboxes, contracts)
    mock = assemble(contracts, sandboxes, **options)
    if log is not None:
        copies = _copies(log, mock)
        mock.application.metrics.store = copies.counts
        mock.application.turns = turns = Turns(mock.application, copies)
        if mock.deliverer is not None:
            mock.deliverer.keeper = turns.deliveries
        mock = replace(mock, copies=copies)
    return mock


def begin_in_dialect(text: str, sandboxes: Sandboxes, contracts: Iterable[Contract]) -> None:
    """Make all sandboxes begin with the dialects in a text, such as `observed`.

    Raise InvalidDialects if it names an unknown dialect or vendor, and InvalidFile if a vendor's file for it
    is wrong.
    """
    dialects = prepared_dialects(text, {contract.vendor.name: contract for contract in contracts})
    if dialects is not DOCUMENTED:
        sandboxes.begin_with(replace(sandboxes.initial, dialects=dialects))


def _sandbox_policy(demo: DemoQuotas | None, journal_memory: int, token_secret: str) -> SandboxPolicy:
    if demo is None:
        return SandboxPolicy(journal_memory, token_secret=token_secret)
    return SandboxPolicy(
        journal_memory,
        demo.journal_calls,
        demo.journal_bytes,
        ChangeLimits(demo.changes, demo.change_bytes),
        issues_credentials=True,
        keeps_default_writes=False,
        token_secret=token_secret,
    )


def reuse(mock: Mock, sandboxes: Sandboxes, hosts: Mapping[str, str] | None = None) -> Mock:
    """Return a mock with the vendors of `mock`, but other sandboxes. Do not use `mock` afterwards.

    `hosts` maps additional host names to vendors. Raise UnknownVendor if the mock has no such vendor.
    """
    return assemble(mock.contracts, sandboxes, hosts=hosts, control_contract=mock.control)


def assemble(
    contracts: tuple[Contract, ...],
    sandboxes: Sandboxes,
    *,
    engine: EngineName = "compiled",
    hosts: Mapping[str, str] | None = None,
    control_contract: Contract | None = None,
    demo: DemoQuotas | None = None,
    **access: Any,
) -> Mock:
    """Return a mock of these vendors with these sandboxes.

    A `control_contract` that belongs to another mock is changed to work for these sandboxes. `demo` are the
    quotas of a public demo. `access` are the fields of `AccessPolicy`.
    """
    by_name = {contract.vendor.name: contract for contract in contracts}
    hosts = hosts or {}
    if unknown := [name for name in hosts.values() if name not in by_name]:
        raise UnknownVendor(f"unknown vendor {unknown[0]}; there are {', '.join(by_name)}")
    for name, contract in by_name.items():
        contract.aliases = frozenset(host for host, vendor in hosts.items() if vendor == name)
    policy = _access_policy(AccessPolicy(**access), is_demo=demo is not None)
    guard = DemoGuard(sandboxes, demo, shared_tables(sandboxes, policy)) if demo else None
    metrics = Metrics(lambda: len(sandboxes), lambda: sandboxes.removed, lambda: len(sandboxes.feed), guard)
    spec = control_contract.spec if control_contract else control_spec()
    chosen = _engine(engine, by_name)
    about = {"version": __version__, "engine": chosen.name}
    deliverer = None if demo else DelivererOnDemand(by_name, sandboxes, policy.webhook_hosts)
    parts = Server(about, metrics, policy, lambda: pipeline, guard, deliverer)
    vendor = control(spec, by_name, sandboxes, parts)
    control_contract = control_contract or Contract(vendor, spec, {})
    control_contract.vendor = vendor
    router = Router(contracts, control_contract)
    pipeline = Pipeline(router, sandboxes, metrics, engine=chosen, access=policy, guard=guard)
    pipeline.pages = Console(Backend(pipeline, contracts, policy, guard))
    return Mock(contracts, control_contract, sandboxes, pipeline, chosen, metrics, policy, guard, deliverer)


def _copies(log: Log, mock: Mock) -> Copies:
    """Return the copies of the sandboxes that a log keeps."""
    sandboxes = mock.sandboxes
    assert isinstance(sandboxes, LoggedSandboxes)
    contracts = {contract.vendor.name: contract for contract in mock.contracts}
    deliverer = mock.deliverer or DelivererOnDemand(contracts, sandboxes, ())  # a demo has no webhooks

    def fingerprint() -> dict[str, str]:
        initial = sandboxes.initial
        return {
            "version": __version__,
            "seed": str(sandboxes.seed),
            "products": str(sandboxes.products),
            "vendors": ",".join(sorted(contracts)),
            "demo": "off" if mock.guard is None else "on",
            "limits": "on" if initial.limits.enabled else "off",
            "dialect": str(initial.dialects),
            "frozen": str(initial.clock.frozen or "no"),
            "faults": encode(rules_json(initial.faults)).decode(),
        }

    return Copies(log, sandboxes, CallCodec(contracts, (*KINDS, DELIVERY)), fingerprint, deliverer)


def _access_policy(policy: AccessPolicy, *, is_demo: bool) -> AccessPolicy:
    """Return the policy. In a demo, no visitor may open another's sandbox, nor control the server."""
    if not is_demo:
        return policy
    token = policy.admin_token or new_admin_token()
    return replace(policy, admin_token=token, any_credential=False, trust_sandbox_header=False, demo=True)


def _engine(name: EngineName, contracts: Mapping[str, Contract]) -> Engine:
    if name == "compiled":
        return CompiledEngine()
    from mockserver.contract.connexion_engine.engine import ConnexionEngine  # slow to import

    return ConnexionEngine(contracts)
