/// What all pages of an experiment have: its name and state, tabs, what may be done to it.
struct ExperimentFrame: Sendable {
  let experiment: ExperimentRow
  let visit: Visit

  var name: String { experiment.name }
  var number: Int32 { experiment.number }

  /// A page below the experiment's head.
  /// - Parameter tab: which of the tabs it belongs to.
  func page(_ title: String?, tab: String, isLive: Bool = false, _ body: HTML) -> Page {
    Page(
      title: title.map { "\($0) · \(name)" } ?? name,
      body: "\(head(tab))\(body)", live: isLive ? name : nil)
  }

  private func head(_ tab: String) -> HTML {
    """
    <p class="trail"><a href="/">Experiments</a></p>
    <div class="title"><h1><a href="\(Link.experiment(name))">\(name)</a></h1><div data-fragment="state" class="state-lines">\(stateLine)</div></div>
    <nav class="tabs" aria-label="Pages of the experiment">\(Self.tabs.html { path, title in
      let link = path.isEmpty ? Link.experiment(name) : Link.experiment(name, path)
      return "<a href=\"\(link)\"\((path == tab ? " aria-current=\"page\"" : "") as HTML)>\(title)</a>"
    })</nav>
    """
  }

  /// How it stands, and what can be asked of it now.
  var stateLine: HTML {
    let parent: HTML =
      experiment.parent.map { "<span>a fork of <a href=\"\(Link.experiment($0))\">\($0)</a></span>" } ?? .nothing
    return """
      <div class="state-line">\(Parts.state(experiment.state))<span>\(experiment.iterations) of \(experiment.planned) iterations</span>\
      <span>\(experiment.model)</span>\(parent)\(priority)<span>last event \(Format.time(experiment.activeAt))</span>\(actions)</div>\
      \(AnnotationPart.html(experiment))
      """
  }

  private var priority: HTML {
    experiment.priority == 0 ? .nothing : "<span>priority \(experiment.priority)</span>"
  }

  private var actions: HTML {
    guard visit.request.mayOperate else { return .nothing }
    let possible = ControlPage.Action.allCases.filter { $0.isPossible(in: experiment.state) }
    return """
      <span class="grow"></span><span class="actions">\(possible.html {
        "<a class=\"button\" href=\"\(Link.experiment(name, "ask", $0.rawValue))\">\($0.title)</a>"
      })</span>
      """
  }

  private static let tabs = [
    ("", "Overview"), ("problems", "Problems"), ("events", "Events"), ("evaluations", "Evaluations"),
    ("settings", "Settings"),
  ]
}
