// swift-tools-version: 6.2
import PackageDescription

// The order of the targets is the direction of the architecture: each imports only targets above it
// (docs/architecture.md, "Code"). A new edge is a decision and is written down in docs/decisions/.

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let network: [Target.Dependency] = [
  .product(name: "HTTPTypes", package: "swift-http-types"), .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
  .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
]
let web: [Target.Dependency] =
  [.product(name: "Hummingbird", package: "hummingbird"), .product(name: "HummingbirdCore", package: "hummingbird")]
  + network

let package = Package(
  name: "autodidact",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "autodidact", targets: ["autodidact"]),
    .executable(name: "autodidactd", targets: ["autodidactd"]),
    .executable(name: "autodidact-verifier", targets: ["autodidact-verifier"]),
    .executable(name: "autodidact-lease", targets: ["autodidact-lease"]),
    // For Benchmarks/, a package of its own.
    .library(name: "AutodidactEngine", targets: ["Domain", "Tensor", "Transformer", "Engine"]),
    .library(name: "AutodidactVerification", targets: ["VerifierProtocol", "Verification"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    // The web framework, without its configuration reader, and what HTTPAPI names of the packages under it.
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: ["FullFoundation"]),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
  ],
  targets: [
    // System libraries: module map and shim, nothing else.
    .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CPython", pkgConfig: "python3-embed", providers: [.apt(["libpython3-dev"])]),
    .target(name: "CSandbox", linkerSettings: [.linkedLibrary("seccomp")]),

    // A thread of its own for an actor that blocks.
    .target(name: "Threads", swiftSettings: strict),

    // Named places where a test makes a process die.
    .target(name: "Failpoints", swiftSettings: strict),

    // The core: words, events, decisions.
    .target(name: "Domain", dependencies: [crypto], swiftSettings: strict),
    .target(name: "EventLog", dependencies: ["CZlib", "Domain", "Threads", crypto], swiftSettings: strict),
    .target(name: "Postgres", dependencies: ["CLibPQ", "Threads"], swiftSettings: strict),
    .target(name: "PostgresLog", dependencies: ["EventLog", "Postgres", "Threads", crypto], swiftSettings: strict),
    .target(name: "Projections", dependencies: ["EventLog"], swiftSettings: strict),

    // The engine.
    .target(name: "CKernels"),
    .target(name: "Tensor", dependencies: ["CKernels", "COpenBLAS"], swiftSettings: strict),
    .target(name: "Transformer", dependencies: ["Failpoints", "Tensor", crypto], swiftSettings: strict),
    .target(
      name: "Engine", dependencies: ["Domain", "Tensor", "Threads", "Transformer", crypto], swiftSettings: strict),

    // Play and its proof.
    .target(name: "Environments", dependencies: ["Domain"], swiftSettings: strict),
    .target(name: "VerifierProtocol", swiftSettings: strict),
    .target(
      name: "Verification", dependencies: ["Domain", "VerifierProtocol", subprocess, logging], swiftSettings: strict),

    .target(
      name: "Leasing", dependencies: ["Postgres", "Threads", "Verification", "VerifierProtocol", logging],
      swiftSettings: strict),

    // The outside.
    .target(
      name: "Traces",
      dependencies: [
        crypto, logging, metrics, tracing, nioHTTP1,
        .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
      ] + network,
      swiftSettings: strict),
    .target(name: "Settings", dependencies: ["Domain", yams], swiftSettings: strict),
    .target(name: "Dashboard", dependencies: ["Postgres"], swiftSettings: strict),
    .target(
      name: "HTTPAPI",
      dependencies: ["Dashboard", "EventLog", "Postgres", "Settings", logging, lifecycle, crypto, metrics, coreMetrics]
        + web,
      swiftSettings: strict),
    .target(
      name: "Daemon",
      dependencies: [
        "Domain", "Dashboard", "EventLog", "Failpoints", "HTTPAPI", "Postgres", "PostgresLog", "Projections", "Engine",
        "Environments",
        "Leasing", "Traces", "Transformer", "Verification", "VerifierProtocol", "Settings",
        logging, lifecycle, unixSignals, crypto, metrics, tracing,
      ],
      swiftSettings: strict),
    // How both programs speak on a terminal: endings, colours, JSON, top, the man page.
    .target(
      name: "Terminal",
      dependencies: [
        "Daemon", "Domain", "EventLog", "Failpoints", "Projections", "Settings", "Traces", argumentParser,
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "autodidact",
      dependencies: [
        "Daemon", "Domain", "Engine", "Environments", "EventLog", "Failpoints", "HTTPAPI", "Projections", "Settings",
        "Terminal", "Traces", argumentParser, lifecycle, logging, unixSignals,
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "autodidactd",
      dependencies: [
        "Daemon", "EventLog", "Failpoints", "HTTPAPI", "Terminal", "Traces",
        argumentParser, logging, lifecycle, metrics, unixSignals,
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "autodidact-verifier", dependencies: ["CPython", "CSandbox", "VerifierProtocol"], swiftSettings: strict),

    .executableTarget(
      name: "autodidact-lease",
      dependencies: [
        "Leasing", "Postgres", "Verification", "VerifierProtocol", argumentParser, logging, lifecycle, unixSignals,
      ],
      swiftSettings: strict),

    // Tests.
    .testTarget(name: "DomainTests", dependencies: ["Domain"], swiftSettings: strict),
    .testTarget(
      name: "EventLogTests", dependencies: ["EventLog", "Postgres", "PostgresLog", "Domain"], swiftSettings: strict),
    .testTarget(
      name: "SQLTests", dependencies: ["Domain", "EventLog", "Postgres", "PostgresLog", "Projections"],
      swiftSettings: strict),
    .testTarget(name: "TensorTests", dependencies: ["Tensor"], swiftSettings: strict),
    .testTarget(name: "TransformerTests", dependencies: ["Transformer", "Tensor"], swiftSettings: strict),
    .testTarget(
      name: "EngineTests", dependencies: ["Engine", "Domain", "Tensor", "Transformer"], swiftSettings: strict),
    .testTarget(
      name: "EnvironmentsTests", dependencies: ["Environments", "Domain", "Verification"], swiftSettings: strict),
    .testTarget(
      name: "VerificationTests", dependencies: ["Verification", "VerifierProtocol", "Domain"], swiftSettings: strict),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "Daemon", "Domain", "EventLog", "Postgres", "PostgresLog", "Projections", "Settings", "Terminal",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "HTTPAPITests",
      dependencies: [
        "Daemon", "Dashboard", "Domain", "EventLog", "HTTPAPI", "Postgres", "PostgresLog", "Projections", logging,
        lifecycle,
      ] + web,
      swiftSettings: strict),
    .testTarget(
      name: "DashboardTests",
      dependencies: ["Dashboard", "Domain", "EventLog", "Postgres", "PostgresLog", "Projections"],
      swiftSettings: strict),
    .testTarget(
      name: "TracesTests", dependencies: ["Traces", logging, tracing, nioHTTP1] + network, swiftSettings: strict),
    .testTarget(name: "SettingsTests", dependencies: ["Settings", "Domain"], swiftSettings: strict),
    .testTarget(
      name: "DaemonTests",
      dependencies: [
        "Daemon", "Domain", "EventLog", "Failpoints", "Postgres", "PostgresLog", "Projections", "Engine",
        "Environments", "Leasing", "Settings", "Tensor", "Traces", "Transformer", "Verification", "VerifierProtocol",
        crypto, logging, tracing, .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
      ],
      swiftSettings: strict),
  ]
)
