import ArgumentParser
import Curl
import FoundationEssentials
import StrictJSON

/// A look at a deployment from outside, one request after the other: the way there and its TLS, health, headers, limits,
/// and the way of one question.
///
/// It sends nothing secret where the certificate is not good, costs one call of a model at most, deletes what it
/// asked, and ends the session that it made. It stops where what answers is not Parley.
struct DeploymentCheck: Sendable {
    let url: String
    let options: DeployedOptions
    let token: String?

    /// - Throws: a `ValidationError` for an address or a file that cannot be used.
    init(_ url: String, _ options: DeployedOptions) throws {
        do {
            guard !(try HTTPURL(url)).hasQueryOrFragment else { throw ValidationError("--url has a query") }
        } catch let error as CurlError { throw ValidationError("--url: \(error.detail)") }
        if let ca = options.ca, !FileManager.default.isReadableFile(atPath: ca) {
            throw ValidationError("--ca \(ca) cannot be read")
        }
        self.url = url
        self.options = options
        token = try options.token()
    }

    func run(_ report: (Finding) -> Void) async {
        guard let (service, isSafe, health) = await reach(report),
            HealthCheck(service: service, reply: health).run(report)
        else { return }
        if isSafe { await TLSCheck(url: url, options: options).versions(report) }
        await HeaderCheck(service: service).run(report)
        if isSafe {
            await QuestionCheck(service: service, options: options, token: token).run(report)
        } else {
            report(
                .warning(
                    "login", "not tried: what is sent could be read by others",
                    mend: "see to the certificate, or name its authority: --ca FILE"))
        }
        await LimitCheck(service: service).body(report)
        if !options.noLimits { await LimitCheck(service: service).rate(report) }
    }

    /// - Returns: nil when nothing answers.
    private func reach(
        _ report: (Finding) -> Void
    ) async -> (service: DeployedService, isSafe: Bool, health: DeployedService.Reply)? {
        let path = "/health?detailed=true"
        let service = DeployedService(url, TLS(authorities: options.ca), timeout: options.timeout)
        var fault: CurlError
        do throws(CurlError) {
            let health = try await service.get(path)
            guard url.lowercased().hasPrefix("https:") else {
                report(.wrong("tls", "none: this is http", mend: "check the https address; let nginx serve no other"))
                return (service, false, health)
            }
            report(TLSCheck.certificate(endsAt: health.certificateEnd))
            return (service, true, health)
        } catch { fault = error }
        if fault.isUntrusted {
            report(
                .wrong(
                    "certificate", fault.detail,
                    mend: "get one for this name from an authority that callers know, or name its authority: --ca FILE")
            )
            // All else can be looked at: nothing secret is sent this way.
            let doubtful = DeployedService(url, TLS(isVerified: false), timeout: options.timeout)
            do throws(CurlError) { return (doubtful, false, try await doubtful.get(path)) } catch { fault = error }
        }
        report(
            .wrong(
                "connection", fault.detail,
                mend: "check name, port and firewall, and that nginx runs and serves TLS there"))
        return nil
    }
}

/// The certificate's days and the versions of TLS.
struct TLSCheck {
    let url: String
    let options: DeployedOptions
    /// Authorities that renew by themselves do so a month before.
    private static let daysToAct = 14

    static func certificate(endsAt text: String?) -> Finding {
        guard let text, let days = days(until: text) else { return .well("certificate", "trusted") }
        return days >= daysToAct
            ? .well("certificate", "trusted, \(days) days left")
            : .warning("certificate", "it ends in \(days) days", mend: "renew it, and reload nginx")
    }

    /// - Parameter text: as OpenSSL writes it, `Nov  9 07:40:19 2027 GMT`.
    static func days(until text: String, from now: Date = Date()) -> Int? {
        let parts = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count >= 4, let month = months.firstIndex(of: String(parts[0])), let day = Int(parts[1]),
            let year = Int(parts[3])
        else { return nil }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let end = calendar.date(from: DateComponents(year: year, month: month + 1, day: day))
        return end.map { Int(($0.timeIntervalSince(now) / 86_400).rounded(.up)) }
    }

    func versions(_ report: (Finding) -> Void) async {
        do throws(CurlError) {
            if try await takes(.outdated) {
                report(
                    .wrong(
                        "tls", "TLS 1.1 or older is taken",
                        mend: "ssl_protocols TLSv1.2 TLSv1.3; as nginx/snippets/parley-tls.conf has it"))
            } else if try await takes(.only13) {
                report(.well("tls", "TLS 1.3, and nothing below 1.2"))
            } else {
                report(.warning("tls", "TLS 1.2 at most", mend: "ssl_protocols TLSv1.2 TLSv1.3;"))
            }
        } catch {
            report(.warning("tls", "its versions were not seen: \(error.detail)", mend: "check again"))
        }
    }

    /// - Throws: when it is not TLS that there is no reply for.
    private func takes(_ versions: TLS.Versions) async throws(CurlError) -> Bool {
        let service = DeployedService(
            url, TLS(authorities: options.ca, versions: versions), timeout: options.timeout)
        do throws(CurlError) {
            _ = try await service.get("/health/live")
            return true
        } catch {
            guard error.kind == .unreachable else { throw error }
            return false
        }
    }
}
