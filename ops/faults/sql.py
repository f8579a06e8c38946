"""libpq by ctypes: one session, text in, rows of text out. The standard library has no PostgreSQL client, and a psql a
question is too slow a witness."""

import ctypes

_pq = ctypes.CDLL("libpq.so.5")
for _name in ("PQconnectdb", "PQexec", "PQerrorMessage", "PQgetvalue", "PQresultErrorMessage"):
    getattr(_pq, _name).restype = ctypes.c_void_p
_pq.PQerrorMessage.restype = _pq.PQgetvalue.restype = _pq.PQresultErrorMessage.restype = ctypes.c_char_p
for _name in ("PQstatus", "PQerrorMessage", "PQfinish", "PQresultStatus", "PQntuples", "PQnfields", "PQclear",
              "PQresultErrorMessage"):
    getattr(_pq, _name).argtypes = [ctypes.c_void_p]
_pq.PQconnectdb.argtypes = [ctypes.c_char_p]
_pq.PQexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
_pq.PQgetvalue.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]


class Unreachable(Exception):
    """The server did not answer, or refused."""


class Session:
    def __init__(self, url):
        self.url, self.handle = url, None

    def rows(self, sql):
        """Rows as lists of text. A broken session is made again at the next question."""
        if self.handle is None:
            self.handle = _pq.PQconnectdb(self.url.encode())
            if _pq.PQstatus(self.handle) != 0:
                self.fail(_pq.PQerrorMessage(self.handle))
        result = _pq.PQexec(self.handle, sql.encode())
        if not result or _pq.PQresultStatus(result) not in (1, 2):
            message = _pq.PQresultErrorMessage(result) if result else _pq.PQerrorMessage(self.handle)
            if result:
                _pq.PQclear(result)
            self.fail(message)
        rows = [[_pq.PQgetvalue(result, row, column).decode() for column in range(_pq.PQnfields(result))]
                for row in range(_pq.PQntuples(result))]
        _pq.PQclear(result)
        return rows

    def value(self, sql):
        rows = self.rows(sql)
        return rows[0][0] if rows else None

    def fail(self, message):
        text = (message or b"").decode().strip()
        self.close()
        raise Unreachable(text)

    def close(self):
        if self.handle is not None:
            _pq.PQfinish(self.handle)
            self.handle = None
