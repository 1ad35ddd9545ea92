"""What a program does with the litellm package; it ends with an assertion where that is not as it is with OpenAI."""

import asyncio
import json
import os

# Else it asks the internet for prices when it is loaded.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm

from servers import Place, faulty_url, keys, token, url, user, wires

litellm.suppress_debug_info = True
whole = dict(api_base=url, api_key=token, max_retries=0)
faulty = dict(api_base=faulty_url, api_key=keys["free"], max_retries=0, model="openai/faulty-model")
hello = dict(**whole, model="openai/echo-1", messages=user("hello"))

plain = litellm.completion(**hello, temperature=0.2, max_tokens=50)
assert plain.choices[0].message.content == "You said: hello", plain
assert plain.choices[0].finish_reason == "stop" and plain.usage.total_tokens > 0

chunks = list(litellm.completion(**hello, stream=True, stream_options={"include_usage": True}))
choices = [choice for chunk in chunks for choice in chunk.choices]
assert "".join(choice.delta.content or "" for choice in choices) == "You said: hello", chunks
assert chunks[-1].usage.total_tokens > 0
finished = litellm.stream_chunk_builder(chunks, messages=hello["messages"])
assert finished.choices[0].finish_reason == "stop"

weather = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
for name in wires:
    question = dict(**whole, model=f"openai/{name}", messages=user("What is it like?"))
    place = litellm.completion(**question, response_format=Place)
    assert Place.model_validate_json(place.choices[0].message.content).city == "Paris", place
    mode = litellm.completion(**question, response_format={"type": "json_object"})
    assert json.loads(mode.choices[0].message.content) == {"sky": "rain"}, mode
    called = litellm.completion(**question, tools=[weather])
    assert called.choices[0].finish_reason == "tool_calls", called
    message = called.choices[0].message.model_dump(exclude_none=True)
    assert [json.loads(call["function"]["arguments"])["city"] for call in message["tool_calls"]] == ["Paris", "Rome"]
    chunks = list(litellm.completion(**question, tools=[weather], stream=True))
    built = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls
    assert [json.loads(call.function.arguments)["city"] for call in built] == ["Paris", "Rome"], built
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "rain"} for call in message["tool_calls"]]
    question["messages"] += [message, *results]
    assert litellm.completion(**question, tools=[weather]).choices[0].message.content.startswith("It rains")


async def several():
    async def streamed(text):
        stream = await litellm.acompletion(**{**hello, "messages": user(text)}, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    texts = [f"litellm {number}" for number in range(8)]
    plain = asyncio.gather(*(litellm.acompletion(**{**hello, "messages": user(text)}) for text in texts))
    replies = await asyncio.gather(*(streamed(text + " streamed") for text in texts))
    assert [reply.choices[0].message.content for reply in await plain] == [f"You said: {text}" for text in texts]
    assert replies == [f"You said: {text} streamed" for text in texts], replies
    stream = await litellm.acompletion(**faulty, messages=user("slow litellm"), stream=True)
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    await stream.aclose()


asyncio.run(several())


def refused(kind, word, **request):
    try:
        reply = litellm.completion(**{**faulty, "messages": user("hello"), **request})
        if request.get("stream"):
            list(reply)
    except kind as error:
        assert word in str(error), error
        return
    raise AssertionError(f"not refused: {request}")


refused(litellm.AuthenticationError, "not valid", api_key="nobody")
refused(litellm.AuthenticationError, "key", api_key=keys["revoked"])
refused(litellm.NotFoundError, "gpt-17", model="openai/gpt-17")
refused(litellm.BadRequestError, "top_p", top_p=2)
refused(litellm.RateLimitError, "budget", api_key=keys["spent"])
# It would be left alone after five questions in a row that it fails.
litellm.completion(**faulty, messages=user("fine before down litellm"))
refused(litellm.ServiceUnavailableError, "No model provider", messages=user("down litellm"))
litellm.completion(**faulty, messages=user("fine before cut litellm"))
refused((litellm.APIError, litellm.ServiceUnavailableError), "", messages=user("cut litellm"), stream=True)
