"""URLs of Redis: what they mean, which are refused, and the package that they need."""

import subprocess
import sys
from typing import Any

import pytest

from mockserver.sandbox.log.log import StoreRefused
from mockserver.sandbox.log.redis.address import parse
from mockserver.sandbox.log.stores import open_log


@pytest.mark.parametrize(
    ("url", "shown", "found"),
    [
        ("redis://host", "redis://host", {"hosts": (("host", 6379),)}),
        ("redis://host:1/", "redis://host:1/", {"hosts": (("host", 1),)}),
        ("redis://host:1/3", "redis://host:1/3", {"hosts": (("host", 1),), "db": 3}),
        ("redis://[::1]:2/0", "redis://[::1]:2/0", {"hosts": (("::1", 2),)}),
        ("redis://:pw@host", "redis://host", {"hosts": (("host", 6379),), "password": "pw"}),
        (
            "redis://us%40er:p%3Aw%2F@host",
            "redis://host",
            {"hosts": (("host", 6379),), "user": "us@er", "password": "p:w/"},
        ),
        ("redis://host?prefix=a.b", "redis://host?prefix=a.b", {"hosts": (("host", 6379),), "prefix": "a.b"}),
        ("rediss://host", "rediss://host", {"hosts": (("host", 6379),), "tls": {}}),
        (
            "rediss://u:pw@host?ssl_ca_certs=/ca.pem&ssl_certfile=c&ssl_keyfile=k",
            "rediss://host",
            {
                "hosts": (("host", 6379),),
                "user": "u",
                "password": "pw",
                "tls": {"ssl_ca_certs": "/ca.pem", "ssl_certfile": "c", "ssl_keyfile": "k"},
            },
        ),
        ("unix:///a%20b.sock", "unix:///a%20b.sock", {"socket": "/a b.sock"}),
        (
            "unix://u:pw@/s.sock?db=2&prefix=p",
            "unix:///s.sock?prefix=p",
            {"socket": "/s.sock", "user": "u", "password": "pw", "db": 2, "prefix": "p"},
        ),
        (
            "redis+sentinel://:pw@a:1,b/main/2",
            "redis+sentinel://a:1,b/main/2",
            {
                "kind": "sentinel",
                "hosts": (("a", 1), ("b", 26379)),
                "service": "main",
                "db": 2,
                "password": "pw",
            },
        ),
        (
            "rediss+sentinel://a/main",
            "rediss+sentinel://a/main",
            {"kind": "sentinel", "hosts": (("a", 26379),), "service": "main", "tls": {}},
        ),
        (
            "redis+cluster://:pw@a,b:1",
            "redis+cluster://a,b:1",
            {"kind": "cluster", "hosts": (("a", 6379), ("b", 1)), "password": "pw"},
        ),
        (
            "rediss+cluster://a/",
            "rediss+cluster://a/",
            {"kind": "cluster", "hosts": (("a", 6379),), "tls": {}},
        ),
    ],
)
def test_a_url_is_read(url: str, shown: str, found: dict[str, Any]) -> None:
    address = parse(url)
    nothing = {"kind": "server", "hosts": (), "socket": "", "service": "", "db": 0, "user": None,
               "password": None, "tls": None, "prefix": "mockserver"}  # fmt: skip
    assert vars(address) == nothing | {"shown": shown} | found
    assert open_log(url).describe() == shown
    assert "pw" not in repr(address)


INVALID, UNKNOWN = "the URL of the store is not valid. Examples: redis://host:6379/0, ", "unknown option "


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis://", INVALID),
        ("redis://:pw@", INVALID),
        ("redis:///0", INVALID),
        ("redis://:pw@host:port", INVALID),
        ("redis://:pw@host:99999", INVALID),
        ("redis://:pw@[::1", INVALID),
        ("redis://:pw@a,b", INVALID),
        ("redis://:pw@host/name", INVALID),
        ("redis://:pw@host/0/1", INVALID),
        ("redis://:pw#@host", INVALID),
        ("unix://host/path", INVALID),
        ("unix://", INVALID),
        ("unix:///s.sock?db=pw", INVALID),
        ("redis+sentinel://:pw@a", INVALID),
        ("redis+sentinel://:pw@a,/main", INVALID),
        ("redis+sentinel://:pw@a/main/x", INVALID),
        ("redis+cluster://:pw@a/1", INVALID),
        ("redis://host?password=pw", f"{UNKNOWN}'password' in the URL of the store: use prefix"),
        ("redis://host?db=1", f"{UNKNOWN}'db' in the URL of the store: use prefix"),
        ("redis://host?ssl_keyfile=pw", f"{UNKNOWN}'ssl_keyfile' in the URL of the store: use prefix"),
        (
            "rediss://host?a=pw",
            f"{UNKNOWN}'a' in the URL of the store: use prefix, ssl_ca_certs, ssl_certfile",
        ),
        ("redis://host?prefix=", "the prefix of the store's keys must be 1 to 64 letters"),
        ("redis://host?prefix=a:b", "the prefix of the store's keys must be 1 to 64 letters"),
        ("redis+tls://:pw@host", "the URL of a store begins with "),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    with pytest.raises(StoreRefused) as refused:
        open_log(url)
    assert str(refused.value).startswith(message)
    assert "pw" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("package", ["redis", "hiredis"])
def test_without_its_package_a_url_is_refused_and_others_work(package: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
from mockserver.sandbox.log.log import StoreRefused
from mockserver.sandbox.log.stores import open_log
open_log("sqlite:///store.db")
try:
    open_log("redis://host")
except StoreRefused as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == (
        f"the package {package} is not installed: install the mock with its extra redis, in its folder by"
        " pip install '.[redis]'\n"
    ), done.stderr


def test_the_package_is_imported_only_for_a_url_of_redis() -> None:
    code = """
import sys
from mockserver.sandbox.log.stores import open_log
open_log("sqlite:///store.db")
print([name for name in sys.modules if name.split(".")[0] in ("redis", "hiredis")])
open_log("redis://host")
print("redis" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\nTrue\n", done.stderr
