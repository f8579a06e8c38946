import Domain
import Testing

/// Pause, resume, stop and failure.
struct ExperimentLifeTests {
  /// Every boundary between two steps of a small experiment: the player as it stands there.
  private func boundaries(_ settings: ExperimentSettings = smallSettings()) -> [Player] {
    var player = Player(settings)
    var all = [player]
    while player.step() != nil { all.append(player) }
    return all
  }

  @Test func `a pause at any boundary saves what is unsaved, pauses, and goes on with the same step`() {
    for boundary in boundaries() {
      var player = boundary
      let next = player.experiment.nextStep
      player.pause()
      let names = player.play()
      #expect(names == (boundary.experiment.unsavedWeights ? ["checkpoint", "pause"] : ["pause"]))
      #expect(player.experiment.life == .paused("test"))
      #expect(player.experiment.nextStep == nil)
      player.resume()
      #expect(player.step()?.name == "resume")
      // A checkpoint that was due has been written by the pause.
      let expected = next?.name == "checkpoint" ? player.experiment.nextStep : next
      #expect(player.experiment.nextStep == expected)
      #expect(player.experiment.ledger == boundary.experiment.ledger)
      #expect(player.experiment.buffers == boundary.experiment.buffers)
    }
  }

  @Test func `a failure at any boundary waits, and after resumption the same step is performed again`() {
    for boundary in boundaries() {
      var player = boundary
      let next = player.experiment.nextStep
      player.fail()
      #expect(player.experiment.nextStep == nil)
      #expect(player.experiment.stateName == "failed")
      player.resume()
      #expect(player.step()?.name == "resume")
      #expect(player.experiment.nextStep == next)
    }
  }

  @Test func `a stop at any boundary saves and ends for good`() {
    for boundary in boundaries() {
      var player = boundary
      player.stop()
      #expect(player.play() == (boundary.experiment.unsavedWeights ? ["checkpoint", "stop"] : ["stop"]))
      player.resume()
      player.pause()
      #expect(player.experiment.life == .stopped("test"))
      #expect(player.experiment.nextStep == nil)
    }
  }

  @Test func `a stop that fails to save is a stop`() {
    for boundary in boundaries() {
      var player = boundary
      player.stop()
      player.fail()
      #expect(player.experiment.life == .stopped("test"))
      player.resume()
      #expect(player.experiment.nextStep == nil)
    }
  }

  @Test func `a paused or failed experiment can be stopped`() {
    for isFailed in [false, true] {
      var player = Player(smallSettings())
      player.step()
      if isFailed { player.fail() } else { player.pause() }
      player.play()
      player.stop()
      #expect(player.play() == ["stop"])
    }
  }

  @Test func `a pause that is taken back before it is obeyed changes nothing`() {
    var player = Player(smallSettings())
    player.step()
    let next = player.experiment.nextStep
    player.pause()
    player.resume()
    #expect(player.experiment.nextStep == next)
    #expect(player.experiment.life == .running)
  }

  @Test func `a pause overtakes a resumption that was not obeyed yet`() {
    var player = Player(smallSettings())
    player.pause()
    player.play()
    player.resume()
    player.pause()
    #expect(player.play() == ["pause"])
  }

  @Test func `a stop is not taken back by a pause or a resumption`() {
    var player = Player(smallSettings())
    player.stop()
    player.pause()
    player.resume()
    #expect(player.play() == ["stop"])
  }

  @Test func `resuming or pausing twice is harmless`() {
    var player = Player(smallSettings())
    player.resume()
    #expect(player.experiment.life == .running)
    player.pause()
    player.pause()
    #expect(player.play() == ["pause"])
    player.pause()
    #expect(player.experiment.life == .paused("test"))
  }

  @Test func `the last weights are saved when the experiment is finished`() {
    for every in [1, 2, 5, 100] {
      var player = Player(smallSettings { $0.checkpoints.every = every })
      player.play()
      #expect(player.experiment.isFinished)
      #expect(player.experiment.checkpoint?.policyVersion == player.experiment.policyVersion, "every \(every)")
    }
  }

  // MARK: Promise P2 in miniature

  /// Plays with interruptions drawn from the seed: pauses, pauses taken back, failures, new processes.
  private func interrupted(_ settings: ExperimentSettings, seed: UInt64) -> Player {
    var stream = RandomStream(RandomKey(seed: seed, purpose: .evaluate, iteration: 0))
    var player = Player(settings)
    var interruptions = 0
    while true {
      if stream.below(3) == 0, interruptions < 1000 {
        interruptions += 1
        switch stream.below(4) {
        case 0: player.pause()
        case 1:
          player.pause()
          player.resume()
        case 2: player.fail()
        default: player.crash()
        }
      }
      guard player.step() == nil else { continue }
      if player.experiment.isFinished, player.experiment.life == .running { return player }
      player.resume()
    }
  }

  @Test func `interruptions anywhere change no event of the play`() {
    for seed in UInt64(1)...200 {
      let settings = smallSettings(seed: seed) {
        $0.play.eviction = seed.isMultiple(of: 2) ? .keepFirst : .keepLast
        $0.play.bufferMax = seed.isMultiple(of: 3) ? 6 : 1000
        $0.play.solveFrom = seed.isMultiple(of: 5) ? .uniform : .newest
      }
      var straight = Player(settings)
      straight.play()
      let interrupted = interrupted(settings, seed: seed)
      #expect(interrupted.playEvents == straight.playEvents, "seed \(seed)")
      #expect(interrupted.events.count > straight.events.count, "seed \(seed)")
      #expect(interrupted.experiment.buffers == straight.experiment.buffers, "seed \(seed)")
    }
  }

  @Test func `another seed plays another experiment`() {
    var (first, second) = (Player(smallSettings(seed: 1)), Player(smallSettings(seed: 2)))
    first.play()
    second.play()
    #expect(first.playEvents != second.playEvents)
  }
}
