"""Snippets: a request as a command or as code that works as pasted.

The values in them may come from a client. So what a terminal or an editor would obey or hide is written as an
escape, and each snippet sends the same values as the request.
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from mockserver.contract.contract import Contract
from mockserver.control.journal.reproduce import ClientRequest, has_content_type
from mockserver.control.journal.reproduce import curl as curl_command
from mockserver.data.catalog.products import DEFAULT_PRODUCTS, DEFAULT_SEED
from mockserver.sandbox.journal.entry import STRAYS
from mockserver.sandbox.journal.redaction import STRUCK
from mockserver.vendor_api.credential import DEFAULT_SANDBOX
from mockserver.vendor_api.json_text import decode

INDENT, NEXT_LINE = "    ", " \\\n  "
SHORT = 50  # characters of the members of a Python literal that stays on one line
Tabs = list[tuple[str, str]]  # title and text of each


def vendor_tabs(contract: Contract, sandbox: Mapping[str, Any], target: str = "") -> Tabs:
    """Return all snippets that read from a vendor, by default its sample.

    `sandbox` is the control API's JSON of a sandbox.
    """
    vendor, access = contract.vendor, sandbox["credentials"][contract.vendor.name]
    target = target or vendor.sample
    request = ClientRequest("GET", access["base_url"] + target, access["headers"])
    return [
        *request_tabs(request),
        ("environment", environment(vendor.name, access, target)),
        ("mockserver exec", exec_command(contract, target, sandbox)),
    ]


def request_tabs(request: ClientRequest) -> Tabs:
    """Return the snippets that send a request to this server."""
    return [
        ("curl", curl(request)),
        ("httpx", httpx(request)),
        ("requests", requests(request)),
        ("fetch", fetch(request)),
    ]


def curl(request: ClientRequest) -> str:
    """Return a command for a shell, one option on each line. It prints the body of the answer."""
    return curl_command(request, NEXT_LINE)


def httpx(request: ClientRequest) -> str:
    """Return a program in Python that prints the status and the body of the answer."""
    return _python("httpx", request, "content")


def requests(request: ClientRequest) -> str:
    """Return a program in Python that prints the status and the body of the answer."""
    return _python("requests", request, "data")


def _python(library: str, request: ClientRequest, body_argument: str) -> str:
    headers, body = dict(request.headers), []
    if (value := _json_of(request)) is not None:
        headers = {name: text for name, text in headers.items() if name.lower() != "content-type"}
        body = [f"json={_literal(value, INDENT)}"]
    elif request.body:
        body = [f"{body_argument}={_literal(request.body)}.encode()"]
    arguments = [_literal(request.method), _literal(request.url)]
    arguments += [f"headers={_literal(headers, INDENT)}"] if headers else []
    lines = "".join(f"{INDENT}{argument},\n" for argument in [*arguments, *body])
    return (
        f"import {library}\n\nresponse = {library}.request(\n{lines})\n"
        "print(response.status_code, response.text)"
    )


def _json_of(request: ClientRequest) -> Any:
    """Return the body's value if Python sends the same value by `json=`, otherwise None."""
    types = {value for name, value in request.headers.items() if name.lower() == "content-type"}
    try:
        value = decode(request.body)
    except ValueError:
        return None
    fits = isinstance(value, dict | list) and "Decimal(" not in repr(value)  # a float has other digits
    return value if fits and types == {"application/json"} else None


def _literal(value: Any, indent: str = "") -> str:
    """Return a Python literal in ASCII. A long dictionary or list has one line for each member."""
    if isinstance(value, str):
        return json.dumps(value) if value.isascii() and value.isprintable() else ascii(value)
    if not isinstance(value, dict | list):
        return repr(value)
    deeper = indent + INDENT
    if isinstance(value, dict):
        brackets, parts = "{}", [f"{_literal(name)}: {_literal(one, deeper)}" for name, one in value.items()]
    else:
        brackets, parts = "[]", [_literal(one, deeper) for one in value]
    if sum(map(len, parts)) < SHORT:
        return brackets[0] + ", ".join(parts) + brackets[1]
    lines = "".join(f"{deeper}{part},\n" for part in parts)
    return f"{brackets[0]}\n{lines}{indent}{brackets[1]}"


def fetch(request: ClientRequest) -> str:
    """Return a program for a browser, or for Node, that prints the status and the body of the answer."""
    options = [f"  method: {_script(request.method)},\n"] if request.method != "GET" else []
    if request.headers:
        lines = "".join(f"    {_script(name)}: {_script(text)},\n" for name, text in request.headers.items())
        options.append(f"  headers: {{\n{lines}  }},\n")
    if request.body:
        body = _script(request.body)  # for a text, a browser would send a type of its own
        body = body if has_content_type(request) else f"new TextEncoder().encode({body})"
        options.append(f"  body: {body},\n")
    rest = f", {{\n{''.join(options)}}}" if options else ""
    return (
        f"const response = await fetch({_script(request.url)}{rest});\n"
        "console.log(response.status, await response.text());"
    )


def _script(text: str) -> str:
    return json.dumps(text).replace("\x7f", r"\u007f")


def environment(vendor: str, access: Mapping[str, Any], target: str) -> str:
    """Return commands that put base URL and headers into variables, and a command that uses them."""
    prefix = vendor.upper()
    variables = {f"{prefix}_URL": access["base_url"]}
    options = []
    for name, value in access["headers"].items():
        variable = f"{prefix}_{name.upper().replace('-', '_')}"
        variables[variable] = value
        options.append(f'-H "{name}: ${variable}"')
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    command = NEXT_LINE.join([f'curl "${prefix}_URL"{shlex.quote(target)}', *options])
    return "\n".join([*lines, command])


def exec_command(contract: Contract, target: str, sandbox: Mapping[str, Any]) -> str:
    """Return a command that calls the vendor's real host, which `mockserver exec` answers."""
    url = contract.spec.real_url + target
    headers = contract.vendor.auth_headers(DEFAULT_SANDBOX)
    command = curl(ClientRequest("GET", url, headers))
    options = "".join(_exec_options(sandbox))
    return f"mockserver exec{options} -- \\\n  {command}"


def _exec_options(sandbox: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options for the same goods as in the sandbox, where they are not the usual ones."""
    for name, usual in (("seed", DEFAULT_SEED), ("products", DEFAULT_PRODUCTS)):
        if sandbox[name] != usual:
            yield f" --{name} {sandbox[name]}"


def pytest_assertion(call: Mapping[str, Any]) -> str:
    """Return a line for a test that passes if this call was made.

    `call` is the control API's JSON of a call. What the journal has struck out or cut is left to the test.
    """
    request, response = call["request"], call["response"]
    path, _, query = request["target"].partition("?")
    sent = parse_qs(query, keep_blank_values=True)
    pattern = {
        "vendor": call["vendor"],
        "operation": call["operation"],
        "method": request["method"],
        "path": path,
        "query": {name: values[-1] for name, values in sent.items() if STRUCK not in values[-1]},
        "body": _known_fields(request["body"]),
        "status": response["status"],
    }
    lines = [f"{INDENT}{name}={_literal(value, INDENT)},\n" for name, value in pattern.items() if value]
    owner = "mockserver.client.strays" if call["sandbox"] == STRAYS else "mock_sandbox"
    return f"{owner}.assert_called(\n{''.join(lines)})"


def _known_fields(body: str) -> Any:
    """Return the fields of a JSON object that a Python literal has with the same value, or None."""
    try:
        exact, value = decode(body), json.loads(body)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    return {
        name: one
        for name, one in value.items()
        if STRUCK not in repr(one) and decode(json.dumps(one)) == exact[name]
    }
