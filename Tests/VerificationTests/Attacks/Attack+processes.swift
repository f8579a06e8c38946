import VerifierProtocol

/// Processes, signals, privileges.
extension Attack {
  static let processes = [
    Attack("forks", .forbidden(""), "import os\ndef f():\n    return os.fork()"),
    Attack("forks by the C module", .forbidden(""), "import posix\ndef f():\n    return posix.fork()"),
    Attack("fork bomb", .forbidden(""), "import os\ndef f():\n    while True: os.fork()"),
    Attack("executes a program", .forbidden("execve"), "import os\ndef f():\n    os.execv('/bin/sh', ['sh'])"),
    Attack(
      "spawns a program", .forbidden(""), "import os\ndef f():\n    return os.posix_spawn('/bin/true', ['true'], {})"),
    Attack("runs a shell", .forbidden(""), "import os\ndef f():\n    return os.system('id')"),
    Attack("runs a subprocess", .forbidden(""), "def f():\n    import subprocess\n    return subprocess.run(['id'])"),
    Attack(
      "starts a thread", .forbidden(""),
      "import _thread\ndef f():\n    _thread.start_new_thread(print, ())\n    return 1"),
    Attack(
      "thread bomb", .forbidden(""), "import _thread\ndef f():\n    while True: _thread.start_new_thread(print, ())"),
    Attack("kills its parent", .forbidden("kill"), "import os\ndef f():\n    os.kill(1, 9)"),
    Attack("kills everybody", .forbidden("kill"), "import os\ndef f():\n    os.kill(-1, 9)"),
    Attack("kills itself", .forbidden("kill"), "import os\ndef f():\n    os.kill(0, 9)"),
    Attack("aborts", .forbidden(""), "import os\ndef f():\n    os.abort()"),
    Attack(
      "ends its process with success", .forbidden("ended its process with code 0"),
      "import os\ndef f():\n    os._exit(0)"),
    Attack(
      "ends its process as a crash would", .forbidden("crashed"), "import os\ndef f():\n    os._exit(139)"),
    Attack(
      "signals a thread", .forbidden(""),
      "import _signal, _thread\ndef f():\n    _signal.pthread_kill(_thread.get_ident(), 9)"),
    Attack("asks for its pid", .forbidden("getpid"), "import os\ndef f():\n    return os.getpid()"),
    Attack("asks for its user", .forbidden("getuid"), "import os\ndef f():\n    return os.getuid()"),
    Attack("becomes root", .forbidden("setuid"), "import os\ndef f():\n    os.setuid(0)"),
    Attack("changes the root", .forbidden("chroot"), "import os\ndef f():\n    os.chroot('/')"),
    Attack("asks for the host's name", .forbidden("uname"), "import os\ndef f():\n    return os.uname()"),
    Attack("waits for children", .forbidden("wait4"), "import os\ndef f():\n    return os.wait()"),
    Attack("lowers its priority", .forbidden("getpriority"), "import os\ndef f():\n    return os.nice(-5)"),
    Attack(
      "moves to another processor", .forbidden("sched_setaffinity"),
      "import os\ndef f():\n    os.sched_setaffinity(0, [0])"),
    Attack("opens a process", .forbidden("pidfd_open"), "import os\ndef f():\n    return os.pidfd_open(1)"),
    Attack("exits by exception", .raised("SystemExit"), "def f():\n    raise SystemExit(0)"),
    Attack("exits at import", .raised("SystemExit"), "raise SystemExit(0)\ndef f():\n    return 1"),
    Attack("interrupts", .raised("KeyboardInterrupt"), "def f():\n    raise KeyboardInterrupt"),
    Attack(
      "sets a signal handler", .forbidden(""),
      "import _signal\ndef f():\n    _signal.signal(14, lambda *a: None)\n    return 1"),
    Attack("sets an alarm", .forbidden(""), "import _signal\ndef f():\n    _signal.alarm(1)\n    return 1"),
    Attack(
      "blocks signals", .forbidden(""),
      "import _signal\ndef f():\n    _signal.pthread_sigmask(0, [27, 31])\n    while True: pass"),
    Attack(
      "sets a timer", .forbidden(""),
      "import _signal\ndef f():\n    _signal.setitimer(_signal.ITIMER_PROF, 0)\n    while True: pass"),
    Attack(
      "runs something at exit", .exactly(.value("1")),
      "import atexit, os\natexit.register(lambda: os._exit(7))\ndef f():\n    return 1"),
    Attack("raises its limits", .forbidden(""), "def f():\n    import resource\n    resource.setrlimit(0, (-1, -1))"),
  ]
}
