"""The own-origin rule: which requests of a browser the control API and the console accept.

A browser sends a user's cookies, and reaches the user's own machine, whichever page asks for it. So pages of
other origins must not be able to use what only the user may. Browsers tell where a request comes from: newer
ones in `Sec-Fetch-Site`, but only to HTTPS and to this machine, and all in `Origin`, but not for every GET.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from mockserver.server.access.policy import AccessPolicy
from mockserver.vendor_api.problem import Problem
from mockserver.vendor_api.raw_request import RawRequest

HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([\w.-]+))(?::([0-9]+))?", re.IGNORECASE | re.ASCII)
DEFAULT_PORTS = {"http": "80", "https": "443"}
CONSOLE = "/_mock/ui"


def require_own_page(raw: RawRequest, policy: AccessPolicy) -> None:
    """Raise Problem if a browser sent a request for a page of another origin than this server's own.

    A link on any page may lead to the console, because nothing but a new page comes of it. A program that is
    not a browser sends neither header.
    """
    origin, site = raw.headers.get("origin"), raw.headers.get("sec-fetch-site")
    if is_control_origin(raw, policy):
        return
    if origin is not None and canonical(origin) not in own_origins(raw, policy):
        raise Problem("forbidden", _refusal(f"pages of {origin[:200]}", raw, policy))
    if site not in (None, "same-origin", "none") and not _opens_console(raw):
        raise Problem("forbidden", _refusal("pages of another origin", raw, policy))


def is_control_origin(raw: RawRequest, policy: AccessPolicy) -> bool:
    """Return True if a request comes from a page of an origin that the operator has admitted."""
    origins = policy.control_origins
    return bool(origins) and canonical(raw.headers.get("origin", "")) in origins


def own_origins(raw: RawRequest, policy: AccessPolicy) -> set[str]:
    """Return the origins of this server: the one that the client has used, and the operator's public one."""
    own = {canonical(f"{raw.scheme}://{raw.headers.get('host', '')}")}
    return own | {public_origin(policy)} if policy.public_url else own


def is_https(raw: RawRequest, policy: AccessPolicy) -> bool:
    """Return True if the client has used HTTPS, as far as the server or its operator can tell."""
    if raw.scheme == "https":
        return True
    public = public_origin(policy)
    return public.startswith("https:") and public == canonical(f"https://{raw.headers.get('host', '')}")


def public_origin(policy: AccessPolicy) -> str:
    """Return the origin of the public URL; empty if there is none."""
    parts = urlsplit(policy.public_url)
    return canonical(f"{parts.scheme}://{parts.netloc}") if policy.public_url else ""


def public_path(raw: RawRequest, policy: AccessPolicy) -> str:
    """Return the path of the public URL, which a proxy removes, if the client has used that URL.

    Under another host, such as that of this machine, the server is its own root.
    """
    public, host = urlsplit(policy.public_url), raw.headers.get("host", "")
    used = canonical(f"{public.scheme}://{host}") == canonical(f"{public.scheme}://{public.netloc}")
    return public.path if used else ""


def canonical(origin: str) -> str:
    """Return an origin in lower case, without the default port of its scheme."""
    scheme, _, _ = origin.lower().partition("://")
    return origin.lower().removesuffix(f":{DEFAULT_PORTS.get(scheme, '')}")


def port_in_host(raw: RawRequest) -> str:
    """Return the port that the client has used, as its Host header tells; empty if that cannot be read."""
    found = HOST.fullmatch(raw.headers.get("host", ""))
    return (found[3] or DEFAULT_PORTS.get(raw.scheme, "")) if found else ""


def names_this_machine(raw: RawRequest) -> bool:
    """Return True if the Host header is a name or address that means this machine, with or without a port."""
    found = HOST.fullmatch(raw.headers.get("host", ""))
    return found is not None and is_loopback(found[1] or found[2])


def is_loopback(name: str) -> bool:
    """Return True if an address or host name means this machine. This makes no DNS lookup."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _opens_console(raw: RawRequest) -> bool:
    """Return True if a request opens a page of the console in a window of its own, as a link does."""
    return (
        raw.method in ("GET", "HEAD")
        and (raw.path == CONSOLE or raw.path.startswith(f"{CONSOLE}/"))
        and raw.headers.get("sec-fetch-mode") == "navigate"
        and raw.headers.get("sec-fetch-dest") == "document"
    )


def _refusal(who: str, raw: RawRequest, policy: AccessPolicy) -> str:
    own = " and ".join(sorted(own_origins(raw, policy)))
    advice = "admit a page on another port with --control-origin; behind a proxy, set --public-url"
    return f"{who} may not use the control API of this server, only those of {own} may: {advice}"
