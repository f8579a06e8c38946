import VerifierProtocol

/// The verifier itself failed. Never a verdict about a program, never a reward (promise P8).
package enum VerificationError: Error, Hashable, CustomStringConvertible {
  /// A job lost its worker more often than `retriesMax` allows.
  case workerLost(attempts: Int)
  /// No worker comes up; the last reason.
  case cannotStart(executable: String, reason: String)
  /// The sandbox is not complete, and the settings do not accept that.
  case missingLayers([LayerReport])
  /// A job that no worker may be asked to do.
  case invalidJob(reason: String)
  /// The pool is shutting down.
  case closed

  package var description: String {
    switch self {
    case .workerLost(let attempts): "the verifier lost its worker \(attempts) times on one job; it has no verdict"
    case .cannotStart(let executable, let reason): "the verifier '\(executable)' does not start: \(reason)"
    case .missingLayers(let layers):
      "the sandbox is not complete: "
        + layers.map { "\($0.layer.rawValue) is missing (\($0.detail))" }.joined(separator: ", ")
        + "; the settings can accept that by name, verifier.accepted_missing_layers: "
        + "[\(layers.map(\.layer.rawValue).joined(separator: ", "))] (docs/sandbox.md, \"Layers\")"
    case .invalidJob(let reason): "not a job for the verifier: \(reason)"
    case .closed: "the verifier is shutting down"
    }
  }
}
