import Domain
import Foundation
import Settings
import Testing

/// The presets of the repository.
struct PresetTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("configs").path

  private static var files: [String] {
    get throws {
      try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }.sorted()
    }
  }

  @Test func `every preset can be read with its prompts, and states its cost`() throws {
    let files = try Self.files
    #expect(Set(files).isSuperset(of: ["azr-paper.yaml", "azr-qwen-0.5b.yaml", "quickstart.yaml"]))
    for file in files {
      let path = Self.folder + "/" + file
      let settings = try SettingsFile.load(path: path)
      for kind in settings.play.kinds {
        #expect(!settings.prompts[.proposer, kind].text.isEmpty && !settings.prompts[.solver, kind].text.isEmpty)
      }
      #expect(try String(contentsOfFile: path, encoding: .utf8).contains("# Cost: "), "\(file)")
    }
  }

  @Test func `every prompts file is complete`() throws {
    let prompts = Self.folder + "/prompts"
    let files = try FileManager.default.contentsOfDirectory(atPath: prompts).filter { $0.hasSuffix(".yaml") }
    #expect(Set(files).isSuperset(of: ["azr.yaml", "completion.yaml"]))
    for file in files { _ = try PromptsFile.load(path: prompts + "/" + file) }
  }

  @Test func `azr-paper has the constants of the paper`() throws {
    let settings = try SettingsFile.load(path: Self.folder + "/azr-paper.yaml")
    let play = settings.play
    #expect(play.batch == 64 && play.references == 6 && play.inputs == 10)
    #expect(play.probes == 8 && play.seedingFactor == 4)
    #expect(play.bufferMax == 16384 && play.thinking && !play.reuseProbes && settings.iterations == 500)
    #expect(settings.proposer.temperature == 1 && settings.solver.sampling(for: .probe).temperature == 1)
    #expect(settings.proposer.tokensMax == 8096 && settings.solver.tokensMax == 8096)
    let rewards = settings.rewards
    #expect(rewards.malformed == -1 && rewards.incorrect == -0.5 && rewards.unlearnable == 0)
    let learner = settings.learner
    #expect(learner.rate == 1e-6 && learner.weightDecay == 0.01 && learner.gradientNormMax == 1)
    #expect(learner.ratioClip == 0.2 && learner.entropyCoefficient == 0.001 && learner.method == .full)
    #expect(settings.verifier.seconds == 10)
  }

  @Test func `in the prompts with thoughts each kind asks for what is hard in it`() throws {
    let prompts = try PromptsFile.load(path: Self.folder + "/prompts/azr.yaml")
    #expect(prompts.proposeDeduction.text.contains("The output cannot be seen at a glance"))
    #expect(prompts.proposeAbduction.text.contains("An input cannot be seen at a glance"))
    for role in Role.allCases {
      for kind in Kind.allCases {
        #expect(prompts[role, kind].opening == "<think>" && prompts[role, kind].stops == ["</answer>"])
        #expect(prompts[role, kind].text.hasSuffix("Assistant:\n"))
      }
    }
  }

  @Test func `thinking with prompts that open no thought is a conflict, told for each of them`() {
    #expect(throws: SettingsError.self) {
      try SettingsFile.load(path: Self.folder + "/quickstart.yaml", overrides: ["play.thinking=true"])
    }
    do throws(SettingsError) {
      _ = try SettingsFile.load(path: Self.folder + "/quickstart.yaml", overrides: ["play.thinking=true"])
    } catch {
      #expect(error.problems.count == 6 && error.problems.allSatisfy { $0.fault == .conflict && $0.key == "prompts" })
    }
  }

  @Test func `what contradicts itself is refused with both keys`() throws {
    for (overrides, word) in [
      (["play.reuse_probes=true", "solver.probe_temperature=0"], "greedy"),
      (["learner.warmup_iterations=1", "play.seeding_factor=0"], "seeding"),
    ] {
      #expect(problems("seed: 1", overrides: overrides).map(\.message).contains { $0.contains(word) }, "\(overrides)")
    }
  }
}
