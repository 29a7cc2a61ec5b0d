"""The tokens of all logs."""

import subprocess
import sys

TOKENS_OF_TWO = """
import os
from mockserver.sandbox.log.log import new_token

new_token()
child = os.fork()
os.write(1, " ".join([new_token().hex() for _ in range(100)] + [""]).encode())
if child:
    os.waitpid(child, 0)
"""


def test_a_process_and_its_child_choose_different_tokens() -> None:
    done = subprocess.run([sys.executable, "-c", TOKENS_OF_TWO], capture_output=True, text=True, check=True)
    tokens = done.stdout.split()
    assert len(tokens) == len({*tokens}) == 200
    assert {len(token) for token in tokens} == {16}
