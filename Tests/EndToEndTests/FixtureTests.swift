import Foundation
import Testing

/// The tests' own stage.
@Suite(.timeLimit(.minutes(2))) struct FixtureTests {
    @Test func aDeploymentLeavesNothingBehind() async throws {
        var run: Deployment? = try await Deployment()
        let folder = try #require(run?.folder)
        #expect(FileManager.default.fileExists(atPath: folder + "/parley.sqlite"))
        run = nil
        #expect(!FileManager.default.fileExists(atPath: folder))
    }
}
