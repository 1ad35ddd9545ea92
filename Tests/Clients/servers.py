"""The two servers that the scripts of this folder talk to, both Parley behind nginx.

The first is well: model echo-1 (and gpt-4o, which is the same) answers "You said: ..."; scripted-gpt and
gemini-2.5-flash-lite are one provider, by OpenAI's wire and by Gemini's, which answers by what the request has:

- a JSON schema: the place that it describes, or a 400 if the schema is not the one of Place;
- JSON mode: the object {"sky": "rain"};
- the tool Place, chosen by name: a call of it;
- the tool weather: two calls of it, and once it has results, "It rains, ...";
- else: "hello from the wire".

The second has nothing but faulty-model, which answers in 60 words, but for what the first word of the question says:

- slow: three words, and no more;
- cut: thirty words, and an error a second later;
- down: a 503, refused: a 400;
- filtered, long: what a provider says of such questions.

Environment: BASE_URL, TOKEN, FAULTY_URL, KEYS (keys of the second by name, as JSON), SSL_CERT_FILE (of both).
"""

import json
import os

import pydantic

url, token = os.environ["BASE_URL"], os.environ["TOKEN"]
faulty_url, keys = os.environ["FAULTY_URL"], json.loads(os.environ["KEYS"])
wires = ["scripted-gpt", "gemini-2.5-flash-lite"]


class Place(pydantic.BaseModel):
    city: str
    people: int


def user(text):
    return [{"role": "user", "content": text}]
