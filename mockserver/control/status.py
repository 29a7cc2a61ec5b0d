"""What the server says of itself: health, readiness, vendors, and this API's own specification."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.contract import Contract
from mockserver.control.sandboxes import Operations, base_url
from mockserver.metrics import Metrics
from mockserver.schema import floats
from mockserver.spec import Spec
from mockserver.vendor import Call
from mockserver.visit import Raw


def status_operations(
    contracts: Mapping[str, Contract], spec: Spec, version: str, metrics: Metrics
) -> Operations:
    status = {"status": "ok", "version": version}
    return {
        "get-health": lambda call: status,
        "get-ready": lambda call: status,
        "list-vendors": lambda call: {"vendors": [*_vendors(contracts, call)]},
        "get-openapi": lambda call: floats(spec.document),
        "get-metrics": lambda call: Raw(*metrics.text()),
    }


def _vendors(contracts: Mapping[str, Contract], call: Call) -> Iterator[dict[str, Any]]:
    for name, contract in contracts.items():
        yield {
            "name": name,
            "title": contract.vendor.title,
            "base_url": f"{base_url(call)}/{name}",
            "collections": [*contract.shelves],
            "operations": [
                {
                    "id": operation.id,
                    "method": operation.method,
                    "path": operation.template,
                    "answers": [
                        {"status": reply.status, "evidence": reply.evidence, "source": reply.source}
                        for reply in operation.replies.values()
                    ],
                }
                for operation in contract.spec.operations.values()
            ],
        }
