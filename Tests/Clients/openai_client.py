"""What a program does with the openai package; it ends with an assertion where that is not as it is with OpenAI."""

import openai

from servers import token, url, wires

client = openai.OpenAI(base_url=url, api_key=token, max_retries=0)
hello = dict(model="echo-1", messages=[{"role": "user", "content": "hello"}])

models = list(client.models.list())
assert {model.id for model in models} == {"echo-1", "gpt-4o", *wires}, models
assert client.models.retrieve("gpt-4o").owned_by == "echo"

plain = client.chat.completions.create(
    model="gpt-4o",
    messages=[
        {"role": "system", "content": "one two"},
        {"role": "user", "content": [{"type": "text", "text": "List<Item> &amp;"}]},
    ],
    temperature=0.2, top_p=0.9, seed=7, stop=["x"], presence_penalty=0.1, user="somebody", n=1,
)
assert plain.choices[0].message.content == "You said: List<Item> &amp;", plain
assert plain.choices[0].finish_reason == "stop" and plain.object == "chat.completion"
assert plain.usage.prompt_tokens == 4 and plain.usage.total_tokens == plain.usage.prompt_tokens + 4

short = client.chat.completions.create(**hello, max_completion_tokens=2)
assert short.choices[0].finish_reason == "length" and short.choices[0].message.content == "You said:"

raw = [client.chat.completions.with_raw_response.create(**hello) for _ in range(2)]
assert [reply.headers["x-parley-cache"] for reply in raw] == ["miss", "hit"]
assert raw[0].parse().choices == raw[1].parse().choices
anew = client.chat.completions.with_raw_response.create(**hello, extra_headers={"Cache-Control": "no-cache"})
assert anew.headers["x-parley-cache"] == "miss"
with client.chat.completions.with_streaming_response.create(**hello, stream=True) as reply:
    assert reply.headers["x-parley-cache"] == "hit"

chunks = list(client.chat.completions.create(**hello, stream=True, stream_options={"include_usage": True}))
assert chunks[0].choices[0].delta.role == "assistant"
assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "You said: hello"
assert chunks[-2].choices[0].finish_reason == "stop"
assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 0
assert all(chunk.usage is None for chunk in chunks[:-1])

with client.chat.completions.stream(**hello) as stream:
    assert stream.get_final_completion().choices[0].message.content == "You said: hello"

long = client.chat.completions.create(
    model="echo-1", messages=[{"role": "assistant", "content": "x" * 1000}] * 1000 + hello["messages"]
)
assert long.choices[0].message.content == "You said: hello"
