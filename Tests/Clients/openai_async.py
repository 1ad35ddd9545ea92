"""AsyncOpenAI: plain, streamed, many at once, and left half-way, which the suite then sees at the provider."""

import asyncio

import openai

from servers import faulty_url, keys, token, url, user, wires


def content(chunk):
    return chunk.choices[0].delta.content or ""


async def healthy():
    async with openai.AsyncOpenAI(base_url=url, api_key=token, max_retries=0) as client:

        async def plain(model, text):
            reply = await client.chat.completions.create(model=model, messages=user(text))
            return reply.choices[0].message.content

        async def streamed(model, text):
            stream = await client.chat.completions.create(model=model, messages=user(text), stream=True)
            return "".join([content(chunk) async for chunk in stream])

        calls = [(call, f"number {number}") for number in range(10) for call in (plain, streamed)]
        replies = await asyncio.gather(*(call("echo-1", text) for call, text in calls))
        assert replies == [f"You said: {text}" for _, text in calls], replies
        replies = await asyncio.gather(*(call(model, "async") for model in wires for call in (plain, streamed)))
        assert replies == ["hello from the wire"] * 4, replies
        assert {model.id async for model in client.models.list()} == {"echo-1", "gpt-4o", *wires}


async def left():
    async with openai.AsyncOpenAI(base_url=faulty_url, api_key=keys["free"], max_retries=0) as client:
        question = dict(model="faulty-model", stream=True)
        stream = await client.chat.completions.create(**question, messages=user("slow openai close"))
        async for chunk in stream:
            if content(chunk):
                break
        await stream.close()

        async with await client.chat.completions.create(**question, messages=user("slow openai with")) as stream:
            while not content(await anext(stream)):
                pass

        async def read():
            async for chunk in await client.chat.completions.create(**question, messages=user("slow openai task")):
                if content(chunk):
                    begun.set()

        begun = asyncio.Event()
        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled(), task

        try:
            # Long enough for the question to reach the provider on a busy machine, and less than Parley waits for a word.
            await client.with_options(timeout=4).chat.completions.create(
                model="faulty-model", messages=user("slow openai plain"))
        except openai.APITimeoutError:
            pass
        else:
            raise AssertionError("no time-out")


asyncio.run(healthy())
asyncio.run(left())
