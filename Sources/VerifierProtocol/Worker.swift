/// What a worker says of itself before its first job. The pool refuses a worker whose layers are not complete;
/// `doctor` prints them.
package struct WorkerDescription: Codable, Hashable, Sendable {
  /// Version of the frames; both sides must have the same.
  package var protocolVersion: Int
  /// For example `3.11.2`.
  package var pythonVersion: String
  /// The C library, for example `glibc 2.36`.
  package var libraryVersion: String
  /// Hash seeds of the two interpreters.
  package var hashSeeds: [UInt32]
  /// Modules a program may import, sorted; loaded before the sandbox closes.
  package var modules: [String]
  /// One entry per layer, in the order of `SandboxLayer.allCases`.
  package var layers: [LayerReport]

  package static let protocolVersionCurrent = 3

  package init(
    protocolVersion: Int, pythonVersion: String, libraryVersion: String, hashSeeds: [UInt32], modules: [String],
    layers: [LayerReport]
  ) {
    self.protocolVersion = protocolVersion
    self.pythonVersion = pythonVersion
    self.libraryVersion = libraryVersion
    self.hashSeeds = hashSeeds
    self.modules = modules
    self.layers = layers
  }
}

/// The layers of the sandbox; docs/sandbox.md says what each stops.
package enum SandboxLayer: String, Codable, Hashable, Sendable, CaseIterable {
  case unprivilegedUser, noNewPrivileges, userNamespace, pidNamespace, networkNamespace, ipcNamespace, mountNamespace
  case emptyRoot, noCapabilities, landlock, systemCallFilter, limits, noClock
}

/// Whether a layer is in force, and if not, why.
package struct LayerReport: Codable, Hashable, Sendable {
  package var layer: SandboxLayer
  package var isOn: Bool
  /// The failure, or a detail such as the Landlock version.
  package var detail: String

  package init(layer: SandboxLayer, isOn: Bool, detail: String) {
    self.layer = layer
    self.isOn = isOn
    self.detail = detail
  }
}

/// What the daemon sends: jobs with ids of its choosing, answered one by one in this order.
package struct WorkerRequest: Codable, Hashable, Sendable {
  package var jobs: [Numbered]

  package init(jobs: [Numbered]) { self.jobs = jobs }

  package struct Numbered: Codable, Hashable, Sendable {
    package var id: Int
    package var job: VerifierJob

    package init(id: Int, job: VerifierJob) {
      self.id = id
      self.job = job
    }
  }

  /// The greatest number of jobs in one request.
  package static let jobsMax = 64
}

/// What a worker sends, each in a frame of its own.
package enum WorkerMessage: Codable, Hashable, Sendable {
  /// The first message.
  case hello(WorkerDescription)
  /// The answer to one job.
  case reply(id: Int, VerifierReply)
  /// The worker cannot go on and ends; the reason is for the operator.
  case failed(reason: String)
}
