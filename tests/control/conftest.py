"""Fixtures for the tests of the control API.

With `MOCKSERVER_TEST_SERVERS=log`, a log keeps the sandboxes of their servers, unless a test says otherwise.
"""

from tests.console.conftest import kept_in_a_log as kept_in_a_log
