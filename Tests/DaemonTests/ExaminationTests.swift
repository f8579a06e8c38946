import Daemon
import Foundation
import Testing

/// What `doctor` says of kernels that this machine does not have. Faults that can be made for real are in ops/tests/doctor.
@Suite("What doctor says of a kernel")
struct ExaminationTests {
  /// Findings of one subject, with `files` as `/proc` and `/sys`.
  private func findings(of subject: String, _ files: [String: String], _ environment: [String: String] = [:])
    async throws
    -> [Examination.Finding]
  {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (path, text) in files {
      let file = folder.appending(path: path)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data((text + "\n").utf8).write(to: file)
    }
    let share = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let examination = Examination(
      home: Home(state: folder, share: share), databaseOption: "postgres://nobody@127.0.0.1:1/none",
      environment: environment, host: HostFacts(root: folder.path))
    return await examination.findings().filter { $0.subject == subject }
  }

  @Test("a kernel older than Landlock is pointed out")
  func oldKernel() async throws {
    let found = try await findings(of: "kernel", ["proc/sys/kernel/osrelease": "5.10.0-28-amd64"])
    #expect(found.map(\.status) == [.warn])
    let newer = try await findings(of: "kernel", ["proc/sys/kernel/osrelease": "6.1.0-13-amd64"])
    #expect(newer.map(\.status) == [.ok])
  }

  @Test("user namespaces that only root may make fail, those that AppArmor restricts are pointed out")
  func namespaces() async throws {
    let found = try await findings(
      of: "user namespaces",
      [
        "proc/sys/user/max_user_namespaces": "15000", "proc/sys/kernel/unprivileged_userns_clone": "0",
        "proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
      ])
    #expect(found.map(\.status) == [.ok, .fail, .warn])
    #expect(found.dropFirst().allSatisfy { $0.cure != nil })
  }

  @Test("a kernel without the actions of seccomp that the sandbox uses fails")
  func seccomp() async throws {
    let path = "proc/sys/kernel/seccomp/actions_avail"
    #expect(try await findings(of: "seccomp", [path: "kill_process trap errno allow"]).map(\.status) == [.ok])
    #expect(try await findings(of: "seccomp", [path: "kill errno allow"]).map(\.status) == [.fail])
    #expect(try await findings(of: "seccomp", [:]).map(\.status) == [.fail])
  }

  @Test("Landlock that is not among the security modules is pointed out")
  func landlock() async throws {
    let path = "sys/kernel/security/lsm"
    #expect(try await findings(of: "Landlock", [path: "lockdown,capability,yama,apparmor"]).map(\.status) == [.warn])
    #expect(try await findings(of: "Landlock", [path: "capability,landlock"]).map(\.status) == [.ok])
  }

  @Test("a failpoint that is set is pointed out")
  func environment() async throws {
    let point = try await findings(of: "environment", [:], ["AUTODIDACT_FAILPOINT": "append.committed:2"])
    #expect(point.map(\.status) == [.warn])
    #expect(point.first?.found.contains("append.committed:2") == true)
  }
}
