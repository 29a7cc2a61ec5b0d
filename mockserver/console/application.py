"""The Flask application of the console. Only the console's own modules import it: with the first page."""

import asyncio
import secrets
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask, g, redirect, render_template, request, url_for
from flask import Response as Page
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyPage

from mockserver import __version__
from mockserver.console import markup
from mockserver.console.backend import ROOT, Backend
from mockserver.console.control_client import ControlClient, Refused
from mockserver.console.pages import about, calls, compare, context, sandboxes, start
from mockserver.console.pages.access import login, visitor
from mockserver.console.pages.demo import demo, visit
from mockserver.console.pages.docs import docs
from mockserver.console.pages.one_call import call, shares
from mockserver.console.pages.sandbox import agreement, clock, data, dialect, faults, limits, snapshots
from mockserver.console.static_files import StaticFiles
from mockserver.contract.response import Response
from mockserver.server.access.own_origin import is_https, names_this_machine, public_path
from mockserver.vendor_api.raw_request import RawRequest

BLUEPRINTS = (
    start.pages,
    calls.pages,
    call.pages,
    compare.pages,
    sandboxes.pages,
    data.pages,
    faults.pages,
    clock.pages,
    limits.pages,
    dialect.pages,
    agreement.pages,
    snapshots.pages,
    docs.pages,
    about.pages,
    login.pages,
    shares.pages,
)
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'",
    "X-Content-Type-Options": "nosniff",
    # With `no-referrer`, browsers would send forms with `Origin: null`, which the own-origin rule refuses.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ONE_YEAR = "max-age=31536000"
TITLES = {
    401: "Log in first",
    403: "Not allowed",
    404: "There is nothing here",
    405: "This is not how this address works",
    410: "This is gone",
    413: "This is too large",
    429: "Too many requests",
}


def application(backend: Backend) -> Flask:
    """Return the application with all its pages."""
    app = Flask("mockserver.console", static_folder=None)
    app.config.update(BACKEND=backend, PROPAGATE_EXCEPTIONS=True)
    app.config["MAX_FORM_MEMORY_SIZE"] = None  # the server has bounded the body: see `Console.max_body`
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(markup.FILTERS)
    static = StaticFiles()
    app.jinja_env.globals.update(
        static_url=static.url,
        api_url=context.api_url,
        version=__version__,
        in_memory=backend.pipeline.turns is None,
        vendors=[one.vendor for one in backend.contracts],
    )
    app.add_url_rule(ROOT + "/static/<digest>/<name>", "static_file", static.respond)
    app.add_url_rule("/", "root", demo.landing if backend.guard else _to_start)
    for blueprint in (*BLUEPRINTS, *([demo.pages] if backend.guard else [])):
        app.register_blueprint(blueprint, url_prefix=ROOT)
    own = secrets.token_hex(8)
    app.context_processor(
        lambda: {
            "instance": turns.generation if (turns := backend.pipeline.turns) else own,  # of the journals
            "navigation": context.navigation,
            "done": context.said(),
            "logged_in": visitor.logged_in,
            "may_use_all": visitor.may_use_all,
            "life": visit.life,
            "demo_limit": visit.demo_limit,
            "theme": about.theme(),
            "here": about.here(),
        }
    )
    app.before_request(_open)
    app.after_request(_secure)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _to_start() -> AnyPage:
    return redirect(url_for("start.show"), 303)


def page(app: Flask, raw: RawRequest, loop: asyncio.AbstractEventLoop) -> Response:
    """Return the application's response to a request. An exception in a page is raised."""
    root = public_path(raw, app.config["BACKEND"].access)
    answer = AnyPage.from_app(app.wsgi_app, {**_environ(raw, root), context.RAW: raw, context.LOOP: loop})
    lines = [(name, value) for name, value in answer.headers.items() if name.lower() != "content-length"]
    return Response(answer.status_code, tuple(lines), answer.get_data())


def _environ(raw: RawRequest, root: str) -> dict[str, Any]:
    """Return a request as WSGI has it. `root` is the path that a proxy has removed."""
    host, body = raw.headers.get("host", "localhost"), raw.body or b""
    name, _, port = host.partition(":") if not host.startswith("[") else (host, "", "")
    environ = {
        "REQUEST_METHOD": raw.method,
        "SCRIPT_NAME": root,
        "PATH_INFO": unquote_to_bytes(raw.path).decode("latin-1"),
        "QUERY_STRING": raw.query,
        "SERVER_NAME": name,
        "SERVER_PORT": port or {"https": "443"}.get(raw.scheme, "80"),
        "SERVER_PROTOCOL": f"HTTP/{raw.version}",
        "REMOTE_ADDR": raw.peer,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": raw.headers.get("content-type", ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": raw.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": None,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for header, value in raw.headers.items():
        if header not in ("content-length", "content-type"):
            environ["HTTP_" + header.upper().replace("-", "_")] = value
    return environ


def _open() -> AnyPage | None:
    """Give the page its client of the control API. Return another page for whoever may not see this one."""
    g.control = ControlClient(context.backend().pipeline, request.environ[context.LOOP], context.raw())
    return None if request.endpoint in ("static_file", "root") else visitor.admit()


def _secure(response: Page) -> Page:
    response.headers.update(SECURITY_HEADERS)
    raw, backend = context.raw(), context.backend()
    if backend.guard and is_https(raw, backend.access) and not names_this_machine(raw):
        response.headers["Strict-Transport-Security"] = ONE_YEAR
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _refused(error: Refused) -> tuple[str, int, dict[str, str]]:
    return *_error_page(error.status, error.message), error.headers


def _http_error(error: HTTPException) -> tuple[str, int] | AnyPage:
    if error.code is None or error.code < 400:
        return error.get_response()
    own = error.description if error.description != type(error).description else ""  # of `abort` in a page
    return _error_page(error.code, own or "")


def _error_page(status: int, message: str) -> tuple[str, int]:
    g.not_found = status == 404
    if g.not_found and (name := context.missing_sandbox()):
        return render_template("sandboxes/missing.html", name=name), status
    title = TITLES.get(status, "This did not work")
    page = render_template("error.html", title=title, message=message, status=status, back=_way_back())
    return page, status


def _way_back() -> tuple[str, str]:
    """Return the URL of the page that leads on from an error, and the words of the link."""
    sandbox = (request.view_args or {}).get("sandbox")
    match (request.endpoint or "").partition(".")[0]:
        case "call" | "shares":
            return url_for("calls.show"), "See all calls"
        case "faults" if sandbox:
            return url_for("faults.show", sandbox=sandbox), "See the fault rules"
        case "snapshots" if sandbox:
            return url_for("snapshots.list", sandbox=sandbox), "See the snapshots"
    return url_for("start.show"), "Go to the start page"
