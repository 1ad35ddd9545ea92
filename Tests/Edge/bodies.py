"""Long bodies that never end, of one address, with a key that is made up: so many wait in nginx's memory, and no more.

Environment: PORT, CERTIFICATE; the limits are on.
"""

import json
import os
import socket
import ssl
import time

port = int(os.environ["PORT"])
context = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])
ALLOWED = 64
LONG = ["Content-Length: 131073"]
UNKNOWN = ["Transfer-Encoding: chunked"]


def begin(path, *lines):
    """A request whose body is yet to come; nginx says 100 once it is let in, and waits."""
    connection = context.wrap_socket(
        socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname="localhost")
    head = [f"POST {path} HTTP/1.1", "Host: localhost", "User-Agent: parley-tests/1.0", "Expect: 100-continue",
            "Content-Type: application/json", "Authorization: Bearer prl_" + "0" * 36, *lines]
    connection.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
    return connection, connection.makefile("rb")


def reply(stream):
    """Status, headers and OpenAI's error object of what is not a 100."""
    status = int(stream.readline().split()[1])
    headers = {}
    while (line := stream.readline()) != b"\r\n":
        name, value = line.decode().rstrip().lower().split(": ", 1)
        headers[name] = value
    if status == 100:
        return status, headers, None
    error = json.loads(stream.read(int(headers["content-length"])))["error"]
    assert set(error) == {"message", "type", "param", "code"}, error
    return status, headers, error


waiting = []
for number in range(ALLOWED):
    connection, stream = begin("/v1/chat/completions" + "/" * (number % 2), *(LONG if number % 3 else UNKNOWN))
    assert reply(stream)[0] == 100, number
    waiting.append((connection, stream))

for path, length in [("/v1/chat/completions", LONG), ("/%761/chat/completions/", LONG),
                     ("/v1/chat/completions", UNKNOWN)]:
    status, headers, error = reply(begin(path, *length)[1])
    assert status == 429 and error["code"] == "rate_limit_exceeded", (path, length, status, error)
    assert error["message"] == "Your address has too many requests open at once", error
    assert headers["retry-after"] == "5", headers

# What is short is let in still, and gets its answer: the key is none.
connection, stream = begin("/v1/chat/completions", "Content-Length: 2")
assert reply(stream)[0] == 100
connection.sendall(b"{}")
status, _, error = reply(stream)
assert status == 401, error

# No other path takes a long one.
for path in ("/v1/keys", "/v1/keys/", "/v1/chat/completions/x", "/v1/nowhere"):
    status, _, error = reply(begin(path, *LONG)[1])
    assert status == 413 and error["code"] == "request_too_large", (path, status, error)

# The place of one that hangs up is another's.
waiting.pop()[0].close()
until = time.monotonic() + 20
while (answer := reply(begin("/v1/chat/completions", *LONG)[1]))[0] != 100:
    assert answer[0] == 429 and time.monotonic() < until, answer
print("64 and no more")
