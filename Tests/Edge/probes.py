"""What scanners try: paths that lead elsewhere, methods and hosts by header, line breaks in what comes back, replies
that a shared cache would keep for others. Two people have logged in.

Environment: PORT, CERTIFICATE, TOKENS (two, a comma between).
"""

import http.client
import json
import os
import ssl
import sys

port = int(os.environ["PORT"])
tokens = os.environ["TOKENS"].split(",")
context = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])
MARK = "mark-4711.example"
wrong, count = [], 0
kept = []


def send(method, path, headers=None, body=None, token=None):
    connection = kept.pop() if kept else http.client.HTTPSConnection("localhost", port, timeout=20, context=context)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in ({"User-Agent": "parley-tests/1.0"} | (headers or {})).items():
        connection.putheader(name, value)
    if token:
        connection.putheader("Authorization", f"Bearer {token}")
    data = json.dumps(body).encode() if body is not None else b""
    if body is not None:
        connection.putheader("Content-Type", "application/json")
    if body is not None or method == "POST":
        connection.putheader("Content-Length", str(len(data)))
    connection.endheaders(data)
    reply = connection.getresponse()
    text = reply.read()
    if reply.will_close:
        connection.close()
    else:
        kept.append(connection)
    return reply.status, {name.lower(): value for name, value in reply.getheaders()}, text


def check(note, holds, *facts):
    global count
    count += 1
    if not holds:
        wrong.append(note)
        print(f"{note}: {' '.join(str(fact)[:300] for fact in facts)}")


http.client._is_legal_header_name = lambda name: True
http.client.HTTPConnection._validate_path = lambda self, path: None

# Paths that lead out of the pages, to what is hidden, or to another reading of the same words.
ups = ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%252f", "%252e%252e/", "..%5c", "..\\", "..;/", ".%2e/", "..%c0%af",
       "%c0%ae%c0%ae/", "..%u2215", "%uff0e%uff0e/", "..%00/", "....//", "..%ef%bc%8f"]
for start in ("/docs/", "/pages/", "/chat/app/", "/docs", "/pages", "/openapi.json/", "/", "/chat/stream/",
              "/v1/models/"):
    for up in ups:
        for file in ("etc/passwd", "nginx.conf"):
            path = start + up * 8 + file
            status, _, text = send("GET", path, token=tokens[0])
            fine = status in (400, 403, 404, 422)
            check(path, fine and b"root:" not in text and b"worker_" not in text, status, text)
for path in (
    "/.git/config", "/.env", "/.htaccess", "/.well-known/../.env", "/parley.sqlite", "/docs/.git/HEAD",
    "/docs/settings.md", "/nginx.conf", "/snippets/parley-tls.conf", "/server-status", "/nginx_status",
    "/debug/pprof/", "/actuator", "/phpinfo.php", "/cgi-bin/test", "/_e/500", "/_e/v1", "/docs//etc/passwd", "//etc/passwd",
    "/docs/?../../etc/passwd/..",
    "/health/", "/health/live/x", "/chat/app", "/pages/%00.html", "/pages/index.html%00.png", "/docs/index.html/x",
    "/auth%2femail", "/v1%2fmodels", "/V1/models", "/chat/app/main.js/", "/openapi.json%20",
):
    status, headers, text = send("GET", path)
    fine = status in (301, 400, 401, 404) or path == "/docs/?../../etc/passwd/.."
    check(path, fine and b"root:" not in text and MARK.encode() not in text, status, text)
    check(path + ": where to", headers.get("location", "/").startswith("/") and
          not headers.get("location", "/").startswith("//"), headers)

# Line breaks and marks that would come back in the head.
for path in ("/docs%0d%0aX-Mark:%20" + MARK, "/%0d%0aSet-Cookie:%20a=" + MARK, "/docs/%0d%0a", "/docs%E5%98%8A",
             "/chat/stream/%0d%0aX-Mark:%201", "/docs?%0d%0aX-Mark:%201", "//" + MARK + "/%2e%2e", "/\\" + MARK):
    status, headers, text = send("GET", path, token=tokens[0])
    check(path, "x-mark" not in headers and "set-cookie" not in headers and MARK not in str(headers), status, headers)
for value in ("abcdefgh%0d%0aX-Mark: 1", "abcdefgh; a=b", "a" * 65, "<script>12345", "abcdefgh\tX"):
    _, headers, text = send("GET", "/health/live", {"X-Request-ID": value})
    check(value, headers["x-request-id"] != value and value.encode() not in text, headers)

# Headers that are in no cache's key come back nowhere, on errors neither.
names = ["X-Forwarded-Host", "X-Forwarded-Server", "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Prefix",
         "X-Forwarded-Port", "X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "Forwarded", "X-Host",
         "X-Original-URL", "X-Rewrite-URL", "X-Original-Host", "X-HTTP-Method-Override", "Referer", "Origin", "Cookie",
         "Accept-Language", "Via", "Range", "If-Range", "Content-Location", "X-Wap-Profile", "Proxy", "Destination"]
for path in ("/", "/docs/", "/chat/", "/openapi.json", "/health", "/nowhere", "/v1/nowhere", "/docs/nowhere", "/docs"):
    plain = send("GET", path)
    for name in names:
        status, headers, text = send("GET", path, {name: MARK if name not in ("Range",) else "bytes=0-3"})
        check(f"{name} at {path}", status == plain[0] and MARK not in str(headers) and MARK.encode() not in text,
              status, headers, text)

# A method is the one of the line.
_, _, answer = send("POST", "/chat", body={"content": "keep me"}, token=tokens[0])
for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"):
    for method, path in (("GET", "/chat/history"), ("POST", "/chat/history"), ("GET", "/auth/account"),
                         ("POST", "/auth/account")):
        status, _, text = send(method, f"{path}?_method=DELETE&{name}=DELETE", {name: "DELETE"},
                               {} if method == "POST" else None, tokens[0])
        check(f"{name} {method} {path}", status == (200 if (method, path) == ("GET", "/chat/history") else 405), status)
status, headers, text = send("GET", "/chat/history", token=tokens[0])
check("nothing was deleted", b"keep me" in text, text)

# What is one's own is no shared cache's, and no other's; not by a path that looks like a file, either.
for path in ("/auth/session", "/chat/history", "/chat/conversations", "/health", "/v1/models", "/nowhere"):
    for suffix in ("", "/x.css", "%2fx.css", ";x.css", "?x.css", "%0ax.css", "%3fx.css", "%23x.css", ".css"):
        status, headers, text = send("GET", path + suffix, token=tokens[0])
        check(f"{path}{suffix}", headers.get("cache-control") == "no-store", status, headers)
        check(f"{path}{suffix} is no other path", status != 200 or suffix in ("", "?x.css"), status, text)
for headers in ({}, {"X-User-ID": "1"}, {"Cache-Control": "only-if-cached"}, {"Pragma": "x"}, {"Cookie": "a=b"}):
    first = json.loads(send("POST", "/chat", headers, {"content": f"whose {headers}"}, tokens[0])[2])
    other = json.loads(send("POST", "/chat", headers, {"content": f"whose {headers}"}, tokens[1])[2])
    check(f"another's answer with {headers}", other.get("cached") is not True and first["id"] not in str(other), other)
status, _, text = send("GET", "/chat/history", token=tokens[1])
check("another's history", b"keep me" not in text, text)

print(f"{count} probes, {len(wrong)} wrong")
sys.exit(bool(wrong))
