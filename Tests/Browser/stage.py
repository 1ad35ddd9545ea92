"""A browser before the chat page, the model behind it, and a line between the two that can be cut."""

import contextlib
import json
import os
import pathlib
import re
import signal
import time

from playwright.sync_api import expect

# The page is read as soon as an event allows; a machine that is busy may take this long.
PATIENCE = 20_000
DONE = ".exchange:last-child:not(.running) .replied .tools button"

WATCH = """
  window.violations = [];
  addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


class Stage:
    def __init__(self, browser, provider, identity, proxy, address, place):
        self.browser, self.provider, self.identity = browser, provider, identity
        self.proxy, self.address = proxy, address
        self.pool, self.limited, self.coded = (place.get(name) for name in ("pool", "limited", "coded"))
        self.mails = place.get("mails")
        self.desks = []

    @contextlib.contextmanager
    def desk(self, log_in=True, address=None, friends=(), url="/chat/", **options):
        """
        A browser profile of its own with a first page; afterwards nothing may have been refused or have failed in it, nor
        anything been asked of other origins than these friends.
        """
        settings = {"viewport": {"width": 1280, "height": 800}, "ignore_https_errors": True, "accept_downloads": True}
        context = self.browser.new_context(**(settings | options))
        context.set_default_timeout(PATIENCE)
        context.add_init_script(WATCH)
        desk = Desk(self, context, address or self.address, tuple(friends))
        self.desks.append(desk)
        desk.open(url)
        if log_in:
            desk.log_in()
        yield desk
        desk.check()
        context.close()
        self.desks.remove(desk)

    def code(self, email, number=1):
        """Waits for the mail to an address, and takes the code from it."""
        until = time.monotonic() + PATIENCE / 1_000
        while True:
            text = pathlib.Path(self.mails).read_text() if os.path.exists(self.mails) else ""
            found = [mail["text"] for mail in map(json.loads, text.splitlines()) if mail["to"] == [email]]
            if len(found) >= number:
                return re.search(r"\b\d{6}\b", found[number - 1])[0]
            assert time.monotonic() < until, f"no mail {number} to {email}"
            time.sleep(0.02)

    def kill_workers(self):
        """Every worker of the pool at once, as a fault of the program would."""
        workers = [
            child for supervisor in children(self.pool) for child in children(supervisor)
            if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "parley"]
        assert workers
        for worker in workers:
            os.kill(worker, signal.SIGKILL)


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Desk:
    """One page of a profile, and what one does with it."""

    def __init__(self, stage, context, address, friends=()):
        self.stage, self.context, self.address, self.friends = stage, context, address, friends
        self.problems = []
        self.page = None

    def open(self, url="/chat/"):
        """Opens a further page, which is the one in use from now on."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        page.on("dialog", lambda dialog: (self.problems.append(f"dialogue: {dialog.message}"), dialog.dismiss()))
        page.on("request", self._look_at)
        page.goto(self.address + url)
        self.page = page
        return page

    def _look_at(self, request):
        if not request.url.startswith((self.address, "blob:", *self.friends)):
            self.problems.append(f"third party: {request.url}")
        # A provider's own path may well be named so.
        is_friend = request.url.startswith(self.friends) if self.friends else False
        if re.search(r"eyJ|bearer|[?#].*token" if is_friend else r"eyJ|token|bearer", request.url, re.I):
            self.problems.append(f"a token in an address: {request.url}")

    def check(self):
        for page in self.context.pages:
            self.problems += page.evaluate("window.violations")
        assert not self.problems, self.problems

    def __call__(self, selector):
        return self.page.locator(selector)

    def log_in(self, email="ada@example.com"):
        self("#email").fill(email)
        self("#login .primary").click()
        expect(self("#login")).to_be_hidden()
        expect(self("#me small")).to_contain_text("messages left")

    def send(self, question):
        self("#question").fill(question)
        self("#send").click()

    def ask(self, question):
        """Asks, and waits for the whole answer."""
        self.send(question)
        last = self(".exchange:last-child .bubble")
        expect(last).to_have_text(question.strip())
        expect(self(DONE).first).to_be_visible()
        expect(self(".exchange:last-child .note")).to_be_hidden()

    def ask_anew(self, question):
        self("#new").click()
        expect(self("#thread > *")).to_have_count(0)
        self.ask(question)

    def answers(self, *texts):
        """Waits until the branch that is shown has these answers."""
        expect(self(".exchange .text")).to_have_text(list(texts))

    def titles(self, *texts):
        expect(self("#list li a > span")).to_have_text(list(texts))

    @property
    def token(self):
        return json.loads(self.page.evaluate("sessionStorage.getItem('parley-session')"))["token"]

    def api(self, method, path, **options):
        """A request of the same session from elsewhere."""
        reply = self.context.request.fetch(
            self.address + path, method=method, headers={"Authorization": f"Bearer {self.token}"}, **options)
        assert reply.ok, (reply.status, reply.text())
        return reply.json()
