"""Sends requests that schemathesis makes up from the document to a real server: with a session's token, with a
management key, and without any.

Environment: BASE_URL, REQUESTS_CA_BUNDLE, KEYS (as JSON by name: manager), OPENAPI; SEED and EXAMPLES (for each
operation, of each kind) for a longer run by hand.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

import requests

agent = "parley-contract-test"
seed, examples = os.environ.get("SEED", "12"), os.environ.get("EXAMPLES", "3")
url = os.environ["BASE_URL"]
keys = json.loads(os.environ["KEYS"])


def post(path, body, token=None):
    headers = {"User-Agent": agent} | ({"Authorization": f"Bearer {token}"} if token else {})
    reply = requests.post(url + path, json=body, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


token = post("/auth/email", {"email": "made-up@example.com"})["access_token"]
first = post("/chat", {"content": "first"}, token)
post("/chat", {"content": "second", "parent": first["id"]}, token)

# What there is to be named belongs to this server, not to the contract: who asks for anything else gets no further.
document = json.load(open(os.environ["OPENAPI"]))
schemas, paths = document["components"]["schemas"], document["paths"]
completion = schemas["ChatCompletionRequest"]["properties"]
completion["model"]["enum"] = ["echo-1"]
paths["/v1/chat/completions"]["post"]["requestBody"]["content"]["application/json"].pop("examples")
for name in ("ContentQuestion", "MessageQuestion"):
    schemas[name]["properties"]["parent"]["enum"] = [first["id"], None]
    schemas[name]["properties"]["conversation_id"]["enum"] = [first["conversation_id"], None]
schemas["Regeneration"]["properties"]["regenerate"]["enum"] = [first["id"]]
for item in paths.values():
    for operation in item.values():
        for parameter in operation.get("parameters", []):
            value = {
                "id": first["conversation_id"], "message": first["id"], "branch": first["id"], "before": first["id"],
            }.get(parameter["name"])
            if value:
                parameter["schema"]["enum"] = [value]
                parameter.pop("example", None)
paths["/chat"]["post"]["requestBody"]["content"]["application/json"].pop("examples")
narrowed = pathlib.Path(os.environ["OPENAPI"]).with_name("narrowed.json")
narrowed.write_text(json.dumps(document))

# Logging out and deleting would end what follows. Nobody is refused whatever is asked: one request of each kind does.
ends = [f"--exclude-operation-id={operation}" for operation in ("logOut", "deleteHistory", "deleteConversation")]
for name, token, count, which in (
    ("a session", token, examples, ["--exclude-tag", "Keys", *ends]),
    ("a management key", keys["manager"], examples, ["--include-tag", "Keys"]),
    ("nobody", None, "1", ["--phases", "fuzzing"]),
):
    start = time.monotonic()
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file",
            str(pathlib.Path(__file__).with_name("schemathesis.toml")), "run", str(narrowed),
            "--url", url, "--tls-verify", os.environ["REQUESTS_CA_BUNDLE"], "--header", f"User-Agent: {agent}",
            "--seed", seed, "--max-examples", count,
            "--continue-on-failure", "--no-color", "--output-sanitize", "true", *which,
            *(["--header", f"Authorization: Bearer {token}"] if token else []),
        ], capture_output=True, text=True, cwd=narrowed.parent)  # where it leaves its folders
    counted = re.search(r"\d+ generated.*", done.stdout)
    print(f"{name}: {counted and counted[0]}, {time.monotonic() - start:.1f} s")
    assert done.returncode == 0, done.stdout + done.stderr
