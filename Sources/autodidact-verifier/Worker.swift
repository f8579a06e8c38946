import CSandbox
import Glibc
import VerifierProtocol

/// The worker: reads requests on standard input, has each job done by its zygotes, answers on standard output.
/// It runs no Python itself and ends when its input ends.
struct Worker {
  /// Hash seeds of the two interpreters. Fixed, so that a program's value is the same on every host.
  static let hashSeeds: [UInt32] = [1, 2]

  private let zygotes: [ZygoteClient]

  /// The whole life of a worker process; returns its exit code.
  static func main() -> Int32 {
    signal(SIGPIPE, SIG_IGN)
    _ = sandbox_close_from(3)
    _ = sandbox_become_subreaper()
    var zygotes: [ZygoteClient] = []
    do {
      for seed in hashSeeds { zygotes.append(try ZygoteClient(hashSeed: seed)) }
      if getuid() == 0 { _ = sandbox_drop_user(SandboxLayers.unprivilegedUser) }
      _ = sandbox_no_new_privileges()
      var landlockVersion: Int32 = 0
      _ = sandbox_landlock(&landlockVersion)  // the worker runs no model-written code and opens no file any more
      let worker = Worker(zygotes: zygotes)
      try worker.send(.hello(worker.description))
      try worker.serve()
      worker.shutDown()
      return 0
    } catch {
      if let frame = try? Frame.encode(WorkerMessage.failed(reason: "\(error)")) {
        _ = Descriptor.write(1, frame)
      }
      for zygote in zygotes { zygote.close() }
      reapAll()
      return 1
    }
  }

  private var description: WorkerDescription {
    // A layer counts only if both zygotes have it.
    let layers = zygotes[0].layers.map { report in
      let other = zygotes[1].layers.first { $0.layer == report.layer }
      return report.isOn ? other ?? report : report
    }
    return WorkerDescription(
      protocolVersion: WorkerDescription.protocolVersionCurrent, pythonVersion: zygotes[0].pythonVersion,
      libraryVersion: "glibc \(String(cString: sandbox_libc_version()))", hashSeeds: Self.hashSeeds,
      modules: Prelude.modules, layers: layers)
  }

  private func serve() throws {
    while let header = Descriptor.read(0, count: Frame.headerBytes) {
      let length = try Frame.length(header: header)
      guard let body = Descriptor.read(0, count: length) else {
        throw WorkerError(description: "the input ends within a frame")
      }
      let request = try Frame.decode(WorkerRequest.self, from: body)
      guard request.jobs.count <= WorkerRequest.jobsMax else {
        throw WorkerError(description: "\(request.jobs.count) jobs in a request, at most \(WorkerRequest.jobsMax)")
      }
      for numbered in request.jobs {
        try send(.reply(id: numbered.id, try perform(numbered.job)))
      }
    }
  }

  private func send(_ message: WorkerMessage) throws {
    guard Descriptor.write(1, try Frame.encode(message)) else {
      throw WorkerError(description: "nobody reads the answers")
    }
  }

  private func shutDown() {
    for zygote in zygotes { zygote.close() }
    Self.reapAll()
  }

  /// Waits for every process below this one: zygotes end when their connection closes, and their children with them.
  private static func reapAll() {
    while waitpid(-1, nil, 0) > 0 || errno == EINTR {}
  }

  // MARK: Jobs

  private func perform(_ job: VerifierJob) throws(WorkerError) -> VerifierReply {
    switch job {
    case .run(let run): return .run(try perform(run))
    case .literal(let literal): return .literal(try perform(literal))
    case .normalise(let normalise): return .normalise(try perform(normalise))
    case .inspect(let inspect): return .inspect(try perform(inspect))
    }
  }

  private func perform(_ job: RunJob) throws(WorkerError) -> RunReply {
    try check(job.limits)
    var calls: [CallReply] = []
    for call in job.calls {
      let request = ChildRequest(
        work: .call(program: job.program, call: call, entry: job.entry, screening: job.screening), limits: job.limits)
      let first = try Judge.reply(to: execute(request, in: zygotes[0]))
      // A refused call stays refused; only a value is worth a second opinion.
      guard job.checksDeterminism, case .value = first.outcome else {
        calls.append(first)
        continue
      }
      calls.append(Judge.combine(first, try Judge.reply(to: execute(request, in: zygotes[1]))))
    }
    return RunReply(calls: calls)
  }

  private func perform(_ job: LiteralJob) throws(WorkerError) -> TextReply {
    try check(job.limits)
    let report = try execute(ChildRequest(work: .literal(job.text), limits: job.limits), in: zygotes[0])
    return Judge.text(try Judge.reply(to: report).outcome)
  }

  private func perform(_ job: NormaliseJob) throws(WorkerError) -> NormaliseReply {
    try check(job.limits)
    let work = ChildRequest.Work.normalise(program: job.program, entry: job.entry, options: job.options)
    let report = try execute(ChildRequest(work: work, limits: job.limits), in: zygotes[0])
    return try Judge.normalised(report)
  }

  private func perform(_ job: InspectJob) throws(WorkerError) -> InspectReply {
    try check(job.limits)
    let work = ChildRequest.Work.inspect(question: job.question.rawValue, entry: job.entry, texts: job.texts)
    return try Judge.inspected(try execute(ChildRequest(work: work, limits: job.limits), in: zygotes[0]))
  }

  /// Runs a child, and once more with twice the time if it reached the wall-clock deadline without having had the processor
  /// for long: then the host was busy, or the program waits for something; the second run tells.
  private func execute(_ request: ChildRequest, in zygote: ZygoteClient) throws(WorkerError) -> ChildReport {
    let report = try zygote.execute(request)
    let limits = request.limits
    guard report.end == .timedOut, report.usage.cpuSeconds < 0.25 * min(limits.cpuSeconds, limits.wallSeconds) else {
      return report
    }
    var patient = request
    patient.limits.wallSeconds *= 2
    return try zygote.execute(patient)
  }

  private func check(_ limits: VerifierLimits) throws(WorkerError) {
    if let complaint = limits.complaint { throw WorkerError(description: complaint) }
  }
}
