"""The stylesheet and the scripts of the console, under a path that changes with their content."""

from hashlib import sha256
from pathlib import Path

from flask import Response, abort, url_for

FOLDER = Path(__file__).parent / "static"
# A table of our own, because the types that Python's `mimetypes` knows depend on the machine.
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class StaticFiles:
    """The files, read once. All are below one digest, so that a script finds the others beside it."""

    def __init__(self, folder: Path = FOLDER) -> None:
        files = sorted(path for path in folder.iterdir() if path.suffix in TYPES)
        self._files = {path.name: (path.read_bytes(), TYPES[path.suffix]) for path in files}
        content = b"\0".join(name.encode() + b"\0" + data for name, (data, _) in self._files.items())
        self._digest = sha256(content).hexdigest()[:12]

    def url(self, name: str) -> str:
        """Return the path of a file."""
        assert name in self._files, name
        return url_for("static_file", digest=self._digest, name=name)

    def respond(self, digest: str, name: str) -> Response:
        """Return a file. An old digest gets the present file, but the browser must not keep it."""
        if name not in self._files:
            abort(404)
        data, media_type = self._files[name]
        keep = "public, max-age=31536000, immutable" if digest == self._digest else "no-store"
        return Response(data, content_type=f"{media_type}; charset=utf-8", headers={"Cache-Control": keep})
