"""MerchantPro's batch: up to 20 requests in one call. They run in order, and each has an answer of its own.

It is known from clients that there is such a call, and how many requests it takes. Its form is our choice.
"""

from mockserver.vendor_api import Call, Problem, Record


def run_batch(call: Call) -> Record:
    """Answer each request of a batch. One that is refused changes nothing; the others still count."""
    if call.parts is None:
        raise Problem("bad_request", "A batch cannot contain a batch")
    requests = call.body["requests"]
    answers = [call.answer_part(one["method"], one["path"], one.get("body")) for one in requests]
    return {"responses": [{"status": answer.status, "body": answer.body} for answer in answers]}


def is_slow(call: Call) -> bool:
    """Return True: each request of a batch may be a slow one, so all batches are handled in a thread."""
    return True
