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
seed, examples = os.environ.get("SEED", "12"), os.environ.get("EXAMPLES", "5")
url = os.environ["BASE_URL"]
keys = json.loads(os.environ["KEYS"])
login = requests.post(url + "/auth/email", json={"email": "made-up@example.com"}, headers={"User-Agent": agent})

# The models that there are belong to this server, not to the contract: what asks for another one gets no further.
document = json.load(open(os.environ["OPENAPI"]))
document["components"]["schemas"]["ChatCompletionRequest"]["properties"]["model"]["enum"] = ["echo-1"]
document["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"]["application/json"].pop("examples")
narrowed = pathlib.Path(os.environ["OPENAPI"]).with_name("narrowed.json")
narrowed.write_text(json.dumps(document))

# Logging out would end all that follows. Whoever is nobody is refused whatever is asked: each case once does.
for name, token, which in (
    ("a session", login.json()["access_token"], ["--exclude-operation-id", "logOut", "--exclude-tag", "Keys"]),
    ("a management key", keys["manager"], ["--include-tag", "Keys"]),
    ("nobody", None, ["--phases", "coverage"]),
):
    start = time.monotonic()
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file",
            str(pathlib.Path(__file__).with_name("schemathesis.toml")), "run", str(narrowed),
            "--url", url, "--tls-verify", os.environ["REQUESTS_CA_BUNDLE"], "--header", f"User-Agent: {agent}",
            "--seed", seed, "--max-examples", examples,
            "--continue-on-failure", "--no-color", "--output-sanitize", "true", *which,
            *(["--header", f"Authorization: Bearer {token}"] if token else []),
        ], capture_output=True, text=True)
    counted = re.search(r"\d+ generated.*", done.stdout)
    print(f"{name}: {counted and counted[0]}, {time.monotonic() - start:.1f} s")
    assert done.returncode == 0, done.stdout + done.stderr
