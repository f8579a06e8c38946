import Foundation

/// The kernel, the processor and the clock.
struct HostExamination {
  typealias Finding = Examination.Finding

  let host: HostFacts
  let numericsProfile: String
  let environment: [String: String]

  func findings() -> [Finding] {
    [kernel] + namespaces + [seccomp, securityModules, numerics, clock, failpoint].compactMap(\.self)
  }

  private var kernel: Finding {
    let release = host.line("proc/sys/kernel/osrelease") ?? "unknown"
    let parts = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    let isGood = parts.count == 2 && (parts[0], parts[1]) >= (5, 13)
    return Finding(
      "kernel", isGood: isGood, else: .warn, "Linux \(release)",
      cure: "Landlock needs Linux 5.13 or newer: take one, or accept the missing layer (docs/sandbox.md)")
  }

  /// What forbids user namespaces to an ordinary user. The sandbox's own findings say whether it is in force.
  private var namespaces: [Finding] {
    var found: [Finding] = []
    if let most = host.line("proc/sys/user/max_user_namespaces") {
      found.append(
        Finding(
          "user namespaces", isGood: (Int(most) ?? 0) > 0, "user.max_user_namespaces \(most)",
          cure: "sysctl user.max_user_namespaces=15000, and the same line in /etc/sysctl.d/"))
    }
    if host.line("proc/sys/kernel/unprivileged_userns_clone") == "0" {
      found.append(
        Finding(
          "user namespaces", .fail, "kernel.unprivileged_userns_clone 0: only root may make them",
          cure: "sysctl kernel.unprivileged_userns_clone=1, and the same line in /etc/sysctl.d/"))
    }
    if host.line("proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
      found.append(
        Finding(
          "user namespaces", .warn,
          "kernel.apparmor_restrict_unprivileged_userns 1: programs without a profile lose them",
          cure: "give autodidact-verifier an AppArmor profile with `userns,`, or set the key to 0"))
    }
    return found
  }

  private var seccomp: Finding? {
    guard let actions = host.line("proc/sys/kernel/seccomp/actions_avail") else {
      return Finding(
        "seccomp", .fail, "the kernel lists no actions of seccomp",
        cure: "take a kernel with CONFIG_SECCOMP_FILTER, or mount /proc")
    }
    let missing = ["kill_process", "trap"].filter { !actions.split(separator: " ").map(String.init).contains($0) }
    return Finding(
      "seccomp", isGood: missing.isEmpty, actions,
      cure: "the kernel lacks \(missing.joined(separator: ", ")): take a newer one")
  }

  /// Readable only where securityfs is mounted; without it the sandbox's finding has to do.
  private var securityModules: Finding? {
    guard let modules = host.line("sys/kernel/security/lsm") else { return nil }
    return Finding(
      "Landlock", isGood: modules.split(separator: ",").contains("landlock"), else: .warn,
      "security modules: \(modules)",
      cure: "boot with landlock in lsm=…, or accept the missing layer (docs/sandbox.md)")
  }

  private var numerics: Finding {
    let isSlow = numericsProfile.hasSuffix("portable") && host.hasAVX2
    return Finding(
      "numerics", isGood: !isSlow, else: .warn, numericsProfile,
      cure:
        "this processor has AVX2: unset AUTODIDACT_KERNELS (\(environment["AUTODIDACT_KERNELS"] ?? "it is not set"))")
  }

  private var clock: Finding? {
    let source =
      host.line("sys/devices/system/clocksource/clocksource0/current_clocksource").map { ", source \($0)" } ?? ""
    guard let isSynchronised = host.isClockSynchronised else { return nil }
    return Finding(
      "clock", isGood: isSynchronised, else: .warn, (isSynchronised ? "synchronised" : "not synchronised") + source,
      cure: "nothing depends on it but the times people read: run chrony or systemd-timesyncd")
  }

  private var failpoint: Finding? {
    guard let point = environment["AUTODIDACT_FAILPOINT"], !point.isEmpty else { return nil }
    return Finding(
      "environment", .warn, "AUTODIDACT_FAILPOINT is \(point): programs die there on purpose",
      cure: "unset AUTODIDACT_FAILPOINT, unless this is a fault test")
  }
}
