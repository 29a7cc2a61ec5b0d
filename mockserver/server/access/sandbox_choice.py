"""The choice of the sandbox that a call belongs to."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from mockserver.sandbox.clock import wall_clock
from mockserver.sandbox.policy import SandboxPolicy
from mockserver.sandbox.sandbox import Sandbox, token_key
from mockserver.sandbox.secrets import Secrets
from mockserver.sandbox.tokens import SandboxTokens, sandbox_of_token
from mockserver.server.access.forwarding import forwarding_header
from mockserver.server.access.policy import AccessPolicy
from mockserver.server.http.errors import MockError
from mockserver.vendor_api.call import ACCESS
from mockserver.vendor_api.credential import (
    CONTROL_TOKEN_PREFIX,
    DEFAULT_SANDBOX,
    NAME_RULE,
    SANDBOX_PREFIX,
    Credential,
    is_sandbox_name,
)
from mockserver.vendor_api.request import Headers

SANDBOX_HEADER = "x-mock-sandbox"
NO_CREDENTIAL = Credential(None)
NO_SUCH_TOKEN = "this token was changed, was issued by another server or vendor, or its sandbox has ended"
EXPIRED = "the token has expired, by the sandbox's clock: get a new one with the refresh token"


class SandboxSource(Protocol):
    """Where sandboxes come from: the registry, or something like it."""

    @property
    def policy(self) -> SandboxPolicy: ...
    @property
    def secrets(self) -> Secrets[Sandbox]: ...
    @property
    def ended(self) -> Mapping[str, object]: ...
    def find(self, name: str) -> Sandbox | None: ...
    def issued_for(self, name: str) -> Credential | None: ...
    def get_or_create(self, name: str) -> Sandbox: ...


class SandboxChoice:
    """Chooses the sandbox of each call: by its credential, or by X-Mock-Sandbox where that is trusted."""

    def __init__(self, sandboxes: SandboxSource, policy: AccessPolicy) -> None:
        self._sandboxes, self._policy = sandboxes, policy
        self._names_open = not sandboxes.policy.issues_credentials

    def for_call(self, headers: Headers, credential: Credential, vendor: str) -> tuple[Sandbox, Credential]:
        """Return the sandbox of a call to a vendor, and its credential with what it opens.

        A credential that opens nothing gets the default sandbox, and a token that has expired its own.
        Raise MockError if the header is not valid or not trusted. Raise SandboxRefused if there are too many
        sandboxes.
        """
        wanted = headers.get(SANDBOX_HEADER)
        if not wanted and (name := credential.sandbox) and (self._names_open or name == DEFAULT_SANDBOX):
            sandbox = self._sandboxes.get_or_create(name)
            if sandbox.issued is None:
                return sandbox, credential
        name, credential = self.name_for_call(headers, credential, vendor)
        return self._sandboxes.get_or_create(name), credential

    def name_for_call(self, headers: Headers, credential: Credential, vendor: str) -> tuple[str, Credential]:
        """Return the name of the sandbox that `for_call` returns, and the credential. Create nothing."""
        wanted = headers.get(SANDBOX_HEADER)
        credential = self._resolved(credential, vendor)
        if credential.expired:
            return credential.claims["sandbox"], credential
        name = self._wanted(wanted, headers, credential) if wanted else credential.sandbox
        return name or DEFAULT_SANDBOX, credential

    def names(self, headers: Headers, credential: Credential) -> list[str]:
        """Return the names of the sandboxes that must be known for `for_call`."""
        named = credential.sandbox, headers.get(SANDBOX_HEADER), sandbox_of_token(credential.text or "")
        return [name for name in dict.fromkeys((*named, DEFAULT_SANDBOX)) if name and is_sandbox_name(name)]

    def _resolved(self, credential: Credential, vendor: str) -> Credential:
        """Return a credential with what it opens on this server."""
        if (name := credential.sandbox) and not self._opened_by_name(name):
            return replace(credential, opens="")
        issued = self._sandboxes.secrets.sandbox_with_credential(credential.text or "")
        if issued and issued.issued:
            return issued.issued
        if (name := sandbox_of_token(credential.text or "")) is not None:
            credential = self._token(credential, name, vendor)
            if credential.claims:
                return credential
        if credential.status == "unknown" and self._policy.any_credential and self._is_foreign(credential):
            return replace(credential, opens=DEFAULT_SANDBOX)
        return credential

    def _token(self, credential: Credential, name: str, vendor: str) -> Credential:
        """Return the credential with what it opens and says, if it is a genuine token for the sandbox `name`.

        The sandbox must exist. One that a name may open is created, unless it has ended on this server.
        """
        if sandbox := self._sandboxes.find(name):
            key, now = sandbox.token_key, sandbox.clock.now()
        elif self._names_open and is_sandbox_name(name) and name not in self._sandboxes.ended:
            key, now = token_key(self._sandboxes.policy.token_secret, name), wall_clock()
        else:
            return replace(credential, flaw=NO_SUCH_TOKEN)
        tokens = SandboxTokens(key, vendor, name, now)
        claims = tokens.verified(credential.text or "", ACCESS)
        if claims is None:
            return replace(credential, flaw=NO_SUCH_TOKEN)
        if tokens.has_expired(claims):
            return replace(credential, opens="", claims=claims, expired=True, flaw=EXPIRED)
        return replace(credential, opens=name, claims=claims)

    def _opened_by_name(self, name: str) -> bool:
        """Return True if the credential with a sandbox's name opens it, or would create it."""
        if not self._names_open:
            return name == DEFAULT_SANDBOX
        return self._sandboxes.issued_for(name) is None

    def _is_foreign(self, credential: Credential) -> bool:
        """Return True if a credential has a text that is not of the mock's own forms, nor the admin token."""
        text = credential.text or ""
        own = text.startswith((SANDBOX_PREFIX, CONTROL_TOKEN_PREFIX)) or self._policy.is_admin_token(text)
        return bool(text) and not own and not credential.flaw

    def _wanted(self, wanted: str, headers: Headers, credential: Credential) -> str | None:
        """Return the name of the sandbox that a call with X-Mock-Sandbox opens."""
        if not is_sandbox_name(wanted):
            raise MockError(400, "bad_sandbox_name", NAME_RULE)
        if credential.status != "accepted" or wanted == credential.sandbox:
            return credential.sandbox
        if reason := self._distrust(headers) or self._keeps_apart(wanted, credential):
            raise MockError(
                403, "sandbox_header_not_trusted",
                f"the header X-Mock-Sandbox cannot pick another sandbox than the credential: {reason};"
                " send the credential of that sandbox instead",
            )  # fmt: skip
        return wanted

    def for_unmatched(
        self, headers: Headers, credentials: Iterable[tuple[str, Credential]]
    ) -> Sandbox | None:
        """Return the existing sandbox of a request that no vendor has a path for, or None.

        Its credential opens it, as one of the vendors reads it: `credentials` has pairs of a vendor's name
        and the credential. The header alone does not, and the request never creates a sandbox.
        """
        opened = [self._resolved(credential, vendor).sandbox for vendor, credential in credentials]
        names = [name for name in opened if name]
        wanted = headers.get(SANDBOX_HEADER, "")
        if names and not self._distrust(headers) and not self._keeps_apart(wanted, NO_CREDENTIAL):
            names.insert(0, wanted)
        found = (self._sandboxes.find(name) for name in names)
        return next((sandbox for sandbox in found if sandbox), None)

    def _keeps_apart(self, wanted: str, credential: Credential) -> str:
        """Return a reason if an issued credential is needed, or has been sent; otherwise an empty string."""
        if self._sandboxes.issued_for(wanted):
            return f"sandbox {wanted} has a credential that was issued for it"
        if credential.claims:
            return "it is a token of one sandbox"
        if self._sandboxes.issued_for(credential.sandbox or ""):
            return "it was issued for one sandbox"
        return ""

    def _distrust(self, headers: Headers) -> str:
        """Return why X-Mock-Sandbox is not trusted in a call, or an empty string if it is."""
        if not self._policy.trusts_sandbox_header:
            return "this server runs without --trust-sandbox-header"
        if header := forwarding_header(headers):
            return f"a proxy has forwarded the call (it has the header {header})"
        return ""
