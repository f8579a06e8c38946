import Foundation

/// Settings recorded by an older Autodidact, read by this one.
///
/// `ExperimentCreated` holds every setting that existed when the experiment began. A key added since is absent there and
/// means what the program did before it had the key. A key that this program does not know was written by a newer one
/// and is refused: playing on without it would be another experiment.
enum SettingsUpcast {
  /// Settings whose every value says "as it was before this key existed". A new key whose default changes what an
  /// experiment does gets its old behaviour here; all others may keep their default.
  static var beforeEachKey: ExperimentSettings {
    var settings = ExperimentSettings()
    // Nobody watched: an old experiment has no conditions, and none begins when it is folded again.
    settings.health.window = 0
    return settings
  }

  /// The body of an `ExperimentCreated` with every key this program knows; the same bytes when none is missing.
  static func complete(_ body: Data) throws -> Data {
    guard var event = try JSONSerialization.jsonObject(with: body) as? [String: Any],
      let recorded = event["settings"] as? [String: Any],
      var known = try JSONSerialization.jsonObject(with: EventCoding.json(beforeEachKey)) as? [String: Any]
    else { return body }
    // Not written where it is the default, and known all the same.
    if recorded["curriculum"] != nil {
      known["curriculum"] = try JSONSerialization.jsonObject(with: EventCoding.json(CurriculumSettings()))
    }
    if recorded["acceptance"] != nil {
      known["acceptance"] = try JSONSerialization.jsonObject(with: EventCoding.json(AcceptanceSettings()))
    }
    if recorded["composite"] != nil {
      known["composite"] = try JSONSerialization.jsonObject(with: EventCoding.json(CompositeSettings()))
    }
    if recorded["intrinsic"] != nil {
      known["intrinsic"] = try JSONSerialization.jsonObject(with: EventCoding.json(IntrinsicSettings()))
    }
    known["prompts"] = withFunctions(known["prompts"], recorded["prompts"])
    var missing = 0
    event["settings"] = try merge(recorded, over: known, path: "", missing: &missing)
    return missing == 0 ? body : try JSONSerialization.data(withJSONObject: event)
  }

  /// Templates without functions do not write that they have none.
  private static func withFunctions(_ known: Any?, _ recorded: Any?) -> Any? {
    guard var known = known as? [String: Any], let recorded = recorded as? [String: Any] else { return known }
    for (name, template) in recorded {
      guard let functions = (template as? [String: Any])?["functions"], var own = known[name] as? [String: Any] else {
        continue
      }
      own["functions"] = functions
      known[name] = own
    }
    return known
  }

  private static func merge(
    _ recorded: [String: Any], over known: [String: Any], path: String, missing: inout Int
  ) throws -> [String: Any] {
    if let foreign = recorded.keys.sorted().first(where: { known[$0] == nil }) {
      throw UnknownSetting(key: path + foreign)
    }
    var merged = recorded
    for key in known.keys.sorted() {
      guard let value = recorded[key] else {
        missing += 1
        merged[key] = known[key]
        continue
      }
      if let inner = value as? [String: Any], let innerKnown = known[key] as? [String: Any] {
        merged[key] = try merge(inner, over: innerKnown, path: path + key + ".", missing: &missing)
      }
    }
    return merged
  }

  /// A recorded settings key that this program does not have.
  struct UnknownSetting: Error, CustomStringConvertible {
    let key: String
    var description: String { "unknown setting '\(key)': it was written by a newer Autodidact" }
  }
}
