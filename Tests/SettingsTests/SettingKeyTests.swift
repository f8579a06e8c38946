import Domain
import Foundation
import Settings
import Testing

/// The registry of keys against the struct it reads into.
struct SettingKeyTests {
  /// Paths of the leaves of the struct's JSON, without underscores, with their values.
  private func leaves(_ settings: ExperimentSettings) throws -> [String: String] {
    var object = try #require(try JSONSerialization.jsonObject(with: EventCoding.json(settings)) as? [String: Any])
    // Groups of defaults are not written.
    object["curriculum"] = try JSONSerialization.jsonObject(with: EventCoding.json(settings.curriculum))
    object["acceptance"] = try JSONSerialization.jsonObject(with: EventCoding.json(settings.acceptance))
    object["composite"] = try JSONSerialization.jsonObject(with: EventCoding.json(settings.composite))
    object["intrinsic"] = try JSONSerialization.jsonObject(with: EventCoding.json(settings.intrinsic))
    var result: [String: String] = [:]
    func walk(_ value: Any, _ path: String) {
      if let mapping = value as? [String: Any] {
        for (key, value) in mapping { walk(value, path.isEmpty ? key : "\(path).\(key)") }
      } else {
        result[path.replacing("_", with: "")] = "\(value)"
      }
    }
    walk(object, "")
    return result
  }

  /// The leaf a key stands for: `prompts` names the file the templates come from.
  private func leaf(of key: SettingKey) -> String {
    key.name == "prompts" ? "prompts.name" : key.name.replacing("_", with: "")
  }

  /// A value that every key of this default accepts and that is not the default.
  private func another(than key: SettingKey) -> String {
    let others = [
      "play.kinds": "[deduction]", "play.eviction": "keep_first", "play.duplicates": "allow",
      "play.solve_from": "uniform", "play.without_value": "allow", "play.train_proposer": "false",
      "advantages.whitening": "token",
      "advantages.baseline": "role", "verifier.banned_modules": "[os]", "model.name": "other",
      "prompts": "other.yaml", "verifier.seconds": "3.5", "verifier.memory_mib": "333",
      "verifier.value_bytes_max": "77", "iterations": "7", "seed": "7", "play.buffer_max": "9999",
      "rewards.malformed": "-0.75", "rewards.incorrect": "-0.75", "rewards.unlearnable": "-0.75",
      "rewards.duplicate": "-0.75", "learner.method": "lora", "learner.lora_targets": "[query]",
      "health.window": "5", "health.action": "pause", "health.length_change_max": "2.5",
      "verifier.equality": "python", "verifier.accepted_missing_layers": "[landlock]", "rewards.formula": "azr-code/1",
      "play.duplicates_by": "normalised", "play.functions": "one", "play.comments": "strip", "play.globals": "strip",
      "play.thinking": "true", "play.unformatted": "refuse", "play.reuse_probes": "true",
      "play.proposer": "base", "learner.dual_clip": "3", "curriculum.references": "recency",
      "curriculum.problems": "learnability", "curriculum.rating_width": "150", "curriculum.progress_window": "50",
      "curriculum.band_high": "0.5", "composite.schedule": "true", "composite.functions_max": "2",
      "composite.functions_limit": "2", "intrinsic.combination": "multiply",
    ]
    if let other = others[key.name] { return other }
    return key.allowed.hasPrefix("a whole number") ? "3" : "0.125"
  }

  @Test func `every value of the settings has a key and every key a value`() throws {
    let known = Set(SettingKey.all.map(leaf(of:)))
    let expected = try leaves(ExperimentSettings()).keys.filter { path in
      path != "model.digest" && (!path.hasPrefix("prompts.") || path == "prompts.name")
    }
    #expect(known == Set(expected))
    #expect(known.count == SettingKey.all.count)
  }

  @Test func `each key changes its own value and no other`() throws {
    let before = try leaves(ExperimentSettings())
    for key in SettingKey.all {
      let settings = try SettingsFile.read("\(key.name): \(another(than: key))", file: "x.yaml")
      let after = try leaves(settings)
      let changed = after.filter { before[$0.key] != $0.value }.map(\.key)
      #expect(changed == [leaf(of: key)], "\(key.name)")
    }
  }

  @Test func `names are dotted snake case and each is registered once`() {
    for key in SettingKey.all {
      #expect(key.name.wholeMatch(of: /[a-z0-9_]+(\.[a-z0-9_]+)?/) != nil, "\(key.name)")
      #expect(SettingKey.named(key.name)?.name == key.name)
      #expect(key.meaning.hasSuffix("."))
    }
  }

  @Test func `every default is allowed`() throws {
    for key in SettingKey.all {
      guard let value = key.defaultText else { continue }
      let settings = try SettingsFile.read("\(key.name): \(value)", file: "x.yaml")
      #expect(settings == ExperimentSettings(), "\(key.name)")
    }
  }
}
