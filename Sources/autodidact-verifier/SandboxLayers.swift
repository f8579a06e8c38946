import CSandbox
import Glibc
import VerifierProtocol

/// Enters the outer layers of the sandbox in a zygote and remembers how each went.
///
/// A layer that fails is reported, not fatal: the pool decides, by the settings, whether to work without it.
struct SandboxLayers {
  /// Who model-written code runs as when the worker is started by root: `nobody`.
  static let unprivilegedUser: uid_t = 65534

  private(set) var reports: [LayerReport] = []

  /// Before the interpreter starts: user, privileges, namespaces. The pid namespace holds only processes forked later.
  mutating func enterNamespaces() {
    if getuid() == 0 || geteuid() == 0 {
      record(.unprivilegedUser, sandbox_drop_user(Self.unprivilegedUser), detail: "\(Self.unprivilegedUser)")
    } else {
      record(.unprivilegedUser, 0, detail: "\(getuid())")
    }
    record(.noNewPrivileges, sandbox_no_new_privileges())
    record(.userNamespace, sandbox_user_namespace())
    record(.pidNamespace, sandbox_namespace(SANDBOX_PID))
    record(.networkNamespace, sandbox_namespace(SANDBOX_NETWORK))
    record(.ipcNamespace, sandbox_namespace(SANDBOX_IPC))
    record(.mountNamespace, sandbox_namespace(SANDBOX_MOUNT))
    _ = sandbox_namespace(SANDBOX_HOSTNAME)  // a name is no danger, so its failure is no report
  }

  /// After the interpreter has loaded its last module: no file, no right, no system call outside the list.
  mutating func close() {
    record(.emptyRoot, sandbox_empty_root())
    record(.noCapabilities, sandbox_drop_capabilities())
    var version: Int32 = 0
    let error = sandbox_landlock(&version)
    record(.landlock, error, detail: "version \(version)")
    record(.systemCallFilter, sandbox_filter_prepare(SANDBOX_RESULT_FD))
  }

  /// Adds the inner layers, proved by children that entered them.
  mutating func recordInner(_ probe: InnerProbe) {
    let index = reports.firstIndex { $0.layer == .systemCallFilter }
    var failure: String?
    switch probe {
    case .held(let refused):
      if let index, reports[index].isOn { reports[index].detail = "refuses " + refused.joined(separator: " ") }
    case .failed(let reason):
      failure = reason
      if let index { reports[index] = LayerReport(layer: .systemCallFilter, isOn: false, detail: reason) }
    }
    reports.append(LayerReport(layer: .limits, isOn: failure == nil, detail: failure ?? ""))
    reports.append(LayerReport(layer: .noClock, isOn: failure == nil, detail: failure ?? ""))
  }

  private mutating func record(_ layer: SandboxLayer, _ error: Int32, detail: String = "") {
    let reason = error == 0 ? detail : String(cString: strerror(error))
    reports.append(LayerReport(layer: layer, isOn: error == 0, detail: reason))
  }
}
