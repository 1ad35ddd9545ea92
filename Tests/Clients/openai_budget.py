"""Sixteen threads on a budget of fifty calls; each costs exactly the most that it may, so that the count is exact."""

import concurrent.futures
import itertools
import threading

import openai

from servers import faulty_url, keys, user

client = openai.OpenAI(base_url=faulty_url, api_key=keys["crowd"], max_retries=5)
start = threading.Barrier(16)
numbers = itertools.count()


def ask_until_refused():
    """Returns: how many it got."""
    start.wait()
    for served in itertools.count():
        try:
            client.chat.completions.create(
                model="faulty-model", messages=user(f"crowd {next(numbers)}"), max_tokens=60)
        except openai.RateLimitError as error:
            assert error.code == "insufficient_quota", error
            return served


with concurrent.futures.ThreadPoolExecutor(16) as pool:
    served = [task.result() for task in [pool.submit(ask_until_refused) for _ in range(16)]]
assert sum(served) == 50, served
