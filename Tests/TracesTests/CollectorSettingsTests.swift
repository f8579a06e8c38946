import Testing
import Traces

@Suite("Where traces go")
struct CollectorSettingsTests {
  private func settings(_ environment: [String: String]) throws -> CollectorSettings? {
    try CollectorSettings(environment: environment, program: "autodidactd")
  }

  @Test("without a collector, or switched off, there is nowhere to send traces")
  func off() throws {
    #expect(try settings([:]) == nil)
    #expect(try settings(["OTEL_EXPORTER_OTLP_ENDPOINT": ""]) == nil)
    let endpoint = "http://127.0.0.1:4318"
    #expect(try settings(["OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SDK_DISABLED": "true"]) == nil)
    #expect(try settings(["OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_EXPORTER": "none"]) == nil)
  }

  @Test("a general endpoint gets the path of traces, one for traces is taken as it is")
  func endpoints() throws {
    let general = try settings(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"])
    #expect(general?.host == "collector" && general?.port == 4318 && general?.path == "/v1/traces")
    let own = try settings([
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
      "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://[::1]:9999/otlp?tenant=a%20b",
    ])
    #expect(own?.host == "::1" && own?.port == 9999 && own?.path == "/otlp?tenant=a%20b")
    #expect(try settings(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector/x"])?.port == 80)
  }

  @Test("headers, time limit, name and attributes are read as the specification writes them")
  func rest() throws {
    let read = try settings([
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
      "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20s3cret, x-tenant=a=b",
      "OTEL_EXPORTER_OTLP_TIMEOUT": "2500", "OTEL_SERVICE_NAME": "lab",
      "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=night,service.name=other",
    ])
    #expect(read?.headers == ["authorization": "Bearer s3cret", "x-tenant": "a=b"])
    #expect(read?.timeout == .milliseconds(2500))
    #expect(read?.resource == ["service.name": "lab", "deployment.environment.name": "night"])
    let plain = try settings(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"])
    #expect(plain?.resource == ["service.name": "autodidactd"])
  }

  @Test(
    "what cannot be used is refused with the variable, what was found and what is allowed",
    arguments: [
      ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318", "http://HOST"),
      ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "http://HOST"),
      ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://", "http://HOST"),
      ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/json"),
      ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", "milliseconds"),
      ("OTEL_RESOURCE_ATTRIBUTES", "a", "KEY=VALUE"),
    ])
  func refused(name: String, value: String, allowed: String) throws {
    var environment = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"]
    environment[name] = value
    let error = #expect(throws: CollectorSettings.Malformed.self) { try settings(environment) }
    let text = error?.description ?? ""
    #expect(text.contains(name) && text.contains(value) && text.contains(allowed), "\(text)")
  }

  @Test("a secret is not repeated in an error")
  func secrets() throws {
    for (name, value) in [
      ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret"), ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=%zzs3cret"),
      ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:s3cret@collector:4318"),
    ] {
      var environment = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"]
      environment[name] = value
      let error = #expect(throws: CollectorSettings.Malformed.self) { try settings(environment) }
      #expect(error?.description.contains(name) == true && error?.description.contains("s3cret") == false)
    }
  }
}
