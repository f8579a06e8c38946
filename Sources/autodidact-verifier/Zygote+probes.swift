import CSandbox
import Glibc
import VerifierProtocol

/// What a zygote tries in children of its own before it takes work.
enum InnerProbe {
  /// The inner layers hold; the names of the system calls that were tried and refused.
  case held(refused: [String])
  case failed(String)
}

extension Zygote {
  /// System calls that reach files, networks, processes, the kernel's inside, or memory that can be executed. The filter
  /// allows a few calls and refuses all others; these are tried one by one, because a program in Python has no means to
  /// make most of them.
  private static let callsProbed = [
    "open", "openat", "openat2", "open_by_handle_at", "memfd_create", "read", "write", "socket", "socketpair",
    "connect",
    "bind", "sendto", "execve", "execveat", "fork", "clone", "clone3", "kill", "tkill", "tgkill", "pidfd_send_signal",
    "ptrace", "process_vm_readv", "process_vm_writev", "mount", "umount2", "chroot", "unshare", "setns",
    "io_uring_setup",
    "io_uring_enter", "perf_event_open", "keyctl", "add_key", "bpf", "userfaultfd", "shmget", "mq_open", "prctl",
    "seccomp", "setrlimit", "prlimit64", "setitimer", "clock_gettime", "getrandom", "init_module", "kexec_load", "mmap",
    "mprotect",
  ]

  /// Whether the inner layers hold: tried with a trivial errand, with a program that makes a system call, and with the
  /// calls above.
  func probeInnerLayers() -> InnerProbe {
    guard let report = execute(ChildRequest(work: .literal("1"), limits: .standard)) else {
      return .failed("cannot fork")
    }
    switch report.end {
    case .frame(ChildFrame.value, _): break
    case .frame(ChildFrame.broken, let payload):
      var reader = ByteReader(payload[...])
      return .failed(reader.text() ?? "unknown")
    default: return .failed("a trivial program ends with \(report.end)")
    }
    let program = "import os\ndef f():\n    return os.getppid()"
    let asks = ChildRequest.Work.call(program: program, call: "", entry: "f", screening: .off)
    guard case .frame(ChildFrame.refusedCall, _)? = end(of: asks) else {
      return .failed("a program's system call is not refused")
    }
    let calls = Self.callsProbed.map { (name: $0, number: sandbox_syscall_number($0)) }.filter { $0.number >= 0 }
    switch end(of: .probe(calls.map(\.number))) {
    case .frame(ChildFrame.forbidden, _): return .held(refused: calls.map(\.name))
    case .frame(ChildFrame.broken, let payload):
      var reader = ByteReader(payload[...])
      return .failed(reader.text() ?? "unknown")
    case let other: return .failed("probing system calls ends with \(other.map { "\($0)" } ?? "no child")")
    }
  }

  private func end(of work: ChildRequest.Work) -> ChildReport.End? {
    execute(ChildRequest(work: work, limits: .standard))?.end
  }
}
