"""Errors of the mock's own."""

import msgspec

from mockserver.contract.response import Response


class MockError(Exception):
    """Something that no vendor would say: the mock itself refuses, and tells what to do."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def response(self) -> Response:
        body = msgspec.json.encode({"error": self.code, "message": self.message})
        headers = (("Content-Type", "application/json"), ("X-Mock-Error", self.code))
        return Response(self.status, headers, body)
