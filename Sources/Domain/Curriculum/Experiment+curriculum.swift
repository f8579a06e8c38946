extension Experiment {
  /// What the draws of the next step are weighed by; nil where they are uniform.
  func curriculum(for use: CurriculumUse, iteration: Int) -> Curriculum? {
    let strategy = settings.curriculum[use]
    guard strategy != .uniform else { return nil }
    return Curriculum(strategy, settings.curriculum, difficulty, iteration: iteration)
  }

  /// The choice that the next step's draws are made by, to be recorded before them; nil where they are uniform, or no
  /// iteration is in progress.
  ///
  /// Pure. The performer of `propose` and of `solve` calls it, and whoever checks a recorded one.
  package func curriculumChosen(for use: CurriculumUse) -> CurriculumChosen? {
    guard let ledger, let curriculum = curriculum(for: use, iteration: ledger.iteration) else { return nil }
    let kinds =
      ledger.isSeeding && use == .references
      ? settings.play.kinds.filter { $0 != .induction } : settings.play.kinds.sorted()
    var pools = kinds.map { kind in
      let entries =
        use == .references
        ? buffers[kind]?.entries : buffers[kind]?.fillers(iteration: ledger.iteration, from: settings.play.solveFrom)
      return curriculum.figures(CurriculumChosen.Pool(kind), (entries ?? []).map(\.id))
    }
    if use == .references, kinds.contains(.induction) {
      pools.append(curriculum.figures(.programs, inductionPrograms.map(\.id)))
    }
    return CurriculumChosen(
      iteration: ledger.iteration, use: use, strategy: settings.curriculum[use],
      difficultyVersion: Difficulty.version, difficultyDigest: difficulty.digest, pools: pools)
  }

  /// Why a recorded choice cannot be what this experiment chose here; nil if it is.
  package func objection(to chosen: CurriculumChosen) -> String? {
    guard ledger != nil else { return "a curriculum is chosen outside an iteration" }
    guard let found = curriculumChosen(for: chosen.use) else {
      return "a curriculum is chosen for \(chosen.use.rawValue), which are drawn uniformly"
    }
    return chosen.difference(from: found).map {
      "the curriculum of iteration \(chosen.iteration) for \(chosen.use.rawValue): \($0.field) is \($0.recorded), and "
        + "\($0.found) by the events before it"
    }
  }

  /// The problems whose programs induction is proposed for (paper §3.2).
  var inductionPrograms: [ProblemBuffer.Entry] {
    (buffers[.deduction]?.entries ?? []) + (buffers[.abduction]?.entries ?? [])
  }

  /// What proposers are shown and given in one step: the weights are computed once, the draws are each slot's.
  struct ReferenceDraws {
    private let buffers: [Kind: ProblemBuffer]
    private let programs: [ProblemBuffer.Entry]
    /// None where draws are uniform.
    private let draws: [Kind: WeightedDraw]
    private let programDraw: WeightedDraw?

    init(_ experiment: Experiment, iteration: Int) {
      let curriculum = experiment.curriculum(for: .references, iteration: iteration)
      func draw(_ entries: [ProblemBuffer.Entry]) -> WeightedDraw? {
        curriculum.map { WeightedDraw($0.weights(entries.map(\.id))) }
      }
      buffers = experiment.buffers
      programs = experiment.inductionPrograms
      draws = buffers.compactMapValues { draw($0.entries) }
      programDraw = draw(programs)
    }

    /// K distinct references.
    func references(_ count: Int, _ kind: Kind, stream: inout RandomStream) -> [ProblemBuffer.Entry] {
      guard let buffer = buffers[kind] else { return [] }
      guard let draw = draws[kind] else { return buffer.references(count, stream: &stream) }
      return draw.distinct(count, stream: &stream).map { buffer.entries[$0] }
    }

    /// The problem whose program induction is given; nil if there is none.
    func program(stream: inout RandomStream) -> ProblemBuffer.Entry? {
      guard !programs.isEmpty else { return nil }
      let place = programDraw?.distinct(1, stream: &stream).first ?? stream.below(programs.count)
      return programs[place]
    }
  }
}
