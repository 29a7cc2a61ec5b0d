"""The sandboxes of a server whose sandboxes are kept in a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.vendor_api.credential import DEFAULT_SANDBOX


class NotReady(Exception):
    """Raised if a sandbox must first be read from the log, or has a turn that waits for its confirmation."""


class LoggedSandboxes(Sandboxes):
    """A server's copies of the sandboxes that are in a log, and those that are still to be put there.

    `touched` has the names of the sandboxes that were made, replaced or deleted since `noting` began. An
    expired copy is only dropped: another server may have used the sandbox, and the log knows.

    `full` is True if there are as many sandboxes in the store as there may be, and none can make room.
    """

    knows_all = False
    touched: set[str] | None = None
    is_ready: Callable[[Sandbox], bool]
    ahead = full = False

    def get_or_create(self, name: str) -> Sandbox:
        """Return the sandbox called `name`, and create it if necessary.

        While `ahead` is True, raise NotReady if no turn can be run on it now.
        """
        if not self.ahead:
            return super().get_or_create(name)
        found = self._by_name.get(name)
        if found is None or not self.is_ready(found) or found.expired:
            raise NotReady
        return found

    @contextmanager
    def noting(self) -> Iterator[set[str]]:
        """Yield a set of the names of all sandboxes that the block makes, replaces or deletes."""
        before, self.touched = self.touched, set()
        try:
            yield self.touched
        finally:
            self.touched = before

    def adopt(self, name: str, seed: int, products: int, *, is_new: bool) -> Sandbox:
        """Return a new, empty copy of a sandbox in the log. It replaces any copy with the same name.

        If it `is_new` to listeners, tell them.
        """
        with self._lock:
            before, catalog = self._by_name.get(name), self._catalog(seed, products)
            if before is not None and before.catalog is catalog:
                return before
            sandbox = self._new(name, catalog, self.initial)
            if name == DEFAULT_SANDBOX:
                sandbox.keeps_writes = self.policy.keeps_default_writes
            if before is not None:
                sandbox.journal = before.journal
            self._by_name[name] = sandbox
            if name != DEFAULT_SANDBOX:
                self._explicit.add(sandbox)
            if before is None and is_new:
                self.feed.announce("created", name)
            return sandbox

    def end(self, sandbox: Sandbox) -> None:
        """Drop a copy of a sandbox that has ended: it has expired, or another server has deleted it."""
        what = "expired" if sandbox.expired else "deleted"
        self._close(sandbox)
        self._note_end(sandbox.name, what)

    def drop(self, sandbox: Sandbox) -> None:
        """Drop a copy. The default sandbox begins anew."""
        with self._lock:
            if self._by_name.get(sandbox.name) is not sandbox:
                return
            del self._by_name[sandbox.name]
            sandbox.journal.close()
            if sandbox.name == DEFAULT_SANDBOX:
                self._by_name[sandbox.name] = self._default_sandbox()

    def let_go(self, sandbox: Sandbox) -> None:
        """Drop a copy that can be read from the log again. Whoever holds its journal can still read that."""
        with self._lock:
            if self._by_name.get(sandbox.name) is sandbox:
                del self._by_name[sandbox.name]
                sandbox.journal.leave()

    def note_eviction(self, name: str, copy: Sandbox | None) -> None:
        """Note that a sandbox in the store has ended to make room for another, and drop its copy."""
        if copy is not None:
            self._close(copy)
        self.removed["evicted"] += 1
        self._note_end(name, "evicted")
        self._warn_of_eviction()

    def _close(self, sandbox: Sandbox) -> None:
        self.drop(sandbox)
        if outbox := sandbox.outbox:
            outbox.close()

    def _make_room(self, spared: Sandbox | None) -> None:
        if self.full:
            raise self._refusal_of_more()

    def _add(self, sandbox, queue, *, spared=None):  # type: ignore[no-untyped-def]
        sandbox.implicit = queue is self._implicit or sandbox.is_visitors
        if self.touched is not None:
            self.touched.add(sandbox.name)
        return super()._add(sandbox, queue, spared=spared)

    def _forget(self, sandbox: Sandbox, what: str) -> None:
        if what == "expired":
            self.drop(sandbox)
            return
        if self.touched is not None:
            self.touched.add(sandbox.name)
        super()._forget(sandbox, what)
