import Foundation
import StrictJSON
import Testing

@testable import Sessions

/// Project Wycheproof's cases for signatures and key sets (github.com/C2SP/wycheproof), with the corrections beside them.
@Suite(.timeLimit(.minutes(1))) struct WycheproofTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "../shared/vectors/jwt").standardizedFileURL
    private static let isThere = FileManager.default.fileExists(atPath: folder.path)

    struct Errata: Decodable {
        let skipped: [String: String]
        let flipped: [String: String]

        enum CodingKeys: String, CodingKey {
            case skipped = "skip_contradictory"
            case flipped = "flip_to_invalid"
        }
    }

    private func file(_ name: String) throws -> JSON {
        try JSON(parsing: [UInt8](Data(contentsOf: Self.folder.appending(path: name))))
    }

    /// Every group of a file: its key or set of keys, and its cases.
    private func groups(_ name: String) throws -> [(key: JSON, tests: [JSON])] {
        try #require(file(name)["testGroups"]?.array).map { group in
            // Of a pair, whoever checks has the public half; a secret is the same for both.
            (try #require(group["public"] ?? group["private"]), try #require(group["tests"]?.array))
        }
    }

    private func isGood(_ test: JSON, _ accepts: (CompactJWS) throws -> Bool) -> Bool {
        guard let text = test["jws"]?.string, let token = try? CompactJWS(text, maximumBytes: 1 << 20) else {
            return false
        }
        return (try? accepts(token)) ?? false
    }

    @Test(.enabled(if: isThere)) func judgesEverySignature() throws {
        let errata = try JSONDecoder().decode(
            Errata.self, from: Data(contentsOf: Self.folder.appending(path: "wycheproof_errata.json")))
        var (judged, good) = (0, 0)
        for (jwk, tests) in try groups("wycheproof_json_web_signature_test.json") {
            let key = try? VerificationKey(jwk: jwk)
            for test in tests {
                let number = String(try #require(test["tcId"]?.int))
                guard errata.skipped[number] == nil else { continue }
                // Nothing is good under a key for an algorithm that is not used here, such as PS256.
                let expected = test["result"] == .string("valid") && errata.flipped[number] == nil && key != nil
                let found = isGood(test) { token in
                    guard let key, token.header["alg"] == .string(key.algorithm.rawValue) else { return false }
                    return key.isSignature(token.signature, of: token.signed)
                }
                #expect(found == expected, "\(number): \(test["comment"]?.string ?? "")")
                judged += 1
                good += expected ? 1 : 0
            }
        }
        #expect(judged == 399 && good == 18)
    }

    @Test(.enabled(if: isThere)) func judgesEverySetOfKeys() throws {
        var good: [Int64] = []
        for (json, tests) in try groups("wycheproof_json_web_key_test.json") {
            let keys = try KeySet(json, for: Set(SignatureAlgorithm.allCases))
            for test in tests {
                let number = try #require(test["tcId"]?.int)
                let found = isGood(test) { try keys.hasSigned($0) }
                // HS384 and HS512 (14, 15) are not used here.
                let expected = test["result"] == .string("valid") && ![14, 15].contains(number)
                #expect(found == expected, "\(number): \(test["comment"]?.string ?? "")")
                if found { good.append(number) }
            }
        }
        #expect(good == [2, 5, 13])
    }

    /// RFC 8037, appendix A.4.
    @Test(.enabled(if: isThere)) func checksEd25519() throws {
        let example = try file("rfc8037_eddsa.json")
        let key = try VerificationKey(jwk: try #require(example["jwk"]))
        let text = try #require(example["jws"]?.string)
        let token = try CompactJWS(text, maximumBytes: 4_096)
        #expect(key.algorithm == .edDSA && key.isSignature(token.signature, of: token.signed))
        for place in token.signature.indices {
            var other = token.signature
            other[place] ^= 1
            #expect(!key.isSignature(other, of: token.signed))
        }
        #expect(!key.isSignature(Array(token.signature.dropLast()), of: token.signed))
        #expect(!key.isSignature(token.signature, of: token.signed.dropLast()))
        #expect(!key.isSignature([], of: token.signed))
    }

    /// What a set of keys must not have, beside Wycheproof's.
    @Test func leavesOutKeysThatAreNotForUs() throws {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        let good = #""kty":"OKP","crv":"Ed25519","x":"\#(x)""#
        let cases: [(String, isKept: Bool)] = [
            (good, true), (#"\#(good),"alg":"EdDSA""#, true), (#"\#(good),"alg":"Ed25519","use":"sig""#, true),
            (#"\#(good),"key_ops":["verify"],"x5t":"abc","unknown":1"#, true),
            (#"\#(good),"alg":"ES256""#, false), (#"\#(good),"alg":"none""#, false), (#"\#(good),"alg":null"#, false),
            (#"\#(good),"use":"enc""#, false), (#"\#(good),"use":null"#, false),
            (#"\#(good),"key_ops":["sign"]"#, false), (#"\#(good),"key_ops":"verify""#, false),
            (#"\#(good),"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A""#, false), (#"\#(good),"kid":1"#, false),
            (#""kty":"OKP","crv":"X25519","x":"\#(x)""#, false), (#""kty":"OKP","crv":"Ed448","x":"\#(x)""#, false),
            (#""kty":"OKP","crv":"Ed25519","x":"\#(x)=""#, false),
            (#""kty":"OKP","crv":"Ed25519","x":"\#(x)AA""#, false),
            (#""kty":"OKP","crv":"Ed25519""#, false), (#""kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(x)""#, false),
            (#""kty":"RSA","n":"","e":"AQAB""#, false), (#""kty":"RSA","n":"AA","e":"AA""#, false),
            (#""kty":"oct","k":"\#(x)""#, false), (#""kty":"none""#, false), ("", false),
        ]
        for (members, isKept) in cases {
            let set = try KeySet(
                JSON(parsing: Array(#"{"keys":[{\#(members)}]}"#.utf8)), for: [.rs256, .es256, .edDSA])
            #expect(set.keys.count == (isKept ? 1 : 0) && set.faults.isEmpty == isKept, "\(members): \(set.faults)")
        }
        let many = Array(repeating: #"{"kty":"none"}"#, count: KeySet.maximumKeys + 1).joined(separator: ",")
        for text in ["[]", "{}", #"{"keys":{}}"#, "null", #"{"keys":[\#(many)]}"#] {
            #expect(throws: TokenFault.self) { try KeySet(JSON(parsing: Array(text.utf8)), for: [.rs256]) }
        }
    }
}
