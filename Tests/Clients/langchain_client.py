"""What a program does with the langchain-openai package against a running Parley; it ends with an assertion where that is
not as it is with OpenAI. The echo model answers: "You said: ...".

Environment: BASE_URL, TOKEN, SSL_CERT_FILE.
"""

import os

import openai
from langchain_openai import ChatOpenAI


def model(name):
    return ChatOpenAI(model=name, base_url=os.environ["BASE_URL"], api_key=os.environ["TOKEN"], max_retries=0)


plain = model("echo-1").invoke([("system", "one two"), ("human", "hello")])
assert plain.content == "You said: hello", plain
assert plain.response_metadata["finish_reason"] == "stop" and plain.usage_metadata["total_tokens"] > 0

chunks = list(model("echo-1").stream("hello"))
assert "".join(chunk.content for chunk in chunks) == "You said: hello", chunks
whole = sum(chunks[1:], chunks[0])
assert whole.response_metadata["finish_reason"] == "stop", whole

try:
    model("gpt-17").invoke("hello")
except openai.NotFoundError as error:
    assert (error.param, error.code) == ("model", "model_not_found"), error
else:
    raise AssertionError("not refused")
print("all as with OpenAI")
