import CSandbox
import Glibc
import VerifierProtocol

/// Why a worker cannot go on. The pool replaces the worker; no job gets a verdict from it.
struct WorkerError: Error, CustomStringConvertible {
  var description: String
}

/// A worker's end of the connection to one zygote.
struct ZygoteClient {
  let control: Int32
  let pythonVersion: String
  let layers: [LayerReport]

  /// Starts a zygote and waits until it is warm.
  init(hashSeed: UInt32) throws(WorkerError) {
    var control: Int32 = -1
    let pid = sandbox_spawn_self(CommandLine.arguments[0], Zygote.argument, "\(hashSeed)", &control)
    guard pid > 0 else { throw WorkerError(description: "cannot start a zygote: \(String(cString: strerror(-pid)))") }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    guard status == 0 else { throw WorkerError(description: "a zygote ends with status \(status) before it is warm") }
    guard Descriptor.write(control, [1]), let hello = Descriptor.readMessage(control) else {
      throw WorkerError(description: "a zygote ends before it is warm")
    }
    var reader = ByteReader(hello[...])
    guard let version = reader.text(), let texts = reader.texts() else {
      throw WorkerError(description: "a zygote's greeting is unreadable")
    }
    guard !version.isEmpty else { throw WorkerError(description: texts.first ?? "a zygote fails") }
    self.control = control
    pythonVersion = version
    layers = stride(from: 0, to: texts.count - 2, by: 3).compactMap { index in
      SandboxLayer(rawValue: texts[index]).map {
        LayerReport(layer: $0, isOn: texts[index + 1] == "on", detail: texts[index + 2])
      }
    }
  }

  /// Runs one child and waits for its end.
  func execute(_ request: ChildRequest) throws(WorkerError) -> ChildReport {
    guard Descriptor.writeMessage(control, request.encoded), let answer = Descriptor.readMessage(control),
      let report = ChildReport(encoded: answer)
    else { throw WorkerError(description: "a zygote is gone") }
    if report.end == .lost { throw WorkerError(description: "a child was killed from outside") }
    return report
  }

  /// Ends the zygote by closing its connection.
  func close() { Glibc.close(control) }
}
