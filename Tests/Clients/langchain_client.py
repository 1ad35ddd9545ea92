"""What a program does with the langchain-openai package; it ends with an assertion where that is not as with OpenAI."""

import asyncio

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from servers import Place, faulty_url, keys, token, url, wires


def model(name, base_url=url, api_key=token):
    return ChatOpenAI(model=name, base_url=base_url, api_key=api_key, max_retries=0)


@tool
def weather(city: str) -> str:
    """The weather in a city"""
    return "rain"


plain = model("echo-1").invoke([("system", "one two"), ("human", "hello")])
assert plain.content == "You said: hello", plain
assert plain.response_metadata["finish_reason"] == "stop" and plain.usage_metadata["total_tokens"] > 0

chunks = list(model("echo-1").stream("hello"))
assert "".join(chunk.content for chunk in chunks) == "You said: hello", chunks
whole = sum(chunks[1:], chunks[0])
assert whole.response_metadata["finish_reason"] == "stop", whole

for name in wires:
    for method in ("json_schema", "function_calling"):
        place = model(name).with_structured_output(Place, method=method).invoke("Which place?")
        assert place == Place(city="Paris", people=2_100_000), (method, place)
    mode = model(name).with_structured_output(method="json_mode", schema=None).invoke("Which sky? Answer in JSON.")
    assert mode == {"sky": "rain"}, mode
    agent = model(name).bind_tools([weather])
    messages = [HumanMessage("What is the weather?")]
    called = agent.invoke(messages)
    assert [call["args"] for call in called.tool_calls] == [{"city": "Paris"}, {"city": "Rome"}], called
    chunks = list(agent.stream(messages))
    whole = sum(chunks[1:], chunks[0])
    assert [call["args"] for call in whole.tool_calls] == [{"city": "Paris"}, {"city": "Rome"}], whole
    results = [ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]) for call in called.tool_calls]
    assert agent.invoke([*messages, called, *results]).content.startswith("It rains")


async def several():
    texts = [f"langchain {number}" for number in range(8)]
    replies = await model("echo-1").abatch(texts)
    assert [reply.content for reply in replies] == [f"You said: {text}" for text in texts], replies
    assert (await model("echo-1").ainvoke("hello")).content == "You said: hello"
    assert "".join([chunk.content async for chunk in model("echo-1").astream("hello")]) == "You said: hello"
    place = await model(wires[0]).with_structured_output(Place).ainvoke("Which place?")
    assert place.city == "Paris"
    stream = model("faulty-model", faulty_url, keys["free"]).astream("slow langchain")
    async for chunk in stream:
        if chunk.content:
            break
    await stream.aclose()


asyncio.run(several())


def refused(kind, question="hello", name="faulty-model", key="free", stream=False, **settings):
    chat = model(name, faulty_url, keys.get(key, key)).bind(**settings)
    try:
        list(chat.stream(question)) if stream else chat.invoke(question)
    except kind as error:
        return error
    raise AssertionError(f"not refused: {question}")


error = refused(openai.NotFoundError, name="gpt-17")
assert (error.param, error.code) == ("model", "model_not_found"), error
refused(openai.AuthenticationError, key="nobody")
assert refused(openai.BadRequestError, temperature=9).param == "temperature"
assert refused(openai.RateLimitError, key="spent").code == "insufficient_quota"
# It would be left alone after five questions in a row that it fails.
model("faulty-model", faulty_url, keys["free"]).invoke("fine before down langchain")
assert refused(openai.InternalServerError, "down langchain").status_code == 503
model("faulty-model", faulty_url, keys["free"]).invoke("fine before cut langchain")
assert refused(openai.APIError, "cut langchain", stream=True).type == "server_error"
