import CSandbox
import Glibc
import VerifierProtocol

/// A process that holds one warm interpreter inside the outer sandbox and forks a child for every request. The worker
/// starts two, with different hash seeds, each by a fork and exec of its own, so that their address layouts differ too.
struct Zygote {
  /// The first argument that turns this executable into a zygote; the second is the hash seed.
  static let argument = "--zygote"
  /// The descriptor on which a zygote talks with its worker.
  static let control: Int32 = 3

  private let interpreter: Interpreter
  private let baseBytes: Int

  /// The whole life of a zygote process.
  static func main(hashSeed: UInt32) -> Never {
    var layers = SandboxLayers()
    layers.enterNamespaces()
    continueAsInit()
    _ = sandbox_die_first()  // a matter of courtesy, not of safety
    clearenv()
    do {
      let interpreter = try Interpreter(hashSeed: hashSeed)
      Rehearsal.run(interpreter)
      try interpreter.freeze()
      PythonArenas.close()
      MemoryHoles.plug()
      let zygote = Zygote(interpreter: interpreter, baseBytes: mappedBytes())
      sandbox_freeze_clock(hashSeed)
      layers.close()
      layers.recordInner(zygote.probeInnerLayers())
      var hello = ByteWriter()
      hello.text(Interpreter.version)
      hello.texts(layers.reports.flatMap { [$0.layer.rawValue, $0.isOn ? "on" : "off", $0.detail] })
      guard Descriptor.writeMessage(control, hello.bytes) else { _exit(0) }
      zygote.serve()
    } catch {
      var failure = ByteWriter()
      failure.text("")
      failure.texts([error.description])
      _ = Descriptor.writeMessage(control, failure.bytes)
      _exit(1)
    }
  }

  /// The pid namespace begins with the next fork: that process goes on as its first, so that when it ends, the kernel
  /// ends everything in it. The worker adopts it and says go.
  private static func continueAsInit() {
    let pid = sandbox_fork()
    if pid != 0 { _exit(pid > 0 ? 0 : 72) }
    guard Descriptor.read(control, count: 1) != nil, sandbox_die_with_parent() == 0 else { _exit(73) }
  }

  /// Requests, one after another, until the worker closes the connection.
  private func serve() -> Never {
    while let message = Descriptor.readMessage(Self.control) {
      guard let request = ChildRequest(encoded: message) else { _exit(74) }
      guard let report = execute(request), Descriptor.writeMessage(Self.control, report.encoded) else { _exit(75) }
    }
    _exit(0)
  }

  /// One child from fork to reaping. nil if the kernel refuses a process or a pipe.
  func execute(_ request: ChildRequest) -> ChildReport? {
    var ends: [Int32] = [-1, -1]
    var nonce = [UInt8](repeating: 0, count: Int(SANDBOX_NONCE_BYTES))
    guard sandbox_random(&nonce, nonce.count) == 0, sandbox_pipe(&ends) == 0 else { return nil }
    let start = sandbox_monotonic_seconds()
    let pid = sandbox_fork()
    if pid == 0 {
      Child.run(
        request, interpreter: interpreter, resultDescriptor: ends[1], nonce: nonce, baseBytes: baseBytes)
    }
    Glibc.close(ends[1])
    defer { Glibc.close(ends[0]) }
    guard pid > 0 else { return nil }
    let watch = ChildWatch(pid: pid, result: ends[0], control: Self.control, nonce: nonce, limits: request.limits)
    return watch.report(start: start)
  }

  /// The size of this process's address space.
  private static func mappedBytes() -> Int {
    let descriptor = open("/proc/self/statm", O_RDONLY)
    defer { close(descriptor) }
    var text = [UInt8](repeating: 0, count: 64)
    let count = read(descriptor, &text, text.count)
    let pages = String(decoding: text.prefix(max(count, 0)), as: UTF8.self).prefix { $0 != " " }
    return (Int(pages) ?? 65536) * Int(getpagesize())
  }
}
