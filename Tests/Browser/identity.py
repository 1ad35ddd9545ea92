"""A strict provider of OpenID Connect on a real socket, with one user, one public client, and faults to order."""

import base64
import hashlib
import http.server
import json
import secrets
import subprocess
import tempfile
import threading
import time
import urllib.parse

CLIENT, AUDIENCE = "chat", "parley"


class Identity:
    """Codes and refresh tokens are good once; a refresh token that comes again ends its login (RFC 9700, 4.14.2)."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._key = self._folder.name + "/key.pem"
        self._openssl("genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self._key)
        modulus = self._openssl("rsa", "-in", self._key, "-noout", "-modulus").decode().strip().partition("=")[2]
        number = base64url(bytes.fromhex(modulus))
        self.keys = {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": number, "e": "AQAB"}]}
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                provider._answer(self, None)

            def do_POST(self):
                provider._answer(self, self.rfile.read(int(self.headers["Content-Length"])).decode())

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.port = server.server_address[1]
        self.issuer = f"http://127.0.0.1:{self.port}/realms/main"
        # Its tokens come from another origin than the issuer's, as those of some do.
        self.origins = (f"http://127.0.0.1:{self.port}", f"http://localhost:{self.port}")
        self.site = None
        self._lock = threading.Lock()
        self._codes, self._refreshes = {}, {}
        self.reset()

    def reset(self):
        """Somebody else is before it, and all orders are forgotten."""
        self.subject = secrets.token_hex(8)
        self.asked = []
        self.away = set()
        self.gives_refresh, self.access, self.id_token = True, {}, {}

    def count(self, what):
        return self.asked.count(what)

    def _openssl(self, *arguments, data=None):
        return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout

    def _sign(self, claims, kind="JWT"):
        head = {"alg": "RS256", "kid": "one", "typ": kind}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
        return text + "." + base64url(self._openssl("dgst", "-sha256", "-sign", self._key, data=text.encode()))

    def _answer(self, handler, body):
        path, _, query = handler.path.partition("?")
        name = path.removeprefix("/realms/main/")
        with self._lock:
            self.asked.append(name)
        if name in self.away:
            return self._send(handler, 503, "text/plain", "away")
        match name, body is not None:
            case ".well-known/openid-configuration", False:
                self._send_json(handler, 200, self._document(), "*")
            case "certs", False:
                self._send_json(handler, 200, self.keys)
            case "authorize", False:
                self._authorize(handler, single(query))
            case "token", True:
                self._tokens(handler, single(body))
            case "revoke", True:
                self._refreshes.pop(single(body)["token"], None)
                self._send_json(handler, 200, {}, self.site)
            case "logout", False:
                form = single(query)
                assert form == {"client_id": CLIENT, "post_logout_redirect_uri": self.site + "/chat/"}, form
                self._redirect(handler, form["post_logout_redirect_uri"])
            case _:
                self._send(handler, 404, "text/plain", "no such place")

    def _document(self):
        here, there = f"{self.origins[0]}/realms/main", f"{self.origins[1]}/realms/main"
        return {
            "issuer": self.issuer, "jwks_uri": here + "/certs",
            "authorization_endpoint": here + "/authorize?kept=1", "end_session_endpoint": here + "/logout",
            "token_endpoint": there + "/token", "revocation_endpoint": there + "/revoke",
            "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True, "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _authorize(self, handler, form):
        """A page with a yes and a no. What is wrong with a request is for no client to hear."""
        known = {"kept": "1", "response_type": "code", "client_id": CLIENT, "redirect_uri": self.site + "/chat/",
                 "code_challenge_method": "S256", "audience": AUDIENCE}
        wrong = [name for name, value in known.items() if form.get(name) != value]
        wrong += [name for name in ("state", "nonce", "code_challenge") if len(form.get(name, "")) < 43]
        if wrong or "openid" not in form["scope"].split():
            return self._send(handler, 400, "text/plain", f"wrong: {wrong}")
        replies = {"yes": {"code": self.code(form)}, "no": {"error": "access_denied", "error_description": "Not today"}}
        links = "".join(
            f'<a id="{name}" href="{form["redirect_uri"]}?{self._reply(form, reply)}">{name}</a> '
            for name, reply in replies.items())
        self._send(handler, 200, "text/html", f"<!doctype html><title>Log in</title>{links}")

    def code(self, form):
        """For whoever has the verifier of this request."""
        code = secrets.token_urlsafe(16)
        with self._lock:
            self._codes[code] = form
        return code

    def _reply(self, form, reply):
        return urllib.parse.urlencode({"state": form["state"], "iss": self.issuer} | reply)

    def _tokens(self, handler, form):
        match form:
            case {"grant_type": "authorization_code", "client_id": str(client), "code": str(code),
                  "code_verifier": str(verifier), "redirect_uri": str(address)}:
                with self._lock:
                    login = self._codes.pop(code, None)
                    self.asked.append("code")
                digest = base64url(hashlib.sha256(verifier.encode()).digest())
                if (login and 43 <= len(verifier) <= 128 and client == login["client_id"]
                        and (address, digest) == (login["redirect_uri"], login["code_challenge"])):
                    return self._give(handler, login | {"family": code})
            case {"grant_type": "refresh_token", "client_id": str(client), "refresh_token": str(token)}:
                with self._lock:
                    login = self._refreshes.get(token)
                    self.asked.append("refresh")
                    if login and login["used"]:
                        family = login["family"]
                        self._refreshes = {
                            name: other for name, other in self._refreshes.items() if other["family"] != family}
                    elif login and client == CLIENT:
                        login["used"] = True
                        return self._give(handler, {**login, "nonce": None})
            case _:
                return self._send_json(handler, 400, {"error": "invalid_request"}, self.site)
        self._send_json(handler, 400, {"error": "invalid_grant", "error_description": "no longer"}, self.site)

    def _give(self, handler, login):
        now = int(time.time())
        common = {"iss": self.issuer, "sub": self.subject, "iat": now, "exp": now + 3_600}
        said = {"email": "ann@example.com", "aud": CLIENT, "azp": CLIENT}
        if login["nonce"]:
            said["nonce"] = login["nonce"]
        tokens = {"token_type": "Bearer", "expires_in": 3_600, "id_token": self._sign(common | said | self.id_token)}
        access = common | {"aud": [AUDIENCE, "account"], "azp": CLIENT, "jti": secrets.token_hex(8)}
        tokens["access_token"] = self._sign(access | self.access, "at+jwt") if self.access is not None else "opaque"
        if self.gives_refresh:
            tokens["refresh_token"] = secrets.token_urlsafe(24)
            self._refreshes[tokens["refresh_token"]] = {**login, "used": False}
        self._send_json(handler, 200, tokens, self.site)

    def _send_json(self, handler, status, document, origin=None):
        """As real ones do: a page of a registered origin may read it, and no other."""
        readable = origin == "*" or handler.headers["Origin"] == origin
        self._send(handler, status, "application/json", json.dumps(document), origin if origin and readable else None)

    def _send(self, handler, status, kind, text, origin=None):
        body = text.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Cache-Control", "no-store")
        if origin:
            handler.send_header("Access-Control-Allow-Origin", origin)
        handler.end_headers()
        handler.wfile.write(body)

    def _redirect(self, handler, address):
        handler.send_response(302)
        handler.send_header("Location", address)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def single(text):
    """A form in which nothing is there twice."""
    pairs = urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), text
    return dict(pairs)
