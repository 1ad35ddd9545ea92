"""What a program does with the litellm package against a running Parley; it ends with an assertion where that is not as it
is with OpenAI. The echo model answers: "You said: ...".

Environment: BASE_URL, TOKEN, SSL_CERT_FILE.
"""

import os

# Else it asks the internet for prices when it is loaded.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

litellm.suppress_debug_info = True
hello = dict(
    model="openai/echo-1", messages=[{"role": "user", "content": "hello"}], api_base=os.environ["BASE_URL"],
    api_key=os.environ["TOKEN"], max_retries=0,
)

plain = litellm.completion(**hello, temperature=0.2, max_tokens=50)
assert plain.choices[0].message.content == "You said: hello", plain
assert plain.choices[0].finish_reason == "stop" and plain.usage.total_tokens > 0

chunks = list(litellm.completion(**hello, stream=True, stream_options={"include_usage": True}))
choices = [choice for chunk in chunks for choice in chunk.choices]
assert "".join(choice.delta.content or "" for choice in choices) == "You said: hello", chunks
assert chunks[-1].usage.total_tokens > 0
whole = litellm.stream_chunk_builder(chunks, messages=hello["messages"])
assert whole.choices[0].finish_reason == "stop"

try:
    litellm.completion(**{**hello, "model": "openai/gpt-17"})
except litellm.NotFoundError as error:
    assert "model_not_found" in str(error) or "gpt-17" in str(error), error
else:
    raise AssertionError("not refused")
print("all as with OpenAI")
