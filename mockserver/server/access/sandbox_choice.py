"""The choice of the sandbox that a call belongs to."""

from collections.abc import Iterable

from mockserver.sandbox.registry import Sandboxes
from mockserver.sandbox.sandbox import Sandbox
from mockserver.server.access.forwarding import forwarding_header
from mockserver.server.access.policy import AccessPolicy
from mockserver.server.http.errors import MockError
from mockserver.vendor_api.credential import DEFAULT_SANDBOX, SANDBOX_NAME, Credential
from mockserver.vendor_api.request import Headers

SANDBOX_HEADER = "x-mock-sandbox"


class SandboxChoice:
    """Chooses the sandbox of each call: by its credential, or by X-Mock-Sandbox where that is trusted."""

    def __init__(self, sandboxes: Sandboxes, policy: AccessPolicy) -> None:
        self._sandboxes, self._trusted = sandboxes, policy.trusts_sandbox_header

    def for_call(self, headers: Headers, credential: Credential) -> Sandbox:
        """Return the sandbox of a call to a vendor, or the default one if the credential is not accepted.

        Raise MockError if the header is not valid or not trusted. Raise SandboxRefused if there are too many
        sandboxes.
        """
        wanted = headers.get(SANDBOX_HEADER)
        name = self._wanted(wanted, headers, credential) if wanted else credential.sandbox
        return self._sandboxes.get_or_create(name or DEFAULT_SANDBOX)

    def _wanted(self, wanted: str, headers: Headers, credential: Credential) -> str | None:
        """Return the name of the sandbox that a call with X-Mock-Sandbox opens."""
        if not SANDBOX_NAME.fullmatch(wanted):
            raise MockError(
                400, "bad_sandbox_name",
                "a sandbox name has 1 to 64 letters, digits, dots, dashes and underscores",
            )  # fmt: skip
        if credential.status != "accepted" or wanted == credential.sandbox:
            return credential.sandbox
        if reason := self._distrust(headers):
            raise MockError(
                403, "sandbox_header_not_trusted",
                f"the header X-Mock-Sandbox cannot pick another sandbox than the credential: {reason};"
                f" send sbx_{wanted} as the credential instead",
            )  # fmt: skip
        return wanted

    def for_unmatched(self, headers: Headers, credentials: Iterable[Credential]) -> Sandbox:
        """Return the existing sandbox that an unmatched request names by header or credential.

        If there is no such sandbox, return the default sandbox. An unmatched request never creates a
        sandbox, because only a vendor can check its credential.
        """
        named = headers.get(SANDBOX_HEADER)
        trusted = named if named and not self._distrust(headers) else None
        for name in (trusted, *(credential.sandbox for credential in credentials)):
            if name and (sandbox := self._sandboxes.find(name)):
                return sandbox
        return self._sandboxes.get_or_create(DEFAULT_SANDBOX)

    def _distrust(self, headers: Headers) -> str:
        """Return why X-Mock-Sandbox is not trusted in a call, or an empty string if it is."""
        if not self._trusted:
            return "this server runs without --trust-sandbox-header"
        if header := forwarding_header(headers):
            return f"a proxy has forwarded the call (it has the header {header})"
        return ""
