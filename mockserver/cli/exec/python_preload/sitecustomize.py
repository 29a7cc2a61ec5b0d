"""Loaded into every Python process of the command: leads vendors' hosts to the proxy, and trusts the mock.

Clients that ignore proxy variables look the vendor's name up and connect. They are connected to the proxy,
which finds the host in the first bytes. Clients that bring certificates of their own trust the mock's
authority too. Checks of certificates stay as they are. Everything else is left alone, and a `sitecustomize`
of the user's own runs too.

This file runs on any Python, so it uses only what all versions have.
"""
# mypy: ignore-errors

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
STAND_IN = "127.83.73.1"  # on this machine; nothing listens there
WEB_PORTS = ("80", "443", "http", "https")


def patch_socket(socket):
    """Make lookups of vendors' hosts return an address that stands for them, and lead it to the proxy."""
    host, port = os.environ["MOCKSERVER_PROXY"].rpartition("/")[2].rsplit(":", 1)
    domains = tuple(os.environ["MOCKSERVER_DOMAINS"].split(","))
    only_vendors = os.environ.get("MOCKSERVER_ONLY_VENDORS") == "1"
    getaddrinfo, gethostbyname = socket.getaddrinfo, socket.gethostbyname

    def is_vendors(name):
        plain = text_of(name)
        return plain in domains or plain.endswith(tuple("." + domain for domain in domains))

    def patched_getaddrinfo(name, service=None, family=0, *args, **kwargs):
        if is_vendors(name):
            return getaddrinfo(STAND_IN, service, 0, *args, **kwargs)
        if only_vendors and text_of(service) in WEB_PORTS and not is_local(text_of(name)):
            reason = text_of(name) + " is not an emulated vendor's host: refused because of --only-vendors"
            raise socket.gaierror(socket.EAI_NONAME, reason)
        return getaddrinfo(name, service, family, *args, **kwargs)

    def patched_gethostbyname(name):
        return STAND_IN if is_vendors(name) else gethostbyname(name)

    def patched(connect):
        def patched_connect(self, address):
            if isinstance(address, tuple) and (address[0] == STAND_IN or is_vendors(address[0])):
                address = (host, int(port))
            return connect(self, address)

        return patched_connect

    socket.getaddrinfo, socket.gethostbyname = patched_getaddrinfo, patched_gethostbyname
    socket.socket.connect = patched(socket.socket.connect)
    socket.socket.connect_ex = patched(socket.socket.connect_ex)


def text_of(value):
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return str(value).lower().rstrip(".")


def is_local(name):
    return name in ("localhost", "none", "") or ":" in name or name.replace(".", "").isdigit()


def patch_ssl(ssl):
    """Make every context that loads certificates trust the mock's authority too."""
    load, authority = ssl.SSLContext.load_verify_locations, os.environ["MOCKSERVER_CA"]

    def patched_load(self, *args, **kwargs):
        load(self, *args, **kwargs)
        load(self, cafile=authority)

    ssl.SSLContext.load_verify_locations = patched_load


def patch_pycurl(pycurl):
    """Make curl trust the bundle that has the mock's authority, also instead of another bundle."""
    bundle = os.environ["CURL_CA_BUNDLE"]

    class Curl(pycurl.Curl):
        def __init__(self, *args, **kwargs):
            pycurl_curl.__init__(self, *args, **kwargs)
            self.setopt(pycurl.CAINFO, bundle)

        def setopt(self, option, value):
            return pycurl_curl.setopt(self, option, bundle if option == pycurl.CAINFO else value)

        def reset(self):
            pycurl_curl.reset(self)
            self.setopt(pycurl.CAINFO, bundle)

    pycurl_curl, pycurl.Curl = pycurl.Curl, Curl


class PatchWhenImported:
    """An import hook that patches modules as soon as they have been imported, and not before."""

    def __init__(self, patches):
        self.patches = patches

    def find_spec(self, name, path=None, target=None):
        patch = self.patches.pop(name, None)
        if patch is None:
            return None
        from importlib.util import find_spec

        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            patch_safely(patch, module)

        try:  # noqa: SIM105
            spec.loader.exec_module = exec_module
        except AttributeError:
            pass
        return spec


def patch_safely(patch, module):
    """Patch a module. A module that we do not know well enough stays as it is: the program must run."""
    try:
        patch(module)
    except Exception as error:
        sys.stderr.write(f"mockserver: cannot patch {module.__name__}: {error!r}\n")


def install():
    """Patch the modules that are imported already, and the others when they are imported."""
    patches = {"socket": patch_socket, "ssl": patch_ssl, "pycurl": patch_pycurl}
    for name in [name for name in patches if name in sys.modules]:
        patch_safely(patches.pop(name), sys.modules[name])
    sys.meta_path.insert(0, PatchWhenImported(patches))


def run_next():
    """Run the `sitecustomize` that Python would have run without this one, if there is one."""
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder or ".") != HERE]
    this = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401
    except ImportError as error:
        if getattr(error, "name", "sitecustomize") != "sitecustomize":
            raise
    finally:
        if this is not None:
            sys.modules.setdefault("sitecustomize", this)


if os.environ.get("MOCKSERVER_PROXY") and os.environ.get("MOCKSERVER_DOMAINS"):
    install()
run_next()
