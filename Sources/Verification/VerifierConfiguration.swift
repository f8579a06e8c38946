import FoundationEssentials
import VerifierProtocol

/// How many workers, which executable, and what to put up with. Made by the composition root from the settings.
package struct VerifierConfiguration: Sendable {
  /// The path of `autodidact-verifier`.
  package var executable: String
  /// Workers running at a time.
  package var workersMax: Int
  /// Jobs sent to a worker in one frame; the first of a retry is sent alone.
  package var batchMax: Int
  /// How often a job that lost its worker is tried again.
  package var retriesMax: Int
  /// Starts of a worker in a row without a greeting, after which the pool gives up.
  package var startFailuresMax: Int
  /// What a worker may take beyond the limits of its job before it counts as hung.
  package var slack: Duration
  /// What a worker may take from its start to its greeting.
  package var startTimeout: Duration
  /// The pause between such starts.
  package var startPause: Duration
  /// Memory for replies kept so that an equal job need not be done again; 0 keeps none.
  package var cacheBytesMax: Int
  /// Layers of the sandbox whose absence is accepted: `verifier.accepted_missing_layers` of the experiment, or
  /// `--accept-missing-layer` of a worker elsewhere.
  package var acceptedMissingLayers: Set<SandboxLayer>

  package init(
    executable: String, workersMax: Int = 2, batchMax: Int = 8, retriesMax: Int = 2, startFailuresMax: Int = 3,
    slack: Duration = .seconds(10), startTimeout: Duration = .seconds(30), startPause: Duration = .milliseconds(200),
    cacheBytesMax: Int = 64 << 20, acceptedMissingLayers: Set<SandboxLayer> = []
  ) {
    precondition(1...256 ~= workersMax, "workersMax is \(workersMax), allowed 1…256")
    precondition(1...WorkerRequest.jobsMax ~= batchMax, "batchMax is \(batchMax), allowed 1…\(WorkerRequest.jobsMax)")
    precondition(0...100 ~= retriesMax, "retriesMax is \(retriesMax), allowed 0…100")
    precondition(1...100 ~= startFailuresMax, "startFailuresMax is \(startFailuresMax), allowed 1…100")
    self.executable = executable
    self.workersMax = workersMax
    self.batchMax = batchMax
    self.retriesMax = retriesMax
    self.startFailuresMax = startFailuresMax
    self.slack = slack
    self.startTimeout = startTimeout
    self.startPause = startPause
    self.cacheBytesMax = cacheBytesMax
    self.acceptedMissingLayers = acceptedMissingLayers
  }

  /// The worker beside an executable of ours: same folder, after links are resolved.
  /// - Parameter program: `CommandLine.arguments[0]` or, better, `/proc/self/exe`.
  package static func executable(beside program: String) -> String {
    let url = URL(filePath: program).resolvingSymlinksInPath().deletingLastPathComponent()
    return url.appending(path: "autodidact-verifier").path
  }
}
