"""Tools with the openai package, plain, streamed and for 100 turns, by both wires."""

import json

import openai

from servers import token, url, wires

client = openai.OpenAI(base_url=url, api_key=token, max_retries=0)
tools = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather in a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
question = {"role": "user", "content": "What is the weather?"}


def check(completion):
    choice = completion.choices[0]
    assert choice.finish_reason == "tool_calls" and not choice.message.content, choice
    calls = choice.message.tool_calls
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Paris", "Rome"], calls
    assert all(call.type == "function" and call.function.name == "weather" for call in calls)
    assert len({call.id for call in calls}) == 2
    return choice.message.model_dump(exclude_none=True, exclude={"parsed"})


def results(message):
    return [
        {"role": "tool", "tool_call_id": call["id"], "content": json.dumps({"sky": "rain"})}
        for call in message["tool_calls"]
    ]


def converse(model):
    for _ in range(2):
        plain = client.chat.completions.with_raw_response.create(model=model, messages=[question], tools=tools)
        assert plain.headers["x-parley-cache"] == "miss"
    message = check(plain.parse())
    messages = [question, message, *results(message)]
    answer = client.chat.completions.create(model=model, messages=messages, tools=tools, tool_choice="auto")
    assert answer.choices[0].finish_reason == "stop", answer
    assert answer.choices[0].message.content.startswith("It rains"), answer

    chunks = list(client.chat.completions.create(model=model, messages=[question], tools=tools, stream=True))
    arguments = {}
    for chunk in chunks:
        for call in chunk.choices[0].delta.tool_calls or []:
            if call.index not in arguments:
                assert call.id and call.type == "function" and call.function.name == "weather", call
            arguments[call.index] = arguments.get(call.index, "") + call.function.arguments
    assert [json.loads(text)["city"] for text in arguments.values()] == ["Paris", "Rome"], arguments
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    with client.chat.completions.stream(
        model=model, messages=[question], tools=tools, parallel_tool_calls=True, tool_choice="required"
    ) as stream:
        check(stream.get_final_completion())

    messages = [question]
    for turn in range(100):
        calls = [
            {"id": f"call_{turn}_{part}", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
            for part in "ab"
        ]
        messages += [{"role": "assistant", "tool_calls": calls}, *results({"tool_calls": calls})]
    for stream in (False, True):
        reply = client.chat.completions.create(model=model, messages=messages, tools=tools, stream=stream)
        text = (
            "".join(chunk.choices[0].delta.content or "" for chunk in reply)
            if stream
            else reply.choices[0].message.content
        )
        assert text.startswith("It rains, after "), text

    for param, request in {
        "messages[1].tool_call_id": dict(messages=[question, {"role": "tool", "tool_call_id": "x", "content": "y"}]),
        "tools[1].function.name": dict(tools=tools * 2),
        "tool_choice.function.name": dict(tool_choice={"type": "function", "function": {"name": "other"}}),
    }.items():
        try:
            client.chat.completions.create(**{**dict(model=model, messages=[question], tools=tools), **request})
        except openai.BadRequestError as error:
            assert (error.param, error.code) == (param, "invalid_value"), (error.param, error.code)
        else:
            raise AssertionError(f"not refused: {param}")


for model in wires:
    converse(model)
