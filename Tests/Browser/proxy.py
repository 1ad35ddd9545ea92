"""A line between the browser and the server that can be cut, and stay cut."""

import socket
import threading


class Proxy:
    """Passes bytes on to a port of this machine."""

    def __init__(self, target):
        self._target = target
        self._open = set()
        self._lock = threading.Lock()
        self._is_cut = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Resets every connection, and each new one until mend()."""
        with self._lock:
            self._is_cut = True
            for end in self._open:
                end.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def mend(self):
        with self._lock:
            self._is_cut = False

    def _accept(self):
        while True:
            near, _ = self._listener.accept()
            with self._lock:
                if self._is_cut:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._target))
                self._open |= {near, far}
            threading.Thread(target=self._pass, args=(near, far), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near), daemon=True).start()

    def _pass(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        with self._lock:
            for end in (source, sink):
                if end in self._open:
                    self._open.discard(end)
                    try:
                        end.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass
