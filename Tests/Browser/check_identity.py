"""Logging in with an identity provider, by OpenID Connect with PKCE."""

import contextlib
import hashlib
import json
import re
import urllib.parse

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from check_people import EXAMINE
from identity import base64url

END = """() => {
  const session = JSON.parse(sessionStorage.getItem("parley-session"));
  sessionStorage.setItem("parley-session", JSON.stringify({ ...session, ends: 0 })); }"""

# What the page does with a reply when it is opened, without opening it: its module anew, on the address of the reply.
TAKE = """async ([login, query, number]) => {
  sessionStorage.setItem("parley-login", JSON.stringify(login));
  history.replaceState(null, "", `/chat/?${query}`);
  const { finish } = await import(`/chat/app/oidc.js?${number}`);
  try { await finish(); } catch (failure) { return failure.message; } }"""


@contextlib.contextmanager
def visitor(stage, url="/chat/"):
    """Somebody before the page of a server whose people log in with the provider, which has had no orders."""
    stage.identity.reset()
    with stage.desk(log_in=False, address=stage.identity.site, friends=stage.identity.origins, url=url) as desk:
        yield desk


def go(desk):
    expect(desk("#login-provider")).to_contain_text("127.0.0.1")
    desk("#login .primary").click()


def log_in(desk):
    go(desk)
    desk("#yes").click()
    expect(desk("#me small")).to_contain_text("messages left")
    expect(desk("#login")).to_be_hidden()


def session(desk):
    return json.loads(desk.page.evaluate("sessionStorage.getItem('parley-session')"))


def check_identity_provider(stage):
    with visitor(stage) as desk:
        expect(desk("#login .primary")).to_be_focused()
        expect(desk("#email")).to_be_hidden()
        desk.page.evaluate(AXE_SCRIPT)
        assert not desk.page.evaluate(EXAMINE)
        log_in(desk)
        assert desk.page.url == desk.address + "/chat/", desk.page.url
        expect(desk("#me strong")).to_have_text("ann@example.com")
        desk.ask("with the provider")
        desk.page.reload()
        desk.titles("with the provider")
        desk.answers("You said: with the provider")
        token, shown = desk.token, desk.page.content()
        assert token not in shown and session(desk)["refresh"] not in shown
        assert desk.page.evaluate("localStorage.length + document.cookie.length") == 0

        # A further tab has the session of the first; a login that somebody else began changes nothing in either.
        one, two = desk.page, desk.open("/chat/?code=theirs&state=theirs")
        desk.titles("with the provider")
        assert desk.page.url == desk.address + "/chat/", desk.page.url
        desk("#me").click()
        desk("#log-out").click()
        expect(desk("#login-provider")).to_be_visible()
        assert stage.identity.count("logout") == stage.identity.count("revoke") == 1, stage.identity.asked
        assert stage.identity.count("code") == 1 and two.url == desk.address + "/chat/"
        desk.page = one
        expect(desk("#login-why")).to_have_text("You have logged out in another window.")
        dead = desk.context.request.get(
            desk.address + "/auth/session", headers={"Authorization": f"Bearer {token}"})
        assert dead.status == 401, dead.status


def check_identity_tokens_are_renewed(stage):
    with visitor(stage) as desk:
        log_in(desk)
        desk.ask("before it ends")
        one, first = desk.page, session(desk)
        two = desk.open(one.url.removeprefix(desk.address))
        desk.answers("You said: before it ends")

        # Each has many requests at once, and all of them one token that has ended.
        for page in (one, two):
            page.evaluate(END)
            page.reload(wait_until="commit")
        for desk.page in (one, two):
            desk.answers("You said: before it ends")
            expect(desk("#me small")).to_contain_text("messages left")
        assert stage.identity.count("refresh") == 1, stage.identity.asked
        second = session(desk)
        assert second["refresh"] != first["refresh"] and second["token"] != first["token"]
        desk.ask("afterwards")
        two.close()
        desk.page = one

        # The provider is away for a while, and then takes the token no longer.
        one.evaluate(END)
        stage.identity.away = {"token"}
        one.reload()
        expect(desk("#notice")).to_contain_text("identity provider cannot be reached")
        stage.identity.away = set()
        stage.identity.gives_refresh = False
        desk.page.get_by_role("button", name="Try again").click()
        desk.titles("before it ends")
        one.evaluate(END.replace("ends: 0", "ends: 0, refresh: 'stolen and used'"))
        one.reload()
        expect(desk("#login-why")).to_contain_text("Your session has ended")


def check_identity_login_keeps_what_was_typed(stage):
    with visitor(stage) as desk:
        stage.identity.gives_refresh = False
        log_in(desk)
        desk.ask("asked first")
        address = desk.page.url
        desk.api("POST", "/auth/logout")
        desk.send("typed before the end was known")
        expect(desk("#login-why")).to_contain_text("What you typed is kept")
        log_in(desk)
        desk.answers("You said: asked first")
        expect(desk("#question")).to_have_value("typed before the end was known")
        assert desk.page.url == address, desk.page.url
        # Without a refresh token one logs in again when the token ends.
        desk.page.evaluate(END)
        desk.page.reload()
        expect(desk("#login-why")).to_contain_text("Your session has ended")
        log_in(desk)
        expect(desk("#question")).to_have_value("typed before the end was known")
        desk("#send").click()
        desk.answers("You said: asked first", "You said: typed before the end was known")


def check_identity_replies_that_are_refused(stage):
    with visitor(stage, "/chat/?code=theirs&state=theirs") as desk:
        def refused(words, said=None, codes=0):
            if said is None:
                expect(desk("#login-error")).to_contain_text(words)
            else:
                assert words in said, (words, said)
            assert desk.page.url == desk.address + "/chat/", desk.page.url
            assert desk.page.evaluate("Object.keys(sessionStorage).length") == 0
            assert stage.identity.count("code") == codes, stage.identity.asked
            stage.identity.reset()

        refused("not to this tab's last login")
        go(desk)
        code = re.search("code=([^&]+)", desk("#yes").get_attribute("href"))[1]
        desk("#no").click()
        refused("cancelled, or is not allowed")
        # Whoever sees a code cannot use it.
        form = {"grant_type": "authorization_code", "client_id": "chat", "code": code, "code_verifier": "x" * 43,
                "redirect_uri": desk.address + "/chat/"}
        assert desk.context.request.post(stage.identity.origins[1] + "/realms/main/token", form=form).status == 400
        stage.identity.reset()

        client = {"issuer": stage.identity.issuer, "client_id": "chat", "audience": "parley", "scope": "openid"}
        login = {"client": client, "state": "s" * 43, "nonce": "n" * 43, "verifier": "v" * 43, "hash": ""}
        asked = {"redirect_uri": desk.address + "/chat/", "client_id": "chat", "nonce": login["nonce"],
                 "code_challenge": base64url(hashlib.sha256(login["verifier"].encode()).digest())}
        for number, (reply, order, words, codes) in enumerate((
            ({"state": "another"}, {}, "not to this tab's last login", 0),
            ({"iss": "https://id.example.com"}, {}, "not the identity provider's", 0),
            ({"iss": None}, {}, "not the identity provider's", 0),
            ({"code": None, "error": "server_error", "error_description": "<b>Broken</b>"}, {}, "said: <b>Broken</b>", 0),
            ({"code": "used"}, {}, "has expired", 1),
            ({}, {"id_token": {"nonce": "another"}}, "not for this login", 1),
            ({}, {"id_token": {"aud": "another"}}, "not for this login", 1),
            ({}, {"id_token": {"azp": "another"}}, "not for this login", 1),
            ({}, {"id_token": {"iss": "https://id.example.com"}}, "not for this login", 1),
            ({}, {"access": {"aud": "another"}}, "no token for “parley”", 1),
            ({}, {"access": None}, "no token for “parley”", 1),
            ({}, {"access": {"sub": ""}}, "does not take the identity provider's token", 1),
            ({}, {"away": {"token"}}, "cannot be reached", 0),
        )):
            for name, value in order.items():
                setattr(stage.identity, name, value)
            whole = {"code": stage.identity.code(asked), "state": login["state"], "iss": stage.identity.issuer} | reply
            query = urllib.parse.urlencode({name: value for name, value in whole.items() if value is not None})
            refused(words, desk.page.evaluate(TAKE, [login, query, number]) or "nothing", codes)

        # What is away is said at once, and another click tries again. An ID token that is for this server does too.
        stage.identity.away = {".well-known/openid-configuration"}
        desk.page.reload()
        go(desk)
        expect(desk("#login-error")).to_contain_text("cannot be reached")
        stage.identity.away = set()
        stage.identity.access, stage.identity.id_token = None, {"aud": ["chat", "parley"]}
        log_in(desk)
        desk.ask("with an ID token")


def check_policy_has_a_provider_only_where_there_is_one(stage):
    for address, origins in ((stage.address, ()), (stage.identity.site, stage.identity.origins)):
        with stage.desk(log_in=False, address=address) as desk:
            for path, allowed in (("/chat/", origins), ("/docs/", ()), ("/", ())):
                policy = desk.context.request.get(address + path).headers["content-security-policy"]
                expected = " ".join(["connect-src 'self'", *allowed])
                assert expected in policy.split("; "), (path, policy)
