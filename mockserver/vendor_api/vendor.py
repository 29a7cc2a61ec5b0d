"""The definition of a vendor: the one object that a vendor's module provides."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Literal

from mockserver.data.catalog.products import Catalog
from mockserver.data.store.base_records import BaseRecords, Collection, Locate, Record
from mockserver.data.store.records import Records
from mockserver.data.store.state import Draft
from mockserver.vendor_api.answer import Answer
from mockserver.vendor_api.call import Call
from mockserver.vendor_api.credential import Credential
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.rate_limits import Limit
from mockserver.vendor_api.request import Request

# A sandbox can change its dialect: what it holds, and what opens it, must not depend on it.
SAME_IN_DIALECTS = (
    "name", "title", "credential", "credential_field", "credential_spellings", "collections", "observed",
    "webhooks", "follow",
)  # fmt: skip


@dataclass(frozen=True)
class Commit:
    """Records of a vendor that were changed at once, by a client's call or by the control API.

    `changes` maps (collection, key) to the record before and after; None means that there is none. `now` is
    the time by the sandbox's clock. `draft` and `base_records` are for internal use: use `records`.
    """

    changes: Mapping[tuple[str, str], tuple[Record | None, Record | None]]
    now: datetime
    draft: Draft
    base_records: Mapping[str, BaseRecords]

    def records(self, collection: str) -> Records:
        """Return a collection's records as they were after the changes, for reading."""
        return Records(self.base_records[collection], self.draft)


@dataclass(frozen=True)
class Edit:
    """A record that the control API has put. `before` is what it was, or None if it is new.

    `draft` and `base_records` are for internal use: use `records` and `catalog`.
    """

    before: Record | None
    record: Record
    draft: Draft
    base_records: Mapping[str, BaseRecords]

    def records(self, collection: str) -> Records:
        """Return a collection's records, to read and to change."""
        return Records(self.base_records[collection], self.draft)

    @property
    def catalog(self) -> Catalog:
        """The goods of the sandbox."""
        return self.draft.catalog


@dataclass(frozen=True)
class Message:
    """One call to an app's webhook, whatever the number of attempts.

    `id` is a UUID of its own. `instant` is the time of the change by the sandbox's clock. `client_id` and
    `client_secret` are those of the app. `sign` returns the Ed25519 signature of some bytes, made with the
    test key.
    """

    topic: str
    id: str
    instant: datetime
    client_id: str
    client_secret: str
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True)
class Webhooks:
    """The way in which a vendor notifies an app of changes. `x-webhook-topics` lists the topics.

    `topics`: a function for each topic. It takes a Commit, and returns a value for each call to make.

    `body(value, message)`: return the JSON body of a call. Default: the value itself.

    `headers(body, message)`: return the headers of a call, with the signature of its body, which is bytes.

    `retry_after(status, attempt)`: return the seconds until the next attempt, or None if there is none.
    `status` is 0 if there was no answer. `attempt` is the number of attempts so far. Only called if the
    answer's status is not 2xx.

    `ends_with_failure`: True if a webhook is removed when the last attempt of a call has failed.

    `signed_by`: what verifies a signature: a public `key`, or the app's `secret`.
    """

    topics: Mapping[str, Callable[[Commit], Iterable[Any]]]
    headers: Callable[[bytes, Message], Mapping[str, str]]
    retry_after: Callable[[int, int], float | None]
    body: Callable[[Any, Message], Any] = lambda value, message: value
    ends_with_failure: bool = False
    signed_by: Literal["key", "secret"] = "secret"


@dataclass(frozen=True)
class Vendor:
    """One emulated API. Its module, spec, fixture file and test file all have its name.

    Its functions must not read a clock, and must get random values from the `Call`, so that every run gives
    the same answers.

    `name`: the name of the module, and the prefix of its paths.

    `title`: the vendor's name as shown to users.

    `credential(request)`: return the credential of a request, or `Credential(None)` if it has none. This
    function must not raise an exception. See `bearer_token` and `basic_user`.

    `authenticate(call)`: raise Problem if the vendor refuses the credential. This function may also check
    headers that the vendor checks before everything else. The parameters have not been read yet. See
    `require_accepted`.

    `operations`: the handlers by `operationId`. Every operation in the spec needs a handler. A handler takes
    a Call whose parameters and body are valid. It returns a body (with status 200) or an Answer, or raises
    Problem. If it raises, its changes to records are discarded.

    `render(problem, call)`: return the vendor's answer to a refused request. It must handle every `Kind`
    except `exists`, `full`, `gone` and `overflow`. The spec must document every answer.

    `collections`: the vendor's kinds of record.

    `sample`: path and query of a GET request that is answered with status 200. Users see it as an example.

    `auth_headers(credential)`: return all headers that a client with this credential must send. The first
    one must contain the credential.

    `common_headers(call)`: return the headers that every answer has, including refusals. Default: none.

    `content_type`: the `Content-Type` of every answer with a body.

    `etag(body)`: return the ETag of an answer with this body, which is bytes. A GET whose `If-None-Match` has
    it gets a 304. Default: answers have none.

    `limits`: the vendor's rate limits, each a `Window` or `LeakyBucket` with its own name. Default: none.

    `slow`: for each operation with slow calls, a function by `operationId`. It takes a Call whose parameters
    have been read. It returns True if the call may take more than a few milliseconds. Slow calls run in a
    thread, so that other calls do not wait for them. Default: no call is slow.

    `remove`: for each collection whose records cannot be deleted without others, a function `(call, record)`
    that deletes them all, as the vendor's own operation does. The fault `page_shift` calls it.

    `follow`: for each collection whose records have fields in common with other records, a function `(edit)`
    that changes the others after the control API has put a record, as the vendor's own operations do.

    `observed`: what the live vendor does otherwise than its documentation says, as fields of Vendor with
    their values in the dialect `observed`. Of `operations` and `slow`, only those that differ. The spec
    lists the differences in `x-dialects`. Default: nothing.

    `credential_field`: the field of the body with the client's credential, such as `client_secret`, for
    operations with `security: []` in the spec: those that issue tokens. `authenticate` is not called for
    them, so their handlers call `require_accepted`. Default: these operations belong to the default sandbox.

    `credential_spellings`: other names of this field that the vendor reads, too. Default: none.

    `webhooks`: the calls by which the vendor notifies an app of changes. Default: none.
    """

    name: str
    title: str
    credential: Callable[[Request], Credential]
    authenticate: Callable[[Call], None]
    operations: Mapping[str, Callable[[Call], Any]]
    render: Callable[[Problem, Call], Answer]
    collections: tuple[Collection, ...]
    sample: str
    auth_headers: Callable[[str], Mapping[str, str]]
    common_headers: Callable[[Call], Mapping[str, str]] | None = None
    content_type: str = "application/json"
    etag: Callable[[bytes], str] | None = None
    limits: tuple[Limit, ...] = ()
    slow: Mapping[str, Callable[[Call], bool]] = field(default_factory=dict)
    webhooks: Webhooks | None = None
    credential_field: str = ""
    credential_spellings: tuple[str, ...] = ()
    remove: Mapping[str, Callable[[Call, Record], None]] = field(default_factory=dict)
    follow: Mapping[str, Callable[[Edit], None]] = field(default_factory=dict)
    observed: Mapping[str, Any] = field(default_factory=dict)

    def in_observed(self) -> "Vendor":
        """Return the vendor as the live one was observed.

        Raise ValueError if `observed` has a field that must be the same in both dialects, or is unknown.
        """
        allowed = [one.name for one in fields(self) if one.name not in SAME_IN_DIALECTS]
        if wrong := [name for name in self.observed if name not in allowed]:
            raise ValueError(f"observed cannot have {wrong[0]}: use one of {', '.join(allowed)}")
        changed = dict(self.observed)
        for name in ("operations", "slow"):
            if name in changed:
                changed[name] = {**getattr(self, name), **changed[name]}
        return replace(self, **changed, observed={})


def numbered_from(first: int) -> Locate:
    """Return a `Collection.locate` function for keys that are decimal numbers, counted from `first`.

    Keys in any other form, for example with leading zeros, are not found.
    """

    def locate(catalog: Catalog, key: str) -> int | None:
        plain = key.isascii() and key.isdecimal() and len(key) < 12 and key[0] != "0"
        return int(key) - first if plain else None

    return locate
