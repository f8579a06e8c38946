import Domain
import EventLog
import HTTPAPI
import Logging
import Postgres
import Settings

/// Changes experiments for the HTTP API: through the same desk and forker as the command line, in a session that is the
/// writer's only for as long as that takes. The server itself reads.
struct DeskOperator: ExperimentOperator {
  let url: String
  let home: Home
  let logger: Logger

  func ask(_ wish: ControlWish, of experiment: String, reason: String) async -> ControlOutcome {
    await outcome { open in
      let desk = ControlDesk(log: open.log, surroundings: open.surroundings)
      let request: ControlDesk.Request =
        switch wish {
        case .pause: .pause
        case .resume: .resume
        case .stop: .stop
        }
      switch try await desk.request(request, of: experiment, reason: reason) {
      case .requested(let position): return .requested(position: position.rawValue)
      case .already(let state): return .already(state)
      case .refused(let reason): return .refused(reason)
      }
    }
  }

  func fork(_ experiment: String, _ wish: ForkWish) async -> ControlOutcome {
    guard let place = ExperimentForker.Place(wish.at) else {
      return .invalid("at is '\(wish.at)', allowed is an iteration such as 12 or a position such as @1412")
    }
    return await outcome { open in
      let catalogue = try ModelCatalogue(home: home)
      let fork = try await ExperimentForker(log: open.log, surroundings: open.surroundings)
        .fork(experiment, at: place, as: wish.name, overrides: wish.set ?? []) { settings in
          settings.model.digest = try catalogue.entry(settings.model.name).digest
        }
      return .forked(name: wish.name, position: fork.record.lastPosition.rawValue)
    }
  }

  func annotate(_ experiment: String, _ wish: AnnotationWish, way: String) async -> ControlOutcome {
    let event = ExperimentAnnotated(
      by: "", tagsAdded: wish.tagsAdded ?? [], tagsRemoved: wish.tagsRemoved ?? [], note: wish.note,
      priority: wish.priority)
    // What can be no annotation is the wish's mistake, whatever the experiment is like.
    if let objection = Annotations.objection(to: event) { return .invalid(objection) }
    return await outcome { open in
      let outcome = try await AnnotationDesk(log: open.log, surroundings: open.surroundings)
        .annotate(experiment, event, way: way)
      let now = outcome.annotations
      return .annotated(
        AnnotationsNow(tags: now.tags, note: now.note, priority: now.priority), position: outcome.position?.rawValue)
    }
  }

  /// Every failure in the words of the API; what is nobody's mistake is logged.
  private func outcome(_ body: (OpenLog) async throws -> ControlOutcome) async -> ControlOutcome {
    do {
      return try await OpenLog.with(url: url, home: home, as: .writer, body)
    } catch is UnknownExperiment {
      return .unknownExperiment
    } catch let error as ExperimentCreator.InvalidName {
      return .invalid("\(error)")
    } catch let error as SettingsError {
      return .invalid("\(error)")
    } catch let error as ModelCatalogue.Unknown {
      return .invalid("\(error)")
    } catch let error as ForkRefused {
      return .refused("\(error)")
    } catch let error as AnnotationRefused {
      return .refused("\(error)")
    } catch let error as UnfinishedImport {
      return .refused("\(error)")
    } catch let error as EventLogError {
      return failure(error)
    } catch let error as PostgresError where error.isTransient {
      logger.warning("the database does not answer", metadata: ["error": "\(error)"])
      return .unavailable
    } catch {
      logger.error("a change failed", metadata: ["error": "\(error)"])
      return .failed
    }
  }

  private func failure(_ error: EventLogError) -> ControlOutcome {
    switch error {
    case .nameTaken(let name): return .nameTaken(name)
    case .unavailable:
      logger.warning("the database does not answer", metadata: ["error": "\(error)"])
      return .unavailable
    default:
      logger.error("a change failed", metadata: ["error": "\(error)"])
      return .failed
    }
  }
}
