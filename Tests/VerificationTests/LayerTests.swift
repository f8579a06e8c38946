import Domain
import Foundation
import Testing
import Verification
import VerifierProtocol

@Suite("Layers that are missing")
struct LayerTests {
  /// Runs `body` with the path of a worker that truly has no network namespace: in the user namespace it is started in,
  /// the kernel allows none.
  private func withoutNetworkNamespace(_ body: (String) async throws -> Void) async throws {
    let copy = try WorkerCopy()
    let script = copy.folder.appending(path: "without-network-namespace").path
    let text = """
      #!/bin/sh
      exec unshare --user --map-user=1000 --map-group=1000 --keep-caps sh -c \\
        'echo 0 > /proc/sys/user/max_net_namespaces && exec "$0" "$@"' '\(copy.executable)' "$@"

      """
    try Data(text.utf8).write(to: URL(filePath: script))
    for path in [script, copy.folder.path] {
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }
    try await body(script)
  }

  private func withPool(
    _ executable: String, accepting accepted: [VerifierSettings.Layer], _ body: (VerifierPool) async throws -> Void
  ) async throws {
    var settings = VerifierSettings()
    settings.acceptedMissingLayers = accepted
    let configuration = VerifierConfiguration(
      executable: executable, workersMax: 1, acceptedMissingLayers: ProgramVerifier.acceptedMissingLayers(settings))
    try await withVerifierPool(configuration: configuration, body: body)
  }

  @Test(
    "a worker without a layer is refused, with the layer, the reason and the key that accepts it",
    arguments: [[], [VerifierSettings.Layer.landlock, .emptyRoot]])
  func refused(accepted: [VerifierSettings.Layer]) async throws {
    try await withoutNetworkNamespace { executable async throws in
      await #expect {
        try await withPool(executable, accepting: accepted) { pool async throws in _ = try await pool.value("1") }
      } throws: { error in
        guard case .missingLayers(let layers)? = error as? VerificationError else { return false }
        let text = "\(error)"
        return layers.map(\.layer) == [.networkNamespace] && text.contains("No space left on device")
          && text.contains("verifier.accepted_missing_layers: [networkNamespace]")
      }
    }
  }

  @Test("with the layer accepted by name, programs run and the worker still says what is missing")
  func accepted() async throws {
    try await withoutNetworkNamespace { executable async throws in
      try await withPool(executable, accepting: [.networkNamespace]) { pool async throws in
        #expect(try await pool.value("6 * 7") == .value("42"))
        let missing = try await pool.hello().layers.filter { !$0.isOn }
        #expect(missing.map(\.layer) == [.networkNamespace])
      }
    }
  }

  @Test("the other layers hold what the missing one would have stopped")
  func othersHold() async throws {
    try await withoutNetworkNamespace { executable async throws in
      try await withPool(executable, accepting: [.networkNamespace]) { pool async throws in
        for attack in Attack.files where attack.name.contains("socket") {
          let outcome = try await pool.call(attack.program, attack.input).outcome
          #expect(attack.isContained(by: outcome), "\(attack): \(outcome)")
        }
      }
    }
  }

  @Test("the filter's refusals are tried at the start, call by call, and reported")
  func probes() async throws {
    try await withWorkers { pool async throws in
      let report = try #require(try await pool.hello().layers.first { $0.layer == .systemCallFilter })
      #expect(report.isOn)
      let refused = Set(report.detail.split(separator: " ").map(String.init))
      for name in [
        "openat", "socket", "connect", "execve", "clone", "kill", "ptrace", "mount", "io_uring_setup",
        "perf_event_open",
        "keyctl", "bpf", "mmap", "mprotect", "write", "prctl", "seccomp", "process_vm_readv",
      ] { #expect(refused.contains(name), "\(name)") }
    }
  }

  @Test("the settings know the layers that workers report, by the same names and in the same order")
  func names() {
    #expect(VerifierSettings.Layer.allCases.map(\.rawValue) == SandboxLayer.allCases.map(\.rawValue))
  }
}
