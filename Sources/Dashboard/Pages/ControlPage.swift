/// `/experiments/NAME/ask/pause`, `resume`, `stop`, `fork`, `annotate`: what it would do, and the button that does it. The form goes to
/// `/experiments/NAME/pause` and so on, which answers to nothing but forms.
struct ControlPage: Sendable {
  /// What can be asked of an experiment.
  enum Action: String, CaseIterable {
    case pause, resume, stop, fork, annotate

    var title: String {
      self == .annotate ? "Tags and note" : rawValue.prefix(1).uppercased() + rawValue.dropFirst()
    }

    func isPossible(in state: String) -> Bool {
      switch self {
      case .pause: ["running", "created", "resuming"].contains(state)
      case .resume: ["paused", "pausing", "failed"].contains(state)
      case .stop: !["stopped", "finished", "stopping"].contains(state)
      case .fork, .annotate: true
      }
    }

    fileprivate var words: HTML {
      switch self {
      case .pause:
        "It finishes its step, saves its weights and waits. Nothing is lost: resumed, it goes on as if it had never paused."
      case .resume: "Whoever runs it goes on from the end of its log."
      case .stop:
        "It ends <b>for good</b> at its next step boundary: it cannot be resumed. A fork can go on from any of its iterations."
      case .fork:
        "A fork shares the history up to the chosen iteration and then goes its own way. Nothing of this experiment changes."
      case .annotate:
        "They are recorded in the log. What the experiment computes, its digest and its forks do not depend on them."
      }
    }
  }

  let frame: ExperimentFrame
  let action: Action

  func page() throws(PageError) -> Page {
    guard frame.visit.request.mayOperate, let token = frame.visit.request.csrfToken else {
      return frame.page(
        action.title, tab: "-",
        "<h2>\(action.title)</h2><p class=\"notice\">You may look at this experiment, not operate it.</p>")
    }
    guard action.isPossible(in: frame.experiment.state) else {
      return frame.page(
        action.title, tab: "-",
        """
        <h2>\(action.title)</h2><p class="notice">It is \(frame.experiment.state): there is nothing to \(action.rawValue).</p>
        <p><a href="\(Link.experiment(frame.name))">Back</a></p>
        """)
    }
    return frame.page(action.title, tab: "-", form(token))
  }

  private func form(_ token: String) -> HTML {
    let question: HTML =
      action == .annotate ? "of <span class=\"id\">\(frame.name)</span>" : "<span class=\"id\">\(frame.name)</span>?"
    return """
      <h2>\(action.title) \(question)</h2><p class="lead">\(action.words)</p>
      <form class="confirm" method="post" action="\(Link.experiment(frame.name, action.rawValue))">
      <input type="hidden" name="csrf" value="\(token)"><input type="hidden" name="confirm" value="yes">
      \(fields)
      <p class="actions"><button class="\(action == .stop ? "danger" : "primary")">\(action == .annotate ? "Save" : action.title)</button>
      <a class="button" href="\(Link.experiment(frame.name))">Cancel</a></p></form>
      """
  }

  private var fields: HTML {
    switch action {
    case .fork: forkFields
    case .annotate: AnnotationPart.fields(frame.experiment)
    default: reasonField
    }
  }

  private var reasonField: HTML {
    "<p><label>Reason, for the log <input type=\"text\" name=\"reason\" maxlength=\"200\" autocomplete=\"off\"></label></p>"
  }

  private var forkFields: HTML {
    """
    <p><label>Name of the fork <input type="text" name="name" required maxlength="64" pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*" autocomplete="off"></label></p>
    <p><label>After iteration <input type="number" name="at" required min="0" max="\(frame.experiment.iterations)" value="\(frame.experiment.iterations)"></label>
    <span class="quiet">0 is after seeding</span></p>
    <p><label>Settings that change, one <code>key=value</code> a line <textarea name="set" rows="3" maxlength="4000"></textarea></label></p>
    <p class="note">Keys and values are in <a href="\(Link.experiment(frame.name, "settings"))">its settings</a>.</p>
    """
  }
}
