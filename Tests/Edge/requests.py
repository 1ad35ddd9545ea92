"""What nginx makes of bytes that no ordinary client sends, over one TLS connection each.

Behind every case's own bytes comes an ordinary request, the last of the connection. What comes back is the statuses of
all replies up to its end: a request that was hidden in another's body would have a reply of its own, and one that nginx
and the application read differently would take the last one's place.

Environment: PORT, CERTIFICATE, TOKEN (a session's).
"""

import os
import socket
import ssl
import sys

port = int(os.environ["PORT"])
token = os.environ["TOKEN"]
context = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])

HOST = "Host: localhost\r\n"
AGENT = "User-Agent: parley-tests/1.0\r\n"
LAST = f"GET /health/live HTTP/1.1\r\n{HOST}X-Request-ID: the-last-one\r\nConnection: close\r\n\r\n"
HIDDEN = f"GET /hidden HTTP/1.1\r\n{HOST}{AGENT}\r\n"
JSON = f"{HOST}{AGENT}Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n"
BODY = '{"message":"hello"}'
CHUNKED = f"{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n"


def get(*lines, path="/health/live", version="HTTP/1.1", host=HOST):
    return f"GET {path} {version}\r\n{host}{AGENT}" + "".join(line + "\r\n" for line in lines) + "\r\n"


def post(*lines, body=BODY, path="/chat"):
    return f"POST {path} HTTP/1.1\r\n{JSON}" + "".join(line + "\r\n" for line in lines) + "\r\n" + body


LENGTH = f"Content-Length: {len(BODY)}"
# Each line: what it is, the bytes, and the statuses. 200 at the end is the last request's.
cases = [
    ("an ordinary one", post(LENGTH), [200, 200]),
    ("one in chunks", post("Transfer-Encoding: chunked", body=CHUNKED), [200, 200]),
    ("chunks, any case", post("transfer-encoding: CHUNKED", body=CHUNKED), [200, 200]),

    # Two lengths: one request in another's body.
    ("CL.TE", post("Content-Length: 5", "Transfer-Encoding: chunked", body="0\r\n\r\n" + HIDDEN), [400]),
    ("TE.CL", post("Transfer-Encoding: chunked", "Content-Length: 4", body=CHUNKED + HIDDEN), [400]),
    ("two equal lengths", post(LENGTH, LENGTH), [400]),
    ("two lengths", post("Content-Length: 0", LENGTH), [400]),
    ("a list of lengths", post(f"Content-Length: {len(BODY)}, {len(BODY)}"), [400]),
    ("a length with a sign", post(f"Content-Length: +{len(BODY)}"), [400]),
    ("a negative length", post("Content-Length: -1"), [400]),
    ("a length in hex", post("Content-Length: 0x13"), [400]),
    ("an empty length", post("Content-Length: "), [400]),
    ("a length in two words", post("Content-Length: 1 9"), [400]),
    ("a length beyond 64 bits", post("Content-Length: 18446744073709551635"), [400]),
    ("a length with spaces around", post(f"Content-Length:   {len(BODY)}  "), [200, 200]),
    ("a length with a tab before", post(f"Content-Length:\t{len(BODY)}"), [400]),
    ("a GET with a body", get("Content-Length: 5", path="/health") + "GET /", [200, 200]),

    # Codings that one reader knows and another does not.
    ("an unknown coding", post("Transfer-Encoding: xchunked", body=CHUNKED), [501]),
    ("identity", post("Transfer-Encoding: identity", LENGTH), [501]),
    ("chunked, then another", post("Transfer-Encoding: chunked, identity", body=CHUNKED), [501]),
    ("another, then chunked", post("Transfer-Encoding: gzip, chunked", body=CHUNKED), [501]),
    ("chunked twice", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=CHUNKED), [400]),
    ("chunked and identity", post("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=CHUNKED), [400]),
    ("chunked in quotes", post('Transfer-Encoding: "chunked"', body=CHUNKED), [501]),
    ("a vertical tab before chunked", post("Transfer-Encoding: \vchunked", body=CHUNKED), [501]),
    ("a space before the colon", post("Transfer-Encoding : chunked", body=CHUNKED), [400]),
    ("chunked in HTTP/1.0", post("Transfer-Encoding: chunked", body=CHUNKED).replace("HTTP/1.1", "HTTP/1.0"), [400]),
    ("chunk extensions", post("Transfer-Encoding: chunked", body=f"13;a=b;c\r\n{BODY}\r\n0\r\n\r\n"), [200, 200]),
    ("trailers", post("Transfer-Encoding: chunked", body=f"13\r\n{BODY}\r\n0\r\nX-User: admin\r\n\r\n"), [200, 200]),
    ("a chunk's size with a sign", post("Transfer-Encoding: chunked", body=f"+13\r\n{BODY}\r\n0\r\n\r\n"), [400]),
    ("a chunk's size in 0x", post("Transfer-Encoding: chunked", body=f"0x13\r\n{BODY}\r\n0\r\n\r\n"), [400]),
    ("a negative chunk", post("Transfer-Encoding: chunked", body=f"-1\r\n{BODY}\r\n0\r\n\r\n"), [400]),
    ("a chunk beyond 64 bits",
     post("Transfer-Encoding: chunked", body=f"10000000000000013\r\n{BODY}\r\n0\r\n\r\n"), [400]),
    ("a chunk longer than its size", post("Transfer-Encoding: chunked", body=f"5\r\n{BODY}\r\n0\r\n\r\n"), [400]),

    # Lines.
    ("bare line feeds", get().replace("\r\n", "\n"), [200, 200]),
    ("a bare carriage return", get("X-A: b\rX-C: d"), [400]),
    ("NUL in a value", get("X-A: b\0c"), [400]),
    ("NUL in a name", get("X-A\0: b"), [400]),
    ("NUL in the path", get(path="/health\0/live"), [400]),
    ("a folded line", get("X-A: b", " Transfer-Encoding: chunked"), [400]),
    ("a folded line with a tab", get("X-A: b", "\tc"), [400]),
    ("a line without a colon", get("X-A"), [200, 200]),
    ("a coding without a colon", post("Transfer-Encoding", LENGTH), [501]),
    ("no name", get(": b"), [400]),
    ("a space in a name", get("X A: b"), [400]),
    ("an underscore in a name", get("X_Request_ID: an-underscore"), [200, 200]),
    ("a control character in a value", get("X-A: b\x01"), [200, 200]),
    ("bytes beyond ASCII in a value", get("X-A: \xff\xfe"), [200, 200]),
    ("empty lines before", "\r\n\r\n" + get(), [200, 200]),
    ("a space before the method", " " + get(), [400]),
    ("a method in small letters", get().replace("GET", "get"), [400]),
    # Without a version there is no head, and no other request: 0 is a reply of its own.
    ("no version", "GET /health/live\r\n", [0]),
    ("HTTP/0.9 with a Host", f"GET /health/live\r\n{HOST}\r\n", [0]),
    ("HTTP/1.2", get(version="HTTP/1.2"), [200, 200]),
    ("HTTP/2.0 in words", get(version="HTTP/2.0"), [505]),
    ("HTTP/9.9", get(version="HTTP/9.9"), [505]),
    ("not HTTP", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", [400]),
    ("a line of 9,000 bytes", get("X-A: " + "b" * 9_000), [400]),
    ("a path of 9,000 bytes", get(path="/" + "a" * 9_000), [414]),
    ("bytes beyond ASCII in the path", get(path="/docs/x\xc2\x9b31mRED\xe2\x80\xae\xff"), [404, 200]),
    ("34 KiB of headers", get(*[f"X-{number}: {'b' * 1_000}" for number in range(34)]), [400]),
    ("900 headers", get(*[f"X-{number}: b" for number in range(900)]), [200, 200]),
    ("ten thousand headers", get(*[f"X-{number}: b" for number in range(10_000)]), [400]),

    # Hosts.
    ("another host", get(host="Host: evil.example\r\n"), [421, 200]),
    ("no host", get(host=""), [400]),
    ("no host in HTTP/1.0", get("Connection: keep-alive", host="", version="HTTP/1.0"), [421, 200]),
    ("an empty host", get(host="Host:\r\n"), [400]),
    ("two hosts", get("Host: evil.example"), [400]),
    ("two equal hosts", get("Host: localhost"), [400]),
    ("two hosts between commas", get(host="Host: localhost, evil.example\r\n"), [400]),
    ("a host with a port", get(host="Host: localhost:1\r\n"), [200, 200]),
    ("a host in large letters", get(host="Host: LOCALHOST\r\n"), [200, 200]),
    ("a host with a final dot", get(host="Host: localhost.\r\n"), [200, 200]),
    ("an address as host", get(host="Host: 127.0.0.1\r\n"), [200, 200]),
    ("an address of IPv6 as host", get(host="Host: [::1]:443\r\n"), [200, 200]),
    ("a host with a user", get(host="Host: localhost@evil.example\r\n"), [421, 200]),
    ("a host with a path", get(host="Host: localhost/evil\r\n"), [400]),
    ("a host that only ends like ours", get(host="Host: evillocalhost\r\n"), [421, 200]),
    ("a host that only begins like ours", get(host="Host: localhost.evil.example\r\n"), [421, 200]),
    ("our address and another host", get(path="https://localhost/health/live", host="Host: evil.example\r\n"),
     [200, 200]),
    ("another address and our host", get(path="https://evil.example/health/live"), [421, 200]),
    ("an address without a host", get(path="https:///health/live"), [400]),
    ("CONNECT", f"CONNECT localhost:443 HTTP/1.1\r\n{HOST}\r\n", [400]),
    ("an asterisk", f"OPTIONS * HTTP/1.1\r\n{HOST}\r\n", [400]),
    ("X-Forwarded-Host", get("X-Forwarded-Host: evil.example", path="/nowhere"), [404, 200]),

    # What a next hop might make of headers.
    ("h2c", get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
     [200, 200]),
    ("a WebSocket", get("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                        "Sec-WebSocket-Version: 13"), [200, 200]),
    ("Connection: Content-Length", post("Connection: Content-Length", LENGTH), [200, 200]),
    ("Expect: 100-continue", post("Expect: 100-continue", LENGTH), [100, 200, 200]),
    ("an unknown expectation", post("Expect: 200-ok", LENGTH), [200, 200]),
    ("the path by header", get("X-Original-URL: /auth/session", "X-Rewrite-URL: /auth/session"), [200, 200]),
    ("the method by header", post("X-HTTP-Method-Override: DELETE", "X-Method-Override: DELETE", LENGTH,
                                  path="/chat?_method=DELETE"), [200, 200]),
    ("Proxy", get("Proxy: http://127.0.0.1:1"), [200, 200]),
    ("what nginx itself says by FastCGI", get("Request-Method: DELETE", "Remote-Addr: 192.0.2.1", "Script-Name: /x",
                                              "Path-Info: /auth/session", "Content_Length: 5"), [200, 200]),
    ("pipelined", get() + get() + post(LENGTH), [200, 200, 200, 200]),
    ("pipelined behind an error of ours", get(path="/nowhere") + get(), [404, 200, 200]),
    ("pipelined behind a body that is too long", post("Content-Length: 200000", body="x" * 10), [413]),
    ("pipelined behind a refused body", post(LENGTH, path="/auth/session") + get(), [405, 200, 200]),
]


def replies(stream):
    """The statuses of all replies, and their heads and bodies."""
    found = []
    while line := stream.readline():
        head = [line]
        while (line := stream.readline()) not in (b"\r\n", b""):
            head.append(line)
        fields = dict(field.decode("latin-1").rstrip().lower().split(": ", 1) for field in head[1:])
        if not head[0].startswith(b"HTTP/1.1 "):
            return found + [(0, head, b"")]
        status, body = int(head[0].split()[1]), b""
        if "content-length" in fields:
            body = stream.read(int(fields["content-length"]))
        elif fields.get("transfer-encoding") == "chunked":
            while size := int(stream.readline(), 16):
                body += stream.read(size)
                stream.readline()
            stream.readline()
        found.append((status, head, body))
    return found


def send(data):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            try:
                connection.sendall(data.encode("latin-1"))
            except (ConnectionError, ssl.SSLError):
                pass  # It has replied, and hung up.
            try:
                return replies(connection.makefile("rb"))
            except (ConnectionError, ssl.SSLError) as error:
                return [(-1, [str(error).encode()], b"")]


wrong = 0
for note, data, expected in cases:
    got = send(data + LAST)
    statuses = [status for status, _, _ in got]
    words = b"".join(b"".join(head) + body for _, head, body in got).lower()
    faults = []
    if statuses != expected:
        faults.append(f"{statuses}, not {expected}")
    if any(word in words for word in (b"nginx/", b"<html", b"evil", b"/hidden", b"/sources/", b"swift")):
        faults.append("says what it should not")
    if any(b"server:" in line.lower() and line.strip().lower() != b"server: nginx" for _, head, _ in got
           for line in head):
        faults.append("its Server says more than its name")
    if expected[-1] == 200 and b"x-request-id: the-last-one" not in words:
        faults.append("the last request was not the last")
    if faults:
        wrong += 1
        print(f"{note}: {'; '.join(faults)}\n    {words[:600]!r}")
print(f"{len(cases)} cases, {wrong} wrong")
sys.exit(wrong != 0)
