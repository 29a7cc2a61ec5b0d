"""Known differences of the Connexion engine: maps reasons to predicates that match requests."""

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from mockserver.vendor_api.raw_request import RawRequest


def _segments(raw: RawRequest) -> list[bytes]:
    return [unquote_to_bytes(segment) for segment in raw.path.split("/")[1:]]


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


# Only the first and the last match requests that the compiled engine accepts.
KNOWN_DIFFERENCES: dict[str, Callable[[RawRequest], bool]] = {
    "an encoded slash in a path: Starlette decodes it before routing, so the path has one more segment":
        lambda raw: any(b"/" in segment for segment in _segments(raw)),
    "an empty segment in a path: Starlette's pattern for a segment requires a character":
        lambda raw: b"" in _segments(raw) and not any(b"/" in s for s in _segments(raw))
        and not raw.path.endswith("/products/"),  # of the spec, where a slash may follow
    "a path that is not UTF-8: ASGI's path is a string":
        lambda raw: not all(map(_is_utf8, _segments(raw))) and b"" not in _segments(raw) and not any(
            b"/" in segment for segment in _segments(raw)),
    "a media type that ends in +json: Connexion accepts only media types that are in the spec":
        lambda raw: "+json" in raw.headers.get("content-type", "").lower()
        and raw.method in ("PATCH", "PUT", "POST", "DELETE") and _is_plain_path(raw),
}  # fmt: skip


def _is_plain_path(raw: RawRequest) -> bool:
    return all(segment and _is_utf8(segment) and b"/" not in segment for segment in _segments(raw))


def reasons(raw: RawRequest) -> list[str]:
    """Return the reasons why the engines may answer a request differently; there is at most one."""
    return [reason for reason, matches in KNOWN_DIFFERENCES.items() if matches(raw)]
