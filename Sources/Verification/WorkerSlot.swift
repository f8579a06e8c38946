import FoundationEssentials
import Logging
import Subprocess
import SystemPackage
import VerifierProtocol

/// One place for a worker in the pool: starts a worker, talks with it, and starts another when it is lost. Its life is one
/// child task of `withVerifierPool`.
struct WorkerSlot {
  let number: Int
  let pool: VerifierPool
  let clock: any Clock<Duration>
  let logger: Logger

  /// Runs until the pool is closed.
  func run() async {
    var failures = 0
    while !pool.isClosed && !Task.isCancelled {
      do {
        try await runWorker(onGreeting: { failures = 0 })
      } catch let error as VerificationError {
        pool.close(error: error)
      } catch {
        failures += 1
        logger.warning("verifier worker ended", metadata: ["slot": "\(number)", "reason": "\(error)"])
        if failures >= pool.configuration.startFailuresMax {
          pool.close(error: .cannotStart(executable: pool.configuration.executable, reason: "\(error)"))
        } else if failures > 1 {
          try? await clock.sleep(for: pool.configuration.startPause)
        }
      }
    }
  }

  /// One worker from start to end. `onGreeting` is called when it is ready for work.
  private func runWorker(onGreeting: () -> Void) async throws {
    // Nothing of our environment, but what the loader needs to find Swift's libraries.
    let path = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"]
    let environment = path.map { ["LD_LIBRARY_PATH": $0] } ?? [:]
    _ = try await Subprocess.run(
      .path(FilePath(pool.configuration.executable)),
      environment: .custom(
        Dictionary(uniqueKeysWithValues: environment.map { (.init(stringLiteral: $0.key), $0.value) })),
      input: .inputWriter, output: .sequence, error: .discarded
    ) { execution in
      let conversation = Conversation(execution: execution, clock: clock)
      try await greet(conversation)
      onGreeting()
      while let batch = await pool.nextBatch(slot: number) {
        try await work(batch, conversation)
      }
      try await conversation.finish(within: pool.configuration.slack)
    }
  }

  private func greet(_ conversation: Conversation) async throws {
    guard case .hello(let description) = try await conversation.next(within: pool.configuration.startTimeout) else {
      throw ConversationError(reason: "the first message is no greeting")
    }
    guard description.protocolVersion == WorkerDescription.protocolVersionCurrent else {
      let expected = WorkerDescription.protocolVersionCurrent
      throw VerificationError.cannotStart(
        executable: pool.configuration.executable,
        reason: "it speaks version \(description.protocolVersion) of the protocol, this program version \(expected)")
    }
    let missing = SandboxLayer.allCases.compactMap { layer -> LayerReport? in
      let report = description.layers.first { $0.layer == layer }
      return report?.isOn == true ? nil : report ?? LayerReport(layer: layer, isOn: false, detail: "not reported")
    }
    let refused = missing.filter { !pool.configuration.acceptedMissingLayers.contains($0.layer) }
    guard refused.isEmpty else { throw VerificationError.missingLayers(refused) }
    for report in missing {
      logger.warning(
        "a layer of the sandbox is missing, as the settings accept",
        metadata: ["layer": "\(report.layer.rawValue)", "reason": "\(report.detail)"])
    }
    pool.greeted(description)
  }

  /// Sends a batch and passes on the replies. Whatever goes wrong, the jobs without a reply go back to the queue.
  private func work(_ batch: [PoolQueue.Ticket], _ conversation: Conversation) async throws {
    var open = batch[...]
    do {
      try await conversation.send(
        WorkerRequest(jobs: batch.map { WorkerRequest.Numbered(id: $0.id, job: $0.job) }))
      while let ticket = open.first {
        let limit = ticket.job.durationMax + pool.configuration.slack
        guard case .reply(ticket.id, let reply) = try await conversation.next(within: limit) else {
          throw ConversationError(reason: "an answer to something else")
        }
        open.removeFirst()
        pool.answered(ticket: ticket.id, reply: reply)
      }
    } catch {
      pool.lost(Array(open))
      throw error
    }
  }
}
