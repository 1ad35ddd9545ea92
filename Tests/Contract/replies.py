"""Sends every request of the contract to real servers, as it should be and in every way that is refused, and holds
each reply against the document: status, headers, type, every member of the body, every event of a stream.

The first server is well and answers "You said: ...". The second has limits, and a provider that does what the first
word of a question says: down (503), refused (400), filtered, long, cut (half an answer), slow (nothing, beyond the
deadline). The third sends codes.

Environment: BASE_URL, FAULTY_URL, CODED_URL, REQUESTS_CA_BUNDLE (of all three), MAILS (the third one's file), KEYS (as JSON by name: free and manager of the first,
other, slow and spent of the second), OPENAPI.
"""

import collections
import json
import os
import re
import socket
import ssl
import time
import urllib.parse

import requests

from contract import document, events, faults, operations

well, failing, coded = os.environ["BASE_URL"], os.environ["FAULTY_URL"], os.environ["CODED_URL"]
keys = json.loads(os.environ["KEYS"])
web = requests.Session()
web.headers["User-Agent"] = "parley-contract-test"
seen = collections.defaultdict(set)
wrong = []


def path_of(method, target):
    """The document's own path of a request, the one with the fewest placeholders."""
    target = urllib.parse.unquote(target.split("?")[0])
    fitting = [
        path for path, item in document["paths"].items()
        if method in item and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), target)]
    return min(fitting, key=lambda path: path.count("{"))


def note(method, target, status, headers, body, expected):
    path = path_of(method, target)
    seen[path, method].add(status)
    found = faults(path, method, status, {name.lower(): value for name, value in headers.items()}, body)
    if status != expected:
        found.append(f"{status} instead of {expected}: {body[:300]}")
    wrong.extend(f"{method} {target}: {fault}" for fault in found)


def send(expected, method, target, token=None, body=None, at=well, headers=None, data=None):
    """Sends a request and notes its reply.

    Returns: the reply's JSON, or its text.
    """
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if data is not None:
        headers.setdefault("Content-Type", "application/json")
    reply = web.request(method.upper(), at + target, headers=headers, json=body, data=data)
    reply.encoding = "utf-8"
    note(method, target, reply.status_code, reply.headers, reply.text, expected)
    return reply.json() if reply.headers["Content-Type"] == "application/json" and reply.text else reply.text


def send_raw(expected, method, target, head, at=well):
    """The same for a request that no library would send."""
    place = urllib.parse.urlparse(at)
    context = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
    with socket.create_connection((place.hostname, place.port), timeout=30) as plain:
        with context.wrap_socket(plain, server_hostname=place.hostname) as wire:
            wire.sendall(head.encode() + b"\r\n")
            text = b""
            while piece := wire.recv(65536):
                text += piece
    head, _, body = text.decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    note(method, target, int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body, expected)


session = send(200, "post", "/auth/email", body={"email": "ann@example.com"})
token, user = session["access_token"], session["user_id"]
key, manager, other = keys["free"], keys["manager"], keys["other"]

# The document itself, which nginx serves as a file.
served = web.get(well + "/openapi.json", headers={"Origin": "https://anywhere.example"})
assert served.json() == document and served.headers["Content-Type"] == "application/json", served.headers
assert served.headers["Access-Control-Allow-Origin"] == "*" and "Vary" not in served.headers, served.headers
assert served.headers["Cache-Control"] == "no-cache" and served.headers["ETag"], served.headers
same = web.get(well + "/openapi.json", headers={"If-None-Match": served.headers["ETag"]})
assert same.status_code == 304, same.status_code
assert web.head(well + "/openapi.json").headers["Content-Type"] == "application/json"
for method in ("POST", "PUT", "DELETE", "TRACE", "OPTIONS"):
    refused = web.request(method, well + "/openapi.json")
    assert refused.status_code == 405 and refused.headers["Allow"] == "GET, HEAD", f"{method}: {refused.status_code}"
    assert refused.json()["status_code"] == 405

# What is as it should be.
send(200, "get", "/health")
send(200, "get", "/health?detailed=true")
send(200, "get", "/health/live")
assert send(200, "get", "/auth/login") == {"mode": "open"}
send(200, "get", "/auth/session", token)
send(200, "get", "/auth/session", key)
answer = send(200, "post", "/chat", token, {"content": "hello"})
send(200, "post", "/chat", token, {"message": "hello", "user_id": user, "stream": False})
send(200, "post", "/chat", token, {"message": "more", "conversation_id": answer["conversation_id"]})
send(200, "post", "/chat", token, {"content": "'; DROP TABLE users; --"})
send(200, "post", "/chat", keys["slow"], {"content": "fine"}, at=failing)
for text in ("hello", "something new", "'; DROP TABLE users; --"):
    for shape in ("content", "message"):
        stream = send(200, "post", "/chat", token, {shape: text, "stream": True})
        assert "event: done" in stream, stream
half = send(200, "post", "/chat", other, {"content": "cut", "stream": True}, at=failing)
assert "event: error" in half, half
stream = list(events(send(200, "post", "/chat", token, {"content": "resumable", "stream": True, "resumable": True})))
assert [event["event"] for event in stream[:2]] == ["start", "delta"] and stream[0]["id"] == "0", stream
told = f"/chat/stream/{json.loads(stream[0]['data'])['id']}"
for last in (None, "0", stream[1]["id"]):
    again = list(events(send(200, "get", told, token, headers={"Last-Event-ID": last} if last else {})))
    assert again[-1]["id"] == "end" and (again[0]["event"] == "start") == (last is None), again
send(204, "get", told, token, headers={"Last-Event-ID": "end"})
asked = {"content": "slow and stopped", "stream": True, "resumable": True}
with web.post(failing + "/chat", json=asked, headers={"Authorization": f"Bearer {other}"}, stream=True) as running:
    lines = running.iter_lines(chunk_size=1, decode_unicode=True)
    start = next(line for line in lines if line.startswith("data: "))
    send(200, "delete", f"/chat/stream/{json.loads(start[6:])['id']}", other, at=failing)
    assert "event: error" in lines, "a stream that was stopped ends with an error"
send(404, "delete", told, token)

below = send(200, "post", "/chat", token, {"content": "another branch", "parent": answer["id"]})
assert below["parent"] == answer["id"] and below["conversation_id"] == answer["conversation_id"], below
send(200, "post", "/chat", token, {
    "message": "anew", "parent": None, "conversation_id": answer["conversation_id"], "resumable": None})
regenerated = send(200, "post", "/chat", token, {"regenerate": below["id"]})
assert regenerated["parent"] == answer["id"] and not regenerated["cached"], regenerated
send(200, "post", "/chat", token, {"regenerate": below["id"], "stream": True})

conversation = f"/chat/conversations/{answer['conversation_id']}"
listed = send(200, "get", "/chat/conversations?limit=1", token)
assert listed["has_more"] and listed["next"], listed
send(200, "get", f"/chat/conversations?before={listed['next']}", token)
send(200, "get", f"/chat/conversations?before={answer['conversation_id']}", token)
for query in ("", "?limit=1", "?all=true", "?all=false", f"?branch={below['id']}", f"?before={below['id']}"):
    send(200, "get", conversation + query, token)
renamed = send(200, "patch", conversation, token, {"title": "Named"})
assert renamed["title"] == "Named", renamed
assert send(200, "patch", conversation, token, {"title": None})["title"] == "hello"
gone = send(200, "post", "/chat", token, {"content": "soon gone"})
target = f"/chat/conversations/{gone['conversation_id']}"
assert send(200, "delete", target, token)["deleted"] == 1
send(404, "delete", target, token)
send(200, "get", "/chat/history", token)
send(200, "get", "/chat/history?limit=1", token)
send(200, "get", "/chat/history", key)
send(200, "get", f"/history/{user}?limit=100", token)

question = {"model": "echo-1", "messages": [{"role": "user", "content": "hello"}]}
send(200, "post", "/v1/chat/completions", key, question)
send(200, "post", "/v1/chat/completions", token, question)
for options in ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}):
    stream = send(200, "post", "/v1/chat/completions", key, {**question, **options})
    assert stream.endswith("data: [DONE]\n\n"), stream
faulty = {"model": "faulty-model", "messages": [{"role": "user", "content": "fine"}]}
send(200, "post", "/v1/chat/completions", keys["slow"], faulty, at=failing)
half = send(200, "post", "/v1/chat/completions", other, {
    **faulty, "messages": [{"role": "user", "content": "cut by v1"}], "stream": True}, at=failing)
assert "[DONE]" not in half and '"error"' in half, half
send(200, "get", "/v1/models", key)
send(200, "get", "/v1/models/echo-1", token)
send(200, "get", "/v1/usage", token)
send(200, "get", "/v1/usage?by=day&since=30d", key)
send(200, "get", "/v1/usage", manager)

made = send(201, "post", "/v1/keys", manager, {
    "name": "made", "expires": "90d", "rpm": 60, "tpm": 1000, "parallel": 2, "budget": "20usd/month",
    "models": ["echo-1"]})
send(201, "post", "/v1/keys", manager, {"name": "bare"})
send(200, "get", "/v1/keys", manager)
send(200, "get", "/v1/keys/made", manager)
send(200, "get", "/auth/session", made["key"])
send(200, "post", f"/v1/keys/{made['id']}/rotate", manager, {"grace": "24h"})
send(200, "delete", "/v1/keys/made", manager)

# What anybody is refused, whatever is asked.
for path, method, operation in operations():
    target = path.format(
        user_id=user, key=made["id"], model="echo-1", id=answer["conversation_id"], message=answer["id"])
    secured = operation["security"]
    who = (manager if secured == [{"apiKey": ["management"]}] else token) if secured else None
    send(421, method, target, who, headers={"Host": "nobody.example"})
    send(414, method, target + "?" + "x" * 9000, who)
    send(413, method, target, who, data="x" * 5_000_000)
    start = f"{method.upper()} {target} HTTP/"
    send_raw(505, method, target, f"{start}3.0\r\nHost: localhost\r\n")
    send_raw(400, method, target, f"{start}1.1\r\n")
    send_raw(501, method, target, f"{start}1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n")
    if secured:
        send(401, method, target, body={} if "requestBody" in operation else None)
        send(401, method, target, "prl_" + "0" * 36)
    if "403" in operation["responses"] and not path.startswith("/v1/"):
        send(403, method, target, who, headers={"User-Agent": "bot"}, body={} if "requestBody" in operation else None)
    if "requestBody" in operation:
        send(400, method, target, who, data="{")
        send(415, method, target, who, data="{}", headers={"Content-Type": "text/plain"})
        send(400 if path.startswith("/v1/") else 422, method, target, who, data="[]")
    taken = {name.upper() for name in document["paths"][path]} | ({"HEAD"} if method == "get" else set())
    for foreign in ("GET", "PUT", "PATCH", "DELETE", "POST", "TRACE"):
        if foreign not in taken and method == min(document["paths"][path]):
            reply = web.request(foreign, well + target)
            allowed = set(reply.headers.get("Allow", "").split(", ")) - {"HEAD"}
            if reply.status_code != 405 or allowed != taken - {"HEAD"}:
                wrong.append(f"{foreign} {path}: {reply.status_code}, allowed are {allowed}")
    if method == "get":
        head = web.head(well + target, headers={"Authorization": f"Bearer {who}"} if who else {})
        if head.status_code != 200 or head.content:
            wrong.append(f"HEAD {target}: {head.status_code}")

# What is refused for what it says, and for who says it.
send(422, "post", "/auth/email", body={"email": "nobody"})
known, unknown = answer["id"], "msg_0000000000000001"
for change in (
    {"parent": unknown}, {"conversation_id": "conv_0000000000000001"}, {"conversation_id": "x"},
):
    send(404, "post", "/chat", token, {"content": "x", **change})
send(404, "post", "/chat", token, {"regenerate": unknown})
send(404, "post", "/chat", key, {"regenerate": known})
send(422, "post", "/chat", token, {"regenerate": known, "content": "x"})
send(422, "post", "/chat", token, {"content": "x", "resumable": True})
both, long, nobody = {"content": "x", "message": "y"}, {"content": "x" * 10_001}, {"content": "x", "user_id": ""}
for body in ({}, {"content": " "}, both, long, nobody):
    send(422, "post", "/chat", token, body)
send(403, "post", "/chat", token, {"content": "x", "user_id": "user_" + "0" * 32})
send(403, "post", "/chat", manager, {"content": "x"})
for method, body in (("get", None), ("patch", {"title": "x"})):
    send(404, method, "/chat/conversations/conv_0000000000000001", token, body)
    send(404, method, conversation, key, body)
for query in (f"branch={unknown}", f"before={unknown}"):
    send(404, "get", f"{conversation}?{query}", token)
for query in ("limit=0", "branch=x", "before=x", "all=x", f"all=true&branch={known}"):
    send(422, "get", f"{conversation}?{query}", token)
send(404, "get", "/chat/conversations?before=conv_0000000000000001", token)
for query in ("limit=101", "before=x"):
    send(422, "get", f"/chat/conversations?{query}", token)
for title in ({}, {"title": " "}, {"title": "x" * 201}, {"title": "a\u0000b"}, {"title": 5}):
    send(422, "patch", conversation, token, title)
send(404, "get", f"/chat/stream/{unknown}", token)
send(404, "get", told, key)
send(422, "get", told, token, headers={"Last-Event-ID": "x"})
send(403, "post", "/auth/logout", key)
send(403, "delete", "/auth/account", token)
for query in ("limit=0", "limit=x", "before=x"):
    send(422, "get", f"/chat/history?{query}", token)
send(400, "get", "/chat/history?limit=%ff", token)
send(422, "get", f"/history/{user}?limit=0", token)
send(403, "get", f"/history/{user}", key)
for change in ({"temperature": 9}, {"n": 2}, {"messages": []}, {"tools": [{"type": "custom"}]}):
    send(400, "post", "/v1/chat/completions", key, {**question, **change})
send(400, "post", "/v1/chat/completions", key, {
    **question, "messages": [{"role": "user", "content": "'; DROP TABLE users; --"}]})
send(404, "post", "/v1/chat/completions", key, {**question, "model": "gpt-17"})
send(403, "post", "/v1/chat/completions", manager, question)
send(404, "get", "/v1/models/gpt-17", key)
send(400, "get", "/v1/usage?by=key", token)
send(400, "get", "/v1/usage?since=yesterday", key)
send(400, "post", "/v1/keys", manager, {"name": "x", "rmp": 60})
send(409, "post", f"/v1/keys/{made['id']}/rotate", manager, {})
for _ in range(2):
    send(201, "post", "/v1/keys", manager, {"name": "twin"})
for method, target in (("get", ""), ("delete", ""), ("post", "/rotate")):
    body = {} if method == "post" else None
    send(409, method, f"/v1/keys/twin{target}", manager, body)
    send(404, method, f"/v1/keys/nobody{target}", manager, body)
    send(403, method, f"/v1/keys/free{target}", key, body)
send(403, "get", "/v1/keys", token)
send(403, "post", "/v1/keys", token, {"name": "x"})

# What fails, and what is used up. After five failures in a row the provider would be left alone.
def fail(status, v1_status, text):
    send(200, "post", "/chat", other, {"content": f"fine before {text}"}, at=failing)
    send(status, "post", "/chat", other, {"content": text}, at=failing)
    send(v1_status, "post", "/v1/chat/completions", other, {
        **faulty, "messages": [{"role": "user", "content": f"{text} by v1"}]}, at=failing)


fail(502, 502, "refused")
fail(503, 503, "down")
fail(422, 400, "filtered")
fail(422, 400, "long")
fail(504, 504, "slow")
for target, body in (("/chat", {"content": "fine again"}), ("/v1/chat/completions", faulty)):
    send(429, "post", target, keys["spent"], body, at=failing)
    for _ in range(3):
        status = web.post(failing + target, json=body, headers={"Authorization": f"Bearer {keys['slow']}"}).status_code
    send(429, "post", target, keys["slow"], body, at=failing)
limited = send(200, "post", "/auth/email", body={"email": "bob@example.com"}, at=failing)["access_token"]
send(429, "post", "/auth/email", body={"email": "bob@example.com"}, at=failing)
send(200, "get", "/auth/session", limited, at=failing)
for path, method, operation in operations():
    if "Too many reads" in operation["responses"].get("429", {}).get("description", ""):
        body = {"title": "x"} if "requestBody" in operation else None
        target = path.format(user_id=user, id=answer["conversation_id"], message=answer["id"])
        send(429, method, target, limited, body, at=failing)
send(200, "post", "/chat", limited, {"content": "fine by bob"}, at=failing)
send(429, "post", "/chat", limited, {"content": "fine for bob"}, at=failing)
send(429, "post", "/v1/chat/completions", limited, faulty, at=failing)
send(202, "post", "/auth/email", body={"email": "cy@example.com"}, at=coded)
until = time.monotonic() + 20
while not (mails := open(os.environ["MAILS"]).read() if os.path.exists(os.environ["MAILS"]) else ""):
    assert time.monotonic() < until, "no mail"
    time.sleep(0.02)
right = re.search(r"\b\d{6}\b", json.loads(mails.splitlines()[0])["text"])[0]
for code in ("12345", "１２３４５６"):
    send(422, "post", "/auth/email", body={"email": "cy@example.com", "code": code}, at=coded)
login = {"email": "cy@example.com", "code": right}
send(401, "post", "/auth/email", body={**login, "email": "dee@example.com"}, at=coded)
proved = send(200, "post", "/auth/email", body=login, at=coded)["access_token"]
assert send(200, "get", "/auth/login", at=coded) == {"mode": "code"}
assert send(200, "get", "/auth/session", proved, at=coded)["proved"]
assert send(200, "delete", "/auth/sessions", proved, at=coded)["ended"] == 1
send(401, "delete", "/auth/sessions", proved, at=coded)
send(403, "delete", "/auth/sessions", token)
send(403, "delete", "/auth/sessions", key)
assert send(200, "delete", "/chat/history", token)["deleted"] > 0
assert send(200, "delete", "/auth/account", key)["deleted"] > 0
send(200, "post", "/auth/logout", token)

# Not provoked here: what only a broken server says, and what is refused everywhere for the same reason.
broken = {500, 502, 503, 504}
for path, method, operation in operations():
    missing = {int(status) for status in operation["responses"]} - seen[path, method] - broken
    wrong.extend(f"{method} {path}: {status} was never seen" for status in sorted(missing))
assert not wrong, "\n".join(wrong)
print(f"{sum(map(len, seen.values()))} kinds of replies keep to the contract")
