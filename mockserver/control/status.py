"""Status operations of the control API: health, readiness, metrics, vendors and the API's own spec."""

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.contract.openapi.spec import Spec
from mockserver.control.lookup import Operations, base_url
from mockserver.resources import floats
from mockserver.server.metrics import Metrics
from mockserver.vendor_api.answer import RawAnswer
from mockserver.vendor_api.call import Call


def status_operations(
    contracts: Mapping[str, Contract], spec: Spec, about: Mapping[str, str], metrics: Metrics
) -> Operations:
    """Return the handlers of the status operations by operationId."""
    status = {"status": "ok", **about}
    return {
        "get-health": lambda call: status,
        "get-ready": lambda call: status,
        "list-vendors": lambda call: {"vendors": [*_vendors_json(contracts, call)]},
        "get-openapi": lambda call: floats(spec.document),
        "get-metrics": lambda call: RawAnswer(*metrics.text()),
    }


def _vendors_json(contracts: Mapping[str, Contract], call: Call) -> Iterator[dict[str, Any]]:
    for name, contract in contracts.items():
        yield {
            "name": name,
            "title": contract.vendor.title,
            "base_url": f"{base_url(call)}/{name}",
            "collections": [*contract.base_records],
            "operations": [
                {
                    "id": operation.id,
                    "method": operation.method,
                    "path": operation.template,
                    "answers": [
                        {"status": response.status, "evidence": response.evidence, "source": response.source}
                        for response in operation.responses.values()
                    ],
                }
                for operation in contract.spec.operations.values()
            ],
        }
