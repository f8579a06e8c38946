"""A loopback proxy in front of PostgreSQL that loses answers, delays, cuts, swallows and repeats."""

import random
import selectors
import socket
import struct
import threading
import time


class Proxy:
    """Forwards every connection to the server's port. `behaviour` says what goes wrong; `hits` counts how often it did."""

    def __init__(self, server_port, seed, database):
        self.server_port, self.draws, self.database = server_port, random.Random(seed), database
        self.behaviour, self.hits, self.limit, self.appends = "none", 0, 0, 0
        self.repeated = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.is_closed, self.lock = False, threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def set(self, behaviour, limit=1):
        """Does it at most `limit` times; "none" forwards faithfully."""
        with self.lock:
            self.behaviour, self.hits, self.limit, self.appends = behaviour, 0, limit, 0

    def close(self):
        self.is_closed = True
        self.listener.close()

    def accept(self):
        while not self.is_closed:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def strike(self):
        """Whether the fault is due now."""
        with self.lock:
            if self.hits >= self.limit:
                return False
            self.hits += 1
            return True

    def serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.server_port))
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.forward(client, server)
        except OSError:
            pass
        finally:
            client.close()
            server.close()

    def forward(self, client, server):
        selector = selectors.DefaultSelector()
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)
        answers, copy = "forward", None
        while not self.is_closed:
            for key, _ in selector.select(0.2):
                data = key.fileobj.recv(1 << 16)
                if not data:
                    return
                if key.fileobj is client and b"log.append(" in data:
                    with self.lock:
                        self.appends += 1
                    if self.behaviour == "drop" and self.draws.random() < 0.3 and self.strike():
                        answers = "drop"
                    if self.behaviour == "swallow" and self.draws.random() < 0.3 and self.strike():
                        answers = "swallow"
                    if self.behaviour == "repeat" and self.draws.random() < 0.5 and self.strike():
                        copy = b""
                if copy is not None and key.fileobj is client:
                    copy += data
                elif copy is not None:  # the server answers: the request is complete
                    for _ in range(self.draws.randint(1, 2)):
                        delay = self.draws.choice([0, 0.02, 0.3])
                        threading.Thread(target=self.repeat, args=(copy, delay), daemon=True).start()
                    copy = None
                if self.behaviour == "cut" and self.draws.random() < 0.05 and self.strike():
                    return
                if self.behaviour == "delay" and self.draws.random() < 0.2 and self.strike():
                    time.sleep(self.draws.uniform(0.05, 0.4))
                if answers == "swallow":
                    continue  # neither way, and no end: the client has to notice by itself
                if key.fileobj is server and answers == "drop" and b"Z\x00\x00\x00\x05I" in data[-6:]:
                    return  # committed, and nobody is told
                if key.fileobj is server and answers == "drop":
                    continue
                key.data.sendall(data)

    def repeat(self, request, delay):
        """Delivers a request again, on a connection of its own, while or after the first is dealt with."""
        time.sleep(delay)
        try:
            with socket.create_connection(("127.0.0.1", self.server_port)) as server:
                server.settimeout(10)
                text = f"user\0autodidact\0database\0{self.database}\0application_name\0late\0\0".encode()
                server.sendall(struct.pack(">II", len(text) + 8, 196608) + text)
                self.until_ready(server)
                server.sendall(request)
                self.until_ready(server)
                with self.lock:
                    self.repeated += 1
        except OSError:
            pass

    @staticmethod
    def until_ready(server):
        answer = b""
        while not answer.endswith(b"Z\x00\x00\x00\x05I"):
            data = server.recv(1 << 16)
            if not data:
                raise OSError("no answer")
            answer += data
