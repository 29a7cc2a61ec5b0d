"""The known differences of the Connexion engine: predicates over requests, each with its reason."""

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


# Each with its reason. Of requests that the spec admits, only the first two match.
KNOWN_DIFFERENCES: dict[str, Callable[[RawRequest], bool]] = {
    "an encoded slash in a path: Starlette decodes it before it routes, so the path has a segment more":
        lambda raw: any(b"/" in segment for segment in _segments(raw)),
    "an encoded newline in a path: Starlette's pattern for a segment stops there":
        lambda raw: any(b"\n" in segment for segment in _segments(raw)) and not any(
            b"/" in segment for segment in _segments(raw)),
    "an empty segment in a path: Starlette's pattern for a segment wants a character":
        lambda raw: b"" in _segments(raw) and not any(b"/" in s or b"\n" in s for s in _segments(raw)),
    "a path that is not UTF-8: ASGI's path is a text":
        lambda raw: not all(map(_is_utf8, _segments(raw))) and b"" not in _segments(raw) and not any(
            b"/" in segment or b"\n" in segment for segment in _segments(raw)),
    "a media type that ends in +json: Connexion takes only those that the spec names":
        lambda raw: "+json" in raw.headers.get("content-type", "").lower() and raw.method == "PATCH"
        and _is_plain_path(raw),
}  # fmt: skip


def _is_plain_path(raw: RawRequest) -> bool:
    return all(
        segment and _is_utf8(segment) and b"/" not in segment and b"\n" not in segment
        for segment in _segments(raw)
    )


def reasons(raw: RawRequest) -> list[str]:
    """Return why the engines may differ on a request; at most one reason applies."""
    return [reason for reason, matches in KNOWN_DIFFERENCES.items() if matches(raw)]
