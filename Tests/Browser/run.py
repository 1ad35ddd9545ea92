"""Runs the checks of this folder in one Chromium: every function check_… of every file check_….py.

Says "provider PORT identity PORT" first, where a model answers in OpenAI's format and where an identity provider is, and
then reads one line of JSON: the origin of a Parley that asks this model (origin), the process of its pool (pool), the
origin of another one with narrow limits (limited), of one that sends codes (coded) with the file of the mails (mails), and
of one where people log in with that identity provider (external), if there are these. With arguments it runs only checks
whose names have one of them in it.

usage: run.py [PART…]
"""

import importlib
import json
import os
import pathlib
import sys
import time
import traceback
import urllib.parse

from playwright.sync_api import expect, sync_playwright

from identity import Identity
from provider import Provider
from proxy import Proxy
from stage import PATIENCE, Stage

here = pathlib.Path(__file__).parent
shots = pathlib.Path(os.environ.get("SHOTS", "/nowhere"))


def checks():
    for path in sorted(here.glob("check_*.py")):
        module = importlib.import_module(path.stem)
        for name, check in vars(module).items():
            if name.startswith("check_") and (len(sys.argv) == 1 or any(part in name for part in sys.argv[1:])):
                yield name.removeprefix("check_"), check


def main():
    provider, identity = Provider(), Identity()
    print(f"provider {provider.port} identity {identity.port}", flush=True)
    place = json.loads(sys.stdin.readline())
    identity.site = place.get("external")
    origin = urllib.parse.urlsplit(place["origin"])
    proxy = Proxy(origin.port)
    expect.set_options(timeout=PATIENCE)
    failed = []
    with sync_playwright() as playwright:
        # The sandbox cannot be had by root. What is loaded is this repository's own.
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        stage = Stage(browser, provider, identity, proxy, f"{origin.scheme}://localhost:{proxy.port}", place)
        for name, check in checks():
            began = time.monotonic()
            try:
                check(stage)
            except Exception:
                failed.append(name)
                traceback.print_exc()
                for number, desk in enumerate(stage.desks):
                    print(f"{name}: {desk.problems}", file=sys.stderr)
                    if shots.is_dir() and desk.page:
                        desk.page.screenshot(path=shots / f"{name}-{number}.png")
                    desk.context.close()
                stage.desks.clear()
                proxy.mend()
            print(f"{'FAILED' if name in failed else 'passed'} {name} ({time.monotonic() - began:.1f} s)", flush=True)
        browser.close()
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")
    print("the chat page works")


main()
