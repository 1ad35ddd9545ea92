import Foundation
import Testing

/// GET /v1/models.
@Suite(.timeLimit(.minutes(1))) struct ModelListTests {
    @Test func modelsAreListedWithTheirOtherNames() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let list = await stage.get("/v1/models", token: token)
        let models = list.json["data"] as? [[String: Any]] ?? []
        #expect(
            list.text("object") == "list"
                && models.compactMap { $0["id"] as? String } == ["scripted-1", "vendor/other", "gpt-4o"])
        #expect(
            models.allSatisfy { $0["object"] as? String == "model" && $0["created"] is Int && $0["owned_by"] is String }
        )
        for name in ["scripted-1", "vendor%2Fother", "vendor/other", "gpt-4o"] {
            #expect(await stage.get("/v1/models/\(name)", token: token).text("id") == name.removingPercentEncoding)
        }
        for name in ["none", "vendor", "vendor/", "vendor/other/x", "/vendor"] {
            let reply = await stage.get("/v1/models/\(name)", token: token)
            let error = reply.openAIError
            #expect(reply.status == 404 && error?["param"] as? String == (name.hasPrefix("/") ? nil : "model"))
            #expect(error?["code"] as? String == (name.hasPrefix("/") ? "unknown_url" : "model_not_found"), "\(name)")
        }
        let reply = await stage.get("/v1/models")
        #expect(reply.status == 401 && reply.openAIError?["code"] as? String == "invalid_api_key")
    }
}
