"""The mock's own errors, which must not look like a vendor's errors."""

import msgspec

from mockserver.contract.response import Response


class MockError(Exception):
    """Raised if the mock itself refuses a request, because no vendor's response would be correct.

    `code` is for programs, `message` for people.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def response(self) -> Response:
        """Return the response, with the code in the header `X-Mock-Error`."""
        body = msgspec.json.encode({"error": self.code, "message": self.message})
        headers = (("Content-Type", "application/json"), ("X-Mock-Error", self.code))
        return Response(self.status, headers, body)
