"""Each error as the openai package raises it, and what it tries again."""

import time

import openai

from servers import faulty_url, keys, token, url, user

seen = []
http_client = openai.DefaultHttpxClient(event_hooks={"response": [lambda reply: seen.append(reply.status_code)]})


def client(key, base_url=faulty_url, retries=0):
    return openai.OpenAI(base_url=base_url, api_key=key, max_retries=retries, http_client=http_client)


def refused(kind, code, param=None, by=client(keys["free"]), **request):
    """Expects one error after the last try.

    Returns: the error, and the statuses of all tries.
    """
    seen.clear()
    request = {"model": "faulty-model", "messages": user("hello"), **request}
    try:
        by.chat.completions.create(**request)
    except openai.APIStatusError as error:
        assert type(error) is kind, repr(error)
        assert (error.code, error.param) == (code, param), error.body
        assert set(error.body) == {"message", "type", "param", "code"} and error.body["message"], error.body
        assert error.request_id and error.response.headers["content-type"].startswith("application/json")
        return error, list(seen)
    raise AssertionError(f"not refused: {request}")


again = client(keys["free"], retries=3)
for by in (client("nobody"), client("prl_" + "0" * 36), client(keys["revoked"])):
    error, _ = refused(openai.AuthenticationError, "invalid_api_key", by=by)
    assert error.status_code == 401
refused(openai.PermissionDeniedError, None, by=client(keys["manager"]))
refused(openai.NotFoundError, "model_not_found", "model", model="gpt-17")
refused(openai.BadRequestError, "invalid_value", "temperature", temperature=9)
refused(openai.BadRequestError, "unsupported_parameter", "n", n=2)
refused(openai.BadRequestError, "invalid_value", "messages", messages=[])
refused(openai.BadRequestError, "invalid_value", "messages[0].role", messages=[{"role": "robot", "content": "x"}])
refused(openai.BadRequestError, "content_filter", messages=user("filtered by the provider"))
refused(
    openai.BadRequestError, "context_length_exceeded", "messages[0].content", messages=user("long for the provider"))
_, tries = refused(
    openai.BadRequestError, "content_policy_violation", "messages[0].content", by=again,
    messages=user("'; DROP TABLE users; --"))
assert tries == [400], tries

for size, by in ((5_000_000, client(keys["free"])), (20_000_000, again)):
    error, tries = refused(openai.APIStatusError, "request_too_large", by=by, messages=user("x" * size))
    assert error.status_code == 413 and tries == [413], tries


def reach(question):
    """Sees to it that the provider is not left alone, which it is after five questions in a row that it fails."""
    client(keys["free"]).chat.completions.create(model="faulty-model", messages=user(f"fine before {question}"))
    return user(question)


error, tries = refused(openai.InternalServerError, "unavailable", messages=reach("down plain"))
assert error.status_code == 503 and error.response.headers["retry-after"], error.response.headers
error, _ = refused(openai.InternalServerError, "provider_failed", messages=user("refused plain"))
assert error.status_code == 502

# A budget that is spent is not tried again; a rate is, when its time has come.
error, tries = refused(
    openai.RateLimitError, "insufficient_quota", by=client(keys["spent"], retries=3), messages=user("spent"))
assert error.type == "insufficient_quota" and tries == [429], tries
assert error.response.headers["x-should-retry"] == "false" and "retry-after" not in error.response.headers

slow = client(keys["slow"])
try:
    for _ in range(200):
        raw = slow.chat.completions.with_raw_response.create(model="faulty-model", messages=user("again and again"))
    raise AssertionError("no rate")
except openai.RateLimitError as limited:
    assert limited.code == "rate_limit_exceeded", limited
    assert limited.response.headers["x-ratelimit-remaining-requests"] == "0"
    wait = int(limited.response.headers["retry-after"])
    assert raw.headers["x-ratelimit-limit-requests"] == "60" and wait == 1, (raw.headers, wait)
seen.clear()
start = time.monotonic()
patient = client(keys["slow"], retries=2)
while 429 not in seen:
    patient.chat.completions.create(model="faulty-model", messages=user("again and again"))
assert seen[-2:] == [429, 200] and time.monotonic() - start >= 0.9, seen

# Once there is a part, an error comes in the stream, and no [DONE].
for model in ("down", "refused"):
    try:
        list(client(keys["free"]).chat.completions.create(
            model="faulty-model", messages=reach(f"{model} streamed"), stream=True))
    except openai.APIError as error:
        assert error.code == ("unavailable" if model == "down" else "provider_failed"), error
    else:
        raise AssertionError("a stream without an answer ended well")
text = ""
try:
    for chunk in again.chat.completions.create(model="faulty-model", messages=reach("cut streamed"), stream=True):
        text += chunk.choices[0].delta.content or ""
except openai.APIError as error:
    assert not isinstance(error, openai.APIStatusError) and text, error
    assert error.code in ("unavailable", "provider_failed") and error.type == "server_error", error.body
else:
    raise AssertionError("half a stream ended well")

try:
    again.post("/nothing", cast_to=object, body={})
except openai.NotFoundError as error:
    assert error.code == "unknown_url"
else:
    raise AssertionError("nothing was found")
try:
    client(token, base_url=url.removesuffix("/v1")).chat.completions.create(model="echo-1", messages=user("hello"))
except openai.NotFoundError:
    pass
else:
    raise AssertionError("found without /v1")
slash = client(token, base_url=url + "/").chat.completions.create(model="echo-1", messages=user("hello"))
assert slash.choices[0].message.content == "You said: hello"
