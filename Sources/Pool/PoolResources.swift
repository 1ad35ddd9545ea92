import Glibc

/// What a pool has for as long as it lives, over every reload: its socket, its pipes, its scoreboard.
struct PoolResources {
    let socket: ListeningSocket
    let lifeline: Pipe
    let readiness: Readiness
    let board: Scoreboard
    /// Whether the socket was made by this process: at a first start, or in a reload because its path led to it no more.
    let isSocketNew: Bool
    /// Why a reload could not give the socket to whom the settings say now, or not make it anew: no reason to end a pool.
    let notGiven: PoolError?

    init(_ configuration: PoolConfiguration, _ inherited: Inheritance?) throws(PoolError) {
        let boardPath = PoolConfiguration.boardPath(socketPath: configuration.socketPath)
        if let inherited {
            let former = try ListeningSocket(
                inherited: inherited.socket, path: configuration.socketPath, isOurs: inherited.isSocketOurs,
                identity: inherited.socketIdentity)
            var made: ListeningSocket?
            do throws(PoolError) {
                if former.isOurs, !former.isAtItsPath { made = try Self.socket(configuration) }
                try former.give(configuration.socketMode, configuration.socketOwner, configuration.socketGroup)
                notGiven = nil
            } catch { notGiven = error }
            // What waits in the former one is taken by the workers that still have it.
            if made != nil { former.remove() }
            socket = made ?? former
            isSocketNew = made != nil
            lifeline = Pipe(reading: inherited.lifeline[0], writing: inherited.lifeline[1])
            readiness = try Readiness(Pipe(reading: inherited.readiness[0], writing: inherited.readiness[1]))
            board = try Scoreboard(path: boardPath, inherited: inherited.board)
            // Made anew, as the former one is of another version.
            if board.header(.started) == 0 { board.set(.started, sharedMilliseconds()) }
            return
        }
        notGiven = nil
        isSocketNew = true
        let environment = { (name: String) in getenv(name).map { String(cString: $0) } }
        let given = try ListeningSocket.fromServiceManager(path: configuration.socketPath, environment: environment)
        // First, so that of two supervisors that start at once one knows of the other.
        board = try Scoreboard(path: boardPath)
        board.set(.started, sharedMilliseconds())
        do throws(PoolError) {
            lifeline = try Pipe(for: "lifeline")
            readiness = try Readiness(try Pipe(for: "readiness"))
            if let given {
                socket = given
            } else {
                socket = try Self.socket(configuration, former: board.former)
            }
        } catch {
            board.remove()
            throw error
        }
    }

    private static func socket(
        _ configuration: PoolConfiguration, former: pid_t = 0
    ) throws(PoolError) -> ListeningSocket {
        try ListeningSocket(
            path: configuration.socketPath, mode: configuration.socketMode, owner: configuration.socketOwner,
            group: configuration.socketGroup, backlog: configuration.backlog, former: former)
    }

    var forWorkers: Worker.Descriptors {
        Worker.Descriptors(
            socket: socket.descriptor, lifeline: lifeline.reading, readiness: readiness.pipe.writing)
    }

    /// Gives up the socket and the scoreboard's name: another pool may start.
    func vacate() {
        socket.remove()
        board.vacate()
    }

    /// The end, also of what was vacated.
    func remove() {
        socket.remove()
        board.remove()
    }

    func close() {
        lifeline.close()
        readiness.pipe.close()
    }
}
