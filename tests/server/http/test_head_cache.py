"""The cache of parsed request heads is bounded, and a cache of size 0 parses nothing."""

from mockserver.server.http.head_cache import MAX_CACHED, MAX_CACHED_BYTES, HeadCache


def test_cached_heads_are_bounded_in_number_and_length() -> None:
    heads = HeadCache()
    for number in range(2 * MAX_CACHED):
        assert heads.parse(b"GET /a HTTP/1.1\r\nHost: h%d\r\n\r\n" % number, "http", "127.0.0.1")
    assert len(heads._heads) <= MAX_CACHED
    long = b"GET /a HTTP/1.1\r\nHost: " + b"h" * MAX_CACHED_BYTES + b"\r\n\r\n"
    assert heads.parse(long, "http", "127.0.0.1") is None


def test_cache_of_size_0_parses_nothing() -> None:
    assert HeadCache(size=0).parse(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "http", "127.0.0.1") is None
