// swift-tools-version: 6.2
import PackageDescription

/// Every target is compiled with the same rules.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // A function without an isolation of its own runs where its caller does: on the event loop there is no hop. That is not
    // so of an asynchronous closure with a capture list, which Swift 6.3 takes away to its own pool.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// A C library that Debian packages, seen through the module map in Sources/`name`.
func debian(_ name: String, _ library: String, _ package: String) -> Target {
    .systemLibrary(name: name, pkgConfig: library, providers: [.apt([package])])
}

func ours(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "parley",
    products: [.executable(name: "parley", targets: ["parley"])],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        debian("CFastCGI", "fcgi", "libfcgi-dev"),
        debian("CJansson", "jansson", "libjansson-dev"),
        debian("CGumbo", "gumbo", "libgumbo-dev"),
        debian("CPCRE2", "libpcre2-8", "libpcre2-dev"),
        debian("CSQLite", "sqlite3", "libsqlite3-dev"),

        .systemLibrary(name: "CLinux"),
        // Not linked with libcurl: it loads it (libcurl4-openssl-dev has the headers).
        .target(name: "CCurl", publicHeadersPath: ".", cSettings: [.treatAllWarnings(as: .error)]),

        ours("Threads", []),
        ours("SharedMemory", []),
        ours("EventLoop", ["CLinux", "Threads"]),
        ours("FastCGI", ["CFastCGI", "CLinux", "EventLoop", "Threads"]),
        ours("Curl", ["CCurl", "EventLoop", "Threads"]),
        ours("StrictJSON", ["CJansson"]),
        ours("Pool", ["SharedMemory", "Threads"]),
        ours("Chat", [.product(name: "Crypto", package: "swift-crypto")]),
        ours("Relay", ["CLinux", "Chat", "EventLoop"]),
        ours("Sanitizing", ["Chat", "CGumbo", "CPCRE2"]),
        ours(
            "Sessions",
            [
                "Chat", "Curl", "StrictJSON", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ]),
        ours(
            "Storage",
            ["CSQLite", "Chat", "SharedMemory", "Threads", .product(name: "GRDB", package: "GRDB.swift")]),
        ours(
            "Models",
            ["Chat", "Curl", "SharedMemory", "StrictJSON", .product(name: "Crypto", package: "swift-crypto")]),
        ours("Mail", ["Chat", "Curl"]),
        ours("Tracing", ["Chat", "Curl", "StrictJSON"]),
        ours(
            "Outbox", ["Chat", "Curl", "SharedMemory", "StrictJSON", .product(name: "Crypto", package: "swift-crypto")]),
        ours("Metrics", ["Chat", "SharedMemory"]),
        ours("API", ["Chat", "FastCGI", "StrictJSON"]),
        .executableTarget(
            name: "parley",
            dependencies: [
                "API", "CLinux", "Chat", "Curl", "EventLoop", "FastCGI", "Mail", "Metrics", "Models", "Outbox", "Pool",
                "Relay", "Sanitizing", "Sessions", "SharedMemory", "Storage", "StrictJSON", "Tracing",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),

        .target(name: "Support", dependencies: ["Chat"], path: "Tests/Support", swiftSettings: settings),
        tests("SharedMemoryTests", ["SharedMemory"]),
        tests("EventLoopTests", ["EventLoop", "Threads"]),
        tests("FastCGITests", ["FastCGI"]),
        tests("CurlTests", ["Curl", "Support"]),
        tests("StrictJSONTests", ["StrictJSON", "Support"]),
        tests("PoolTests", ["Pool"]),
        tests("ChatTests", ["Chat", "Support"]),
        tests("RelayTests", ["Relay", "CLinux", "Chat", "EventLoop", "Support"]),
        tests("MetricsTests", ["Metrics", "Chat", "SharedMemory"]),
        tests("SanitizingTests", ["Sanitizing", "CGumbo", "Chat", "StrictJSON", "Support"]),
        tests(
            "SessionsTests",
            [
                "Sessions", "Chat", "StrictJSON", "Support", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ]),
        tests(
            "StorageTests",
            ["Storage", "Chat", "Outbox", "SharedMemory", "Support", .product(name: "GRDB", package: "GRDB.swift")]),
        tests("ModelsTests", ["Models", "Chat", "Curl", "SharedMemory", "StrictJSON", "Support"]),
        tests("OutboxTests", ["Outbox", "Chat", "SharedMemory", "StrictJSON", "Support"]),
        tests(
            "APITests",
            [
                "API", "Chat", "FastCGI", "Sanitizing", "Sessions", "SharedMemory", "Storage", "StrictJSON", "Support",
            ]),
        tests("TracingTests", ["Tracing", "Chat", "Support"]),
        tests(
            "ParleyTests",
            ["parley", "Chat", "Metrics", "Pool", "SharedMemory", .product(name: "Logging", package: "swift-log")]),
        tests("ServiceTests", ["Chat", "EventLoop", "Sanitizing", "Sessions", "SharedMemory", "Storage", "Support"]),
        tests(
            "EndToEndTests",
            [
                "API", "parley", .product(name: "Logging", package: "swift-log"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "FlyingFox", package: "FlyingFox"),
                .product(name: "FlyingSocks", package: "FlyingFox"),
            ]),
    ]
)

// `make fuzz` alone: every target is built for libFuzzer then, into a folder of its own.
if Context.environment["PARLEY_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "API", "CFastCGI", "Chat", "EventLoop", "FastCGI", "Models", "Sanitizing", "Sessions", "StrictJSON",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            path: "Tests/Fuzz", exclude: ["Corpora", "run"], swiftSettings: settings))
}
