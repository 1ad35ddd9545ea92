"""A model in OpenAI's wire format on a real socket, which says what a test has told it to, piece by piece."""

import http.server
import json
import select
import threading


class Provider:
    """Answers unknown questions with "You said: …". A script may hold back after some pieces until it is released."""

    def __init__(self):
        self._scripts = {}
        self._condition = threading.Condition()
        self._released = set()
        self.asked = []
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider._answer(self, [message["content"] for message in body["messages"] if message["role"] != "system"])

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, address):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self._server.server_address[1]

    def script(self, question, *pieces, hold=None, status=200):
        """hold: the number of pieces after which it waits for release()."""
        self._scripts[question] = (pieces, hold, status)

    def release(self, question):
        with self._condition:
            self._released.add(question)
            self._condition.notify_all()

    def wait_for(self, seen, seconds=20):
        """Waits until what it was asked fits."""
        with self._condition:
            assert self._condition.wait_for(lambda: seen(self), seconds), self.asked[-3:]

    def _answer(self, handler, messages):
        question = messages[-1]
        words = f"You said: {question}".split(" ")
        pieces, hold, status = self._scripts.get(question, ([words[0]] + [f" {word}" for word in words[1:]], None, 200))
        with self._condition:
            self.asked.append(messages)
            self._condition.notify_all()
        if status != 200:
            body = b'{"error":{"message":"scripted","type":"scripted"}}'
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        for number, piece in enumerate(pieces):
            if number == hold and not self._hold(handler, question):
                return
            self._event(handler, {"content": piece})
        if hold == len(pieces) and not self._hold(handler, question):
            return
        self._event(handler, {}, "stop")
        usage = {"prompt_tokens": 7, "completion_tokens": len(pieces), "total_tokens": 7 + len(pieces)}
        self._send(handler, json.dumps({"id": "x", "model": "scripted", "choices": [], "usage": usage}))
        self._send(handler, "[DONE]")

    def _event(self, handler, delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self._send(handler, json.dumps({"id": "x", "model": "scripted", "choices": [choice]}))

    def _send(self, handler, data):
        handler.wfile.write(f"data: {data}\n\n".encode())
        handler.wfile.flush()

    def _hold(self, handler, question):
        """False when the one who asked has left."""
        while True:
            with self._condition:
                if self._condition.wait_for(lambda: question in self._released, 0.5):
                    return True
            readable, _, _ = select.select([handler.connection], [], [], 0)
            if readable and handler.connection.recv(1) == b"":
                return False
            # One that is silent for 10 s would be given up, and a busy machine may need as long.
            handler.wfile.write(b": thinking\n\n")
