import VerifierProtocol

/// Files, descriptors, network.
extension Attack {
  static let files = [
    Attack("reads /etc/passwd", .forbidden("openat"), "def f():\n    return open('/etc/passwd').read()"),
    Attack("writes a file", .forbidden("openat"), "def f():\n    open('/tmp/x', 'w').write('x')"),
    Attack(
      "fills the disk", .forbidden("openat"),
      "def f():\n    with open('/tmp/x', 'wb') as o:\n        while True: o.write(b'x' * 10**6)"),
    Attack(
      "takes shared memory", .forbidden(""), "import _posixshmem\ndef f():\n    return _posixshmem.shm_open('/x', 66)"),
    Attack("takes a semaphore", .forbidden(""), "import _multiprocessing\ndef f():\n    return 1"),
    Attack("maps memory", .forbidden(""), "import mmap\ndef f():\n    return mmap.mmap(-1, 4096, prot=7)"),
    Attack("reads its own memory", .forbidden("openat"), "def f():\n    return open('/proc/self/mem', 'rb').read(1)"),
    Attack(
      "opens by the low-level call", .forbidden("openat"),
      "import os\ndef f():\n    return os.open('/dev/zero', os.O_RDONLY)"),
    Attack("opens a device", .forbidden("openat"), "def f():\n    return open('/dev/mem', 'rb')"),
    Attack("lists a folder", .forbidden("openat"), "import os\ndef f():\n    return os.listdir('/')"),
    Attack("looks at a file", .forbidden("newfstatat"), "import os\ndef f():\n    return os.stat('/etc/passwd')"),
    Attack("asks for the working folder", .forbidden("getcwd"), "import os\ndef f():\n    return os.getcwd()"),
    Attack("makes a folder", .forbidden("mkdir"), "import os\ndef f():\n    os.mkdir('/x')"),
    Attack("removes a file", .forbidden("unlink"), "import os\ndef f():\n    os.unlink('/x')"),
    Attack("makes a link", .forbidden("symlink"), "import os\ndef f():\n    os.symlink('/', 'x')"),
    Attack("renames a file", .forbidden("rename"), "import os\ndef f():\n    os.rename('/a', '/b')"),
    Attack("changes the mode of a file", .forbidden("chmod"), "import os\ndef f():\n    os.chmod('/', 0o777)"),
    Attack("makes a memory file", .forbidden("memfd_create"), "import os\ndef f():\n    return os.memfd_create('x')"),
    Attack("makes a pipe", .forbidden("pipe"), "import os\ndef f():\n    return os.pipe()"),
    Attack("reads standard input", .forbidden("read"), "import os\ndef f():\n    return os.read(0, 10)"),
    Attack("reads its result descriptor", .forbidden("read"), "import os\ndef f():\n    return os.read(3, 10)"),
    Attack("duplicates its result descriptor", .forbidden("fcntl"), "import os\ndef f():\n    return os.dup(3)"),
    Attack("closes its result descriptor", .forbidden("close"), "import os\ndef f():\n    os.close(3)"),
    Attack("closes every descriptor", .forbidden("close"), "import os\ndef f():\n    os.closerange(0, 256)"),
    Attack("mounts", .forbidden(""), "import os\ndef f():\n    import ctypes\n    return 1"),
    Attack("opens a socket", .forbidden(""), "import socket\ndef f():\n    return socket.socket()"),
    Attack("opens a socket by the C module", .forbidden(""), "import _socket\ndef f():\n    return _socket.socket()"),
    Attack(
      "asks the name service", .forbidden(""),
      "def f():\n    import socket\n    return socket.getaddrinfo('example.com', 80)"),
    Attack("imports a module from disk", .forbidden(""), "import sqlite3\ndef f():\n    return 1"),
    Attack("loads a library", .forbidden(""), "import ctypes\ndef f():\n    return ctypes.CDLL(None).getpid()"),
    Attack("loads an extension module", .forbidden(""), "import _ctypes\ndef f():\n    return 1"),
    Attack(
      "opens by the io module", .forbidden("openat"), "import io\ndef f():\n    return io.FileIO('/etc/passwd').read()"),
    Attack(
      "wraps the result descriptor in a file", .forbidden(""),
      "import io\ndef f():\n    return io.FileIO(3, 'w').write(b'x')"),
    Attack("reads a help text", .forbidden(""), "def f():\n    import pydoc\n    return pydoc.render_doc(int)"),
    Attack(
      "reads the environment", .exactly(.value("{}")), "import os\ndef f():\n    return dict(os.environ)"),
  ]
}
