"""Status operations of the control API: health, readiness, metrics, vendors and specs."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.spec import Spec
from mockserver.control.lookup import Operations, base_url, contract_of
from mockserver.control.published_document import published_document, record_schema, with_server
from mockserver.control.sandboxes.dialects import differences_json
from mockserver.sandbox.dialects import Dialect
from mockserver.sandbox.registry import Sandboxes
from mockserver.server.metrics import Metrics
from mockserver.vendor_api.answer import RawAnswer
from mockserver.vendor_api.call import Call


def status_operations(
    contracts: Mapping[str, Contract],
    spec: Spec,
    sandboxes: Sandboxes,
    about: Mapping[str, str],
    metrics: Metrics,
    store: Callable[[], Mapping[str, Any]],
) -> Operations:
    """Return the handlers of the status operations by operationId. `store` tells where sandboxes are kept."""
    status = {"status": "ok", **about}

    @cache
    def document(name: str, dialect: Dialect = "documented") -> dict[str, Any]:
        wanted = contracts[name].in_dialect(dialect).spec if name else spec
        return published_document(wanted, injected=bool(name))

    def vendor_document(call: Call) -> dict[str, Any]:
        name = call.path["vendor"]
        contract_of(contracts, name)
        return with_server(document(name, call.query["dialect"]), f"{base_url(call)}/{name}")

    return {
        "get-health": lambda call: status,
        "get-ready": lambda call: {**status, **store()},
        "get-settings": lambda call: {**about, **_settings_json(sandboxes), **store()},
        "list-vendors": lambda call: {"vendors": [*_vendors_json(contracts, call)]},
        "list-collections": lambda call: _collections_json(contract_of(contracts, call.path["vendor"])),
        "get-openapi": lambda call: with_server(document(""), base_url(call)),
        "get-vendor-openapi": vendor_document,
        "get-metrics": lambda call: RawAnswer(*metrics.text()),
    }


def _collections_json(contract: Contract) -> dict[str, Any]:
    return {
        "collections": [
            {
                "name": name,
                "key": base.collection.key,
                "aliases": [*base.collection.aliases],
                "products": base.collection.items is not None,
                "schema": record_schema(contract.spec, name),
            }
            for name, base in contract.base_records.items()
        ]
    }


def _settings_json(sandboxes: Sandboxes) -> dict[str, Any]:
    policy = sandboxes.policy
    return {
        "seed": sandboxes.seed,
        "products": sandboxes.products,
        "dialect": str(sandboxes.initial.dialects),
        "max_sandboxes": sandboxes.max_sandboxes,
        "sandbox_ttl": sandboxes.ttl.total_seconds(),
        "journal_calls": policy.journal_calls,
        "journal_bytes": policy.journal_bytes,
        "journal_memory": policy.journal_memory,
        "changed_records": policy.changes.records,
    }


def _vendors_json(contracts: Mapping[str, Contract], call: Call) -> Iterator[dict[str, Any]]:
    for name, contract in contracts.items():
        yield {
            "name": name,
            "title": contract.vendor.title,
            "base_url": f"{base_url(call)}/{name}",
            "openapi_url": f"{base_url(call)}/_mock/vendors/{name}/openapi.json",
            "read": contract.spec.read_on,
            "collections": [*contract.base_records],
            "differences": differences_json(contract),
            "operations": [
                {
                    "id": operation.id,
                    "method": operation.method,
                    "path": operation.template,
                    "scope": operation.scope,
                    "answers": [
                        {"status": response.status, "evidence": response.evidence, "source": response.source}
                        for response in operation.responses.values()
                    ],
                }
                for operation in contract.spec.operations.values()
            ],
            "not_emulated": contract.spec.not_emulated,
        }
