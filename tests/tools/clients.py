"""Generated clients: orval, openapi-typescript, hey-api and openapi-python-client; all of them compile."""

import json
import subprocess
import sys
from collections.abc import Iterator

from tests.tools.command import CONTROL, TIMEOUT, Tools, tail

PYTHON_GENERATOR = "openapi-python-client==0.29.1"
# The list of products has `expand` and `expand[]`, which are one name in Python, so it is left out.
LEFT_OUT = {"highlevel": ["WARNING parsing GET /products within products. Endpoint will not be generated."]}
TYPESCRIPT = {
    "compilerOptions": {
        "strict": True, "noEmit": True, "skipLibCheck": True, "module": "esnext", "target": "es2022",
        "moduleResolution": "bundler", "lib": ["es2022", "dom", "dom.iterable"],
    },
    "include": ["clients/**/*.ts"],
}  # fmt: skip


def failures(tools: Tools) -> Iterator[str]:
    """Yield what generators and compilers report."""
    out = tools.folder / "clients"
    for name in tools.names:
        source, folder = tools.served(name), out / name
        for words in (
            ("openapi-typescript", source, "-o", folder / "types.ts"),
            ("openapi-ts", "-i", source, "-o", folder / "hey", "-c", "@hey-api/client-fetch"),
            ("orval", "--client", "fetch", "--input", source, "--output", folder / "orval.ts"),
        ):
            done = tools.run(*words)
            if done.returncode:
                yield f"{words[0]}: {name}: {tail(done)}"
    (tools.folder / "tsconfig.json").write_text(json.dumps(TYPESCRIPT))
    done = tools.run("tsc", "--project", tools.folder)
    if done.returncode:
        yield f"tsc: {tail(done)}"
    yield from python_failures(tools)


def python_failures(tools: Tools) -> Iterator[str]:
    """Yield what openapi-python-client and Python report. It is installed apart from our own packages."""
    environment = tools.folder / "python"
    program = environment / "bin" / "openapi-python-client"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = [environment / "bin" / "pip", "install", "--quiet", PYTHON_GENERATOR]
        if subprocess.run(pip, timeout=TIMEOUT).returncode:
            print("openapi-python-client: skipped, because pip could not install it", flush=True)
            return
    config = tools.folder / "openapi-python-client.yaml"
    config.write_text("post_hooks: []\n")  # it would call ruff, to format what it has made
    for name in tools.names:
        folder = tools.folder / "clients" / name / "python"
        options = ["--output-path", folder, "--overwrite", "--meta", "none", "--config", config]
        done = tools.run(program, "generate", "--path", tools.served(name), *options)
        warnings = [line for line in done.stdout.splitlines() if line.startswith(("WARNING", "Unable"))]
        # In the control API, `from` and `from_` are one name in Python, so some models are left out.
        if done.returncode or (name != CONTROL and warnings != LEFT_OUT.get(name, [])):
            yield f"openapi-python-client: {name}: {tail(done)}"
        done = tools.run(sys.executable, "-m", "compileall", "-q", folder)
        if done.returncode:
            yield f"Python: {name}: {tail(done)}"
