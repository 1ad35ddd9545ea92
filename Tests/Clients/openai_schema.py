"""JSON by schema and JSON mode with the openai package, by both wires; the provider takes no schema but Place's."""

import json

import openai

from servers import Place, token, url, user, wires

client = openai.OpenAI(base_url=url, api_key=token, max_retries=0)
for model in wires:
    question = dict(model=model, messages=user("Which place?"))
    parsed = client.chat.completions.parse(**question, response_format=Place)
    assert parsed.choices[0].message.parsed == Place(city="Paris", people=2_100_000), parsed
    with client.chat.completions.stream(**question, response_format=Place) as stream:
        assert stream.get_final_completion().choices[0].message.parsed.city == "Paris"
    mode = client.chat.completions.create(**question, response_format={"type": "json_object"})
    assert json.loads(mode.choices[0].message.content) == {"sky": "rain"}, mode
    text = client.chat.completions.create(**question, response_format={"type": "text"})
    assert text.choices[0].message.content == "hello from the wire", text
