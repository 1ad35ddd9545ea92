import Chat

private let lapsed = Query("SELECT number, joined FROM reservations WHERE session_id = ? AND lapses_at <= ? LIMIT ?")
private let lapsedOfAll = Query(
    """
    SELECT r.session_id, s.user_id, r.number, r.joined FROM reservations r JOIN sessions s ON s.id = r.session_id
    WHERE r.lapses_at <= ? LIMIT ?
    """)
private let returning = Query("DELETE FROM reservations WHERE session_id = ? AND number = ? AND lapses_at <= ?")
/// An exchange that is there was recorded, whatever became of its reservation.
private let insertion = Query(
    """
    INSERT OR IGNORE INTO exchanges
        (id, session_id, created_at, origin, prompt_tokens, completion_tokens, total_tokens, question, answer, saved,
         state)
    VALUES (?, ?, ?, 'model', 0, 0, 0, '', '', 0, 'unsettled')
    """)
private let removal = Query("DELETE FROM exchanges WHERE id = ? AND session_id = ? AND state = 'unsettled'")

/// Whoever lets a reservation lapse was killed in a call, or could not reach the database for as long: the call may
/// have cost something, and nobody knows how much. It leaves an exchange that is `unsettled`, which gives way to the
/// true one if that is recorded after all. One who only waited for another's call leaves nothing.
extension Statements {
    struct LapsedReservation {
        let session: String
        let user: String
        let number: Int64
        let hasJoined: Bool
    }

    func lapsedReservations(at now: Int64, limit: Int) throws -> [LapsedReservation] {
        try all(lapsedOfAll, now, limit) { row in
            LapsedReservation(
                session: row.text(0), user: row.text(1), number: row.integer(2), hasJoined: row.flag(3))
        }
    }

    /// A few at a time, so that no write pays for all that a killed worker held for one key. Those that are left hold
    /// nothing, and the next write of the key ends some more, or ``Purge`` all.
    func endLapsedReservations(of principal: Principal, at now: Int64) throws {
        let session = principal.session.rawValue
        let reservations = try all(lapsed, session, now, 8) { row in
            LapsedReservation(
                session: session, user: principal.user.rawValue, number: row.integer(0), hasJoined: row.flag(1))
        }
        for reservation in reservations { _ = try end(reservation, at: now) }
    }

    /// - Returns: false when it was settled, or ended by another, in the meantime.
    func end(_ reservation: LapsedReservation, at now: Int64) throws -> Bool {
        try run(returning, reservation.session, reservation.number, now)
        guard changes == 1 else { return false }
        guard !reservation.hasJoined else { return true }
        let id = ExchangeID(number: reservation.number)
        try run(insertion, id.number, reservation.session, id.created.stored)
        if changes == 1 { usage.addUnsettled(id, by: reservation.user) }
        return true
    }

    /// To be called once it is known what became of a call.
    func removeUnsettled(_ id: ExchangeID, of principal: Principal) throws {
        try run(removal, id.number, principal.session.rawValue)
        if changes == 1 { usage.addUnsettled(id, by: principal.user.rawValue, -1) }
    }
}
